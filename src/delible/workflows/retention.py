"""Retention: plan what is past its period, and remove it with the same stages as an erasure."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from delible.decide.holds import hold_on_rule
from delible.decide.retention import Standing
from delible.errors import BlockedError, DelibleError, Problem, StalePlanError, concerns_all, gravity
from delible.model.cost import TableComparison
from delible.model.plan import RetentionPlan, RetentionStep, Stage, TableStep
from delible.model.retention import EventClock, RetentionRule
from delible.plan.retention import PastPeriod, plan_retention
from delible.store.plans import check_seal, seal
from delible.store.workspace import Workspace
from delible.workflows.clock import Clock
from delible.workflows.clones import refuse_clones
from delible.workflows.control import Control
from delible.workflows.estimates import comparisons, estimate_retention, expected
from delible.workflows.held import Held, held_refs
from delible.workflows.held_bytes import refuse_losing
from delible.workflows.journal import Journal, Step
from delible.workflows.lineage_events import retention_events
from delible.workflows.policies import refuse_violations
from delible.workflows.retention_salt import forget_salts, salt_of
from delible.workflows.spark import alone, session_for
from delible.workflows.stages import Run, Treated, Work, treat_tables
from delible.workflows.unfinished import forget_plan, keep_plan, unfinished_retention

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from delible.lake.retention import Judging

_AGAIN = "Make a new plan with: delible retention plan"


@dataclass(frozen=True)
class Applied:
    """Where a retention plan stands after this run."""

    plan: RetentionPlan
    tables: tuple[Treated, ...]

    @property
    def compared(self) -> tuple[TableComparison, ...]:
        """What the tables cost beside what the plan expected."""
        return comparisons(self.plan, self.tables)


def plan_due_retention(
    workspace: Workspace,
    *,
    now: datetime,
    immediate: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> RetentionPlan:
    """Return a sealed plan of all rules that have rows past their period; nothing changes.

    A rule that a legal hold on its table or on a category stops is left out; rows of people under a hold, or with an
    open access request, are counted as held and kept.

    Raises:
        BlockedError: `policy.violations`, `erasure.feature`, `readers.shared`, `table.shallow_clone`.
        InputError: `table.missing`.
    """
    control = Control(workspace)
    refuse_violations(workspace, ("controller", "tables", "retention", "legal_holds"))
    spark = session_for(workspace)
    frames = _frames(spark, control)
    people = Held.of(spark, control, frames, claims=True, accessing=True)
    past, facts = [], {}
    from delible.lake.facts import table_facts
    from delible.lake.retention import count_rules

    for table, every in _by_table(control).items():
        rules = []
        for rule in every:
            hold = hold_on_rule(control.policies, rule, now.date())
            if hold is None:
                rules.append(rule)
            else:
                progress(f"{rule.retention} on {table} is stopped by legal hold {hold}")
        if not rules:
            continue
        progress(f"{table}: counting for {', '.join(rule.retention for rule in rules)}")
        counts = count_rules(frames[table], _judging(control, table, now, people.combinations(table), frames))
        for rule in rules:
            found = counts[rule.retention]
            past.append(PastPeriod(rule, found.rows, found.held, found.files, found.bytes, found.standings))
        if any(c.rows or c.held or c.standings.get(Standing.DUTY) for c in (counts[r.retention] for r in rules)):
            facts[table] = table_facts(spark, control.locations()[table], table=table)
    refuse_clones(control, sorted(facts))
    plan = plan_retention(
        control.policies,
        facts,
        past,
        plan_id=f"T-{now:%Y%m%d}-{secrets.token_hex(4)}",
        now=now,
        immediate=immediate,
    )
    progress("estimating what that costs")
    plan = plan.model_copy(update={"estimate": estimate_retention(control, plan, facts, now)})
    return seal(plan, control.keys)


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
        StalePlanError: `plan.stale` when policies or tables have moved; nothing has changed then.
        ConflictError: `workspace.busy`.
    """
    control = Control(workspace)
    check_seal(plan, control.keys)
    with alone(workspace):
        clock = Clock(now)
        journal = Journal(
            control.ledger,
            run=f"plan:{plan.id}",
            verb="retention",
            actor=actor,
            policy=plan.policy_fingerprint,
            clock=clock,
        )
        merged = _merged(journal, plan)
        # Once all rows are gone, what is left is to remove the bytes, whatever the policies say by now.
        if plan.policy_fingerprint != control.policies.fingerprint and not merged:
            raise StalePlanError(
                "plan.stale", "the policies have changed since the plan was made.", where=f"plan {plan.id}", fix=_AGAIN
            )
        guard = partial(_refuse_held, control, plan, clock)
        guard()
        spark = session_for(workspace)
        run = Run(spark, journal, clock, plan.id, plan.immediate, progress, guard)
        _refuse_moved(run, plan)
        keep_plan(workspace, plan)
        begun = journal.begin("all", "apply").at
        # Computed before anything is removed: a path to held rows may lead through another table of this plan, and what
        # starts a clock may be one of its tables. Afterwards the policies may name neither any more.
        held: Mapping[str, DataFrame] = {}
        events: Mapping[str, DataFrame] = {}
        if not merged:
            people = Held.of(spark, control, _frames(spark, control), claims=True, accessing=True)
            held = people.computed({s.table for s in plan.tables})
            events = _events(spark, control, {s.table for s in plan.tables if s.stages})
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
        forget_salts(control, plan)  # whatever waits for its window now has all its rows rewritten
        if all(t.waiting_until is None for t in treated):
            if journal.done("all", "apply") is None:
                retention_events(workspace, plan, control.policies, treated, started=begun, now=clock())
                journal.finish("all", "apply", Step({"rows": sum(t.rows for t in treated)}))
            forget_plan(workspace, plan)
        return Applied(plan, treated)


def _merged(journal: Journal, plan: RetentionPlan) -> bool:
    """Return whether the rows of all tables have been rewritten."""
    return all(journal.done(f"table:{s.table}/{s.rule}", "merge") is not None for s in plan.tables if s.stages)


def go_on_retention(
    workspace: Workspace, *, actor: str, now: datetime, progress: Callable[[str], None] = lambda _: None
) -> tuple[Applied, ...]:
    """Go on with all retention plans that wait for their windows, or whose run was killed.

    A plan that is stopped, such as for a hold or a table that is gone, keeps no other waiting.

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
) -> None:
    """Refuse to go on when a hold stops a rule of the plan now; holds on people are honoured row by row.

    Args:
        run: The run, when it is about one table.
        step: That table.
        stage: What is going to be done; before old files go, people of all plans are asked about.

    Raises:
        BlockedError: `table.held`, with one problem per rule.
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
    if run is not None and step is not None and stage is not Stage.MERGE:
        refuse_losing(control, run, step.table)


def _refuse_moved(run: Run, plan: RetentionPlan) -> None:
    """Refuse when a table is not at the version that the plan saw, unless this plan itself moved it."""
    from delible.lake.commits import current_version
    from delible.lake.erase import foreign_commits

    marks = [run.mark(f"{step.table}/{step.rule}") for step in plan.tables]
    for step in plan.tables:
        if not step.stages or run.journal.record(f"table:{step.table}/{step.rule}", "merge", "started") is not None:
            continue
        version = current_version(step.location)
        if version != step.version and foreign_commits(step.location, marks, step.version):
            raise StalePlanError(
                "plan.stale",
                f"table '{step.table}' was planned at version {step.version} and is now at {version}.",
                where=f"table:{step.table}",
                fix=_AGAIN,
            )


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
    judging = _judging(control, step.table, step.as_of, held, events)
    retain(run.spark, step.location, rule, judging, pads_of(salt))
    done = done_under(step.location, run.mark(f"{step.table}/{step.rule}"), step.version)
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


def _event_tables(control: Control) -> set[str]:
    """Return the tables whose events start clocks."""
    return {r.clock.table for r in control.policies.retention.values() if isinstance(r.clock, EventClock)}


def _events(spark: SparkSession, control: Control, changing: Collection[str]) -> dict[str, DataFrame]:
    """Return the rows that start clocks; keys and times of tables that are about to change are set aside."""
    from delible.lake.facts import read
    from delible.lake.session import computed

    found = {name: read(spark, control.locations()[name]) for name in _event_tables(control)}
    for name in found.keys() & set(changing):
        clocks = [r.clock for r in control.policies.retention.values() if isinstance(r.clock, EventClock)]
        needed = {c for clock in clocks if clock.table == name for c in (clock.target, clock.column)}
        found[name] = computed(found[name].select(*sorted(needed)))
    return found


def _by_table(control: Control) -> dict[str, list[RetentionRule]]:
    rules: dict[str, list[RetentionRule]] = {}
    for rule in control.policies.retention.values():
        rules.setdefault(rule.table, []).append(rule)
    return rules


def _judging(
    control: Control, table: str, as_of: datetime, held: DataFrame | None, events: Mapping[str, DataFrame]
) -> Judging:
    """Return what a table's rules are judged by: all of them, since one may bind another."""
    from delible.lake.retention import Judging

    rules = tuple(r for r in control.policies.retention.values() if r.table == table)
    return Judging(control.policies.tables[table], rules, as_of, events, held)


def _frames(spark: SparkSession, control: Control) -> dict[str, DataFrame]:
    """Return the rows of tables that rules and clocks name; of all when somebody is held, to follow links."""
    from delible.lake.facts import read, refuse_missing

    locations = control.locations()
    needed = [*[rule.table for rule in control.policies.retention.values()], *sorted(_event_tables(control))]
    if held_refs(control, claims=True, accessing=True):
        needed = list(control.policies.tables)
    frames = {}
    for name in dict.fromkeys(needed):
        refuse_missing(spark, locations[name], table=name)
        frames[name] = read(spark, locations[name])
    return frames
