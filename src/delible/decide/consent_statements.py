"""Which of a person's consent records are statements, and which decides: rules 3 to 6 and 9 of `decide.consent`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

from delible.decide.consent_rules import Standing
from delible.decide.consent_terms import Person, confirmable_until, end_of, person_of
from delible.model.consent import SALE, ConsentRecord
from delible.model.consent_terms import ConsentTerms
from delible.model.policy import Purpose
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentGiver, ConsentStatus, Exclusion, LegalBasis

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

WEIGHT = {
    ConsentStatus.GIVEN: 1,
    ConsentStatus.EXPIRED: 2,
    ConsentStatus.REFUSED: 3,
    ConsentStatus.INVALIDATED: 3,
    ConsentStatus.OPTED_OUT: 4,
    ConsentStatus.WITHDRAWN: 5,
    ConsentStatus.REVOKED: 5,
}
"""Which statement wins at the same `valid_from` (rule 5); statuses that are absent never count (rule 3)."""

REASON = {2: Exclusion.EXPIRED, 3: Exclusion.NO_CONSENT, 4: Exclusion.OPTED_OUT, 5: Exclusion.WITHDRAWN}
"""What a winning statement's weight means as a reason; weight 1 is a consent."""

FORBIDS_ALWAYS = frozenset({Exclusion.NO_CONSENT, Exclusion.OPTED_OUT, Exclusion.WITHDRAWN})
"""Statements that exclude even where the legal basis is not consent (rule 8)."""


@dataclass(frozen=True)
class Question:
    """What is asked of a person's records.

    Args:
        purpose, basis: What the rows are to be used for, and on which legal basis.
        as_of: The instant at which the rows are used.
        known_at: The instant up to which the controller's knowledge counts.
        terms: What the purpose asks of a consent.
        sale: An opt-out of sale or sharing stands against the purpose.
    """

    purpose: str
    basis: LegalBasis
    as_of: datetime
    known_at: datetime
    terms: ConsentTerms = field(default_factory=ConsentTerms)
    sale: bool = True

    @classmethod
    def of(cls, purpose: Purpose, basis: LegalBasis, *, as_of: datetime, known_at: datetime) -> Self:
        """Return the question as a policy has it."""
        sale = purpose.sells_or_shares is not False
        return cls(purpose.purpose, basis, as_of=as_of, known_at=known_at, terms=purpose.consent, sale=sale)


class Statement(NamedTuple):
    """A record that counts; of several the greatest decides (rule 5).

    Args:
        own: The data subject's, not a parent's.
        confirms: The `given` that the record confirms.
    """

    at: datetime
    weight: int
    recorded_at: datetime
    ends: bool
    minus_end: int
    own: bool
    record: ConsentRecord
    end: datetime | None
    confirms: ConsentRecord | None = None

    @property
    def order(self) -> tuple[datetime, int, datetime, bool, int, bool]:
        """What statements are compared by."""
        return self[:6]


class Statements(NamedTuple):
    """A person's records, judged one by one.

    Args:
        counting: Those that are statements.
        unconfirmed: Something was given that is no statement until it is confirmed.
        aside: What is no statement, and why.
    """

    counting: tuple[Statement, ...]
    unconfirmed: bool
    aside: tuple[tuple[ConsentRecord, Standing], ...]


def person_known(records: Iterable[ConsentRecord], question: Question, shared: Collection[SubjectRef] = ()) -> Person:
    """Return what the person's records say of who they are, as it was known."""
    facts = (r for r in records if _known(r, question) is None and r.ref not in shared)
    return person_of(facts if question.terms.asks_facts else (), question.terms, question.as_of)


def statements(records: Iterable[ConsentRecord], question: Question, shared: Collection[SubjectRef] = ()) -> Statements:
    """Return which of a person's records are statements on the purpose (rules 3, 4 and 9)."""
    aside: list[tuple[ConsentRecord, Standing]] = []
    forbidding: list[Statement] = []
    given: list[Statement] = []
    confirming: list[ConsentRecord] = []
    for record in records:
        if not speaks_of(record, question):
            continue
        why = _known(record, question) or _no_statement(record, question, shared=record.ref in shared)
        if why is not None:
            aside.append((record, why))
        elif record.status is ConsentStatus.CONFIRMED:
            confirming.append(record)
        else:
            made = _statement(record, question)
            (given if record.status is ConsentStatus.GIVEN else forbidding).append(made)
    if not question.terms.double_opt_in:
        return Statements((*forbidding, *given), False, tuple(aside))
    confirmed = [(r, _confirmed(r, given, forbidding, question)) for r in confirming]
    aside += [(s.record, Standing.NOT_CONFIRMED) for s in given]
    aside += [(r, Standing.CONFIRMS_NOTHING) for r, made in confirmed if made is None]
    counting = (*forbidding, *(made for _, made in confirmed if made is not None))
    return Statements(counting, bool(given), tuple(aside))


def speaks_of(record: ConsentRecord, question: Question) -> bool:
    """Return whether a record is on the purpose that is asked for."""
    sale = question.sale and record.purpose == SALE and record.status is ConsentStatus.OPTED_OUT
    return record.purpose == question.purpose or sale


def latest(found: Iterable[Statement]) -> Statement | None:
    """Return the statement that decides (rule 5)."""
    return max(found, key=lambda s: s.order, default=None)


def parental(found: Iterable[Statement]) -> tuple[Statement, ...]:
    """Return the statements that count of a child: all that forbids, and what a parent gave (rule 10)."""
    return tuple(s for s in found if s.weight > WEIGHT[ConsentStatus.GIVEN] or not s.own)


def reason_of(statement: Statement, question: Question) -> Exclusion | None:
    """Return why a statement that decides leaves rows out, or None for a consent that lasts (rules 5 and 6)."""
    if statement.weight > WEIGHT[ConsentStatus.GIVEN]:
        return REASON[statement.weight]
    return Exclusion.EXPIRED if statement.end is not None and statement.end <= question.as_of else None


def _known(record: ConsentRecord, question: Question) -> Standing | None:
    if record.recorded_at > question.known_at:
        return Standing.NOT_KNOWN
    return Standing.NOT_BEGUN if record.valid_from > question.as_of else None


def _no_statement(record: ConsentRecord, question: Question, *, shared: bool) -> Standing | None:
    """Return why a record is no statement at all (rules 3 and 4)."""
    agrees = record.status in (ConsentStatus.GIVEN, ConsentStatus.CONFIRMED)
    if record.status is ConsentStatus.CONFIRMED and not question.terms.double_opt_in:
        return Standing.QUESTION
    if not agrees:
        return None if record.status in WEIGHT else Standing.QUESTION
    if record.legal_basis is not LegalBasis.CONSENT:
        return Standing.OTHER_GROUND
    end = end_of(record, question.terms)
    ended = end is not None and end <= question.as_of
    return Standing.SHARED if shared and (question.terms.double_opt_in or not ended) else None


def _statement(record: ConsentRecord, question: Question) -> Statement:
    end = end_of(record, question.terms) if record.status is ConsentStatus.GIVEN else record.valid_until
    return _made(record, WEIGHT[record.status], end, own=record.given_by is not ConsentGiver.PARENT)


def _confirmed(
    record: ConsentRecord, given: Iterable[Statement], forbidding: Iterable[Statement], question: Question
) -> Statement | None:
    """Return the statement that a confirmation is, or None when there is nothing that it could confirm (rule 9)."""
    at = record.valid_from
    first = latest(s for s in given if s.at <= at)
    if first is None or (first.end is not None and first.end <= at):
        return None
    until = confirmable_until(first.at, question.terms)
    forbidden = max((s.at for s in forbidding if s.at <= at), default=None)
    if (until is not None and at > until) or (forbidden is not None and forbidden >= first.at):
        return None
    end = min((e for e in (first.end, record.valid_until) if e is not None), default=None)
    own = first.own or record.given_by is not ConsentGiver.PARENT
    made = _made(record, WEIGHT[ConsentStatus.GIVEN], end, own=own)
    return made._replace(confirms=first.record)


def _made(record: ConsentRecord, weight: int, end: datetime | None, *, own: bool) -> Statement:
    minus_end = (_EPOCH - end) // timedelta(microseconds=1) if end is not None else 0
    return Statement(record.valid_from, weight, record.recorded_at, end is not None, minus_end, own, record, end)
