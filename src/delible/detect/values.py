"""Values looked at one by one, and counted: what leaves here are numbers, never a value."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from delible.detect.entities import DEFAULT_COUNTRIES
from delible.detect.findings import find
from delible.detect.prose import looks_like_prose
from delible.detect.shapes import shapes
from delible.model.detection import NO_MODEL, SHIPPED, NlpModel

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

    def add(self, value: str, *, countries: tuple[str, ...] = DEFAULT_COUNTRIES, nlp: NlpModel = SHIPPED) -> None:
        """Count one value.

        Args:
            nlp: The model that finds people and places; it reads sentences only, never codes, keys and single words.

        Raises:
            DelibleError: `detect.failed`, without the value.
            InputError: `detect.model_missing`, `detect.model_unfit`.
        """
        text = value[:LONGEST].strip()
        found = find(text, countries=countries, nlp=nlp if looks_like_prose(text) else NO_MODEL)
        self.values += 1
        self.hits.update({f.entity for f in found})
        self.whole.update({f.entity for f in found if f.end - f.start >= _WHOLE * len(text)})
        self.shapes.update(shapes(text))
