"""May this data subject's rows be used for this purpose? The consent rules, as one pure function.

`lake.consent` is the same decision for all subjects at once in Spark; a test holds the two together.

The rules, in the order in which they decide:

1. SUPPRESSED: the person was erased before. Nothing brings the rows back, a newer consent included.
2. ERASURE_REQUESTED, RESTRICTED, OBJECTED, OPTED_OUT: an open or standing request (Art. 17, 18, 21; Cal. Civ. Code
   1798.120) excludes for every legal basis; the first of this order is the one that is counted. Objections and
   opt-outs are handed in only where they stand against the purpose (`decide.objection`).
3. Only records of this purpose count that the controller knew (`recorded_at` up to `known_at`) and that had begun
   (`valid_from` up to `as_of`). `requested` is a question and no statement: it never counts.
4. `given` counts only when its legal basis is consent, and only under an identifier that reaches nobody else: a
   telephone number that two people share can give no consent for either. What forbids counts for everybody it reaches,
   a shared `given` that has ended (rule 6) included.
5. The statement with the latest `valid_from` decides. At the same instant withdrawal wins, then refusal, then expiry,
   then `given`, whatever the order in which they were recorded; of two `given`, the one recorded last, then the one
   that ends first.
6. `given` whose `valid_until` has come (`valid_until` up to `as_of`) is EXPIRED. A withdrawal never lapses, nor does
   an older `given` come back when a newer one ends.
7. With consent as the legal basis (Art. 6(1)(a), 7) rows are KEPT only when rule 5 finds a `given` that lasts; without
   any statement the reason is NO_CONSENT.
8. With any other legal basis rows are KEPT unless rule 5 finds a withdrawal or refusal. Nothing hangs on an expiry.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from delible.model.consent import ConsentRecord
from delible.model.request import Request
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, Exclusion, LegalBasis, RequestState, Right

FLAGS = (
    Exclusion.SUPPRESSED,
    Exclusion.ERASURE_REQUESTED,
    Exclusion.RESTRICTED,
    Exclusion.OBJECTED,
    Exclusion.OPTED_OUT,
)
"""What stands against a person apart from consent, the strongest first (rules 1 and 2)."""

WEIGHT = {
    ConsentStatus.GIVEN: 1,
    ConsentStatus.EXPIRED: 2,
    ConsentStatus.REFUSED: 3,
    ConsentStatus.INVALIDATED: 3,
    ConsentStatus.WITHDRAWN: 4,
    ConsentStatus.REVOKED: 4,
}
"""Which statement wins at the same `valid_from` (rule 5); statuses that are absent never count (rule 3)."""

REASON = {2: Exclusion.EXPIRED, 3: Exclusion.NO_CONSENT, 4: Exclusion.WITHDRAWN}
"""What a winning statement's weight means as a reason; weight 1 is a consent."""

FORBIDS_ALWAYS = frozenset({Exclusion.NO_CONSENT, Exclusion.WITHDRAWN})
"""Statements that exclude even where the legal basis is not consent (rule 8)."""

_STANDING = {
    Right.ERASURE: Exclusion.ERASURE_REQUESTED,
    Right.RESTRICTION: Exclusion.RESTRICTED,
    Right.OBJECTION: Exclusion.OBJECTED,
    Right.OPT_OUT: Exclusion.OPTED_OUT,
}

WITHOUT_EFFECT = frozenset({RequestState.REFUSED, RequestState.EXPIRED, RequestState.DUPLICATE, RequestState.WITHDRAWN})


class Decision(NamedTuple):
    """Whether rows may be used, why not, and the consent record that decided where one did."""

    keep: bool
    reason: Exclusion | None = None
    record: ConsentRecord | None = None


def flag(request: Request) -> Exclusion | None:
    """Return what a request stands for against its data subject's rows, or None when it excludes nothing.

    A restriction, objection or opt-out stands from its receipt until it is refused, withdrawn or taken back, so its
    completion does not end it (Art. 18(3), 21(1)); a restriction ends when it is lifted. A completed erasure has become
    a suppression. For which purposes an objection or opt-out stands, `decide.objection` says.
    """
    if request.state in WITHOUT_EFFECT or request.lifted is not None or request.taken_back is not None:
        return None
    if request.right is Right.ERASURE and request.state is RequestState.COMPLETED:
        return None
    return flag_of(request.right)


def flag_of(right: Right) -> Exclusion | None:
    """Return what an open request for a right stands for against its data subject's rows."""
    return _STANDING.get(right)


def decide(
    refs: Collection[SubjectRef],
    records: Iterable[ConsentRecord],
    *,
    purpose: str,
    basis: LegalBasis,
    as_of: datetime,
    known_at: datetime,
    flags: Collection[Exclusion] = (),
    shared: Collection[SubjectRef] = (),
) -> Decision:
    """Decide by the rules of this module whether one data subject's rows are KEPT.

    Args:
        refs: All references of the person.
        records: Consent records; those of other references are passed over.
        as_of: The instant at which the rows are used.
        known_at: The instant up to which the controller's knowledge counts.
        flags: Members of `FLAGS` that stand against the person.
        shared: References among `refs` that reach other people too.
    """
    standing = next((f for f in FLAGS if f in flags), None)
    if standing is not None:
        return Decision(False, standing)
    statements = [
        record
        for record in records
        if record.ref in refs
        and record.purpose == purpose
        and record.recorded_at <= known_at
        and record.valid_from <= as_of
        and counts(record, as_of=as_of, shared=record.ref in shared)
    ]
    if not statements:
        return Decision(True) if basis is not LegalBasis.CONSENT else Decision(False, Exclusion.NO_CONSENT)
    latest = max(statements, key=_precedence)
    reason = REASON.get(WEIGHT[latest.status])
    if reason is None and _ended(latest, as_of):
        reason = Exclusion.EXPIRED
    if basis is not LegalBasis.CONSENT and reason not in FORBIDS_ALWAYS:
        return Decision(True, None, latest)
    return Decision(reason is None, reason, latest)


def counts(record: ConsentRecord, *, as_of: datetime, shared: bool) -> bool:
    """Return whether a record is a statement at all (rules 3 and 4)."""
    if record.status not in WEIGHT:
        return False
    if record.status is not ConsentStatus.GIVEN:
        return True
    return record.legal_basis is LegalBasis.CONSENT and (not shared or _ended(record, as_of))


def _ended(record: ConsentRecord, as_of: datetime) -> bool:
    return record.valid_until is not None and record.valid_until <= as_of


def _precedence(record: ConsentRecord) -> tuple[datetime, int, datetime, bool, float]:
    ends = record.valid_until
    return (
        record.valid_from,
        WEIGHT[record.status],
        record.recorded_at,
        ends is not None,
        -ends.timestamp() if ends is not None else 0.0,
    )
