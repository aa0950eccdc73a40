"""The consent funnel: how many were asked, agreed, still agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from delible.decide.consent import judge
from delible.decide.consent_statements import Question
from delible.model.base import Frozen
from delible.model.consent import ConsentRecord
from delible.model.policy import Purpose
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


_WITHDRAWN = frozenset(
    {ConsentStatus.WITHDRAWN, ConsentStatus.REVOKED, ConsentStatus.INVALIDATED, ConsentStatus.OPTED_OUT}
)


def consent_funnel(
    records: Iterable[ConsentRecord],
    *,
    start: datetime,
    end: datetime,
    purposes: Mapping[str, Purpose] | None = None,
) -> tuple[PurposeConsents, ...]:
    """Return the funnel per purpose, as it was known at `end`, by the terms that purposes have now.

    What is given and not confirmed is pending. Ages and places do not count: references are not tied together.
    """
    by_purpose: dict[str, dict[str, list[ConsentRecord]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        if record.recorded_at <= end and record.valid_from <= end:
            by_purpose[record.purpose][record.ref].append(record)
    asked = ((p, _question(p, (purposes or {}).get(p), end)) for p in sorted(by_purpose))
    return tuple(_funnel(p, by_purpose[p].values(), question, start=start) for p, question in asked)


def _question(name: str, purpose: Purpose | None, end: datetime) -> Question:
    plain = Question(name, LegalBasis.CONSENT, as_of=end, known_at=end)
    if purpose is None:
        return plain
    terms = purpose.consent.model_copy(update={"age": None, "ages_in": {}, "opt_out_in": ()})
    return replace(plain, terms=terms)


def _funnel(
    purpose: str, subjects: Iterable[Sequence[ConsentRecord]], question: Question, *, start: datetime
) -> PurposeConsents:
    standing: dict[str, int] = defaultdict(int)
    asked = ever = given_now = withdrawn_now = 0
    for history in subjects:
        asked += 1
        ever += any(r.status is ConsentStatus.GIVEN for r in history)
        standing[_standing(history, question)] += 1
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


def _standing(history: Sequence[ConsentRecord], question: Question) -> str:
    decision = judge((history[0].ref,), history, question)
    if decision.keep:
        return "in_force"
    if decision.reason is Exclusion.EXPIRED:
        return "expired"
    if decision.record is None:
        return "pending"
    return "withdrawn" if decision.record.status in _WITHDRAWN else "refused"
