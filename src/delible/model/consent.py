"""Consent records: bitemporal, append-only, by keyed reference."""

from __future__ import annotations

from datetime import datetime

from delible.model.base import Frozen
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, LegalBasis


class ConsentRecord(Frozen):
    """One statement of a data subject about one purpose (Art. 7).

    Args:
        kind: Identifier kind that the reference was made from, so that it can be joined to tables of that kind.
        valid_from, valid_until: When it holds in the world; open-ended without `valid_until`.
        recorded_at: When the controller learned of it; "as we knew it at T" reads only records up to T.
        source: Where it came from, such as a form's name: never a person.
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
