"""Apply retention: what is past its period is removed or treated, with the same stages as an erasure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from delible.decide.holds import hold_on_rule
from delible.errors import BlockedError, DelibleError, Problem, StalePlanError, concerns_all, gravity
from delible.model.cost import TableComparison
from delible.model.plan import RetentionPlan, RetentionStep, Stage, TableStep
from delible.model.retention import RetentionRule
from delible.store.plans import check_seal
from delible.store.workspace import Workspace
from delible.workflows.clock import Clock
from delible.workflows.clones import refuse_clones
from delible.workflows.control import Control
from delible.workflows.dataset_periods import releases_cut_from
from delible.workflows.estimates import comparisons, expected
from delible.workflows.held import Held, held_digest
from delible.workflows.held_bytes import refuse_losing
from delible.workflows.journal import Journal, Step
from delible.workflows.lineage_events import describe_retention, retention_run
from delible.workflows.retention_fit import fitting
from delible.workflows.retention_rows import events_of, frames_of, judging_of, versions_of
from delible.workflows.retention_salt import forget_salts, salt_of
from delible.workflows.spark import alone, session_for
from delible.workflows.stages import Run, Work, treat_tables
from delible.workflows.treated import Treated
from delible.workflows.unfinished import forget_plan, keep_plan, unfinished_retention

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Applied:
    """Where a retention plan stands after this run.

    Args:
        releases: What was cut from tables of which rows were removed or treated, and may hold them still.
    """

    plan: RetentionPlan
    tables: tuple[Treated, ...]
    releases: tuple[str, ...] = ()

    @property
    def compared(self) -> tuple[TableComparison, ...]:
        """What the tables cost beside what the plan expected."""
        return comparisons(self.plan, self.tables)


def apply_retention(
    workspace: Workspace,
    plan: RetentionPlan,
    *,
    actor: str,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> Applied:
    """Carry out a retention plan, or go on with it after a crash or a window.

    Raises:
        PlanError: `plan.edited`.
        StalePlanError: `plan.stale` when it no longer fits (`retention_fit`) and nothing was done; what a killed run
            had begun is ended all the same, and the rest is for a new plan.
        ConflictError: `workspace.busy`.
    """
    control, whole = Control(workspace), plan
    check_seal(plan, control.keys)
    with alone(workspace), ExitStack() as recording:
        clock = Clock(now)
        journal = Journal(
            control.ledger,
            run=f"plan:{plan.id}",
            verb="retention",
            actor=actor,
            policy=plan.policy_fingerprint,
            clock=clock,
        )
        if journal.done("all", "apply") is not None:
            progress("This plan was carried out before: no row is rewritten now, what it did is told again.")
        plan = fitting(control, journal, plan, progress)
        merged = _merged(journal, plan)
        # Before rows of held people are looked for: whoever comes after that has to stop what is not rewritten yet.
        guard = partial(_refuse_held, control, plan, clock, held=held_digest(control, claims=True, accessing=True))
        guard()
        lineage = recording.enter_context(retention_run(workspace, plan, control.policies, clock))
        spark = session_for(workspace)
        run = Run(spark, journal, clock, plan.id, plan.immediate, progress, guard)
        keep_plan(workspace, whole)
        journal.begin("all", "apply")
        # Computed before anything is removed: a path to held rows may lead through another table of this plan, and what
        # starts a clock may be one of its tables. Afterwards the policies may name neither any more.
        held: Mapping[str, DataFrame] = {}
        events: Mapping[str, DataFrame] = {}
        if not merged:
            people = Held.of(
                spark, control, frames_of(spark, control, versions_of(spark, control)), claims=True, accessing=True
            )
            held = people.computed({s.table for s in plan.tables})
            events = events_of(spark, control, {s.table for s in plan.tables if s.stages})
        forget_salts(control, plan if merged else None)
        salt = b"" if merged else salt_of(control, plan, clock())
        work = [
            Work(
                s,
                partial(_rewrite, control, s, held.get(s.table), events, salt),
                f"table:{s.table}/{s.rule}",
                expected(plan, s),
            )
            for s in plan.tables
        ]
        treated = treat_tables(run, work, control.policies.tables)
        describe_retention(lineage, plan, control.policies, treated)
        forget_salts(control, plan)  # whatever waits for its window now has all its rows rewritten
        if all(t.waiting_until is None for t in treated):
            if journal.done("all", "apply") is None:
                journal.finish("all", "apply", Step({"rows": sum(t.rows for t in treated)}))
            forget_plan(workspace, plan)
        changed = {t.step.table for t in treated if t.rows}
        return Applied(plan, treated, releases_cut_from(workspace, changed))


def _merged(journal: Journal, plan: RetentionPlan) -> bool:
    """Return whether the rows of all tables have been rewritten."""
    return all(journal.done(f"table:{s.table}/{s.rule}", "merge") is not None for s in plan.tables if s.stages)


def go_on_retention(
    workspace: Workspace, *, actor: str, now: datetime, progress: Callable[[str], None] = lambda _: None
) -> tuple[Applied, ...]:
    """Go on with all retention plans that wait for their windows, or whose run was killed.

    A plan that is stopped, such as for a hold or a table that is gone, keeps no other waiting; one that was overtaken
    before anything was done is forgotten.

    Raises:
        DelibleError: As `apply_retention`, the gravest of several after all others; at once what would meet all of them
            (`errors.concerns_all`).
    """
    done, stopped = [], list[DelibleError]()
    for plan in unfinished_retention(workspace):
        try:
            done.append(apply_retention(workspace, plan, actor=actor, now=now, progress=progress))
        except DelibleError as error:
            if concerns_all(error):
                raise
            if isinstance(error, StalePlanError) and not _begun(workspace, plan):
                progress(f"plan {plan.id} is forgotten, and what it was for is planned anew: {error.message}")
                forget_plan(workspace, plan)
            else:
                stopped.append(error)
    if stopped:
        raise min(stopped, key=gravity)
    return tuple(done)


def _refuse_held(
    control: Control,
    plan: RetentionPlan,
    clock: Clock,
    run: Run | None = None,
    step: TableStep | None = None,
    stage: Stage = Stage.MERGE,
    *,
    held: str | None = None,
) -> None:
    """Refuse to go on when a hold stops a rule of the plan now; holds on people are honoured row by row.

    Their rows are looked for once, when the run begins: before rows go, nobody else may have been held since.

    Args:
        run: The run, when it is about one table.
        step: That table.
        stage: What is going to be done; before old files go, people of all plans are asked about.
        held: Digest of who was held when the run began; where None, nobody is asked about before rows go.

    Raises:
        BlockedError: `table.held`, with one problem per rule; `table.shallow_clone`, `table.deep_clone`.
        StalePlanError: `plan.stale` before rows go, when others are held than when the run began.
    """
    rules, today = control.policies.retention, clock().date()
    stopped = {
        s: hold
        for s in {s.rule: s for s in plan.tables if s.stages and s.rule in rules}
        if (hold := hold_on_rule(control.policies, rules[s], today)) is not None
    }
    problems = tuple(
        Problem("table.held", f"legal hold '{hold}' covers table '{rules[rule].table}'.", f"table:{rules[rule].table}")
        for rule, hold in stopped.items()
    )
    if problems:
        raise BlockedError.of(problems)
    if run is None or step is None:
        return
    if stage is not Stage.MERGE:
        refuse_clones(control, {step.table: step.location})
        refuse_losing(control, run, step.table)
    elif held is not None and held != held_digest(control, claims=True, accessing=True):
        raise StalePlanError(
            "plan.stale",
            f"other people are held than when the run began, so that table '{step.table}' is left as it is.",
            where=f"table:{step.table}",
            fix="Run the same command again: it looks for the rows of held people anew.",
        )


def _begun(workspace: Workspace, plan: RetentionPlan) -> bool:
    """Return whether a run has begun to rewrite rows for a plan."""
    prefix = f"plan:{plan.id}/table:"
    return any(r.action == "retention.merge" for r in Control(workspace).ledger.records(object_prefix=prefix))


def _rewrite(
    control: Control,
    step: RetentionStep,
    held: DataFrame | None,
    events: Mapping[str, DataFrame],
    salt: bytes,
    run: Run,
) -> Step:
    """Do what one rule says; `salt` is the key of the plan's pseudonyms (`retention_salt`)."""
    from delible.lake.columns import pads_of
    from delible.lake.erase import done_under
    from delible.lake.retention import retain

    rule: RetentionRule = control.policies.retention[step.rule]
    judging = judging_of(control, step.table, step.as_of, held, events)
    retain(run.spark, step.location, rule, judging, pads_of(salt))
    done = done_under(step.location, run.marks(f"{step.table}/{step.rule}"), step.version)
    return Step(
        {
            "rows": done.rows,
            "held_rows": step.held_rows,
            "files": done.files,
            "bytes": done.bytes,
            "bytes_replaced": done.replaced,
        },
        {"rule": step.rule},
    )
