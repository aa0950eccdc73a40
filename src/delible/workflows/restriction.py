"""Restrictions (Art. 18): carried out, told, lifted; and the rows that nothing but storage may touch meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from delible.decide.restriction import may_lift, restricted_people
from delible.errors import BlockedError, InputError
from delible.model.policy import PolicySet, TablePolicy
from delible.model.request import Request
from delible.model.subject import SubjectRef, own_keys
from delible.model.terms import RequestState, Right
from delible.report.letters import lifting_notice
from delible.store.outcome_changes import lift_told, lifted
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.exceptions import write_letter
from delible.workflows.held import ref_key
from delible.workflows.lineage_events import duty, recorded, requested, table_uses
from delible.workflows.notices import prepare_notices, queue_after
from delible.workflows.search import ambiguous, find_people
from delible.workflows.spark import alone, session_for

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

S = RequestState
_RUNNABLE = frozenset({S.SCHEDULED, S.IN_PROGRESS})


@dataclass(frozen=True)
class Restricted:
    """People whose rows may only be stored, and the tables in which they are looked for.

    Args:
        refs: All references of theirs that nobody else has.
        frames: Rows of every policy table that is there, unfiltered.
        tables: Those tables' policies, with the ways that lead through tables that are there.
    """

    spark: SparkSession
    control: Control
    refs: frozenset[str]
    frames: Mapping[str, DataFrame]
    tables: Mapping[str, TablePolicy] = field(default_factory=dict)

    @property
    def policies(self) -> PolicySet:
        """The policies, of the tables that are there."""
        return self.control.policies.model_copy(update={"tables": dict(self.tables)})

    @staticmethod
    def of(spark: SparkSession, control: Control, *, but: Collection[SubjectRef] = ()) -> Restricted:
        """Look for everybody who has obtained, or asked for, a restriction that has not been lifted.

        Args:
            but: References of the person for whom rows are read: their own restriction does not keep their own data
                from them.
        """
        from delible.lake.facts import read
        from delible.lake.restriction import everybodys_refs

        persons = restricted_people(control.requests.of_right(Right.RESTRICTION))
        if not persons:
            return Restricted(spark, control, frozenset(), {})
        frames = {name: read(spark, place) for name, place in control.locations().items() if _is_there(spark, place)}
        tables = {name: _reachable(control.policies.tables[name], frames) for name in frames}
        found = Restricted(spark, control, frozenset(), frames, tables)
        every = everybodys_refs(spark, found.policies, frames, persons, ref_key(control))
        return replace(found, refs=every - frozenset(but))

    def leaves_out(self, table: str) -> bool:
        """Return whether a table may have rows of theirs, which `without` leaves out."""
        policy = self.tables.get(table)
        return bool(self.refs) and policy is not None and bool(policy.subject)

    def without(self, table: str, rows: DataFrame) -> DataFrame:
        """Return a table's rows but for those that reach a restricted person; what no policy names stays whole."""
        from delible.lake.held import held_combinations
        from delible.lake.mentions import without_held

        if not self.leaves_out(table):
            return rows
        policy = self.tables[table]
        hidden = held_combinations(self.spark, self.policies, self.frames, table, self.refs, ref_key(self.control))
        return without_held(rows, policy, hidden)

    def rows_left_out(self, table: str, location: str, version: int) -> int:
        """Return how many rows of a table's version `without` leaves out: of them a scan can say nothing."""
        from delible.lake.facts import read

        if not self.leaves_out(table):
            return 0
        rows = read(self.spark, location, version=version)
        return rows.count() - self.without(table, rows).count()


def restricted_rows(workspace: Workspace, spark: SparkSession, control: Control | None = None) -> Restricted:
    """Return the people whose rows a read of any table leaves out; nobody in a workspace without policies.

    Args:
        control: What has read the policies already.
    """
    control = control or Control(workspace)
    if control.policies_if_any is None:
        return Restricted(spark, control, frozenset(), {})
    return Restricted.of(spark, control)


def _reachable(table: TablePolicy, frames: Mapping[str, DataFrame]) -> TablePolicy:
    ways = tuple(reach for reach in table.subject if reach.through is None or reach.through in frames)
    return table.model_copy(update={"subject": ways})


def _is_there(spark: SparkSession, location: str) -> bool:
    from delible.lake.facts import is_delta

    return is_delta(spark, location)


def restrict_processing(
    workspace: Workspace,
    request_id: str,
    *,
    accept_no_match: bool = False,
    actor: str,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> Request:
    """Carry out a restriction: make the person's other identifiers known, so that no read returns their rows.

    Raises:
        InputError: `request.unknown`, `request.right`.
        BlockedError: `request.not_approved`, `request.ambiguous`, `request.no_match`.
        ConflictError: `workspace.busy`.
    """
    with alone(workspace):
        control = Control(workspace)
        request = control.requests.get(request_id)
        where = f"request:{request.id}"
        if request.right is not Right.RESTRICTION:
            raise InputError("request.right", f"the request asks for {request.right}, not restriction.", where=where)
        if request.state not in _RUNNABLE:
            raise BlockedError("request.not_approved", f"the request is in state '{request.state}'.", where=where)
        progress(f"restricting the rows of request {request.id}")
        facets = {**duty(control.policies, "restriction"), **requested(Right.RESTRICTION, [request.id])}
        with recorded(workspace, "restriction.apply", now=now, facets=facets) as lineage:
            spark = session_for(workspace)
            given = own_keys(control.requests.vault.get([request.id]))
            searched = find_people(spark, control, given, erasing=False)
            lineage.inputs = table_uses(control.policies, searched.locations, searched.versions)
        if request.id in searched.found.ambiguous:
            raise BlockedError.of((ambiguous(control, request, searched),))
        reached = searched.found.rows_of.get(request.id, {})
        if not reached and not accept_no_match:
            raise BlockedError("request.no_match", "the identifiers reach no row of any table.", where=where)
        if request.state is S.SCHEDULED:
            control.requests.transition(request.id, S.IN_PROGRESS, actor=actor, now=now)
        refs, paths = searched.refs.get(request.id, ()), searched.found.paths.get(request.id, ())
        control.requests.add_refs(request.id, refs, now, actor=actor, evidence=paths)
        own = [k for k in searched.found.keys if k.request == request.id]
        prepare_notices(control, {request.id: set(reached)}, own, actor=actor, now=now)
        done = control.requests.transition(request.id, S.COMPLETED, actor=actor, now=now)
        queue_after(control, [request.id], actor=actor, now=now, progress=progress)
        return done


@dataclass(frozen=True)
class Lift:
    """A restriction, and the letter of this step, if it wrote one."""

    request: Request
    notice: str = ""
    letter: Path | None = None


def lift_restriction(
    workspace: Workspace, request_id: str, *, reason: str | None, informed: bool, actor: str, now: datetime
) -> Lift:
    """Write the letter that tells of the lifting, or lift a restriction of which its data subject was told.

    The law asks for telling before lifting (Art. 18(3)), so both are steps of their own in the ledger: with `reason`
    the letter is written and the restriction stands; with `informed` somebody answers for its having been sent, and
    the restriction ends.

    Raises:
        BlockedError: `request.no_restriction`, `request.lifted`, `request.not_told`.
        InputError: `request.no_reason`.
    """
    if not informed and not (reason or "").strip():
        raise InputError("request.no_reason", "the data subject is told why a restriction is lifted.", where="--reason")
    control = Control(workspace)
    told = Lift(control.requests.get(request_id))
    if reason is not None and reason.strip():
        problem = may_lift(told.request, told=True)
        if problem is not None:
            raise BlockedError.of((problem,))
        controller = control.policies.controller
        text = lifting_notice(told.request, controller=controller.controller, contact=controller.contact, reason=reason)
        path, digest = write_letter(workspace, f"{request_id}-lifting", text)
        event = partial(lift_told, actor=actor, now=now, reason=reason, letter=digest)
        told = Lift(control.requests.change([request_id], event, now)[0], text, path)
    if not informed:
        return told
    [request] = control.requests.change([request_id], partial(lifted, actor=actor, now=now), now)
    return Lift(request, told.notice, told.letter)
