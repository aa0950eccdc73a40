"""The consent funnel: how many were asked, agreed, still agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from delible.decide.consent import decide
from delible.model.base import Frozen
from delible.model.consent import ConsentRecord
from delible.model.terms import ConsentStatus, Exclusion, LegalBasis


class PurposeConsents(Frozen):
    """Consents to one purpose at the end of the period, counted by subject reference.

    A person who is known by two identifiers counts twice: the consent ledger does not tie references together.

    Args:
        asked: References with any record.
        ever_given: Those that gave consent at some time.
        in_force: Those whose consent stands.
        withdrawn, refused, expired, pending: Where the others stand now.
        given_in_period, withdrawn_in_period: Records learned of within the period.
    """

    purpose: str
    asked: int
    ever_given: int
    in_force: int
    withdrawn: int
    refused: int
    expired: int
    pending: int
    given_in_period: int
    withdrawn_in_period: int


_WITHDRAWN = frozenset({ConsentStatus.WITHDRAWN, ConsentStatus.REVOKED, ConsentStatus.INVALIDATED})


def consent_funnel(records: Iterable[ConsentRecord], *, start: datetime, end: datetime) -> tuple[PurposeConsents, ...]:
    """Return the funnel per purpose, as it was known at `end`."""
    by_purpose: dict[str, dict[str, list[ConsentRecord]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        if record.recorded_at <= end and record.valid_from <= end:
            by_purpose[record.purpose][record.ref].append(record)
    return tuple(_funnel(p, by_purpose[p].values(), start=start, end=end) for p in sorted(by_purpose))


def _funnel(
    purpose: str, subjects: Iterable[Sequence[ConsentRecord]], *, start: datetime, end: datetime
) -> PurposeConsents:
    standing: dict[str, int] = defaultdict(int)
    asked = ever = given_now = withdrawn_now = 0
    for history in subjects:
        asked += 1
        ever += any(r.status is ConsentStatus.GIVEN for r in history)
        standing[_standing(history, end)] += 1
        recent = [r for r in history if r.recorded_at >= start]
        given_now += sum(r.status is ConsentStatus.GIVEN for r in recent)
        withdrawn_now += sum(r.status in _WITHDRAWN for r in recent)
    return PurposeConsents(
        purpose=purpose,
        asked=asked,
        ever_given=ever,
        in_force=standing["in_force"],
        withdrawn=standing["withdrawn"],
        refused=standing["refused"],
        expired=standing["expired"],
        pending=standing["pending"],
        given_in_period=given_now,
        withdrawn_in_period=withdrawn_now,
    )


def _standing(history: Sequence[ConsentRecord], end: datetime) -> str:
    first = history[0]
    decision = decide((first.ref,), history, purpose=first.purpose, basis=LegalBasis.CONSENT, as_of=end, known_at=end)
    if decision.keep:
        return "in_force"
    if decision.reason is Exclusion.EXPIRED:
        return "expired"
    if decision.record is None:
        return "pending"
    return "withdrawn" if decision.record.status in _WITHDRAWN else "refused"
