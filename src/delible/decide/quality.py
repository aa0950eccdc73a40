"""How good detection is: what was found against what people labelled, counted and never quoted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from delible.decide.intervals import wilson
from delible.model.labelled import LabelledColumn, LabelledText, Span

Found = Callable[[Span, Span], bool]
"""Whether a finding answers a label of the same type."""

PERSONAL = "personal data"
"""Stands for all categories: whether a column holds any."""


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of one type, and the shares that follow from them; a share of nothing is None.

    Args:
        tp: Labels that were found.
        fp: Findings that answer no label.
        fn: Labels that were missed.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: Score) -> Score:
        """Return the counts of both together."""
        return Score(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def labelled(self) -> int:
        """How many labels there are."""
        return self.tp + self.fn

    @property
    def found(self) -> int:
        """How many findings there are."""
        return self.tp + self.fp

    @property
    def precision(self) -> float | None:
        """Share of the findings that are right."""
        return _share(self.tp, self.found)

    @property
    def recall(self) -> float | None:
        """Share of the labels that were found."""
        return _share(self.tp, self.labelled)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall."""
        return _share(2 * self.tp, self.found + self.labelled)

    @property
    def precision_interval(self) -> tuple[float, float]:
        """The 95 % score interval (Wilson) of the precision."""
        return wilson(self.tp, self.found)

    @property
    def recall_interval(self) -> tuple[float, float]:
        """The 95 % score interval (Wilson) of the recall."""
        return wilson(self.tp, self.labelled)

    @property
    def f1_interval(self) -> tuple[float, float]:
        """The 95 % interval of F: it grows with the share J = tp / (tp + fp + fn), as F = 2J / (1 + J)."""
        low, high = wilson(self.tp, self.tp + self.fp + self.fn)
        return 2 * low / (1 + low), 2 * high / (1 + high)


@dataclass(frozen=True, order=True, slots=True)
class Miss:
    """One mistake: the line of the labelled file and the type or category, never the text.

    Args:
        missed: A label that was not found; else a finding that answers no label.
    """

    line: int
    entity: str
    missed: bool


@dataclass(frozen=True)
class TextQuality:
    """What a set of labelled texts shows.

    Args:
        entities: Score by type, by half overlap.
        exact: The same, of findings with exactly the labelled place.
        registers: Score of all types together by kind of text.
        languages: The same by language.
        misses: The mistakes behind `entities`.
    """

    entities: dict[str, Score]
    exact: dict[str, Score]
    registers: dict[str, Score]
    languages: dict[str, Score]
    misses: tuple[Miss, ...]


@dataclass(frozen=True)
class ColumnQuality:
    """What a set of labelled columns shows.

    Args:
        categories: Score by category, and of all together under `PERSONAL`.
        confusions: True category, verdict, and number of columns, the most frequent first.
        misses: The mistakes behind `categories`.
    """

    categories: dict[str, Score]
    confusions: tuple[tuple[str | None, str | None, int], ...]
    misses: tuple[Miss, ...]


def half(label: Span, finding: Span) -> bool:
    """Return whether the two share at least half of the longer one: no finding is right by being long."""
    shared = min(label.end, finding.end) - max(label.start, finding.start)
    return 2 * shared >= max(label.end - label.start, finding.end - finding.start)


def same(label: Span, finding: Span) -> bool:
    """Return whether the two have the same place."""
    return (label.start, label.end) == (finding.start, finding.end)


def judge_texts(answers: Iterable[tuple[LabelledText, Sequence[Span]]], *, of: Iterable[str]) -> TextQuality:
    """Return how well findings answer labels, one finding for one label.

    Args:
        answers: Each text with what was found in it.
        of: Types to judge. A type that nobody labels is better left out: all its findings would be wrong.
    """
    judged = frozenset(of)
    scores: dict[str, dict[str, Score]] = {
        name: defaultdict(Score) for name in ("half", "exact", "register", "language")
    }
    misses: list[Miss] = []
    for text, findings in answers:
        for entity in sorted(judged & {*(s.entity for s in text.spans), *(f.entity for f in findings)}):
            labels = [span for span in text.spans if span.entity == entity]
            found = [finding for finding in findings if finding.entity == entity]
            score, wrong = compared(labels, found, half)
            scores["half"][entity] += score
            scores["exact"][entity] += compared(labels, found, same)[0]
            for kind, name in (("register", text.register), ("language", text.language)):
                if name:
                    scores[kind][name] += score
            misses += [Miss(text.line, entity, missed) for missed in wrong]
    of_all = {name: dict(sorted(by.items())) for name, by in scores.items()}
    return TextQuality(of_all["half"], of_all["exact"], of_all["register"], of_all["language"], tuple(sorted(misses)))


def judge_columns(answers: Iterable[tuple[LabelledColumn, str | None]]) -> ColumnQuality:
    """Return how well verdicts answer true categories; a verdict one level off is wrong, too.

    Args:
        answers: Each column with the category of its verdict, None where nothing personal was found.
    """
    scores: dict[str, Score] = defaultdict(Score)
    confused: Counter[tuple[str | None, str | None]] = Counter()
    misses: list[Miss] = []
    for column, verdict in answers:
        true = column.category
        for category in {true, verdict} - {None}:
            assert category is not None  # noqa: S101 -- for the type checker
            scores[category] += _counted(true == category, verdict == category)
        if true is not None or verdict is not None:
            scores[PERSONAL] += _counted(true is not None, verdict is not None)
        if true != verdict:
            confused[true, verdict] += 1
            misses.append(Miss(column.line, true or verdict or "", missed=true is not None))
    worst = sorted(confused.items(), key=lambda item: (-item[1], str(item[0])))
    return ColumnQuality(dict(sorted(scores.items())), tuple((*pair, n) for pair, n in worst), tuple(sorted(misses)))


def below(scores: Mapping[str, Score], least: Mapping[str, float], share: str) -> list[tuple[str, float | None, float]]:
    """Return name, share and least share of what does not reach it; what was never labelled reaches nothing.

    Args:
        share: `precision` or `recall`.
    """
    reached = {name: getattr(scores.get(name, Score()), share) for name in least}
    return [(name, reached[name], wanted) for name, wanted in least.items() if (reached[name] or 0.0) < wanted]


def fallen(now: Score, before: Score) -> list[str]:
    """Return `precision` and `recall` where it lies below the 95 % interval of an earlier measurement."""
    lows = {"precision": before.precision_interval[0], "recall": before.recall_interval[0]}
    return [share for share, low in lows.items() if (getattr(now, share) or 0.0) < low and getattr(before, share)]


def compared(labels: Sequence[Span], findings: Sequence[Span], is_found: Found) -> tuple[Score, list[bool]]:
    """Return the score of findings of one type, one finding for one label, and True for each label that was missed.

    Findings that answer no label are entries as well: False.
    """
    free = sorted(findings)
    missed = 0
    for label in sorted(labels):
        answer = next((finding for finding in free if is_found(label, finding)), None)
        if answer is None:
            missed += 1
        else:
            free.remove(answer)
    score = Score(len(labels) - missed, len(free), missed)
    return score, [True] * missed + [False] * len(free)


def _counted(labelled: bool, found: bool) -> Score:
    return Score(int(labelled and found), int(found and not labelled), int(labelled and not found))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
