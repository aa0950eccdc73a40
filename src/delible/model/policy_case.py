"""A test of policies: given rows, and what must become of them. One per file in `policies/tests`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from delible.model.base import ColumnName, Frozen, Name, Text
from delible.model.consent import OLDEST
from delible.model.consent_terms import Jurisdiction, NoticeVersion
from delible.model.restriction import RestrictionGround
from delible.model.terms import ConsentGiver, ConsentStatus, LegalBasis, Regime, Right

Who = Annotated[dict[Name, str | int], Field(min_length=1)]
"""Identifier kind to value: one made-up person."""

RowNumber = Annotated[int, Field(ge=1)]
"""Counts from 1, in the order of the case's rows of that table."""

Row = dict[str, str | int | bool | None]


class GivenConsent(Frozen):
    """What a made-up person said about a purpose; recorded when it begins to hold. See `model.consent`."""

    who: Who
    purpose: Name
    status: ConsentStatus
    legal_basis: LegalBasis = LegalBasis.CONSENT
    valid_from: datetime
    valid_until: datetime | None = None
    notice_version: NoticeVersion = "test"
    jurisdiction: Jurisdiction | None = None
    age: Annotated[int, Field(ge=0, le=OLDEST)] | None = None
    given_by: ConsentGiver = ConsentGiver.DATA_SUBJECT


class GivenRequest(Frozen):
    """An open request of a made-up person.

    Args:
        ground: Of a restriction, the ground of Art. 18(1).
    """

    who: Who
    right: Right
    ground: RestrictionGround | None = None


class ExpectedRetention(Frozen):
    """What retention does to a row.

    Args:
        action: `stay`, or what a rule does.
        because: Where the rule stands on the row, such as `duty` or `not_yet`; not looked at when left out.
        rule: The rule that acts, or comes nearest; not looked at when left out.
    """

    table: Name
    row: RowNumber
    action: Annotated[str, Field(pattern="^(stay|delete_row|aggregate|treat_columns)$")]
    because: str | None = None
    rule: Name | None = None


class ExpectedErasure(Frozen):
    """What the erasure of a person does to a row: an action of the table, or why the row stays.

    Args:
        action: `delete_row`, `treat_columns`, `keep`, or `not_theirs`, `shared`, `held`; where an exception keeps
            something of a row, `treat_columns` or `keep`.
        kept: The mapped columns that stay in the row; not looked at when left out.
        regime: The law of the request.
    """

    who: Who
    table: Name
    row: RowNumber
    action: Annotated[str, Field(pattern="^(delete_row|treat_columns|keep|not_theirs|shared|held)$")]
    kept: tuple[ColumnName, ...] | None = None
    regime: Regime = Regime.GDPR


class ExpectedRelease(Frozen):
    """Whether a row may enter a dataset.

    Args:
        reason: Why not, such as `no_consent`; not looked at when left out.
    """

    dataset: Name
    row: RowNumber
    released: bool
    reason: str | None = None


class Expected(Frozen):
    """All that must hold."""

    retention: tuple[ExpectedRetention, ...] = ()
    erasure: tuple[ExpectedErasure, ...] = ()
    release: tuple[ExpectedRelease, ...] = ()


class PolicyCase(Frozen):
    """One test of policies.

    Args:
        now: The instant of all decisions, with its time zone.
        rows: Table to its rows. Times as text in ISO 8601, numbers with a point as text.
        held: People under a legal hold.
        consents, requests: What people said and asked for.
    """

    test: Name
    description: Text | None = None
    now: datetime
    rows: dict[Name, tuple[Row, ...]]
    held: tuple[Who, ...] = ()
    consents: tuple[GivenConsent, ...] = ()
    requests: tuple[GivenRequest, ...] = ()
    expect: Expected


def numbered(value: Any) -> Any:
    """Return a row's value as conditions read it: a text such as `9.90` is the number that was meant."""
    from decimal import Decimal, InvalidOperation

    if isinstance(value, str) and value.count(".") == 1 and value.lstrip("-").replace(".", "").isdigit():
        try:
            return Decimal(value)
        except InvalidOperation:
            return value
    return value
