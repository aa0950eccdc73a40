"""Plan an erasure: find everything, count it, change nothing."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from delible.decide.exception import due_again, still_kept
from delible.decide.holds import held_tables, hold_on
from delible.decide.restriction import opposes_erasure
from delible.errors import BlockedError, InputError, Problem, bounded
from delible.model.cost import Risk
from delible.model.plan import ErasurePlan, History, PlannedRequest
from delible.model.policy import PolicySet, TablePolicy
from delible.model.request import Request
from delible.model.subject import KeyRow, own_keys
from delible.model.terms import ErasureAction, RequestState, Right
from delible.plan.erasure import plan_erasure
from delible.store.plans import seal
from delible.store.workspace import Workspace
from delible.workflows.clones import refuse_clones
from delible.workflows.constraints import refuse_broken_constraints
from delible.workflows.control import Control
from delible.workflows.estimates import estimate_erasure
from delible.workflows.guard_requests import requested_by_guard
from delible.workflows.held import stopping_holds
from delible.workflows.history import search_history
from delible.workflows.lineage_events import duty, recorded, requested, table_uses
from delible.workflows.policies import refuse_violations
from delible.workflows.search import Searched, ambiguous, find_people
from delible.workflows.spark import session_for
from delible.workflows.unfinished import plans_of, residue_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PLANNABLE = frozenset({RequestState.SCHEDULED, RequestState.IN_PROGRESS, RequestState.PARTLY_COMPLETED})
"""Approved, or begun by an earlier plan that was overtaken or left residue: the next one goes on from there."""


@dataclass(frozen=True)
class Planned:
    """A plan, and the requests that it leaves out, each with the reason.

    Args:
        searched: What was found; whoever applies the plan in the same breath need not search again.
    """

    plan: ErasurePlan
    left_out: tuple[Problem, ...]
    searched: Searched


def plan_due_erasures(
    workspace: Workspace,
    *,
    now: datetime,
    request_ids: Sequence[str] = (),
    immediate: bool = False,
    accept_no_match: bool = False,
    keep_history: Collection[str] | None = None,
    progress: Callable[[str], None] = lambda _: None,
    on_held: Callable[[Mapping[str, str]], None] = lambda _: None,
) -> Planned:
    """Return a sealed plan for all approved erasure requests, or for those named.

    Args:
        immediate: Close the retention windows of tables that the policies declare to have no other readers.
        accept_no_match: Plan requests that reach no row, too: they complete with a certificate that says so.
        keep_history: Tables whose old versions are kept, without the due people; none of them for all tables.
        on_held: Told of requests whose data subjects a hold covers under an identifier that only the search found, each
            with the hold.

    Raises:
        BlockedError: `erasure.nothing_due`; or, when every request is left out, the first reason: `request.held`,
            `request.ambiguous`, `request.no_match`, `request.not_approved`. `policy.violations`.
        InputError: `request.unknown`, `table.missing`, `table.unknown`.
    """
    control = Control(workspace)
    refuse_violations(workspace, ("controller", "tables", "exceptions"))
    for name in keep_history or ():
        if name not in control.policies.tables:
            raise InputError(
                "table.unknown", f"no policy names a table '{bounded(name, 64)}'.", where="--keep-history-of"
            )
    chosen, left_out = chosen_requests(control, request_ids, now)
    chosen, held = without_held(control, chosen)
    left_out += held
    if not chosen:
        raise nothing_due(left_out)
    facets = {**duty(control.policies, "erasure"), **requested(Right.ERASURE, [r.id for r in chosen])}
    with recorded(workspace, "erasure.plan", now=now, facets=facets) as lineage:
        asked = _Asked(now, immediate, accept_no_match, keep_history, progress, on_held)
        made = _plan(control, chosen, left_out, asked)
        lineage.inputs = table_uses(control.policies, made.searched.locations, made.searched.versions)
        wanted = [r.id for r in made.plan.requests]
        lineage.facets = {
            **facets,
            **requested(Right.ERASURE, wanted, plan=made.plan.id, left_out=len(made.left_out)),
        }
    return made


@dataclass(frozen=True)
class _Asked:
    """How a plan was asked for, as `plan_due_erasures` says it."""

    now: datetime
    immediate: bool
    accept_no_match: bool
    keep_history: Collection[str] | None
    progress: Callable[[str], None]
    on_held: Callable[[Mapping[str, str]], None]


def _plan(control: Control, chosen: Sequence[Request], left_out: list[Problem], asked: _Asked) -> Planned:
    """Find the rows of the chosen requests, and return the plan of those that can be carried out."""
    workspace, now, keep_history, progress = control.workspace, asked.now, asked.keep_history, asked.progress
    spark = session_for(workspace)
    given = own_keys(control.requests.vault.get([r.id for r in chosen]))
    progress(f"finding the rows of {len(chosen)} request(s)")
    searched, history = _searched(spark, control, given, now, keep_history)
    stopped = {**_stopped(control, searched, now), **searched.held}
    asked.on_held({r.id: stopped[r.id] for r in chosen if r.id in stopped})
    planned = []
    before = plans_of(workspace, {r.id for r in chosen})
    begun = {r.id: r for p in before for r in p.requests}
    by_guard, restrictions = requested_by_guard(control), control.requests.of_right(Right.RESTRICTION)
    for request in chosen:
        no_match = asked.accept_no_match or request.id in begun
        problem = _unusable(control, request, searched, no_match, stopped, restrictions) or _strange(
            control, request, searched, by_guard
        )
        if problem is not None:
            left_out.append(problem)
        else:
            planned.append(_planned(request, searched, begun))
    if not planned:
        raise nothing_due(left_out)
    wanted = {p.id for p in planned}
    if len(planned) < len(chosen):
        searched, history = _searched(spark, control, [k for k in given if k.request in wanted], now, keep_history)
    earlier = [p for p in before if any(r.id in wanted for r in p.requests)]
    again = residue_tables(control, earlier) - {n for n, t in control.policies.tables.items() if _kept(t)}
    past = {name for name, each in history.items() if each is not None and each.rows}
    touched = [n for n, d in searched.due.items() if d.rows or d.mentions or n in again | past]
    refuse_held_tables(
        control.policies, [n for n in touched if n in again | past or _rewrites(searched, control, n)], now
    )
    facts = {name: searched.facts(spark, name) for name in touched}
    refuse_broken_constraints(spark, control, searched, facts)
    places = control.locations()
    refuse_clones(control, {n: places[n] for n in touched if not _kept(control.policies.tables[n])})
    plan = plan_erasure(
        control.policies,
        facts,
        searched.due,
        searched.cost,
        planned,
        seen=searched.versions,
        plan_id=f"E-{now:%Y%m%d}-{secrets.token_hex(4)}",
        now=now,
        immediate=asked.immediate,
        earlier=tuple(p.id for p in earlier),
        again=again,
        history=history,
    )
    progress("estimating what that costs")
    estimate = estimate_erasure(control, plan, searched.found.keys, facts, now)
    for risk in (r for r in estimate.risks if r.risk is not Risk.SAFE):
        may = "will be late" if risk.risk is Risk.LATE else "may be late"
        progress(f"warning: request {risk.request}, due on {risk.due}, {may}: {risk.change}.")
    plan = plan.model_copy(update={"estimate": estimate})
    return Planned(seal(plan, control.keys), tuple(left_out), searched)


def _searched(
    spark: SparkSession, control: Control, given: Sequence[KeyRow], now: datetime, keep_history: Collection[str] | None
) -> tuple[Searched, Mapping[str, History | None]]:
    if keep_history is None:
        return find_people(spark, control, given, today=now.date()), {}
    past = search_history(spark, control, given, keep_history or set(control.policies.tables), today=now.date())
    return past.searched, past.history


def _planned(request: Request, searched: Searched, begun: Mapping[str, PlannedRequest]) -> PlannedRequest:
    """Return a request as the plan names it; what an earlier plan reached counts, though its rows are gone."""
    before = begun.get(request.id)
    now = searched.found.rows_of.get(request.id, {})
    earlier = before.rows if before is not None else {}
    return PlannedRequest(
        id=request.id,
        due=request.due.isoformat(),
        matched=request.id in searched.found.rows_of or (before is not None and before.matched),
        shared=max(searched.shared[request.id], before.shared if before is not None else 0),
        # Rows that the earlier plan removed are not found again, and those that it left are found by both.
        rows={t: max(now.get(t, 0), earlier.get(t, 0)) for t in sorted({*now, *earlier})},
        kept=searched.kept.parts.get(request.id, ()),
        kept_rows=dict(searched.kept.rows.get(request.id, {})),
    )


def kept_problem(request: Request) -> Problem:
    """Return why a request that exceptions keep something of is not carried out now."""
    names = ", ".join(sorted({part.exception for part in request.kept}))
    return Problem(
        "request.kept",
        f"what is left is kept by exception {names}; the request becomes due again on {due_again(request)}.",
        f"request:{request.id}",
    )


def _stopped(control: Control, searched: Searched, now: datetime) -> dict[str, str]:
    """Return the requests with rows that a hold on tables or categories keeps from being erased, each with the hold."""
    held = held_tables(control.policies, now.date(), erasing=True)
    stopped = {}
    for request, rows in searched.found.rows_of.items():
        names = [held[t] for t in rows if t in held and not _kept(control.policies.tables[t])]
        if names:
            stopped[request] = names[0]
    return stopped


def chosen_requests(control: Control, request_ids: Sequence[str], now: datetime) -> tuple[list[Request], list[Problem]]:
    """Return the requests that can be planned now, and why others of those named, or held, cannot."""
    exceptions, today = control.policies.exceptions, now.date()
    requests = [control.requests.get(i) for i in dict.fromkeys(request_ids)] or [
        r
        for r in control.requests.all()
        if r.right is Right.ERASURE
        and r.state in PLANNABLE | {RequestState.HELD}
        and not still_kept(r, exceptions, today)
    ]
    chosen, left_out = [], []
    for request in requests:
        if request.right is not Right.ERASURE:
            left_out.append(
                Problem("request.right", f"the request asks for {request.right}, not erasure.", f"request:{request.id}")
            )
        elif request.state is RequestState.HELD:
            left_out.append(
                Problem(
                    "request.held", f"legal hold {request.held_by} covers the data subject.", f"request:{request.id}"
                )
            )
        elif still_kept(request, exceptions, today):
            left_out.append(kept_problem(request))
        elif request.state not in PLANNABLE:
            left_out.append(
                Problem(
                    "request.not_approved",
                    f"the request is in state '{request.state}'; only approved requests are planned.",
                    f"request:{request.id}",
                )
            )
        else:
            chosen.append(request)
    return chosen, left_out


def without_held(control: Control, requests: Sequence[Request]) -> tuple[list[Request], list[Problem]]:
    """Return the requests without those whose data subjects are under a hold by an identifier that they gave."""
    active = stopping_holds(control)
    free, held = [], []
    for request in requests:
        hold = hold_on(request.refs, active)
        if hold is None:
            free.append(request)
        else:
            held.append(
                Problem("request.held", f"legal hold {hold.id} covers the data subject.", f"request:{request.id}")
            )
    return free, held


def opposed_problem(request_id: str, restriction: Request) -> Problem:
    """Return what stands against erasing somebody who has opposed it (Art. 18(1)(b))."""
    return Problem(
        "request.opposed",
        f"the data subject has opposed erasure and asked for restriction instead ({restriction.id}, GDPR Art. "
        "18(1)(b)). Refuse this request, or lift the restriction first.",
        f"request:{request_id}",
    )


def _unusable(
    control: Control,
    request: Request,
    searched: Searched,
    accept_no_match: bool,
    stopped: Mapping[str, str],
    restrictions: Sequence[Request],
) -> Problem | None:
    where = f"request:{request.id}"
    if request.id in searched.found.ambiguous:
        return ambiguous(control, request, searched)
    if request.id in stopped:
        return Problem("request.held", f"legal hold {stopped[request.id]} covers the data subject's rows.", where)
    own = {*request.refs, *searched.refs.get(request.id, ())}
    opposed = opposes_erasure(own, restrictions)
    if opposed is not None:
        return opposed_problem(request.id, opposed)
    if request.id not in searched.found.rows_of and not accept_no_match:
        return Problem(
            "request.no_match",
            "the identifiers reach no row of any table; ask the data subject for another identifier, refuse the "
            "request, or complete it as it is with --accept-no-match.",
            where,
        )
    return None


def _strange(control: Control, request: Request, searched: Searched, by_guard: Collection[str]) -> Problem | None:
    """Return why a request that only `guard` made must be looked at: it reaches what was never erased before."""
    if request.id not in by_guard or control.suppression.refs().issuperset(searched.refs.get(request.id, ())):
        return None
    return Problem(
        "request.new_identifiers",
        "the rows that came back are tied to identifiers that were never erased, perhaps somebody else's. Refuse the "
        "request, or submit one of the data subject's own.",
        f"request:{request.id}",
    )


def _rewrites(searched: Searched, control: Control, table: str) -> bool:
    due = searched.due[table]
    return bool(due.mentions) or (due.rows > due.unchanged and not _kept(control.policies.tables[table]))


def _kept(table: TablePolicy) -> bool:
    return table.erasure.action is ErasureAction.KEEP


def refuse_held_tables(policies: PolicySet, touched: Sequence[str], now: datetime) -> None:
    """Refuse to rewrite tables that a legal hold covers today.

    Raises:
        BlockedError: `table.held`, with one problem per table.
    """
    held = held_tables(policies, now.date(), erasing=True)
    problems = tuple(
        Problem("table.held", f"legal hold '{held[name]}' covers table '{name}'.", f"table:{name}")
        for name in touched
        if name in held
    )
    if problems:
        raise BlockedError.of(problems)


def nothing_due(left_out: Sequence[Problem]) -> BlockedError:
    """Return the error for a plan without a request: the first reason why one was left out, if there is one."""
    if not left_out:
        return BlockedError("erasure.nothing_due", "no erasure request is approved and waiting.")
    return BlockedError.of(left_out)
