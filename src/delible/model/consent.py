"""Consent records: bitemporal, append-only, by keyed reference."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from delible.model.base import Frozen
from delible.model.consent_terms import Jurisdiction
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentGiver, ConsentStatus, LegalBasis

SALE = "ccpa:sale_or_sharing"
"""Stands for every purpose that sells or shares, also for one that a policy declares later; no purpose's name has a
colon."""

OLDEST = 150


class ConsentRecord(Frozen):
    """One statement of a data subject about one purpose (Art. 7).

    Args:
        kind: Identifier kind that the reference was made from, so that it can be joined to tables of that kind.
        purpose: A purpose's name, or `SALE`.
        valid_from, valid_until: When it holds in the world; open-ended without `valid_until`.
        recorded_at: When the controller learned of it; "as we knew it at T" reads only records up to T.
        source: Where it came from, such as a form's name: never a person.
        jurisdiction: Where the person was then, as ISO 3166 says it: `DE`, `US-CA`.
        age: The least age that the person had at `valid_from`, in completed years. Birth dates are not kept.
        given_by: Who spoke.
    """

    ref: SubjectRef
    kind: str
    purpose: str
    status: ConsentStatus
    legal_basis: LegalBasis
    notice_version: str
    valid_from: datetime
    valid_until: datetime | None = None
    recorded_at: datetime
    source: str
    jurisdiction: Jurisdiction | None = None
    age: int | None = Field(default=None, ge=0, le=OLDEST)
    given_by: ConsentGiver = ConsentGiver.DATA_SUBJECT
