"""Values looked at one by one, and counted: what leaves here are numbers, never a value."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from delible.detect.entities import DEFAULT_COUNTRIES
from delible.detect.findings import find
from delible.detect.shapes import shapes

_WHOLE = 0.8
LONGEST = 20_000
"""Characters of one value that a scan reads. Masking has no such limit."""


@dataclass
class Tally:
    """Counts over one column's values.

    Args:
        hits: Entity type to the number of values that hold it.
        whole: The same, of values that are little else: the finding covers four fifths of the value.
        shapes: Form to the number of values that have it.
        row_hits: Entity type to the number of rows that hold it.
    """

    values: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    whole: Counter[str] = field(default_factory=Counter)
    shapes: Counter[str] = field(default_factory=Counter)
    row_hits: Counter[str] = field(default_factory=Counter)

    def add(self, value: str, *, rows: int = 1, countries: tuple[str, ...] = DEFAULT_COUNTRIES) -> None:
        """Count one value that stands in so many rows.

        Raises:
            DelibleError: `detect.failed`, without the value.
        """
        text = value[:LONGEST].strip()
        found = find(text, countries=countries)
        self.values += 1
        held = {f.entity for f in found}
        self.hits.update(held)
        self.row_hits.update(dict.fromkeys(held, rows))
        self.whole.update({f.entity for f in found if f.end - f.start >= _WHOLE * len(text)})
        self.shapes.update(shapes(text))
