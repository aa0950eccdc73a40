"""Restriction of processing (Art. 18): on which ground, and what must happen before it is lifted."""

from __future__ import annotations

from enum import StrEnum


class RestrictionGround(StrEnum):
    """GDPR Art. 18(1)(a)-(d).

    `accuracy_contested` (a) and `objection_pending` (d) last until that is settled. With `unlawful_processing` (b) the
    data subject opposes the erasure, and with `legal_claims` (c) needs the data that the controller does not need.
    """

    ACCURACY_CONTESTED = "accuracy_contested"
    UNLAWFUL_PROCESSING = "unlawful_processing"
    LEGAL_CLAIMS = "legal_claims"
    OBJECTION_PENDING = "objection_pending"


ARTICLE = {
    RestrictionGround.ACCURACY_CONTESTED: "Art. 18(1)(a)",
    RestrictionGround.UNLAWFUL_PROCESSING: "Art. 18(1)(b)",
    RestrictionGround.LEGAL_CLAIMS: "Art. 18(1)(c)",
    RestrictionGround.OBJECTION_PENDING: "Art. 18(1)(d)",
}
