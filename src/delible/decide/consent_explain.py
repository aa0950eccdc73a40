"""Why a decision came out as it did: each record with the rule by which it counts, or does not."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from delible.decide.consent import Decision, judge
from delible.decide.consent_rules import Standing
from delible.decide.consent_statements import Question, Statement, parental, person_known, speaks_of, statements
from delible.decide.consent_terms import Person
from delible.model.consent import ConsentRecord
from delible.model.subject import SubjectRef
from delible.model.terms import Exclusion


class Explanation(NamedTuple):
    """A decision, what was known of the person, and what became of each record on the purpose, oldest first."""

    decision: Decision
    person: Person
    records: tuple[tuple[ConsentRecord, Standing], ...]


def explain(
    refs: Collection[SubjectRef],
    records: Iterable[ConsentRecord],
    question: Question,
    *,
    flags: Collection[Exclusion] = (),
    shared: Collection[SubjectRef] = (),
) -> Explanation:
    """Decide like `judge`, and say why."""
    own = [r for r in records if r.ref in refs]
    decision = judge(refs, own, question, flags=flags, shared=shared)
    person, found = person_known(own, question, shared), statements(own, question, shared)
    aside = dict(found.aside)
    deciding = next((s for s in found.counting if s.record == decision.record), None)
    childs = _childs(found.counting, person)
    judged = []
    for record in sorted((r for r in own if speaks_of(r, question)), key=lambda r: (r.valid_from, r.recorded_at)):
        if decision.record is not None and record == decision.record:
            why = Standing.DECIDES
        elif deciding is not None and record == deciding.confirms:
            why = Standing.CONFIRMED
        elif record in aside:
            why = aside[record]
        elif record in childs:
            why = Standing.CHILDS_OWN
        else:
            why = Standing.COUNTS if decision.record is None else Standing.EARLIER
        judged.append((record, why))
    return Explanation(decision, person, tuple(judged))


def _childs(counting: Collection[Statement], person: Person) -> frozenset[ConsentRecord]:
    if person.age is None or person.age >= person.parental_below:
        return frozenset()
    kept = parental(counting)
    return frozenset(s.record for s in counting if s not in kept)
