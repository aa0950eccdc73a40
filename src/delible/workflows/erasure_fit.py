"""Whether a plan for requests still fits: policies, requests, holds and tables as they are now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from delible.decide.holds import hold_on
from delible.decide.restriction import opposes_erasure
from delible.errors import BlockedError, StalePlanError
from delible.model.plan import ErasurePlan, RectificationPlan, Stage, TableStep
from delible.model.record import SubjectHold
from delible.model.request import Request
from delible.model.subject import SubjectRef
from delible.model.terms import RequestState, Right
from delible.plan.erasure import refuse_unsafe
from delible.workflows.clones import refuse_clones
from delible.workflows.control import Control
from delible.workflows.erasure_plan import opposed_problem, refuse_held_tables
from delible.workflows.held import stopping_holds
from delible.workflows.held_bytes import refuse_losing
from delible.workflows.journal import Journal
from delible.workflows.rectification_holds import refuse_held_corrections
from delible.workflows.search import refs_of_keys
from delible.workflows.stages import Run

S = RequestState
RUNNABLE = frozenset({S.SCHEDULED, S.IN_PROGRESS, S.WAITING_RETENTION_WINDOW, S.PARTLY_COMPLETED})
Plan = ErasurePlan | RectificationPlan
OVERTAKING = frozenset({"plan.stale", "request.held", "request.opposed", "table.held", "rectification.open_request"})
"""Codes of what came after a plan was made. A new plan leaves out whom it concerns, and goes on with the others."""
_RIGHT = {"erasure": Right.ERASURE, "rectification": Right.RECTIFICATION}


def refuse_overtaken(
    control: Control, journal: Journal, plan: Plan, requests: Sequence[Request], today: datetime
) -> None:
    """Refuse a plan that policies, requests or holds have overtaken.

    Once all rows are rewritten the policies may change: what is left is to remove the bytes, and a request must not
    wait for ever because somebody edited a file during its window. A hold stops whatever is left, at any time: an
    erasure whose rows are all rewritten table by table, so that others need not wait for a held person's.
    """
    merged = all(journal.done(f"table:{s.table}", "merge") is not None for s in plan.tables if s.stages)
    if plan.policy_fingerprint != control.policies.fingerprint and not (merged and journal.done("all", "find")):
        raise StalePlanError(
            "plan.stale",
            "the policies have changed since the plan was made.",
            where=f"plan {plan.id}",
            fix=_again(plan),
        )
    if not (merged and plan.kind == "erasure" and journal.done("all", "find")):
        refuse_held(control, plan, lambda: today)  # first: a held request must name its hold, not its state
    for request in requests:
        if request.state not in RUNNABLE or request.right is not _RIGHT[plan.kind]:
            where = f"request:{request.id}"
            raise StalePlanError(
                "plan.stale", f"a planned request is now in state '{request.state}'.", where=where, fix=_again(plan)
            )


def refuse_held(
    control: Control,
    plan: Plan,
    clock: Callable[[], datetime],
    run: Run | None = None,
    step: TableStep | None = None,
    stage: Stage = Stage.MERGE,
) -> None:
    """Refuse to go on when a hold covers a person or a table of the plan now; asked again before each table.

    Once an erasure has rewritten all rows, what is left are old files, table by table: those stay that hold rows of
    somebody held, be they of this plan or of another.

    Args:
        run: The run, when it is about one table.
        step: That table; all when None.
        stage: What is going to be done.

    Raises:
        BlockedError: `request.held`, `request.opposed`, `table.held`; `table.shallow_clone`, `table.deep_clone`.
    """
    if run is not None and step is not None and stage is not Stage.MERGE:
        refuse_held_tables(control.policies, [step.table], clock())
        if plan.kind != "erasure":
            refuse_held(control, plan, clock)
        refuse_clones(control, {step.table: step.location})
        refuse_losing(control, run, step.table)
        return
    if isinstance(plan, RectificationPlan):
        refuse_held_corrections(control, plan, clock())
        return
    active, restrictions = stopping_holds(control), control.requests.of_right(Right.RESTRICTION)
    if active or restrictions:
        ids = [r.id for r in plan.requests]
        found = refs_of_keys(control, control.requests.vault.get(ids))
        people = {r.id: {*r.refs, *found.get(r.id, ())} for r in control.requests.named(ids)}
        refuse_held_people(people, active)
        _refuse_opposed(people, restrictions)
    refuse_held_tables(control.policies, [s.table for s in plan.tables if s.stages], clock())


def _refuse_opposed(refs: Mapping[str, Collection[SubjectRef]], requests: Collection[Request]) -> None:
    """Refuse when a data subject has opposed the erasure since it was planned."""
    for request, own in refs.items():
        opposed = opposes_erasure(own, requests)
        if opposed is not None:
            raise BlockedError.of([opposed_problem(request, opposed)])


def refuse_held_people(refs: Mapping[str, Collection[SubjectRef]], active: Sequence[SubjectHold]) -> None:
    """Refuse when a hold covers the data subject of a request.

    Args:
        refs: References of each request's data subject.

    Raises:
        BlockedError: `request.held`.
    """
    for request, own in refs.items():
        hold = hold_on(own, active)
        if hold is not None:
            raise BlockedError(
                "request.held",
                f"legal hold {hold.id} covers the data subject.",
                where=f"request:{request}",
                fix="Other requests of the plan can be planned anew.",
            )


def refuse_moved_tables(control: Control, run: Run, plan: Plan, *, just_searched: bool = False) -> None:
    """Refuse when others have changed rows or columns since the plan, unless this plan has begun to rewrite them.

    What moves bytes and no row, such as OPTIMIZE, leaves a plan as good as it was. Commits of this plan itself do not,
    while this workspace knows of no search for it: a workspace that was put back, or copied, from before the run has
    lost by which keys rows were reached, and a new search no longer finds what only rewritten rows led to.

    Args:
        just_searched: The plan was made a moment ago, and nobody has read it: rows that others wrote since are taken
            along (`workflows.late`). Otherwise a table that is written to all the time could never be erased from.
    """
    from delible.lake.facts import version_of
    from delible.lake.others import others_since, was_marked

    if run.journal.done("all", "find") is not None:
        return
    locations, steps = control.locations(), {step.table: step for step in plan.tables}
    for name, seen in plan.seen.items():
        version = version_of(run.spark, locations[name], table=name)
        if version == seen:
            continue
        if was_marked(locations[name], run.mark(""), seen):
            raise StalePlanError(
                "plan.stale",
                f"the plan was run elsewhere: table '{name}' has commits of it, unknown to this workspace.",
                where=f"table:{name}",
                fix="Go on in the workspace that ran it. If that is lost, a new plan finds what the given identifiers "
                "still reach: submit those by which other rows are known, too.",
            )
        if others_since(locations[name], run.mark(""), seen).may_have_rows and not just_searched:
            raise StalePlanError(
                "plan.stale",
                f"table '{name}' was planned at version {seen} and is now at {version}.",
                where=f"table:{name}",
                fix=_again(plan),
            )
        _refuse_other_columns(run, plan, name, locations[name], seen)
        if name in steps:
            refuse_other_columns(control, run, plan, steps[name])


def refuse_other_columns(control: Control, run: Run, plan: Plan, step: TableStep) -> None:
    """Refuse to rewrite a table whose columns have changed since the plan, or that cannot be erased from any more.

    Raises:
        StalePlanError: `plan.stale`.
        BlockedError: `erasure.feature`, `readers.shared`.
    """
    from delible.lake.facts import table_facts

    if _refuse_other_columns(run, plan, step.table, step.location, step.version):
        facts = {step.table: table_facts(run.spark, step.location, table=step.table)}
        refuse_unsafe(control.policies, facts, [step.table], immediate=plan.immediate)


def _refuse_other_columns(run: Run, plan: Plan, table: str, location: str, version: int) -> bool:
    """Return whether others have described the table anew, with the same columns."""
    from delible.lake.others import has_same_columns, others_since

    others = others_since(location, run.mark(""), version)
    if others.whole and not others.described:
        return False
    if not others.whole or not has_same_columns(run.spark, location, version):
        raise StalePlanError(
            "plan.stale",
            f"the columns of table '{table}' have changed since the plan was made.",
            where=f"table:{table}",
            fix=_again(plan),
        )
    return True


def _again(plan: Plan) -> str:
    return f"Make a new plan with: delible {plan.kind} plan"
