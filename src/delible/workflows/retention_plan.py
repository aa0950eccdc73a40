"""Plan retention: count what is past its period; nothing changes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

from delible.decide.holds import hold_on_rule
from delible.decide.retention import Standing
from delible.model.plan import RetentionPlan
from delible.plan.retention import PastPeriod, plan_retention
from delible.store.plans import seal
from delible.store.workspace import Workspace
from delible.workflows.clones import refuse_clones
from delible.workflows.constraints import refuse_broken_by_rules
from delible.workflows.control import Control
from delible.workflows.estimates import estimate_retention
from delible.workflows.held import Held, held_digest
from delible.workflows.lineage_events import duty, recorded, table_uses
from delible.workflows.policies import refuse_violations
from delible.workflows.retention_fit import counted, due_digest
from delible.workflows.retention_rows import by_table, frames_of, versions_of
from delible.workflows.spark import session_for


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
        BlockedError: `policy.violations`, `erasure.feature`, `readers.shared`, `table.shallow_clone`, and what Delta
            would refuse half-way (`plan.untreatable`, `erasure.constraint`).
        InputError: `table.missing`.
    """
    control = Control(workspace)
    refuse_violations(workspace, ("controller", "tables", "retention", "legal_holds"))
    with recorded(workspace, "retention.plan", now=now, facets=duty(control.policies, "retention")) as lineage:
        plan = _plan(control, now, immediate, progress)
        versions = {step.table: step.version for step in plan.tables}
        lineage.inputs = table_uses(control.policies, control.locations(), versions)
    return plan


def _plan(control: Control, now: datetime, immediate: bool, progress: Callable[[str], None]) -> RetentionPlan:
    """Count what is past its period, and return the plan that removes it."""
    spark = session_for(control.workspace)
    held = held_digest(
        control, claims=True, accessing=True
    )  # first: who comes meanwhile makes the plan be counted anew
    seen = versions_of(spark, control)
    frames = frames_of(spark, control, seen)
    people = Held.of(spark, control, frames, claims=True, accessing=True)
    past, facts = [], {}
    from delible.lake.facts import table_facts

    for table, every in by_table(control).items():
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
        counts = counted(control, table, now, frames, people)
        for rule in rules:
            found = counts[rule.retention]
            numbers = found.rows, found.held, found.files, found.bytes, found.standings
            past.append(PastPeriod(rule, *numbers, due_digest(control, found)))
        if any(c.rows or c.held or c.standings.get(Standing.DUTY) for c in (counts[r.retention] for r in rules)):
            facts[table] = table_facts(spark, control.locations()[table], table=table)
    refuse_clones(control, {name: each.location for name, each in sorted(facts.items())})
    plan = plan_retention(
        control.policies,
        facts,
        past,
        plan_id=f"T-{now:%Y%m%d}-{secrets.token_hex(4)}",
        now=now,
        immediate=immediate,
        seen=seen,
        held=held,
    )
    refuse_broken_by_rules(control, facts, past, frames, people, now)
    progress("estimating what that costs")
    plan = plan.model_copy(update={"estimate": estimate_retention(control, plan, facts, now)})
    return seal(plan, control.keys)
