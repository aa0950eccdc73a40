"""Recipes of training datasets: one source, one purpose, a treatment per column, and the split."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from delible.model.base import ColumnName, Frozen, Name, Text
from delible.model.masking import Masking
from delible.model.terms import Treatment


class ColumnTreatment(Frozen):
    """What a recipe does to one column.

    Args:
        to: For `generalise`: `year`, `month`, `day` for times, or a whole number as bucket width for numbers.
        domain: For `pseudonymise`, and for `mask` with hashes or encryption: pseudonyms of one domain join; those of
            different domains do not.
        masking: For `mask`: what becomes of each type of finding; numbered placeholders when left out.
    """

    treatment: Treatment
    to: Literal["year", "month", "day"] | Annotated[int, Field(gt=0)] | None = None
    domain: Name | None = None
    masking: Masking | None = None

    @model_validator(mode="after")
    def _complete(self) -> ColumnTreatment:
        if (self.treatment is Treatment.GENERALISE) != (self.to is not None):
            raise ValueError("'to' and treatment 'generalise' belong together")
        if self.masking is not None and self.treatment is not Treatment.MASK:
            raise ValueError("'masking' belongs to treatment 'mask'")
        keyed = self.masking is not None and self.masking.keyed
        if self.domain is not None and self.treatment is not Treatment.PSEUDONYMISE and not keyed:
            raise ValueError("'domain' belongs to treatment 'pseudonymise', or to 'masking' with hash or encrypt")
        return self


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


class DatasetRecipe(Frozen):
    """How a training dataset is cut: source, purpose, rows, columns, treatments, split."""

    dataset: Name
    description: Text
    purpose: Name
    source: Name
    version: Annotated[int, Field(ge=0)] | None = None
    where: str | None = None
    columns: dict[ColumnName, ColumnTreatmentEntry] = Field(min_length=1)
    split: Split = Split()
