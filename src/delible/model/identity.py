"""How surely a data subject is known, and who speaks for them."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from delible.model.base import Frozen
from delible.model.terms import Regime, Right


class Verification(StrEnum):
    """Degrees of certainty about a data subject's identity, as 11 CCR 7062 names them; the surest last."""

    REASONABLE = "reasonable"
    REASONABLY_HIGH = "reasonably_high"


class DocumentForm(StrEnum):
    """What kind of file a document is, by its first bytes."""

    PDF = "pdf"
    IMAGE = "image"
    TEXT = "text"
    OTHER = "other"


class Document(NamedTuple):
    """What is recorded of a document that somebody has shown, to recognise it by.

    Args:
        sha256: Digest of its bytes.
        bytes: How many there are.
    """

    sha256: str
    bytes: int
    form: DocumentForm


class Agency(StrEnum):
    """What is known of an authorised agent's authority (Cal. Civ. Code 1798.130(a)(3)(A), 11 CCR 7063)."""

    CLAIMED = "claimed"
    SIGNED_PERMISSION = "signed_permission"
    POWER_OF_ATTORNEY = "power_of_attorney"


class EvidencePath(Frozen):
    """By which links identifiers of one kind were reached: places in tables, never values.

    Args:
        kind: An identifier kind, or `table.column` for a key that a path of tables leads to.
        role: `given`, `found`, or `shared` with somebody else.
        steps: Such as `customers.email = … → customers.phone`, in order; none for what was given.
        identifiers: How many were reached so.
    """

    kind: str
    role: str
    steps: tuple[str, ...] = ()
    identifiers: int = 1


class Needed(NamedTuple):
    """The degree that a right asks for, and where the law says so; None where it asks for no verification."""

    level: Verification | None
    article: str


NEEDED: dict[tuple[Regime, Right], Needed] = {
    (Regime.CCPA, Right.ACCESS): Needed(Verification.REASONABLY_HIGH, "11 CCR 7062(c)"),
    (Regime.CCPA, Right.PORTABILITY): Needed(Verification.REASONABLY_HIGH, "11 CCR 7062(c)"),
    (Regime.CCPA, Right.ERASURE): Needed(Verification.REASONABLE, "11 CCR 7062(d)"),
    (Regime.CCPA, Right.RECTIFICATION): Needed(Verification.REASONABLE, "11 CCR 7062(e)"),
    (Regime.CCPA, Right.OPT_OUT): Needed(None, "11 CCR 7026(d)"),
    (Regime.CCPA, Right.LIMIT): Needed(None, "11 CCR 7027(e)"),
    (Regime.CCPA, Right.RESTRICTION): Needed(None, "11 CCR 7027(e)"),
    (Regime.CCPA, Right.OBJECTION): Needed(None, "11 CCR 7026(d)"),
    **{(Regime.GDPR, right): Needed(Verification.REASONABLE, "GDPR Art. 12(2), (6)") for right in Right},
}
"""Version of the law: 11 CCR as of 2026-01-01. Deletion asks for the higher degree where the data is sensitive, which
the controller says in its policy. The GDPR knows one degree: no reasonable doubt."""


def surer(one: Verification | None, other: Verification | None) -> bool:
    """Return whether one degree is at least as sure as another; None is no verification at all."""
    order = (None, *Verification)
    return order.index(one) >= order.index(other)
