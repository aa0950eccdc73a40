"""Values looked at one by one, and counted: what leaves here are numbers, never a value."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from delible.detect.findings import find
from delible.detect.shapes import shapes
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
        shapes: Form to the number of values that have it.
    """

    values: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    whole: Counter[str] = field(default_factory=Counter)
    shapes: Counter[str] = field(default_factory=Counter)

    def add(self, value: str, *, detection: Detection = DEFAULT_DETECTION) -> None:
        """Count one value.

        Raises:
            DelibleError: `detect.failed`, without the value.
        """
        text = value[:LONGEST].strip()
        found = find(text, detection=detection)
        self.values += 1
        self.hits.update({f.entity for f in found})
        self.whole.update({f.entity for f in found if f.end - f.start >= _WHOLE * len(text)})
        self.shapes.update(shapes(text))
