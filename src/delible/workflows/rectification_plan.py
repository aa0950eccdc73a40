"""Plan corrections: find what they mean in every table, count it, change nothing."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from delible.decide.holds import held_changes
from delible.errors import BlockedError, Problem
from delible.model.plan import PlannedRequest, RectificationPlan
from delible.model.request import Request
from delible.model.terms import RequestState, Right
from delible.plan.rectification import late_requests, plan_corrections
from delible.store.plans import seal
from delible.store.workspace import Workspace
from delible.workflows.clones import refuse_clones
from delible.workflows.control import Control
from delible.workflows.erasure_plan import PLANNABLE
from delible.workflows.lineage_events import duty, recorded, requested, table_uses
from delible.workflows.policies import refuse_violations
from delible.workflows.rectification_holds import held_corrections, refuse_held_corrections
from delible.workflows.rectification_search import Meant, find_meaning
from delible.workflows.search import every_ref
from delible.workflows.spark import session_for
from delible.workflows.succession import moved_identifiers, undecided
from delible.workflows.unfinished import unfinished_rectifications


@dataclass(frozen=True)
class Planned:
    """A plan, the requests that it leaves out, and what was found; as `workflows.erasure_plan.Planned`."""

    plan: RectificationPlan
    left_out: tuple[Problem, ...]
    meant: Meant


def plan_rectifications(
    workspace: Workspace,
    *,
    now: datetime,
    request_ids: Sequence[str] = (),
    immediate: bool = False,
    progress: Callable[[str], None] = lambda _: None,
    on_held: Callable[[Mapping[str, str]], None] = lambda _: None,
) -> Planned:
    """Return a sealed plan for all approved requests of rectification, or for those named.

    Args:
        workspace: Where.
        now: When.
        request_ids: Which.
        immediate: Close the retention windows of tables that the policies declare to have no other readers.
        progress: Told what is being done.
        on_held: Told of requests that a hold stops by what only the search found, another identifier or a table, each
            with the hold.

    Raises:
        BlockedError: `rectification.nothing_due`; or, when every request is left out, the reasons: `request.held`,
            `request.ambiguous`, `request.no_match`, `rectification.*`. `policy.violations`, `table.held`.
        InputError: `request.unknown`, `table.missing`.
    """
    control = Control(workspace)
    refuse_violations(workspace, ("controller", "tables"))
    chosen, left_out = _chosen(control, request_ids)
    if not chosen:
        raise _nothing(left_out)
    facets = {**duty(control.policies, "rectification"), **requested(Right.RECTIFICATION, [r.id for r in chosen])}
    with recorded(workspace, "rectification.plan", now=now, facets=facets) as lineage:
        made = _plan(control, chosen, left_out, now, immediate, progress, on_held)
        lineage.inputs = table_uses(control.policies, made.meant.searched.locations, made.meant.searched.versions)
        wanted = [r.id for r in made.plan.requests]
        lineage.facets = {
            **facets,
            **requested(Right.RECTIFICATION, wanted, plan=made.plan.id, left_out=len(made.left_out)),
        }
    return made


def _plan(
    control: Control,
    chosen: list[Request],
    left_out: list[Problem],
    now: datetime,
    immediate: bool,
    progress: Callable[[str], None],
    on_held: Callable[[Mapping[str, str]], None],
) -> Planned:
    """Find what the chosen requests correct, and return the plan of those that can be carried out."""
    workspace = control.workspace
    spark = session_for(workspace)
    progress(f"finding what {len(chosen)} request(s) correct")
    before = unfinished_rectifications(workspace)
    begun = {r.id for p in before for r in p.requests}
    meant = find_meaning(spark, control, chosen, begun=begun)
    while unusable := _all_unusable(control, chosen, meant, begun, now, on_held):
        # What is left out is open beside the rest, which may have to wait for it.
        left_out += unusable.values()
        chosen = [r for r in chosen if r.id not in unusable]
        if not chosen:
            raise _nothing(left_out)
        meant = find_meaning(spark, control, chosen, begun=begun)
    wanted = {r.id for r in chosen}
    before = [p for p in before if not {r.id for r in p.requests}.isdisjoint(wanted)]
    again = {s.table for p in before for s in p.tables} & set(control.policies.tables)
    touched = sorted({c.table for group in meant.changes.values() for c in group} | again)
    facts = {name: meant.searched.facts(spark, name) for name in touched}
    refuse_clones(control, {name: each.location for name, each in facts.items()})
    plan = plan_corrections(
        control.policies,
        facts,
        meant.changes,
        [_planned(r, meant) for r in chosen],
        seen=meant.searched.versions,
        rebuild=meant.rebuild,
        plan_id=f"C-{now:%Y%m%d}-{secrets.token_hex(4)}",
        now=now,
        immediate=immediate,
        earlier=tuple(e for p in before for e in (*p.earlier, p.id)),
    )
    refuse_held_corrections(control, plan, now)
    for late in late_requests(plan, now):
        progress(f"warning: request {late.id} is due on {late.due}, before the retention windows of its tables end.")
    return Planned(seal(plan, control.keys), tuple(left_out), meant)


def _planned(request: Request, meant: Meant) -> PlannedRequest:
    return PlannedRequest(
        id=request.id,
        due=request.due.isoformat(),
        matched=True,
        shared=sum(k.request == request.id for k in meant.searched.found.shared),
        rows=meant.rows().get(request.id, {}),
    )


def _chosen(control: Control, request_ids: Sequence[str]) -> tuple[list[Request], list[Problem]]:
    requests = control.requests.named(list(request_ids)) if request_ids else control.requests.all()
    wanted = [r for r in requests if request_ids or (r.right is Right.RECTIFICATION and r.state in _LOOKED_AT)]
    held = held_corrections(control, {r.id: r.refs for r in wanted if r.right is Right.RECTIFICATION})
    chosen, left_out = [], []
    for request in wanted:
        where, hold = f"request:{request.id}", held.get(request.id)
        if request.right is not Right.RECTIFICATION:
            message = f"the request asks for {request.right}, not rectification."
            left_out.append(Problem("request.right", message, where))
        elif hold is not None or request.state is RequestState.HELD:
            message = f"legal hold {hold or request.held_by} covers the data subject."
            left_out.append(Problem("request.held", message, where))
        elif request.state not in PLANNABLE:
            message = f"the request is in state '{request.state}'; only approved requests are planned."
            left_out.append(Problem("request.not_approved", message, where))
        else:
            chosen.append(request)
    return chosen, left_out


_LOOKED_AT = PLANNABLE | {RequestState.HELD}


def _all_unusable(
    control: Control,
    chosen: Sequence[Request],
    meant: Meant,
    begun: Collection[str],
    now: datetime,
    on_held: Callable[[Mapping[str, str]], None],
) -> dict[str, Problem]:
    """Return the requests that cannot be planned, each with the reason, and tell of those that a hold stops."""
    stopped = _stopped(control, meant, now)
    on_held({r.id: stopped[r.id] for r in chosen if r.id in stopped})
    found = {r.id: p for r in chosen if (p := _unusable(r, meant, begun, stopped)) is not None}
    changes = (c for request, group in meant.changes.items() if request not in found for c in group)
    moved = moved_identifiers(control, meant.searched.found.keys, meant.searched.found.shared, changes)
    return found | undecided(control, moved, {r.id for r in chosen})


def _stopped(control: Control, meant: Meant, now: datetime) -> dict[str, str]:
    """Return the requests that a hold stops, on what they change or on a person whom only the search found."""
    stopped = {}
    for request, changes in meant.changes.items():
        columns = {table: {c.column for c in changes if c.table == table} for table in {c.table for c in changes}}
        for hold in held_changes(control.policies, columns, now.date()).values():
            stopped[request] = hold
    return stopped | held_corrections(control, every_ref(control, meant.searched.found))


def _unusable(request: Request, meant: Meant, begun: Collection[str], stopped: Mapping[str, str]) -> Problem | None:
    where, found = f"request:{request.id}", meant.searched.found
    if request.id in found.ambiguous:
        message = "the identifiers reach more than one person; ask for one that tells them apart, never guess."
        return Problem("request.ambiguous", message, where)
    if request.id in stopped:
        return Problem("request.held", f"legal hold {stopped[request.id]} covers the data subject's rows.", where)
    if request.id not in found.rows_of and request.id not in begun:
        message = "the identifiers reach no row of any table; ask for another identifier, or refuse the request."
        return Problem("request.no_match", message, where)
    return meant.problems.get(request.id)


def _nothing(left_out: Sequence[Problem]) -> BlockedError:
    if not left_out:
        return BlockedError("rectification.nothing_due", "no request of rectification is approved and waiting.")
    return BlockedError.of(tuple(left_out))
