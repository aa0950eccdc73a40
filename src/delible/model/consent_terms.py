"""What a purpose asks of a consent, as its policy says it; and which signals of the IAB speak of it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from delible.model.base import Frozen
from delible.model.duration import Duration

Jurisdiction = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
"""ISO 3166-1, or 3166-2 for a subdivision. What is said of a country counts for its subdivisions."""

Age = Annotated[int, Field(ge=1, le=21)]
NoticeVersion = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class AgeRule(Frozen):
    """From which age somebody decides alone.

    Args:
        parental_below: Younger people's rows are KEPT only with a parent's consent (Art. 8(1)).
        opt_in_below: Younger people's rows are KEPT only with a consent, also where others may only opt out (Cal. Civ.
            Code 1798.120(c)).
    """

    parental_below: Age
    opt_in_below: Age | None = None


def _age_alone(given: Any) -> Any:
    return {"parental_below": given} if isinstance(given, int) and not isinstance(given, bool) else given


AgeEntry = Annotated[AgeRule, BeforeValidator(_age_alone, json_schema_input_type=Age | AgeRule)]
"""A rule; a bare number is short for `parental_below`."""


class NoticeTerms(Frozen):
    """How long what was given under one version of a notice lasts.

    Args:
        lasts: From `valid_from` on.
        ends: The last day in UTC, such as the day on which another notice took its place.
    """

    lasts: Duration | None = None
    ends: date | None = None

    @model_validator(mode="after")
    def _says_something(self) -> NoticeTerms:
        if self.lasts is None and self.ends is None:
            raise ValueError("give 'lasts', 'ends' or both")
        return self


class ConsentTerms(Frozen):
    """What a consent must be to count for a purpose. Of several ends the earliest counts.

    Args:
        double_opt_in: What is given counts once it is confirmed (Art. 7(1)).
        confirm_within: How long after it was given it may be confirmed.
        lasts: The longest that a consent lasts, from `valid_from` on.
        notices: The same by version of the notice.
        age: From which age people decide alone; who is of unknown age is left out.
        ages_in: The same by jurisdiction. Whose jurisdiction is unknown, the highest of all ages counts.
        opt_out_in: Where people need not agree, and may only opt out. Elsewhere, and where the jurisdiction is unknown,
            absence is no.
    """

    double_opt_in: bool = False
    confirm_within: Duration | None = None
    lasts: Duration | None = None
    notices: dict[NoticeVersion, NoticeTerms] = {}
    age: AgeEntry | None = None
    ages_in: dict[Jurisdiction, AgeEntry] = {}
    opt_out_in: tuple[Jurisdiction, ...] = ()

    @model_validator(mode="after")
    def _nothing_idle(self) -> ConsentTerms:
        if self.confirm_within is not None and not self.double_opt_in:
            raise ValueError("'confirm_within' belongs to 'double_opt_in: true'")
        return self

    @property
    def asks_age(self) -> bool:
        """Whether anybody's age counts."""
        return self.age is not None or bool(self.ages_in)

    @property
    def asks_facts(self) -> bool:
        """Whether it counts who the person is, beside what they said."""
        return self.asks_age or bool(self.opt_out_in)


class TcfTerms(Frozen):
    """Which bits of a TCF v2.2 string say yes to a purpose; all of them must be set.

    Args:
        vendor: The controller's id in the Global Vendor List; without it the publisher's own segment is read.
        purposes: TCF purposes.
        special_features: TCF special features.
    """

    vendor: int | None = Field(default=None, ge=1, le=65_535)
    purposes: tuple[Annotated[int, Field(ge=1, le=24)], ...] = Field(min_length=1)
    special_features: tuple[Annotated[int, Field(ge=1, le=12)], ...] = ()

    @model_validator(mode="after")
    def _features_are_vendors(self) -> TcfTerms:
        if self.special_features and self.vendor is None:
            raise ValueError("'special_features' belong to a 'vendor': a publisher's segment has none")
        return self
