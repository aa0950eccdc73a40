"""The consent funnel: how many records there are, how many are valid, and how many people a purpose may use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from delible.decide.consent import judge
from delible.decide.consent_statements import WEIGHT, Question
from delible.decide.objection import stands_against
from delible.model.base import Frozen
from delible.model.consent import ConsentRecord
from delible.model.policy import Purpose
from delible.model.request import Request
from delible.model.subject import SubjectRef
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
        records: All records of the purpose.
        valid: Those that state something which has not ended: no question, no `given` on another basis, none expired.
        permitted: References whose rows a dataset of this purpose may hold: the purpose's own legal basis, and what
            requests and erasures say against it, counted too.
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
    records: int = 0
    valid: int = 0
    permitted: int = 0


_WITHDRAWN = frozenset(
    {ConsentStatus.WITHDRAWN, ConsentStatus.REVOKED, ConsentStatus.INVALIDATED, ConsentStatus.OPTED_OUT}
)


Flags = Mapping[SubjectRef, Collection[Exclusion]]
"""What stands against people apart from consent."""


def consent_funnel(
    records: Iterable[ConsentRecord],
    *,
    start: datetime,
    end: datetime,
    purposes: Mapping[str, Purpose] | None = None,
    requests: Iterable[Request] = (),
    suppressed: Iterable[SubjectRef] = (),
) -> tuple[PurposeConsents, ...]:
    """Return the funnel per purpose, as it was known at `end`, by the terms that purposes have now.

    What is given and not confirmed is pending. References are not tied together: of an age or a place that only another
    identifier tells, nothing is known here, so that `permitted` may be too low, never too high.

    Args:
        purposes: Their legal bases; a purpose that is not among them rests on consent.
        requests: What stands against people; those received after `end` do not count, the others as they stand today.
        suppressed: References of people who were erased.
    """
    by_purpose: dict[str, dict[str, list[ConsentRecord]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        if record.recorded_at <= end and record.valid_from <= end:
            by_purpose[record.purpose][record.ref].append(record)
    received = [r for r in requests if r.received <= end]
    erased = dict.fromkeys(suppressed, (Exclusion.SUPPRESSED,))
    found = []
    for name in sorted(by_purpose):
        purpose = (purposes or {}).get(name)
        flags = {**_flags(received, purpose), **erased}
        found.append(_funnel(by_purpose[name].values(), *_questions(name, purpose, end), flags, start=start))
    return tuple(found)


def _questions(name: str, purpose: Purpose | None, end: datetime) -> tuple[Question, Question | None]:
    """Return whether a consent stands, whoever gave it, and what a dataset asks; None where nothing lets anything out.

    A purpose that no policy knows rests on consent.
    """
    plain = Question(name, LegalBasis.CONSENT, as_of=end, known_at=end)
    if purpose is None:
        return plain, plain
    standing = replace(plain, terms=purpose.consent.model_copy(update={"age": None, "ages_in": {}, "opt_out_in": ()}))
    if purpose.legal_basis is None:
        return standing, None
    return standing, Question.of(purpose, purpose.legal_basis, as_of=end, known_at=end)


def _flags(requests: Sequence[Request], purpose: Purpose | None) -> dict[SubjectRef, tuple[Exclusion, ...]]:
    found: dict[SubjectRef, tuple[Exclusion, ...]] = {}
    asked = purpose or Purpose(purpose="unknown", description="none of the policies'", legal_basis=LegalBasis.CONSENT)
    for request in requests:
        reason = stands_against(request, asked)
        if reason is not None:
            found |= {ref: (*found.get(ref, ()), reason) for ref in request.refs}
    return found


def _funnel(
    subjects: Iterable[Sequence[ConsentRecord]],
    standing_by: Question,
    permitted_by: Question | None,
    flags: Flags,
    *,
    start: datetime,
) -> PurposeConsents:
    standing: dict[str, int] = defaultdict(int)
    asked = ever = given_now = withdrawn_now = records = valid = permitted = 0
    for history in subjects:
        asked += 1
        ever += any(r.status is ConsentStatus.GIVEN for r in history)
        now = _standing(history, standing_by)
        standing[now] += 1
        records += len(history)
        valid += sum(_lasts(r, standing_by.as_of) for r in history)
        if permitted_by == standing_by and history[0].ref not in flags:
            permitted += now == "in_force"
        elif permitted_by is not None:
            permitted += judge((history[0].ref,), history, permitted_by, flags=flags.get(history[0].ref, ())).keep
        recent = [r for r in history if r.recorded_at >= start]
        given_now += sum(r.status is ConsentStatus.GIVEN for r in recent)
        withdrawn_now += sum(r.status in _WITHDRAWN for r in recent)
    return PurposeConsents(
        purpose=standing_by.purpose,
        asked=asked,
        ever_given=ever,
        in_force=standing["in_force"],
        withdrawn=standing["withdrawn"],
        refused=standing["refused"],
        expired=standing["expired"],
        pending=standing["pending"],
        given_in_period=given_now,
        withdrawn_in_period=withdrawn_now,
        records=records,
        valid=valid,
        permitted=permitted,
    )


def _lasts(record: ConsentRecord, end: datetime) -> bool:
    foreign = record.status is ConsentStatus.GIVEN and record.legal_basis is not LegalBasis.CONSENT
    ended = record.valid_until is not None and record.valid_until <= end
    return record.status in WEIGHT and not foreign and not (record.status is ConsentStatus.GIVEN and ended)


def _standing(history: Sequence[ConsentRecord], question: Question) -> str:
    decision = judge((history[0].ref,), history, question)
    if decision.keep:
        return "in_force"
    if decision.reason is Exclusion.EXPIRED:
        return "expired"
    if decision.record is None:
        return "pending"
    return "withdrawn" if decision.record.status in _WITHDRAWN else "refused"
