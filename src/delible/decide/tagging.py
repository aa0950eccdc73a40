"""What a verdict on a column rests on: counts over its values, what its name says, what is around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from delible.model.taxonomy import category_of

FREE_TEXT = "user.content"

TYPED = frozenset({"boolean", "date", "timestamp", "timestamp_ntz"})
"""Types whose values are not read: only their column's name can speak for personal data."""

BYTES = frozenset({"binary", "variant"})
"""Types that may hold text, or what nobody can look into."""

TEXTS = BYTES | {"string"}
"""Types in whose values JSON and XML are opened."""

WHOLE = frozenset({"tinyint", "smallint", "int", "bigint"})

NOT_PERSONAL = frozenset({"DATE_TIME", "URL", "UUID"})
"""Found in values of any table; personal only when the column's name says whose they are."""


class About(StrEnum):
    """What the rows of a table are about."""

    PEOPLE = "people"
    THINGS = "things"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class NameEvidence:
    """What a column's name alone says.

    Args:
        shapes: Forms that the values must mostly have, any of them; empty when any value will do.
        types: Spark types that agree even though their values are not looked at.
        proven: The values of this category are recognised by themselves: when they are looked at and none is, the name
            is wrong.
        homonym: The name means other things as well (`race`, `party`), so values or the table must agree.
        vocabulary: Lists of which the values of a homonym must mostly be.
        strict: A table about people is not enough: the values must be in the lists.
        people: The values are not enough: the table must be about people.
        beside: A category that another column of the table must have, such as a street beside a `state`.
        special: A special category (Art. 9) that the taxonomy has no key for.
    """

    category: str
    strength: float
    entity: str | None = None
    shapes: tuple[str, ...] = ()
    types: frozenset[str] = frozenset()
    proven: bool = False
    homonym: bool = False
    vocabulary: tuple[str, ...] = ()
    strict: bool = False
    people: bool = False
    beside: str = ""
    special: bool = False


@dataclass(frozen=True)
class Around:
    """What is around a column.

    Args:
        about: What the table's rows are about.
        thing: The column's own name says that its values belong to a thing.
        code: The column's own name says that its values are codes.
        beside: Categories that the names of the table's other columns stand for.
        reached: Another column holds e-mail addresses or telephone numbers, so that there are people behind the rows.
    """

    about: About = About.UNKNOWN
    thing: bool = False
    code: bool = False
    beside: frozenset[str] = frozenset()
    reached: bool = False


@dataclass(frozen=True)
class ColumnFacts:
    """What was counted in one column; never a value.

    Args:
        column: Dotted path for nested fields.
        kind: Spark type of the leaf, such as `string` or `decimal(10,2)`.
        values: Distinct values that were looked at.
        complete: These were all that the column has.
        hits: Entity type to the number of values that hold it.
        whole: The same, of values that are nothing else.
        shapes: Form, such as `card` or `prose`, to the number of values of that form.
        rows: Rows that were looked at, empty ones included.
        cut: Those of them whose value was too long to be read to its end.
        row_hits: Entity type to the rows that hold it; a row with several such elements may count for each.
        categories: The data category of each type that the controller's own recognizers find.
    """

    column: str
    kind: str
    values: int = 0
    complete: bool = False
    hits: Mapping[str, int] = field(default_factory=dict)
    whole: Mapping[str, int] = field(default_factory=dict)
    shapes: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0
    row_hits: Mapping[str, int] = field(default_factory=dict)
    cut: int = 0
    categories: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether whole numbers were read: of those with NULLs among them, pandas makes doubles."""
        return self.kind in WHOLE or (self._may_be_fraction and self.values > bool(self.shapes.get("fraction")))

    @property
    def is_opaque(self) -> bool:
        """Whether some of the values are bytes that nobody could look into."""
        return bool(self.shapes.get("opaque"))

    @property
    def unread(self) -> int:
        """Values that may be texts, but in which no model looked for names."""
        return self.shapes.get("unread_text", 0)

    @property
    def is_typed(self) -> bool:
        """Whether no value could say anything: of a type that is not read, nothing but fractions, or opaque bytes."""
        if self.kind in BYTES:
            return self.values <= self.is_opaque
        return self.kind in TYPED or (self._may_be_fraction and not self.is_whole)

    @property
    def _may_be_fraction(self) -> bool:
        return self.kind in ("float", "double") or self.kind.startswith("decimal")

    @property
    def seen(self) -> bool:
        """Whether all that the column has was looked at; not so where no row was, whatever the reason."""
        return self.complete and bool(self.rows or self.values)

    def category_of(self, entity: str) -> str | None:
        """Return the data category of a type of finding, or None for one that stands for none."""
        return self.categories.get(entity) or category_of(entity)

    def share(self, counts: Mapping[str, int], *names: str) -> float:
        """Return the largest share of the values that any of the names was counted on."""
        return max((counts.get(name, 0) for name in names), default=0) / self.values if self.values else 0.0
