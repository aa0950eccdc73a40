"""Run policy tests: what retention, an erasure and a release make of given rows, by the rules of the real thing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from delible.decide.consent import flag_of, judge
from delible.decide.consent_statements import Question
from delible.decide.exception import Covering as Covered
from delible.decide.exception import fate
from delible.decide.expressions import Undecidable, evaluate
from delible.decide.holds import held_tables
from delible.decide.joined_rows import Found, joined_rows
from delible.decide.objection import excludes
from delible.decide.people import Key, People
from delible.decide.retention import Covering, decide_row, ends_use
from delible.model.consent import ConsentRecord
from delible.model.dataset import DatasetRecipe
from delible.model.policy import PolicySet, Purpose
from delible.model.policy_case import ExpectedErasure, ExpectedRelease, ExpectedRetention, PolicyCase, numbered
from delible.model.restriction import RestrictionGround
from delible.model.retention import EventClock, RetentionRule
from delible.model.subject import SubjectRef
from delible.model.terms import ErasureAction, Exclusion, Right

_FREEZING = frozenset({Right.ACCESS, Right.PORTABILITY, Right.RESTRICTION})


@dataclass(frozen=True)
class Outcome:
    """One expectation of a test.

    Args:
        what: Which, such as `retention tickets 1`.
        found: What was decided instead, or why nothing can be decided.
    """

    what: str
    expected: str
    found: str

    @property
    def passed(self) -> bool:
        """Whether it is as expected."""
        return self.expected == self.found


def run_case(policies: PolicySet, case: PolicyCase) -> tuple[Outcome, ...]:
    """Return the outcome of each expectation of a test.

    Columns that a row leaves out are empty. What cannot be decided without Spark fails, and says why.
    """
    rows = {
        name: [{**_empty(policies, name), **{c: numbered(v) for c, v in row.items()}} for row in given]
        for name, given in case.rows.items()
    }
    run = _Run(policies, case, rows, People(policies, case.rows))
    expected = case.expect
    return (
        *(run.judged(e, run.retention) for e in expected.retention),
        *(run.judged(e, run.erasure) for e in expected.erasure),
        *(run.judged(e, run.release) for e in expected.release),
    )


@dataclass(frozen=True)
class _Run:
    policies: PolicySet
    case: PolicyCase
    rows: Mapping[str, list[dict[str, Any]]]
    people: People

    def judged(self, expected: Any, decide_one: Any) -> Outcome:
        what = _what(expected)
        try:
            wanted, found = decide_one(expected)
        except Undecidable as error:
            return Outcome(what, "a decision", f"undecidable without Spark: {error}")
        except KeyError as error:
            return Outcome(what, "a decision", f"there is no {error.args[0]}")
        return Outcome(what, wanted, found)

    def retention(self, expected: ExpectedRetention) -> tuple[str, str]:
        row = self._row(expected.table, expected.row)
        rules = [r for r in self.policies.retention.values() if r.table == expected.table]
        covering = [self._covering(rule, row) for rule in rules]
        keys = self.people.keys_in(expected.table, self.case.rows[expected.table][expected.row - 1])
        held = self._table_held(expected.table) or not keys.isdisjoint(self._holding(*_FREEZING))
        found = decide_row(covering, held=held, now=self._now)
        action = str(found.action or "stay")
        parts = [(expected.action, action)]
        if expected.because is not None:
            parts.append((expected.because, str(found.standing)))
        if expected.rule is not None:
            parts.append((expected.rule, str(found.rule)))
        return _joined(parts)

    def erasure(self, expected: ExpectedErasure) -> tuple[str, str]:
        self._row(expected.table, expected.row)
        table = self.policies.tables[expected.table]
        due = self.people.person(self._who(expected.who))
        owners = self.people.owners(expected.table, self.case.rows[expected.table][expected.row - 1])
        if not owners & due:
            return expected.action, "not_theirs"
        if not owners <= due:
            return expected.action, "shared"
        held = self._holding(opposing=True)
        if self._table_held(expected.table, erasing=True) or not held.isdisjoint(self.people.keys_of(due)):
            return expected.action, "held"
        row = self._row(expected.table, expected.row)
        exceptions = [x for x in self.policies.exceptions.values() if x.table == expected.table]
        covering = [Covered(x, evaluate(x.where, row) if x.where is not None else True) for x in exceptions]
        found = fate(table, covering, regimes=(expected.regime,), today=self._now.date(), columns=row)
        if expected.kept is None or found.action is ErasureAction.DELETE_ROW:
            return expected.action, str(found.action)
        kept = sorted(c for c in table.columns if not found.erases(c))
        return f"{expected.action} {sorted(expected.kept)}", f"{found.action} {kept}"

    def release(self, expected: ExpectedRelease) -> tuple[str, str]:
        reason = self._release_reason(expected)
        found = "released" if reason is None else f"left out: {reason}"
        if expected.released:
            return "released", found
        wanted = f"left out: {expected.reason}" if expected.reason else "left out"
        return wanted, found if expected.reason or reason is None else "left out"

    def _release_reason(self, expected: ExpectedRelease) -> str | None:
        recipe = _named(self.policies.datasets, expected.dataset, "dataset")
        row = self._row(recipe.source, expected.row)
        purpose = self.policies.purposes[recipe.purpose]
        if purpose.legal_basis is None:
            return "no_legal_basis"
        if recipe.where is not None and evaluate(recipe.where, row) is not True:
            return Exclusion.CONDITION.value
        # Of several rows that it becomes, the first reason of all: it is released when all of them are.
        reasons = [self._reason_of(recipe, made, purpose) for made in joined_rows(recipe, self.rows, expected.row)]
        left_out = [reason for reason in reasons if reason is not None]
        return min(left_out, key=list(Exclusion).index).value if left_out else None

    def _reason_of(self, recipe: DatasetRecipe, made: Found, purpose: Purpose) -> Exclusion | None:
        """Return why one row that a recipe makes is left out."""
        if any(made[join.table] is None for join in recipe.joins if join.unmatched == "exclude"):
            return Exclusion.NO_MATCH
        if any(self._past_period(table, number) for table, number in made.items() if number is not None):
            return Exclusion.PAST_PERIOD
        assert purpose.legal_basis is not None  # noqa: S101 - asked before
        question = Question.of(purpose, purpose.legal_basis, as_of=self._now, known_at=self._now)
        people: set[Key] = set()
        personal = [table for table in made if self.policies.tables[table].subject]
        for table in personal:
            if (number := made[table]) is not None:
                keys = self.people.keys_in(table, self.case.rows[table][number - 1])
                theirs = {person for key in keys for person in self.people.of(key)}
                if not theirs:
                    return Exclusion.NO_SUBJECT
                people |= theirs
        if not people:
            return None if not personal and judge((), (), question).keep else Exclusion.NO_SUBJECT
        reasons = []
        for person in people:
            mine = self.people.keys_of(frozenset({person}))
            decision = judge(
                [_ref(key) for key in mine],
                self._records(),
                question,
                flags=[
                    f for r in self.case.requests if (f := self._flag(r, mine)) is not None and excludes(f, purpose)
                ],
                shared=[_ref(key) for key in mine if len(self.people.of(key)) > 1],
            )
            reasons += [decision.reason] if decision.reason is not None else []
        return min(reasons, key=list(Exclusion).index) if reasons else None

    def _past_period(self, table: str, number: int) -> bool:
        rules = [r for r in self.policies.retention.values() if r.table == table and ends_use(r)]
        covering = [self._covering(rule, self._row(table, number)) for rule in rules]
        ends = [each.ends(each.rule.keep) for each in covering if each.covers]
        return any(end is not None and end <= self._now for end in ends)

    def _flag(self, request: Any, keys: frozenset[Key]) -> Exclusion | None:
        theirs = {self.people.key(kind, value) for kind, value in self._who(request.who).items()}
        return flag_of(request.right) if theirs & keys else None

    def _records(self) -> Iterator[ConsentRecord]:
        for given in self.case.consents:
            for kind, value in self._who(given.who).items():
                yield ConsentRecord(
                    ref=_ref(self.people.key(kind, value)),
                    kind=kind,
                    purpose=given.purpose,
                    status=given.status,
                    legal_basis=given.legal_basis,
                    notice_version=given.notice_version,
                    valid_from=_utc(given.valid_from),
                    valid_until=_utc(given.valid_until) if given.valid_until is not None else None,
                    recorded_at=_utc(given.valid_from),
                    source="policy test",
                    jurisdiction=given.jurisdiction,
                    age=given.age,
                    given_by=given.given_by,
                )

    def _covering(self, rule: RetentionRule, row: Mapping[str, Any]) -> Covering:
        covers = evaluate(rule.where, row) if rule.where is not None else True
        empty = [row.get(column) is None for column, how in rule.columns.items() if how == "null"]
        done = bool(rule.columns) and len(empty) == len(rule.columns) and all(empty)
        start = self._start(rule, row)
        return Covering(rule, start.at if start else None, covers, done, by_day=start is not None and start.by_day)

    def _start(self, rule: RetentionRule, row: Mapping[str, Any]) -> _Start | None:
        clock = rule.clock
        if not isinstance(clock, EventClock):
            return _instant(row, clock)
        own = row.get(clock.key)
        times = [
            _instant(event, clock.column)
            for event in self.rows.get(clock.table, ())
            if own is not None and event.get(clock.target) is not None and str(event[clock.target]) == str(own)
        ]
        known = [at for at in times if at is not None]
        if known:
            return max(known) if clock.take == "last" else min(known)
        return _instant(row, clock.otherwise) if clock.otherwise is not None else None

    def _holding(self, *rights: Right, opposing: bool = False) -> frozenset[Key]:
        """Return all identifiers that holds, and open requests for some rights, reach.

        Args:
            rights: Which.
            opposing: Also restrictions by which somebody opposes erasure (Art. 18(1)(b)).
        """
        opposed = RestrictionGround.UNLAWFUL_PROCESSING if opposing else None
        asked = [r for r in self.case.requests if r.right in rights or (opposed and r.ground is opposed)]
        people = [*self.case.held, *(r.who for r in asked)]
        given = {self.people.key(kind, value) for who in people for kind, value in self._who(who).items()}
        return self.people.linked(frozenset(given))

    def _table_held(self, table: str, *, erasing: bool = False) -> bool:
        return table in held_tables(self.policies, self._now.date(), erasing=erasing)

    def _who(self, who: Mapping[str, Any]) -> Mapping[str, Any]:
        for kind in who:
            _named(self.policies.controller.identifiers, kind, "identifier kind")
        return who

    def _row(self, table: str, number: int) -> dict[str, Any]:
        _named(self.policies.tables, table, "table")
        given = self.rows.get(table, [])
        if number > len(given):
            raise KeyError(f"row {number} of '{table}' in the test")
        return given[number - 1]

    @property
    def _now(self) -> datetime:
        return _utc(self.case.now)


def _empty(policies: PolicySet, table: str) -> dict[str, None]:
    """Return NULL for each column of a table: a test gives only what matters."""
    policy = policies.tables.get(table)
    return dict.fromkeys(policy.columns) if policy is not None else {}


def _what(expected: ExpectedRetention | ExpectedErasure | ExpectedRelease) -> str:
    kind = type(expected).__name__.removeprefix("Expected").lower()
    return f"{kind} {getattr(expected, 'table', None) or getattr(expected, 'dataset', '')} {expected.row}"


def _joined(parts: list[tuple[str, str]]) -> tuple[str, str]:
    return ", ".join(wanted for wanted, _ in parts), ", ".join(found for _, found in parts)


def _named(things: Mapping[str, Any], name: str, what: str) -> Any:
    if name not in things:
        raise KeyError(f"{what} '{name}' in the policies")
    return things[name]


def _ref(key: Key) -> SubjectRef:
    return SubjectRef("v0." + hashlib.sha256("\x1f".join(key).encode()).hexdigest())


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)


class _Start(NamedTuple):
    """When a clock started, and whether it is a date without a time."""

    at: datetime
    by_day: bool


def _instant(row: Mapping[str, Any], column: str) -> _Start | None:
    value = row.get(column)
    if value is None:
        return None
    text = str(value)
    try:
        return _Start(_utc(datetime.fromisoformat(text)), len(text) == len("2026-01-31"))
    except ValueError:
        raise Undecidable(f"the clock '{column}' of a row is no time in ISO 8601") from None
