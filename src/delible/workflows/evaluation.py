"""Score detection on data that people have labelled: what a scan finds in texts, and the verdicts of scans.

A model is asked about what it is asked about in a scan: of what is no text to a scan, masking may find more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import perf_counter

from delible.decide.quality import ColumnQuality, TextQuality, below, judge_columns, judge_texts
from delible.decide.tagging import ColumnFacts
from delible.errors import BlockedError, Problem
from delible.model.detection import DEFAULT_DETECTION, Detection
from delible.model.labelled import LabelledColumn, LabelledText, Span
from delible.store.labelled import read_labelled
from delible.store.workspace import Workspace
from delible.workflows.detection import detection_for
from delible.workflows.verdicts import judged

_BATCH = 200
_PROGRESS_AFTER = 5.0

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Evaluation:
    """What the labelled data of one file shows.

    Args:
        texts: None when the file holds columns.
        columns: None when the file holds texts.
        unlabelled: Findings by type, of types that nobody labelled; they are not judged.
        unknown: Labelled types that are not looked for, so that none can be found.
        of: What was looked for.
        read: Texts or columns.
        seconds: How long detection took, without loading the engine.
    """

    texts: TextQuality | None
    columns: ColumnQuality | None
    unlabelled: dict[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    of: Detection = DEFAULT_DETECTION
    read: int = 0
    seconds: float = 0.0

    @property
    def texts_per_second(self) -> float | None:
        """Speed on this machine; None for columns."""
        return self.read / self.seconds if self.texts is not None and self.seconds else None


def evaluate(
    file: Path,
    *,
    now: datetime,
    workspace: Workspace | None = None,
    countries: Sequence[str] = (),
    progress: Progress = lambda _: None,
) -> Evaluation:
    """Return how well detection finds what is labelled in a file.

    Args:
        workspace: What its scans look for is measured, with its model; without one, what every workspace begins with.
        countries: Whose national identifiers are looked for beside those.

    Raises:
        InputError: `labelled.*`: the file cannot be read or used. `detect.model_missing`, `detect.model_unfit`.
        PolicyError: The workspace's policies cannot be read.
        DelibleError: `detect.failed`.
    """
    texts, columns = read_labelled(file)
    of = detection_for(workspace) if workspace is not None else DEFAULT_DETECTION
    of = replace(of, countries=tuple(sorted({*of.countries, *(country.upper() for country in countries)})))
    if columns:
        return evaluate_columns(columns, of=of, now=now, progress=progress)
    return evaluate_texts(texts, of=of, progress=progress)


def evaluate_texts(
    texts: Sequence[LabelledText], *, of: Detection = DEFAULT_DETECTION, progress: Progress = lambda _: None
) -> Evaluation:
    """Return how well a scan finds what is labelled in texts."""
    from delible.detect.engine import engine
    from delible.detect.entities import told

    known = set(map(told, engine(of).thresholds))
    labelled = {span.entity for text in texts for span in text.spans}
    started = perf_counter()
    answers = list(_answers(texts, of, progress))
    seconds = perf_counter() - started
    unlabelled = Counter(f.entity for _, findings in answers for f in findings if f.entity not in labelled)
    return Evaluation(
        texts=judge_texts(answers, of=labelled),
        columns=None,
        unlabelled=dict(sorted(unlabelled.items())),
        unknown=tuple(sorted(labelled - known)),
        of=of,
        read=len(texts),
        seconds=seconds,
    )


def evaluate_columns(
    columns: Sequence[LabelledColumn],
    *,
    of: Detection = DEFAULT_DETECTION,
    now: datetime,
    progress: Progress = lambda _: None,
) -> Evaluation:
    """Return how well verdicts agree with the true categories of columns; those of one table are judged together."""
    started = perf_counter()
    said = started
    facts: list[ColumnFacts] = []
    for column in columns:
        facts.append(_counted(column, of))
        said = _say(progress, said, len(facts), len(columns), "columns")
    tables: dict[str, list[int]] = {}
    for number, column in enumerate(columns):
        tables.setdefault(column.table or f"\n{number}", []).append(number)
    verdicts: dict[int, str | None] = {}
    for numbers in tables.values():
        table = columns[numbers[0]].table
        found = judged([facts[n] for n in numbers], of, table=table, version=0, at=now)
        verdicts |= {n: finding.category for n, finding in zip(numbers, found, strict=True)}
    answers = [(column, verdicts[number]) for number, column in enumerate(columns)]
    return Evaluation(None, judge_columns(answers), of=of, read=len(columns), seconds=perf_counter() - started)


def unmet(
    found: Evaluation, *, min_recall: Mapping[str, float], min_precision: Mapping[str, float]
) -> BlockedError | None:
    """Return the error that an evaluation below its thresholds ends with."""
    scores = found.texts.entities if found.texts else found.columns.categories if found.columns else {}
    problems = [
        Problem("quality.below", f"{share} of {name} is {_written(reached)}, and at least {wanted:g} is asked.", name)
        for share, least in (("recall", min_recall), ("precision", min_precision))
        for name, reached, wanted in below(scores, least, share)
    ]
    return BlockedError.of(problems) if problems else None


def _answers(
    texts: Sequence[LabelledText], detection: Detection, progress: Progress
) -> Iterator[tuple[LabelledText, list[Span]]]:
    from delible.detect.values import looked

    said = perf_counter()
    for first in range(0, len(texts), _BATCH):
        batch = texts[first : first + _BATCH]
        answers = looked([text.text for text in batch], detection=detection)
        for text, (_, found) in zip(batch, answers, strict=True):
            yield text, [Span(f.start, f.end, f.entity) for f in found]
        said = _say(progress, said, first + len(batch), len(texts), "texts")


def _counted(column: LabelledColumn, of: Detection) -> ColumnFacts:
    from delible.detect.values import Tally

    tally = Tally()
    tally.add_all(((value, 1) for value in column.values), detection=of)
    return ColumnFacts(
        column.column, column.kind, tally.values, True, dict(tally.hits), dict(tally.whole), dict(tally.shapes)
    )


def _say(progress: Progress, said: float, done: int, of: int, what: str) -> float:
    if perf_counter() - said < _PROGRESS_AFTER or done == of:
        return said
    progress(f"{done} of {of} {what}...")
    return perf_counter()


def _written(share: float | None) -> str:
    return "not known, since nothing is labelled so" if share is None else f"{share:.4f}"
