"""Gates of a recipe: what a release must measure up to before anybody can read it."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from delible.model.base import ColumnName, Frozen
from delible.model.recognizer import Entity


def share_of(text: str) -> Fraction:
    """Return a share as it is written in recipes: `1/50000`, `0.05` or `5%`."""
    if "/" in text:
        above, _, below = text.partition("/")
        return Fraction(int(above), int(below))
    return Fraction(text.removesuffix("%")) / (100 if text.endswith("%") else 1)


def _written(given: Any) -> Any:
    """Take a number for its digits: fingerprints are taken over texts, since floats have no one spelling."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        return format(Decimal(repr(given)), "f")
    return given


def _within(text: str) -> str:
    try:
        found = share_of(text)
    except ZeroDivisionError:
        raise ValueError("a share has no zero below its line") from None
    if not 0 <= found <= 1:
        raise ValueError("a share lies between 0 and 1; write it like 1/1000, 0.05 or 5%")
    return text


Share = Annotated[
    str,
    BeforeValidator(_written, json_schema_input_type=str | float),
    Field(pattern=r"^(\d{1,18}/\d{1,18}|\d{1,9}(\.\d{1,18})?%?)$"),
    AfterValidator(_within),
]
"""A share of rows or people, kept as it was written."""

Count = Annotated[int, Field(gt=0)]


class Residual(Frozen):
    """The released rows are read again, and what is found there counts.

    Args:
        confidence: Of what is said about rows that were not drawn.
        max_share: Largest share of a column's rows that may hold personal data which the recipe does not let through.
        allow: By released column, the types that may stand there, as Presidio or a recognizer spells them.
    """

    confidence: Share = "0.99"
    max_share: Share = "1/1000"
    allow: dict[ColumnName, tuple[Entity, ...]] = {}

    @model_validator(mode="after")
    def _says_something(self) -> Residual:
        if not 0 < share_of(self.confidence) < 1 or not share_of(self.max_share):
            raise ValueError("'confidence' lies between 0 and 1, and 'max_share' is above 0")
        return self


class KAnonymity(Frozen):
    """Every combination of quasi-identifiers is that of at least `k` data subjects.

    Args:
        max_share: Largest share of rows that may stand in smaller groups.
    """

    k: Annotated[int, Field(ge=2)]
    max_share: Share = "0"


class LDiversity(Frozen):
    """Every combination of quasi-identifiers has at least `l` different values of a sensitive column.

    Args:
        sensitive: The released column.
        max_share: Largest share of rows that may stand in groups with fewer.
    """

    sensitive: ColumnName
    l: Annotated[int, Field(ge=2)]  # noqa: E741 - the field's own letter
    max_share: Share = "0"


class Uniqueness(Frozen):
    """How well quasi-identifiers tell people apart.

    Args:
        max_unique: Largest share of rows whose combination is one data subject's alone.
        max_risk: Largest mean chance to name the data subject of a row by its combination: one by the
            data subjects of its group.
    """

    max_unique: Share | None = None
    max_risk: Share | None = None

    @model_validator(mode="after")
    def _bounds_something(self) -> Uniqueness:
        if self.max_unique is None and self.max_risk is None:
            raise ValueError("give 'max_unique', 'max_risk', or both")
        return self


class Minimum(Frozen):
    """The least that a release must hold.

    Args:
        per_split: Rows of each split that the recipe cuts.
        per_label: Rows of each value of the recipe's label, rows without one together.
    """

    rows: Count | None = None
    subjects: Count | None = None
    per_split: Count | None = None
    per_label: Count | None = None


class Drift(Frozen):
    """How far a release may be from the version before; the first version has none before.

    Args:
        columns: `same` names and types, `added` ones allowed, or `any`.
        rows, subjects: Largest change, as a share of what the version before had.
    """

    columns: Literal["same", "added", "any"] = "same"
    rows: Share | None = None
    subjects: Share | None = None


def _k_alone(given: Any) -> Any:
    return {"k": given} if isinstance(given, int) else given


class Gates(Frozen):
    """What stops a release.

    Args:
        quasi_identifiers: Released columns that together may tell who somebody is; when left out, those whose category
            says so.
    """

    quasi_identifiers: tuple[ColumnName, ...] = ()
    residual: Residual | None = None
    k_anonymity: Annotated[KAnonymity, BeforeValidator(_k_alone, json_schema_input_type=int | KAnonymity)] | None = None
    l_diversity: LDiversity | None = None
    uniqueness: Uniqueness | None = None
    minimum: Minimum | None = None
    drift: Drift | None = None

    @property
    def of_groups(self) -> bool:
        """Whether rows have to be grouped by their quasi-identifiers."""
        return not (self.k_anonymity is None and self.l_diversity is None and self.uniqueness is None)


class Gate(StrEnum):
    """What is measured."""

    RESIDUAL = "residual"
    K_ANONYMITY = "k_anonymity"
    K_ANONYMITY_SHARE = "k_anonymity_share"
    L_DIVERSITY = "l_diversity"
    L_DIVERSITY_SHARE = "l_diversity_share"
    UNIQUE_SHARE = "unique_share"
    REIDENTIFICATION_RISK = "reidentification_risk"
    ROWS = "rows"
    SUBJECTS = "subjects"
    ROWS_PER_SPLIT = "rows_per_split"
    ROWS_PER_LABEL = "rows_per_label"
    COLUMNS_CHANGED = "columns_changed"
    ROWS_CHANGED = "rows_changed"
    SUBJECTS_CHANGED = "subjects_changed"


class GateResult(Frozen):
    """One gate with its measured number and its bound; never a value of a row.

    Args:
        about: Column, split or the like that it was measured on.
        measured: A number in digits; None when it could not be measured, which stops a release as well.
        rule: How `measured` must stand to `bound`.
        note: What was counted, in words and numbers.
    """

    gate: Gate
    about: str = ""
    measured: str | None
    rule: Literal["at least", "at most"]
    bound: str
    passed: bool
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it with numbers as numbers."""
        return {**self.model_dump(mode="json"), "measured": _number(self.measured), "bound": _number(self.bound)}

    def words(self) -> str:
        """Return it as one line."""
        found = "could not be measured" if self.measured is None else f"measured {self.measured}"
        about = f" ({self.about})" if self.about else ""
        return f"{self.gate.value}{about}: {found}, {self.rule} {self.bound}"


def _number(text: str | None) -> int | float | None:
    if text is None:
        return None
    return int(text) if text.isdecimal() else float(text)
