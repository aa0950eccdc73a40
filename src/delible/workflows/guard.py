"""Look for erased people whose rows came back, and have them erased again where the policy says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import SecretStr

from delible.decide.deadline import due_date
from delible.decide.suppression import Again, ErasedPerson, again, erased_people, guarded
from delible.errors import BlockedError, InputError, Problem, did_you_mean
from delible.model.policy import PolicySet, TablePolicy
from delible.model.record import AuditEntry
from delible.model.request import ENDED, Request
from delible.model.subject import Identifier, KeyRow, SubjectRef
from delible.model.terms import Right
from delible.store.consents import Consents
from delible.store.requests import NewRequest
from delible.store.workspace import Workspace
from delible.workflows.calendars import calendar_of, zone_of
from delible.workflows.control import Control
from delible.workflows.guard_requests import erase_again, left_behind
from delible.workflows.lineage_events import duty, recorded, table_uses
from delible.workflows.search import find_people, refs_of_keys
from delible.workflows.spark import session_for
from delible.workflows.unfinished import plans_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from delible.lake.guard import Returned
    from delible.lake.identity import RefKey

_ASK = {
    Again.AMBIGUOUS: "the rows that came back reach two people",
    Again.NEW_IDENTIFIERS: "the rows that came back are tied to identifiers that were never erased: perhaps a new "
    "beginning, perhaps somebody else",
    Again.CONSENTED_SINCE: "consent was given after the erasure",
    Again.NO_IDENTIFIER: "rows came back, and no identifier with them",
}


@dataclass(frozen=True)
class Guarded:
    """What one look found.

    Args:
        tables: Every table that was looked at.
        requests: Requests by which people are erased again.
        ask: People about whom somebody has to decide, each named by the request that erased them.
    """

    tables: tuple[Returned, ...]
    requests: tuple[Request, ...] = ()
    ask: tuple[Problem, ...] = ()

    @property
    def people(self) -> frozenset[str]:
        """Who came back, each by the request that erased them."""
        return frozenset(request for table in self.tables for request in table.people)

    @property
    def failure(self) -> BlockedError | None:
        """What the command ends with: people who were erased are there again."""
        if not self.people:
            return None
        names = ", ".join(t.table for t in self.tables if t.rows)
        problem = Problem(
            "guard.returned",
            f"{len(self.people)} erased person(s) came back in: {names}. "
            + ("Erase them again with: delible request fulfil" if self.requests else "Find out what wrote the rows."),
            "workspace:tables",
        )
        return BlockedError.of((problem, *self.ask))


def guard_tables(
    workspace: Workspace,
    names: Sequence[str] = (),
    *,
    actor: str,
    now: datetime,
    erase: bool = True,
    policies: PolicySet | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Guarded:
    """Look whether rows of erased people are in tables again.

    Args:
        names: Tables of the policies; all of them when none is named.
        erase: Do as the controller's `returned` says; False only reports.
        policies: The workspace's, where somebody has read them already.

    Raises:
        InputError: `table.unknown`, `table.missing`.
    """
    control = Control(workspace) if policies is None else Control(workspace).under(policies)
    erased = erased_people(control.suppression.rows())
    tables = _guarded(control, names)
    if not erased or not tables:
        return Guarded(())
    guard = _Guard(control, erased, actor, now, progress, _kept(control, erased))
    places = {name: workspace.location(table) for name, table in tables.items()}
    inputs = table_uses(control.policies, places)
    with recorded(workspace, "guard.look", now=now, inputs=inputs, facets=duty(control.policies, "guard")):
        found = Guarded(tuple(guard.counted(table) for table in tables.values()))
    if found.people and erase and control.policies.controller.returned == "erase":
        found = guard.erased_again(found)
    _record(control, found, actor, now)
    return found


def _kept(control: Control, erased: Mapping[SubjectRef, ErasedPerson]) -> dict[str, frozenset[str]]:
    """Return who has rows that exceptions keep, per table: by requests that ended so, and by plans under way."""
    requests = {r.id: r for r in control.requests.all() if r.right is Right.ERASURE and r.state not in ENDED}
    tables = {i: {part.table for part in r.kept} for i, r in requests.items()}
    for plan in plans_of(control.workspace, requests):
        for planned in plan.requests:
            if planned.id in tables:
                tables[planned.id] |= {part.table for part in planned.kept}
    kept: dict[str, set[str]] = {}
    for ref, request, _ in control.suppression.rows():
        for table in tables.get(request, ()):
            kept.setdefault(table, set()).add(erased[ref].request)
    return {table: frozenset(people) for table, people in kept.items()}


@dataclass(frozen=True)
class _Guard:
    """One look, with everything it needs.

    Args:
        kept: Per table, people of whom exceptions keep something there, by the request that stands for each.
    """

    control: Control
    erased: Mapping[SubjectRef, ErasedPerson]
    actor: str
    now: datetime
    progress: Callable[[str], None]
    kept: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def by_request(self) -> dict[SubjectRef, str]:
        """References with the request that stands for the erased person."""
        return {ref: person.request for ref, person in self.erased.items()}

    @property
    def key(self) -> RefKey:
        """The key of references, for Spark."""
        from delible.lake.identity import RefKey

        return RefKey(self.control.keys.version, self.control.keys.pads())

    def read(self, name: str) -> DataFrame:
        """Return a table's rows."""
        from delible.lake.facts import read, version_of

        location = self.control.locations()[name]
        spark = session_for(self.control.workspace)
        return read(spark, location, version=version_of(spark, location, table=name))

    def counted(self, table: TablePolicy) -> Returned:
        """Look at one table."""
        from delible.lake.guard import returned

        self.progress(f"guarding {table.table}")
        spark = session_for(self.control.workspace)
        return returned(spark, self.control.policies, table, self.read, self.key, self.gone(table.table))

    def gone(self, table: str) -> dict[SubjectRef, str]:
        """Return the references of people of whom nothing may be in a table, each with its request.

        Whose rows an exception keeps there, wholly or in part, they have never left.
        """
        staying = self.kept.get(table, frozenset())
        return {ref: request for ref, request in self.by_request.items() if request not in staying}

    def erased_again(self, found: Guarded) -> Guarded:
        """Turn people who came back into erasure requests, but for those about whom somebody has to decide.

        Their identifiers are read from the rows themselves. They go encrypted into the vault, as a data subject's own
        would, and are forgotten with the request; neither request nor plan holds them.
        """
        from delible.lake.guard import returned_keys

        control, spark = self.control, session_for(self.control.workspace)
        tables = _guarded(control, ())
        keys = returned_keys(spark, control.policies, tables, self.read, self.key, self.by_request)
        searched = find_people(spark, control, keys, erasing=False)
        refs = refs_of_keys(control, keys)
        begun = left_behind(control)
        waiting = [r for r in control.requests.of_right(Right.ERASURE) if r.state not in ENDED and r not in begun]
        persons = {p.request: p for p in self.erased.values()}
        new, left, ask = [], [], []
        for request in sorted(found.people):
            reached = searched.refs.get(request, ())
            own = frozenset(refs.get(request, ()))
            verdict = again(
                persons[request],
                reached=reached,
                suppressed=self.erased,
                ambiguous=request in searched.found.ambiguous,
                consents=Consents(control.workspace).for_refs(reached),
                requested=bool(own) and any(own <= set(r.refs) for r in waiting),
            )
            if verdict is Again.ERASE and (known := [r for r in begun if own and own <= set(r.refs)]):
                left += known
            elif verdict is Again.ERASE:
                new.append(self._request(request, [k for k in keys if k.request == request], refs[request]))
            elif verdict in _ASK:
                message = f"{_ASK[verdict]}. Look at the rows, and submit a request if they must go."
                ask.append(Problem(f"guard.{verdict}", message, f"request:{request}"))
        made = erase_again(control, new, left, actor=self.actor, now=self.now)
        return Guarded(found.tables, tuple(made), tuple(ask))

    def _request(self, origin: str, keys: Sequence[KeyRow], refs: tuple[SubjectRef, ...]) -> NewRequest:
        regime, controller = self.control.requests.get(origin).regime, self.control.policies.controller
        working, zone = calendar_of(controller, regime), zone_of(controller)
        return NewRequest(
            right=Right.ERASURE,
            regime=regime,
            identifiers=tuple(Identifier(kind=k.kind, value=SecretStr(k.value)) for k in keys),
            refs=refs,
            received=self.now,
            due=due_date(Right.ERASURE, regime, self.now, is_working_day=working, zone=zone),
            again=origin,
        )


def _guarded(control: Control, names: Sequence[str]) -> dict[str, TablePolicy]:
    tables = control.policies.tables
    for name in names:
        if name not in tables:
            hint = did_you_mean(name, tables).strip()
            raise InputError("table.unknown", "no policy describes this table.", where=name, fix=hint or None)
    chosen = {name: guarded(tables[name]) for name in names or tables}
    return {name: table for name, table in chosen.items() if table is not None}


def _record(control: Control, found: Guarded, actor: str, now: datetime) -> None:
    entry = AuditEntry(
        actor=actor,
        action="guard.check",
        object="workspace:tables",
        outcome="returned" if found.people else "done",
        counts={
            "tables": len(found.tables),
            "rows": sum(t.rows for t in found.tables),
            "people": len(found.people),
            "requests": len(found.requests),
        },
        detail={t.table: str(t.rows) for t in found.tables if t.rows},
    )
    control.ledger.append([entry], now)
