"""Recipes of training datasets: sources and joins, one purpose, a treatment per column, gates, and the split."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from delible.model.base import ColumnName, Frozen, Name, Text
from delible.model.gate import Gates
from delible.model.masking import Masking
from delible.model.terms import Treatment

UNITS = ("hour", "day", "week", "month", "quarter", "year")
"""What times are generalised to."""


class ColumnTreatment(Frozen):
    """What a recipe does to one column.

    Args:
        name: What the column is called in the release, when not as in its table.
        to: For `generalise`: `year`, `quarter`, `month`, `week`, `day` or `hour` for times, a whole number as bucket
            width for numbers, or a level of the `hierarchy`.
        prefix: For `generalise`: so many characters of a text stay, such as those of a postcode; spaces do not count.
        hierarchy: For `generalise`: the recipe's hierarchy, whose level `to` takes the value's place. A value that it
            does not know becomes NULL.
        lowest, highest: For `generalise` of numbers: what lies beyond becomes this, so that no extreme tells who it is.
        value: For `replace`: stands in every row, also where there was nothing.
        domain: For `pseudonymise`, `encrypt`, and for `mask` with hashes or encryption: pseudonyms of one domain join;
            those of different domains do not.
        masking: For `mask`: what becomes of each type of finding; numbered placeholders when left out.
    """

    treatment: Treatment
    name: ColumnName | None = None
    to: Literal["hour", "day", "week", "month", "quarter", "year"] | Annotated[int, Field(gt=0)] | Name | None = None
    prefix: Annotated[int, Field(ge=1, le=100)] | None = None
    hierarchy: Name | None = None
    lowest: int | None = None
    highest: int | None = None
    value: bool | int | str | None = None
    domain: Name | None = None
    masking: Masking | None = None

    @model_validator(mode="after")
    def _complete(self) -> ColumnTreatment:
        self._wider()
        if (self.treatment is Treatment.REPLACE) != (self.value is not None):
            raise ValueError("'value' and treatment 'replace' belong together")
        if self.masking is not None and self.treatment is not Treatment.MASK:
            raise ValueError("'masking' belongs to treatment 'mask'")
        keyed = self.treatment in KEYED or (self.masking is not None and self.masking.keyed)
        if self.domain is not None and not keyed:
            raise ValueError("'domain' belongs to 'pseudonymise' and 'encrypt', or to 'masking' with hash or encrypt")
        return self

    def _wider(self) -> None:
        """Refuse a generalisation that does not say to what."""
        ends = self.lowest is not None or self.highest is not None
        ways = (self.to is not None or ends, self.prefix is not None)
        if self.treatment is not Treatment.GENERALISE:
            if any(ways) or self.hierarchy is not None:
                raise ValueError("'to', 'prefix', 'hierarchy', 'lowest', 'highest' belong to treatment 'generalise'")
            return
        if sum(ways) != 1:
            raise ValueError("'to' and treatment 'generalise' belong together; for texts give 'prefix' instead")
        if ends and not (self.to is None or isinstance(self.to, int)):
            raise ValueError("'lowest' and 'highest' are for numbers")
        if self.lowest is not None and self.highest is not None and self.lowest > self.highest:
            raise ValueError("'lowest' is above 'highest'")
        if self.hierarchy is not None and not isinstance(self.to, str):
            raise ValueError("'hierarchy' needs 'to', one of its levels")
        if self.hierarchy is None and isinstance(self.to, str) and self.to not in UNITS:
            raise ValueError(f"'to' is one of {', '.join(UNITS)}, a whole number, or a level of a 'hierarchy'")


KEYED = (Treatment.PSEUDONYMISE, Treatment.ENCRYPT)
"""Treatments that need a domain's key."""


def _treatment_alone(given: Any) -> Any:
    return {"treatment": given} if isinstance(given, str) else given


ColumnTreatmentEntry = Annotated[
    ColumnTreatment, BeforeValidator(_treatment_alone, json_schema_input_type=Treatment | ColumnTreatment)
]
"""A column's treatment; a bare word is short for one without settings."""


_MOST_HELD_OUT = 95


class Split(Frozen):
    """Shares of a release's subjects, in hundredths; the rest is `train`. No subject stands in two splits."""

    validation: Annotated[int, Field(ge=0, le=90)] = 0
    test: Annotated[int, Field(ge=0, le=90)] = 0

    @model_validator(mode="after")
    def _leaves_something(self) -> Split:
        if self.validation + self.test > _MOST_HELD_OUT:
            raise ValueError(f"validation and test together may be at most {_MOST_HELD_OUT}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The splits that get a share."""
        return ("train", *(["validation"] if self.validation else []), *(["test"] if self.test else []))


_MOST_VALUES = 2_000


class Hierarchy(Frozen):
    """What values belong to, such as towns to regions and countries.

    Args:
        levels: From the nearest to the widest.
        values: For each value, what it belongs to on each level.
    """

    levels: tuple[Name, ...] = Field(min_length=1, max_length=10)
    values: dict[str, tuple[str, ...]] = Field(min_length=1, max_length=_MOST_VALUES)

    @model_validator(mode="after")
    def _complete(self) -> Hierarchy:
        if any(len(above) != len(self.levels) for above in self.values.values()):
            raise ValueError("each value names what it belongs to on every level")
        return self


class Join(Frozen):
    """A further table whose columns a row takes along.

    Args:
        version: Its Delta version; the newest when left out.
        keys: Columns of what is there already to columns of this table. Those of tables that were joined before are
            spelled `table.column`.
        unmatched: What becomes of a row for which this table has none: `keep` it with NULLs, or `exclude` it.
        many: A row may find several here, and becomes several rows; otherwise that stops the build.
        columns: As the recipe's own, by this table's columns; none for a table that only decides.
    """

    table: Name
    version: Annotated[int, Field(ge=0)] | None = None
    keys: dict[ColumnName, ColumnName] = Field(min_length=1, max_length=8)
    unmatched: Literal["keep", "exclude"] = "keep"
    many: bool = False
    columns: dict[ColumnName, ColumnTreatmentEntry] = {}


class DatasetRecipe(Frozen):
    """How a training dataset is cut: sources, purpose, rows, columns, treatments, gates, split.

    Args:
        source: The table whose rows are judged; with `joins`, the one that they begin at.
        label: The released column that a model shall learn to tell.
        hierarchies: What `generalise` takes the place of values from.
    """

    dataset: Name
    description: Text
    purpose: Name
    source: Name
    version: Annotated[int, Field(ge=0)] | None = None
    where: str | None = None
    columns: dict[ColumnName, ColumnTreatmentEntry] = Field(min_length=1)
    joins: tuple[Join, ...] = Field(default=(), max_length=8)
    hierarchies: dict[Name, Hierarchy] = {}
    label: ColumnName | None = None
    gates: Gates = Gates()
    split: Split = Split()

    @model_validator(mode="after")
    def _fits(self) -> DatasetRecipe:
        tables = [self.source, *(j.table for j in self.joins)]
        if len(set(tables)) < len(tables):
            raise ValueError("a recipe reads each table once")
        for columns in self.by_table.values():
            for column, how in columns.items():
                found = self.hierarchies.get(how.hierarchy or "")
                if how.hierarchy is not None and (found is None or how.to not in found.levels):
                    raise ValueError(f"column '{column}' names a hierarchy or level that the recipe does not have")
        return self

    @property
    def by_table(self) -> dict[str, dict[str, ColumnTreatment]]:
        """The columns of each table, the source first."""
        return {self.source: self.columns, **{j.table: j.columns for j in self.joins}}

    @property
    def domains(self) -> tuple[str, ...]:
        """Pseudonym domains that the recipe names."""
        named = (how.domain for columns in self.by_table.values() for how in columns.values())
        return tuple(dict.fromkeys(d for d in named if d is not None))
