"""Values looked at one by one, and counted: what leaves here are numbers, never a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from delible.detect.findings import Finding, find_all
from delible.detect.prose import looks_like_prose
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
            `read` to those that a model was asked about.
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
            detection: What is looked for; its model reads sentences only, never codes, keys and single words.
            exact: Run plain Presidio, which finds the same.
        """
        read: dict[bool, list[tuple[str, int]]] = {True: [], False: []}
        for value, n in values:
            self.cut += n if len(value) > LONGEST else 0
            text = value[:LONGEST].strip()
            read[looks_like_prose(text)].append((text, n))
        for prose, some in read.items():
            looked = find_all((t for t, _ in some), detection=detection if prose else detection.unread, exact=exact)
            self._count(some, looked, prose=prose)

    def _count(self, values: Iterable[tuple[str, int]], looked: Iterable[Sequence[Finding]], *, prose: bool) -> None:
        for (text, n), found in zip(values, looked, strict=True):
            held = {f.entity for f in found}
            self.values += 1
            self.hits.update(held)
            self.row_hits.update(dict.fromkeys(held, n))
            self.whole.update({f.entity for f in found if f.end - f.start >= _WHOLE * len(text)})
            self.shapes.update((*shapes(text), *could_hold(text), *(("read",) if prose else ())))
