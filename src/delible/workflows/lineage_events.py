"""Lineage events of runs that rewrite rows: OpenLineage's own listener sees neither DELETE nor MERGE's columns."""

from __future__ import annotations

from datetime import datetime

from delible.model.lineage import DatasetUse
from delible.model.plan import ErasurePlan, RectificationPlan, RectificationStep, RetentionPlan, RetentionStep
from delible.model.policy import PolicySet
from delible.model.proof import Verification
from delible.store.lineage import emit_run
from delible.store.workspace import Workspace
from delible.workflows.treated import Treated


def erasure_events(
    workspace: Workspace,
    plan: ErasurePlan,
    treated: tuple[Treated, ...],
    verification: Verification,
    *,
    started: datetime,
    now: datetime,
) -> None:
    """Emit the run of one finished erasure plan, each table with what was erased from it."""
    outputs = [
        DatasetUse(
            name=t.step.table,
            location=t.step.location,
            rows=t.rows,
            bytes=t.bytes_rewritten,
            files=t.files_rewritten,
            facets={
                "delible_erasure": {
                    "plan": plan.id,
                    "requests": [r.id for r in plan.requests],
                    "action": t.step.action,
                    "rows": t.rows,
                    "sharedRows": t.step.shared_rows,
                    "mentions": t.mentions,
                    "stages": dict.fromkeys(t.step.stages, "done"),
                    "filesSearched": verification.files_searched,
                    "matches": verification.counts["matches"],
                }
            },
        )
        for t in treated
    ]
    inputs = [DatasetUse(name=t.step.table, location=t.step.location, version=t.step.version) for t in treated]
    emit_run(workspace, job="erasure.apply", inputs=inputs, outputs=outputs, started=started, ended=now)


def rectification_events(
    workspace: Workspace,
    plan: RectificationPlan,
    treated: tuple[Treated, ...],
    verification: Verification,
    *,
    started: datetime,
    now: datetime,
) -> None:
    """Emit the run of one finished rectification plan, each table with the columns in which values were corrected."""
    outputs = []
    for done in treated:
        step = done.step
        if not isinstance(step, RectificationStep):
            continue
        facet = {
            "plan": plan.id,
            "requests": [r.id for r in plan.requests],
            "columns": list(step.columns),
            "rows": done.rows,
            "follows": step.follows,
            "stages": dict.fromkeys(step.stages, "done"),
            "filesSearched": verification.files_searched,
            "matches": verification.counts["matches"],
        }
        outputs.append(
            DatasetUse(
                name=step.table,
                location=step.location,
                rows=done.rows,
                bytes=done.bytes_rewritten,
                files=done.files_rewritten,
                facets={"delible_rectification": facet},
            )
        )
    inputs = [DatasetUse(name=t.step.table, location=t.step.location, version=t.step.version) for t in treated]
    emit_run(workspace, job="rectification.apply", inputs=inputs, outputs=outputs, started=started, ended=now)


def retention_events(
    workspace: Workspace,
    plan: RetentionPlan,
    policies: PolicySet,
    treated: tuple[Treated, ...],
    *,
    started: datetime,
    now: datetime,
) -> None:
    """Emit the run of one finished retention plan, each table with the rule that removed rows."""
    outputs = []
    for done in treated:
        step = done.step
        if not isinstance(step, RetentionStep):
            continue
        rule = policies.retention[step.rule]
        facet = {
            "plan": plan.id,
            "rule": step.rule,
            "clock": str(rule.clock),
            "keep": str(rule.keep),
            "asOf": step.as_of.isoformat(),
            "rows": done.rows,
            "heldRows": step.held_rows,
        }
        outputs.append(
            DatasetUse(name=step.table, location=step.location, rows=done.rows, facets={"delible_retention": facet})
        )
    inputs = [DatasetUse(name=t.step.table, location=t.step.location, version=t.step.version) for t in treated]
    emit_run(workspace, job="retention.apply", inputs=inputs, outputs=outputs, started=started, ended=now)
