"""Retention: plan what is past its period, and remove it with the same stages as an erasure."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from delible.decide.consent import flag
from delible.decide.holds import held_tables
from delible.errors import PlanError, StalePlanError
from delible.model.plan import RetentionPlan, RetentionStep
from delible.model.policy import RetentionRule
from delible.model.request import ENDED
from delible.model.terms import Exclusion, Right
from delible.plan.retention import PastPeriod, plan_retention
from delible.store.plans import check_seal, read_plan, seal, write_plan
from delible.store.workspace import Workspace
from delible.workflows.clock import Clock
from delible.workflows.control import Control
from delible.workflows.journal import Journal, Step
from delible.workflows.lineage_events import retention_events
from delible.workflows.spark import alone, session_for
from delible.workflows.stages import Run, Treated, treat

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from delible.lake.identity import RefKey


_AGAIN = "Make a new plan with: delible retention plan"
_FREEZING = frozenset({Right.ACCESS, Right.PORTABILITY})
"""An open access request freezes retention on the rows that it asks for; a restriction does until it is lifted, since
Art. 18(1)(b) and (c) ask that the data be kept."""


@dataclass(frozen=True)
class Applied:
    """Where a retention plan stands after this run."""

    plan: RetentionPlan
    tables: tuple[Treated, ...]


def plan_due_retention(
    workspace: Workspace,
    *,
    now: datetime,
    immediate: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> RetentionPlan:
    """Return a sealed plan of all rules that have rows past their period; nothing changes.

    A table under a legal hold is left out whole; rows of people under a hold, or with an open access request, are
    counted as held and kept.
    """
    control = Control(workspace)
    spark = session_for(workspace)
    people = _Held.of(spark, control)
    held = held_tables(control.policies.legal_holds, now.date())
    past, facts = [], {}
    from delible.lake.facts import table_facts
    from delible.lake.retention import count_past

    for rule in control.policies.retention.values():
        if rule.table in held:
            progress(f"{rule.retention}: table {rule.table} is under legal hold {held[rule.table]}")
            continue
        progress(f"{rule.retention}: counting")
        frame = people.frame(rule.table)
        policy = control.policies.tables[rule.table]
        counts = count_past(frame, policy, rule, now, people.combinations(rule.table))
        past.append(PastPeriod(rule, *counts))
        if counts[0] or counts[1]:
            facts[rule.table] = table_facts(spark, people.locations[rule.table], table=rule.table)
    plan = plan_retention(
        control.policies,
        facts,
        past,
        plan_id=f"T-{now:%Y%m%d}-{secrets.token_hex(4)}",
        now=now,
        immediate=immediate,
    )
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
        if plan.policy_fingerprint != control.policies.fingerprint:
            raise StalePlanError(
                "plan.stale", "the policies have changed since the plan was made.", where=f"plan {plan.id}", fix=_AGAIN
            )
        spark = session_for(workspace)
        run = Run(spark, journal, clock, plan.id, plan.immediate, progress)
        _refuse_moved(run, plan)
        begun = journal.begin("all", "apply").at
        people = _Held.of(spark, control)
        treated = tuple(
            treat(run, step, partial(_rewrite, run, control, people, step), thing=f"table:{step.table}/{step.rule}")
            for step in plan.tables
        )
        if all(t.waiting_until is None for t in treated) and journal.done("all", "apply") is None:
            retention_events(workspace, plan, control.policies, treated, started=begun, now=clock())
            journal.finish("all", "apply", Step({"rows": sum(t.rows for t in treated)}))
        return Applied(plan, treated)


def _refuse_moved(run: Run, plan: RetentionPlan) -> None:
    """Refuse when a table is not at the version that the plan saw, unless this plan itself moved it."""
    from delible.lake.erase import foreign_commits
    from delible.lake.facts import current_version, open_table

    marks = [run.mark(f"{step.table}/{step.rule}") for step in plan.tables]
    for step in plan.tables:
        if not step.stages or run.journal.record(f"table:{step.table}/{step.rule}", "merge", "started") is not None:
            continue
        handle = open_table(run.spark, step.location, table=step.table)
        version = current_version(step.location)
        if version != step.version and foreign_commits(handle, marks, step.version):
            raise StalePlanError(
                "plan.stale",
                f"table '{step.table}' was planned at version {step.version} and is now at {version}.",
                where=f"table:{step.table}",
                fix=_AGAIN,
            )


def _rewrite(run: Run, control: Control, people: _Held, step: RetentionStep) -> Step:
    from delible.lake.erase import done_under
    from delible.lake.facts import open_table
    from delible.lake.retention import delete_past

    rule: RetentionRule = control.policies.retention[step.rule]
    policy = control.policies.tables[step.table]
    delete_past(run.spark, step.location, policy, rule, step.as_of, people.combinations(step.table))
    handle = open_table(run.spark, step.location, table=step.table)
    done = done_under(handle, run.mark(f"{step.table}/{step.rule}"), step.version)
    return Step(
        {"rows": done.rows, "held_rows": step.held_rows, "files": done.files, "bytes": done.bytes}, {"rule": step.rule}
    )


@dataclass(frozen=True)
class _Held:
    """People whose rows retention may not touch now."""

    spark: SparkSession
    control: Control
    refs: frozenset[str]
    frames: Mapping[str, DataFrame]
    locations: Mapping[str, str]

    @staticmethod
    def of(spark: SparkSession, control: Control) -> _Held:
        """Collect the references under a hold or with an open access request, over all linked identifiers."""
        from delible.lake.facts import open_table, read
        from delible.lake.held import expanded_refs

        locations = control.locations()
        refs = set(control.holds.refs())
        for request in control.requests.all():
            asked_for = request.right in _FREEZING and request.state not in ENDED
            if asked_for or flag(request) is Exclusion.RESTRICTED:
                refs.update(request.refs)
        needed: Sequence[str] = (
            list(control.policies.tables) if refs else [r.table for r in control.policies.retention.values()]
        )
        frames = {}
        for name in dict.fromkeys(needed):
            open_table(spark, locations[name], table=name)
            frames[name] = read(spark, locations[name])
        found = expanded_refs(spark, control.policies, frames, refs, _key(control)) if refs else frozenset()
        return _Held(spark, control, found, frames, locations)

    def frame(self, table: str) -> DataFrame:
        """Return a table's rows."""
        return self.frames[table]

    def combinations(self, table: str) -> DataFrame | None:
        """Return the reach values of a table's held rows."""
        from delible.lake.held import held_combinations

        return held_combinations(self.spark, self.control.policies, self.frames, table, self.refs, _key(self.control))


def _key(control: Control) -> RefKey:
    from delible.lake.identity import RefKey

    return RefKey(control.keys.version, control.keys.pads())


def save_plan(plan: RetentionPlan, path: Path) -> None:
    """Write a plan file.

    Raises:
        InputError: `plan.unwritable`.
    """
    write_plan(plan, path)


def load_plan(workspace: Workspace, path: Path) -> RetentionPlan:
    """Return the retention plan in a file.

    Raises:
        PlanError: `plan.missing`, `plan.unreadable`, `plan.edited`, `plan.kind`.
    """
    plan = read_plan(path)
    check_seal(plan, Control(workspace).keys, where=str(path))
    if not isinstance(plan, RetentionPlan):
        raise PlanError("plan.kind", "the file is an erasure plan.", where=str(path), fix="Use `erasure apply`.")
    return plan
