"""Values looked at one by one, and counted: what leaves here are numbers, never a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from delible.detect.entities import FROM_MODEL
from delible.detect.findings import Finding, find_all
from delible.detect.prose import Text, text_of
from delible.detect.shapes import could_hold, shapes
from delible.model.detection import DEFAULT_DETECTION, Detection

_WHOLE = 0.8
LONGEST = 20_000
"""Characters of one value that a scan reads. Masking has no such limit."""


@dataclass
class Tally:
    """Counts over one column's values.

    Args:
        hits: Entity type to the number of values that hold it.
        whole: The same, of values that are little else: the finding covers four fifths of the value.
        shapes: Form to the number of values that have it; `has_X` to those that hold a number of that form somewhere,
            `read` to those that a model was asked about, `terse` to those of them that are no running text, with
            `terse_PERSON` for those that it found somebody in; `unread_text` to those whose names it cannot read.
        row_hits: Entity type to the number of rows that hold it.
        cut: Rows whose value is longer than `LONGEST`, and was read that far.
    """

    values: int = 0
    cut: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    whole: Counter[str] = field(default_factory=Counter)
    shapes: Counter[str] = field(default_factory=Counter)
    row_hits: Counter[str] = field(default_factory=Counter)

    def add(self, value: str, *, rows: int = 1, detection: Detection = DEFAULT_DETECTION) -> None:
        """Count one value that stands in so many rows.

        Raises:
            DelibleError: `detect.failed`, `detect.slow`, without the value.
        """
        self.add_all([(value, rows)], detection=detection)

    def add_all(
        self,
        values: Iterable[tuple[str, int]],
        *,
        detection: Detection = DEFAULT_DETECTION,
        exact: bool = False,
    ) -> None:
        """Count a batch of values, each with the number of its rows; those that repeat are looked at once.

        Args:
            values: Values, each counted as often as it comes, and the rows that they stand in.
            detection: What is looked for; its model reads what people may have written, no codes, keys, single words.
            exact: Run plain Presidio, which finds the same.
        """
        texts, rows = [], []
        for value, n in values:
            self.cut += n if len(value) > LONGEST else 0
            texts.append(value[:LONGEST].strip())
            rows.append(n)
        for text, n, (made, found) in zip(texts, rows, looked(texts, detection=detection, exact=exact), strict=True):
            self._count(text, n, made, {f.entity for f in found}, whole={f.entity for f in found if _is_all(f, text)})

    def _count(self, text: str, rows: int, made: Text, held: set[str], *, whole: set[str]) -> None:
        self.values += 1
        self.hits.update(held)
        self.row_hits.update(dict.fromkeys(held, rows))
        self.whole.update(whole)
        self.shapes.update((*shapes(text), *could_hold(text)))
        if made.read:
            terse = () if made.running else ("terse", *(f"terse_{entity}" for entity in FROM_MODEL & held))
            self.shapes.update(("read", *terse))
        if made.unread:
            self.shapes["unread_text"] += 1


def looked(
    texts: Sequence[str], *, detection: Detection = DEFAULT_DETECTION, exact: bool = False
) -> Iterator[tuple[Text, list[Finding]]]:
    """Yield what a scan makes of each text, and finds in it: the model is asked about what `text_of` says only.

    Raises:
        DelibleError: `detect.failed`, `detect.slow`, without the text.
    """
    made = {text: text_of(text, detection.nlp) for text in texts}
    found: dict[str, list[Finding]] = {}
    for read, of in ((True, detection), (False, detection.unread)):
        some = [text for text, each in made.items() if each.read is read]
        found |= zip(some, find_all(some, detection=of, exact=exact), strict=True)
    return ((made[text], found[text]) for text in texts)


def _is_all(finding: Finding, text: str) -> bool:
    return finding.end - finding.start >= _WHOLE * len(text)
