"""May this data subject's rows be used for this purpose? The consent rules, as one pure function.

`lake.consent` is the same decision for all subjects at once in Spark. A third model of these rules, in the tests and
written apart from both, decides random histories as they do.

The rules, in the order in which they decide:

1. SUPPRESSED: the person was erased before. Nothing brings the rows back, a newer consent included.
2. ERASURE_REQUESTED, RESTRICTED, OBJECTED, OPTED_OUT: an open or standing request (Art. 17, 18, 21; Cal. Civ. Code
   1798.120) excludes for every legal basis; the first of this order is the one that is counted. Objections and
   opt-outs are handed in only where they stand against the purpose (`decide.objection`).
3. Only records of this purpose count that the controller knew (`recorded_at` up to `known_at`) and that had begun
   (`valid_from` up to `as_of`). `requested` is a question and no statement: it never counts. An opt-out of sale or
   sharing that names no purpose (`SALE`) is a statement on every purpose that does not say that it does neither.
4. `given` counts only when its legal basis is consent, and only under an identifier that reaches nobody else: a
   telephone number that two people share can give no consent for either. What forbids counts for everybody it reaches,
   a shared `given` that has ended (rule 6) included.
5. The statement with the latest `valid_from` decides. At the same instant withdrawal wins, then opt-out, then refusal,
   then expiry, then `given`, whatever the order in which they were recorded; of two `given`, the one recorded last,
   then the one that ends first, then the data subject's own.
6. `given` whose end has come (up to `as_of`) is EXPIRED; it ends with its `valid_until`, or earlier by the purpose's
   terms. A withdrawal never lapses, nor does an older `given` come back when a newer one ends.
7. With consent as the legal basis (Art. 6(1)(a), 7) rows are KEPT only when rule 5 finds a `given` that lasts; without
   any statement the reason is NO_CONSENT.
8. With any other legal basis rows are KEPT unless rule 5 finds a withdrawal, refusal or opt-out. Nothing hangs on an
   expiry. The same holds on the basis of consent for people of whom it is known that they are in a jurisdiction where
   the purpose's terms let absence be permission; where it is unknown, silence is JURISDICTION_UNKNOWN.
9. With double opt-in a `given` is no statement: `confirmed` is one in its stead, under the conditions of rule 4, when
   the last `given` up to then has neither ended nor been followed, at that instant or later, by anything that forbids,
   and is not older than the terms allow. It ends when that `given` does, or with its own `valid_until`. Who gave and
   never confirmed is UNCONFIRMED.
10. Of a child below the age at which a parent decides, no `given` counts but a parent's, and nothing else lets the
    rows out, whatever the legal basis: MINOR. Below the age at which people must agree themselves, only a `given` that
    lasts does. Where an age counts and none is known, what would be KEPT is AGE_UNKNOWN, but for a parent's consent.
    A parent's consent stays one when the child has come of age. Age and jurisdiction count under identifiers that
    reach nobody else, from records of any purpose.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from delible.decide.consent_rules import RULE_OF, Rule
from delible.decide.consent_statements import (
    FORBIDS_ALWAYS,
    Question,
    Statement,
    Statements,
    latest,
    parental,
    person_known,
    reason_of,
    statements,
)
from delible.decide.consent_terms import Person
from delible.model.consent import ConsentRecord
from delible.model.request import Request
from delible.model.subject import SubjectRef
from delible.model.terms import Exclusion, LegalBasis, RequestState, Right

FLAGS = (
    Exclusion.SUPPRESSED,
    Exclusion.ERASURE_REQUESTED,
    Exclusion.RESTRICTED,
    Exclusion.OBJECTED,
    Exclusion.OPTED_OUT,
)
"""What stands against a person apart from consent, the strongest first (rules 1 and 2)."""

_STANDING = {
    Right.ERASURE: Exclusion.ERASURE_REQUESTED,
    Right.RESTRICTION: Exclusion.RESTRICTED,
    Right.OBJECTION: Exclusion.OBJECTED,
    Right.OPT_OUT: Exclusion.OPTED_OUT,
}

WITHOUT_EFFECT = frozenset({RequestState.REFUSED, RequestState.EXPIRED, RequestState.DUPLICATE, RequestState.WITHDRAWN})


class Decision(NamedTuple):
    """Whether rows may be used, why not, the record that decided where one did, and the rule."""

    keep: bool
    reason: Exclusion | None = None
    record: ConsentRecord | None = None
    rule: Rule = Rule.NO_STATEMENT


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
    """Decide like `judge` for a purpose that asks nothing more of a consent."""
    return judge(refs, records, Question(purpose, basis, as_of, known_at), flags=flags, shared=shared)


def judge(
    refs: Collection[SubjectRef],
    records: Iterable[ConsentRecord],
    question: Question,
    *,
    flags: Collection[Exclusion] = (),
    shared: Collection[SubjectRef] = (),
) -> Decision:
    """Decide by the rules of this module whether one data subject's rows are KEPT.

    Args:
        refs: All references of the person.
        records: Consent records; those of other references are passed over.
        question: What the rows are to be used for, and when.
        flags: Members of `FLAGS` that stand against the person.
        shared: References among `refs` that reach other people too.
    """
    standing = next((f for f in FLAGS if f in flags), None)
    if standing is not None:
        return Decision(False, standing, None, RULE_OF[standing])
    told = [r for r in records if r.ref in refs]
    person = person_known(told, question, shared)
    found = statements(told, question, shared)
    if _minor(person):
        return _of_minor(found, question)
    return _of_others(found, question, person)


def _minor(person: Person) -> bool:
    return person.age is not None and person.age < person.parental_below


def _of_minor(found: Statements, question: Question) -> Decision:
    statement = latest(parental(found.counting))
    if statement is None:
        return Decision(False, Exclusion.MINOR, None, Rule.MINOR)
    reason = reason_of(statement, question)
    return Decision(reason is None, reason, statement.record, Rule.PARENTAL if reason is None else RULE_OF[reason])


def _of_others(found: Statements, question: Question, person: Person) -> Decision:
    statement = latest(found.counting)
    record = statement.record if statement is not None else None
    reason = reason_of(statement, question) if statement is not None else None
    lasting = statement is not None and reason is None
    if reason in FORBIDS_ALWAYS and reason is not None:
        return Decision(False, reason, record, RULE_OF[reason])
    if not lasting and question.basis is LegalBasis.CONSENT and person.opt_out is not True:
        return (
            _absent(found, question, person)
            if statement is None
            else Decision(False, Exclusion.EXPIRED, record, Rule.EXPIRED)
        )
    if statement is None or not lasting or statement.own:
        if person.age is None and max(person.parental_below, person.opt_in_below):
            return Decision(False, Exclusion.AGE_UNKNOWN, record, Rule.AGE_UNKNOWN)
        if person.age is not None and person.age < person.opt_in_below and not lasting:
            return Decision(False, Exclusion.MINOR, record, Rule.MINOR)
    return Decision(True, None, record, _keeping(statement if lasting else None, question))


def _absent(found: Statements, question: Question, person: Person) -> Decision:
    if found.unconfirmed:
        return Decision(False, Exclusion.UNCONFIRMED, None, Rule.UNCONFIRMED)
    if question.terms.opt_out_in and person.opt_out is None:
        return Decision(False, Exclusion.JURISDICTION_UNKNOWN, None, Rule.JURISDICTION_UNKNOWN)
    return Decision(False, Exclusion.NO_CONSENT, None, Rule.NO_STATEMENT)


def _keeping(statement: Statement | None, question: Question) -> Rule:
    if question.basis is not LegalBasis.CONSENT:
        return Rule.OTHER_BASIS
    if statement is None:
        return Rule.OPT_OUT_REGIME
    if not statement.own:
        return Rule.PARENTAL
    return Rule.GIVEN if statement.confirms is None else Rule.CONFIRMED
