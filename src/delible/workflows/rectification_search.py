"""What corrections mean in the tables: whose rows hold which values, what follows elsewhere, what cannot be made."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from delible.decide.rectification import (
    ColumnFacts,
    Follower,
    HeldValue,
    chained,
    followers,
    identified_by,
    proof_of,
    refusals,
    resolve,
    same,
    typed,
    unfit,
)
from delible.errors import Problem, bounded
from delible.model.rectification import Change, Correction, corrections_of
from delible.model.request import Request
from delible.model.subject import normalised, own_keys
from delible.workflows.control import Control
from delible.workflows.search import Searched, find_people

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Meant:
    """What corrections come to.

    Args:
        searched: Whose rows are where.
        changes: What changes, by request.
        rebuild: Derived tables that must be made anew, with the reason.
        problems: Why the corrections of a request cannot be made.
        held: What stands in the people's rows of corrected columns.
    """

    searched: Searched
    changes: Mapping[str, Sequence[Change]]
    rebuild: Mapping[str, str]
    problems: Mapping[str, Problem]
    held: Sequence[HeldValue]

    def rows(self) -> dict[str, dict[str, int]]:
        """Return how many rows of each request change, by table: where several columns change, at least so many."""
        found: dict[str, dict[str, int]] = {}
        for request, changes in self.changes.items():
            cells: dict[str, Counter[str]] = defaultdict(Counter)
            wrong = {(c.table, c.column, c.old) for c in changes}
            for h in self.held:
                if h.request == request and (h.table, h.column, h.value) in wrong:
                    cells[h.table][h.column] += h.rows
            found[request] = {table: max(of_table.values()) for table, of_table in cells.items()}
        return found


def find_meaning(
    spark: SparkSession, control: Control, requests: Sequence[Request], *, begun: Collection[str] = ()
) -> Meant:
    """Search the tables for the people of requests, and say what their corrections change there.

    Nothing is guessed: whatever does not say plainly what changes is a problem of its request.

    Args:
        spark: The session.
        control: The control plane.
        requests: Which.
        begun: Those of which an earlier plan has changed rows: they may be reached by their old identifiers no more.
    """
    from delible.lake.facts import read
    from delible.lake.reach import keys_frame
    from delible.lake.rectify import column_facts, held_values

    ids = [r.id for r in requests]
    kept = control.requests.vault.get(ids)
    searched = find_people(spark, control, own_keys(kept), erasing=False)
    policies, asked = control.policies, corrections_of(kept)
    problems: dict[str, Problem] = {}
    for request in ids:
        for problem in _refused(control, request, asked.get(request, [])):
            problems.setdefault(request, problem)
    able = [r for r in ids if r not in problems]
    plans = {r: [(c, *followers(policies, c)) for c in asked[r]] for r in able}
    columns: dict[str, dict[str, None]] = defaultdict(dict)
    for parts in plans.values():
        for correction, follow, _ in parts:
            columns[correction.table][correction.column] = None
            for f in follow:
                columns[f.table][f.column] = None
    places = {name: searched.locations[name] for name in columns}
    facts = {name: column_facts(spark, place) for name, place in places.items()}
    # A policy may map a column that the table does not have.
    wanted = {n: [c for c in of_table if c in facts[n]] for n, of_table in columns.items()}
    frames = {n: read(spark, searched.locations[n], version=searched.versions[n]) for n in searched.locations}
    keys = keys_frame(spark, searched.found.keys)
    held, together = held_values(policies, frames, keys, {n: c for n, c in wanted.items() if c})
    rebuild: dict[str, str] = {}
    changes: dict[str, list[Change]] = {}
    for request in able:
        one = _Person(control, request, [h for h in held if h.request == request], facts, begun=request in begun)
        changes[request] = one.changes(plans[request], rebuild)
        if one.problem is not None:
            problems[request] = one.problem
    problems |= _taken(spark, control, frames, keys, changes, problems)
    problems |= _colliding(requests, together, problems)
    final = {r: tuple(c) for r, c in changes.items() if r not in problems}
    shared = {(k.request, k.value) for k in searched.found.shared}
    proven = _proven(spark, control, frames, facts, held, final, shared)
    return Meant(searched, proven, rebuild, problems, held)


def _refused(control: Control, request: str, corrections: Sequence[Correction]) -> Iterable[Problem]:
    where = f"request:{request}"
    if not corrections:
        yield Problem("rectification.none", "the request says nothing that would be corrected.", where)
    yield from refusals(control.policies, corrections, where)


class _Person:
    """One request's corrections against what stands in its data subject's rows."""

    def __init__(
        self,
        control: Control,
        request: str,
        held: Sequence[HeldValue],
        facts: Mapping[str, Mapping[str, ColumnFacts]],
        *,
        begun: bool,
    ) -> None:
        self._begun = begun
        self.problem: Problem | None = None
        self._policies = control.policies
        self._request = request
        self._held = held
        self._facts = facts

    def changes(
        self, parts: Sequence[tuple[Correction, tuple[Follower, ...], dict[str, str]]], rebuild: dict[str, str]
    ) -> list[Change]:
        """Return all changes, those that follow among them, and add to `rebuild` what cannot follow."""
        found: dict[tuple[str, str | None], Change] = {}
        for correction, follow, left in parts:
            facts = self._facts[correction.table].get(correction.column)
            why_not = unfit(correction, facts)
            made: list[Change] = []
            here = self._in(correction.table, correction.column)
            if why_not is None and facts is not None and (here or not self._begun):
                made, why_not = resolve(correction, self._request, here, facts)
            if why_not is not None:
                self._refuse(correction.kind, why_not)
                continue
            for change in made:
                self._add(found, change)
            if made:
                rebuild |= left
            for follower in follow if made else ():
                self._follow(found, follower, correction, made, rebuild)
        by_column: dict[str, list[Change]] = defaultdict(list)
        for change in found.values():
            by_column[change.kind].append(change)
        for kind, group in by_column.items():
            if chained(group, self._facts[group[0].table][group[0].column].kind):
                self._refuse(kind, "one correction's new value is another one's old value; make them one by one")
        return list(found.values())

    def _add(self, found: dict[tuple[str, str | None], Change], change: Change) -> None:
        known = found.setdefault((change.kind, change.old), change)
        if known.new != change.new:
            self._refuse(change.kind, "two corrections say different things of one value")
        elif change.asked:
            found[change.kind, change.old] = change

    def _in(self, table: str, column: str) -> list[HeldValue]:
        return [h for h in self._held if (h.table, h.column) == (table, column)]

    def _follow(
        self,
        found: dict[tuple[str, str | None], Change],
        follower: Follower,
        correction: Correction,
        made: Sequence[Change],
        rebuild: dict[str, str],
    ) -> None:
        here, facts = self._in(follower.table, follower.column), self._facts[follower.table].get(follower.column)
        if not here:
            return
        kind = f"{follower.table}.{follower.column}"
        followed = False
        for change in made:
            equal = partial(self._equal, follower, facts, change)
            for value in (h.value for h in here if h.value is not None and equal(h.value)):
                followed = True
                why_not = unfit(Correction(follower.table, follower.column, change.new), facts)
                if why_not is not None or facts is None:
                    if follower.kind is not None:
                        self._refuse(kind, f"it holds the same identifier, but {why_not}")
                    rebuild.setdefault(follower.table, f"'{kind}' cannot be corrected: {why_not}")
                    continue
                new = None if change.new is None else typed(change.new, facts.kind)
                self._add(found, Change(self._request, follower.table, follower.column, value, new, asked=False))
        if not followed and follower.kind is None and not any(self._right(h, made, facts) for h in here):
            rebuild.setdefault(follower.table, f"'{kind}' does not hold what '{correction.kind}' held")

    def _equal(self, follower: Follower, facts: ColumnFacts | None, change: Change, value: str) -> bool:
        if change.old is None or facts is None:
            return False
        if follower.kind is not None:
            how = self._policies.controller.identifiers[follower.kind].normalise
            return normalised(value, how) == normalised(change.old, how)
        return same(value, change.old, facts.kind)

    def _right(self, held: HeldValue, made: Sequence[Change], facts: ColumnFacts | None) -> bool:
        return facts is not None and any(same(held.value, c.new, facts.kind) for c in made)

    def _refuse(self, kind: str, why_not: str) -> None:
        message = f"'{bounded(kind, 160)}': {why_not}."
        self.problem = self.problem or Problem("rectification.value", message, f"request:{self._request}")


def _taken(
    spark: SparkSession,
    control: Control,
    frames: Mapping[str, DataFrame],
    keys: DataFrame,
    changes: Mapping[str, Sequence[Change]],
    known: Mapping[str, Problem],
) -> dict[str, Problem]:
    """Refuse new identifiers that somebody else has: two people would become one."""
    from delible.lake.rectify import taken_by_others, values_frame

    found: dict[str, Problem] = {}
    seen: dict[tuple[str, str], str] = {}
    for request, group in changes.items():
        for change in group if request not in known else ():
            kind = identified_by(control.policies.tables[change.table], change.column)
            if kind is None or change.new is None or not change.asked:
                continue
            value = normalised(change.new, control.policies.controller.identifiers[kind].normalise)
            other = seen.setdefault((kind, value), request)
            new = values_frame(spark, [value])
            if other != request or taken_by_others(control.policies, frames, keys, kind, new):
                message = f"'{change.kind}': somebody else has the new identifier; two people would become one."
                found[request] = Problem("rectification.taken", message, f"request:{request}")
    return found


def _colliding(
    requests: Sequence[Request], together: Sequence[frozenset[str]], known: Mapping[str, Problem]
) -> dict[str, Problem]:
    """Leave out all but the first of requests that would change the same row."""
    order = {r.id: (r.received, r.id) for r in requests}
    late: dict[str, Problem] = {}
    for ids in together:
        first, *others = sorted((i for i in ids if i not in known), key=order.__getitem__) or [""]
        for other in others:
            message = f"request {first} changes the same rows, and goes first; try again when it has ended."
            late[other] = Problem("rectification.two_requests", message, f"request:{other}")
    return late


def _proven(
    spark: SparkSession,
    control: Control,
    frames: Mapping[str, DataFrame],
    facts: Mapping[str, Mapping[str, ColumnFacts]],
    held: Sequence[HeldValue],
    changes: Mapping[str, Sequence[Change]],
    shared: Collection[tuple[str, str]],
) -> dict[str, tuple[Change, ...]]:
    """Return the changes, each with what a search of the changed tables may take for proof.

    Args:
        spark: The session.
        control: The control plane.
        frames: Each table's rows.
        facts: Columns by table.
        held: What stands in people's rows.
        changes: What changes, by request.
        shared: Requests with identifiers of theirs that somebody else has, too, be it in another spelling.
    """
    from delible.lake.rectify import folded, stand_elsewhere

    every = [c for group in changes.values() for c in group]
    touched = {c.table for c in every}
    olds = [c.old for c in every if c.old is not None]
    stands = stand_elsewhere(spark, {n: frames[n] for n in touched}, olds) if olds else {}
    going: dict[tuple[str, str, str], int] = defaultdict(int)
    changing = {(c.request, c.kind, c.old) for c in every}
    for h in held:
        if h.value is not None and (h.request, f"{h.table}.{h.column}", h.value) in changing:
            going[h.table, h.column, folded(h.value)] += h.rows

    def proven(change: Change) -> Change:
        value = folded(change.old or "")
        left = {place: n - going[place] for place, n in stands.items() if place[2] == value}
        coming = [c for c in every if value and value in (c.new or "").lower()]
        elsewhere = any(n > 0 for n in left.values()) or bool(coming)
        kind = identified_by(control.policies.tables[change.table], change.column)
        if kind is not None and change.old is not None:
            how = control.policies.controller.identifiers[kind].normalise
            if (change.request, normalised(change.old, how)) in shared:
                return change
        in_column = left.get((change.table, change.column, value), 0) > 0 or any(c.kind == change.kind for c in coming)
        column = facts[change.table][change.column]
        return replace(change, proof=proof_of(change, column, elsewhere=elsewhere, in_column=in_column))

    return {request: tuple(proven(c) for c in group) for request, group in changes.items()}
