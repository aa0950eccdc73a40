"""Lineage of runs that look at tables or rewrite rows: OpenLineage's listener sees neither DELETE nor MERGE's columns.

Whoever adds a run opens it with `recorded`, and sets `inputs`, `outputs` and `facets` of what it yields before it ends:

    with recorded(control, "dataset.recut", now=now) as lineage:
        lineage.inputs = table_uses(control.policies, locations, versions)
        ...
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from delible.model.lineage import ColumnFlow, DatasetUse, Facets, Influence, LineageRun, unchanged
from delible.model.plan import (
    ErasurePlan,
    RectificationPlan,
    RectificationStep,
    RetentionPlan,
    RetentionStep,
    Stage,
    TableStep,
)
from delible.model.policy import PolicySet, TablePolicy
from delible.model.proof import Verification
from delible.model.retention import Generalise, RetentionRule
from delible.model.taxonomy import is_personal
from delible.model.terms import ErasureAction, LegalBasis, RetentionAction, Right
from delible.store.lineage import LineageLog
from delible.store.workspace import Workspace
from delible.workflows.clock import Clock
from delible.workflows.treated import Treated

CONSENTS = "consents"
_BYTES_LAST = frozenset({Stage.VACUUM, Stage.EXPIRE_LOG, Stage.VERIFY})


def recorded(
    workspace: Workspace,
    job: str,
    *,
    now: datetime,
    inputs: Sequence[DatasetUse] = (),
    facets: Facets | None = None,
) -> AbstractContextManager[LineageRun]:
    """Return a run that begins and ends with the block it is opened for, also when that fails.

    Args:
        workspace: Where.
        job: Dotted name, as in the ledger.
        now: The instant of the beginning.
        inputs: What is read, where that is known already.
        facets: Facets of the run, and those that hold for each of its outputs.
    """
    return LineageLog(workspace, clock=Clock(now)).run(job, inputs=inputs, facets=facets)


def duty(policies: PolicySet | None, name: str, *, basis: LegalBasis | None = LegalBasis.LEGAL_OBLIGATION) -> Facets:
    """Return the facet of a run that fulfils a duty, such as an erasure, rather than a purpose of the controller's."""
    body: dict[str, Any] = {"purpose": f"delible:{name}"}
    body |= {"legalBasis": basis.value} if basis is not None else {}
    body |= {"policyFingerprint": policies.fingerprint} if policies is not None else {}
    return {"delible_purpose": body}


def requested(right: Right, requests: Iterable[str], *, plan: str | None = None, left_out: int | None = None) -> Facets:
    """Return the facet of a run that serves requests of data subjects."""
    body: dict[str, Any] = {"right": right.value, "requests": sorted(requests)}
    body |= {"plan": plan} if plan is not None else {}
    body |= {"leftOut": left_out} if left_out is not None else {}
    return {"delible_request": body}


def searched(found: Verification) -> Facets:
    """Return the facet of a run that searched every byte."""
    counts = {"filesSearched": found.files_searched, "bytesSearched": found.bytes_searched}
    return {
        "delible_search": {
            **counts,
            "matches": sum(m.count for m in found.matches),
            "unreadable": len(found.unreadable),
        }
    }


def table_uses(
    policies: PolicySet | None, locations: Mapping[str, str], versions: Mapping[str, int] | None = None
) -> list[DatasetUse]:
    """Return tables as what a run read, with their policies' columns and the categories of these."""
    known = policies.tables if policies is not None else {}
    versions = versions or {}
    return [
        DatasetUse(
            name=name,
            location=place,
            version=versions.get(name),
            columns=columns_of(known.get(name)),
            tags=tags_of(known.get(name)),
        )
        for name, place in locations.items()
    ]


def columns_of(policy: TablePolicy | None) -> dict[str, str]:
    """Return the columns of a table that its policy maps, with no type: a policy knows none.

    Consumers such as Marquez draw lineage between columns of which a schema has told them, and drop all other.
    """
    return dict.fromkeys(policy.columns, "") if policy is not None else {}


def tags_of(policy: TablePolicy | None) -> dict[str, str]:
    """Return the columns of a table that hold personal data, by its policy."""
    columns = policy.columns if policy is not None else {}
    return {name: column.category for name, column in columns.items() if is_personal(column.category)}


def consents_use(
    workspace: Workspace, *, rows: int | None = None, facet: Mapping[str, Any] | None = None
) -> DatasetUse:
    """Return the consent ledger as a dataset of its own: it decides who is in a training dataset."""
    facets = {"delible_import": facet} if facet is not None else {}
    return DatasetUse(name=CONSENTS, location=workspace.store_table(CONSENTS), rows=rows, facets=facets)


def erasure_run(
    workspace: Workspace, plan: ErasurePlan, policies: PolicySet, clock: Clock
) -> AbstractContextManager[LineageRun]:
    """Return the run that applies an erasure plan, or goes on with it."""
    return _plan_run(workspace, "erasure.apply", plan, policies, clock, Right.ERASURE, [r.id for r in plan.requests])


def rectification_run(
    workspace: Workspace, plan: RectificationPlan, policies: PolicySet, clock: Clock
) -> AbstractContextManager[LineageRun]:
    """Return the run that applies a rectification plan, or goes on with it."""
    ids = [r.id for r in plan.requests]
    return _plan_run(workspace, "rectification.apply", plan, policies, clock, Right.RECTIFICATION, ids)


def retention_run(
    workspace: Workspace, plan: RetentionPlan, policies: PolicySet, clock: Clock
) -> AbstractContextManager[LineageRun]:
    """Return the run that applies a retention plan, or goes on with it."""
    return _plan_run(workspace, "retention.apply", plan, policies, clock)


def _plan_run(
    workspace: Workspace,
    job: str,
    plan: ErasurePlan | RectificationPlan | RetentionPlan,
    policies: PolicySet,
    clock: Clock,
    right: Right | None = None,
    requests: Sequence[str] = (),
) -> AbstractContextManager[LineageRun]:
    locations = {step.table: step.location for step in plan.tables}
    inputs = table_uses(policies, locations, {step.table: step.version for step in plan.tables})
    facets = {**duty(policies, job.partition(".")[0])}
    if right is not None:
        facets |= requested(right, requests, plan=plan.id)
    log = LineageLog(workspace, clock=clock)
    # Whoever applies a plan holds the workspace's lock, so what has not ended was killed.
    log.end_killed(job)
    return log.run(job, inputs=inputs, facets=facets)


def describe_erasure(
    run: LineageRun,
    plan: ErasurePlan,
    policies: PolicySet,
    treated: Iterable[Treated],
    found: Verification | None = None,
) -> None:
    """Say what an erasure did to each table so far, and what the search of every byte found."""
    if found is not None:
        run.facets = {**run.facets, **searched(found)}
    outputs = []
    for done in treated:
        step, policy = done.step, policies.tables.get(done.step.table)
        facet = {
            "plan": plan.id,
            "requests": [r.id for r in plan.requests],
            "action": step.action,
            "rows": done.rows,
            "sharedRows": step.shared_rows,
            "mentions": done.mentions,
        }
        columns = policy.erasure.columns if policy and step.action is ErasureAction.TREAT_COLUMNS else {}
        outputs.append(_output(done, policy, {"delible_erasure": {**facet, **_proof(done, found)}}, columns))
    run.outputs = outputs


def describe_rectification(
    run: LineageRun,
    plan: RectificationPlan,
    policies: PolicySet,
    treated: Iterable[Treated],
    found: Verification | None = None,
) -> None:
    """Say in which columns of each table a rectification corrected values, and what the search for old ones found."""
    if found is not None:
        run.facets = {**run.facets, **searched(found)}
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
        }
        body = {"delible_rectification": {**facet, **_proof(done, found)}}
        outputs.append(_output(done, policies.tables.get(step.table), body, {}))
    run.outputs = outputs


def describe_retention(run: LineageRun, plan: RetentionPlan, policies: PolicySet, treated: Iterable[Treated]) -> None:
    """Say which rule removed or treated rows of each table."""
    outputs = []
    for done in treated:
        step, rule = done.step, policies.retention.get(done.step.rule) if isinstance(done.step, RetentionStep) else None
        if not isinstance(step, RetentionStep) or rule is None:
            continue
        facet = {
            "plan": plan.id,
            "rule": step.rule,
            "clock": str(rule.clock),
            "keep": str(rule.keep),
            "asOf": step.as_of.isoformat(),
            "rows": done.rows,
            "heldRows": step.held_rows,
        }
        columns = {c: "generalise" if isinstance(t, Generalise) else str(t) for c, t in rule.columns.items()}
        made = _output(done, policies.tables.get(step.table), {"delible_retention": facet}, columns, rule)
        outputs.append(made)
    run.outputs = outputs


def _output(
    done: Treated,
    policy: TablePolicy | None,
    facets: Facets,
    treatments: Mapping[str, Any],
    rule: RetentionRule | None = None,
) -> DatasetUse:
    """Return a table that was rewritten where it lies: what became of each column, and what chose the rows."""
    step = done.step
    columns = list(policy.columns) if policy is not None else []
    flows = [
        ColumnFlow(column=c, source=step.location, field=c, treatment=str(treatments[c]))
        for c in columns
        if c in treatments
    ]
    flows += unchanged(step.location, [c for c in columns if c not in treatments])
    by = [r.column for r in policy.subject] if policy is not None and rule is None else []
    by = [rule.clock] if rule is not None and isinstance(rule.clock, str) else by
    return DatasetUse(
        name=step.table,
        location=step.location,
        version=done.version,
        columns=columns_of(policy),
        tags=tags_of(policy),
        rows=done.rows,
        bytes=done.bytes_rewritten,
        files=done.files_rewritten,
        flows=flows if step.action is not RetentionAction.AGGREGATE else (),
        influences=[Influence(source=step.location, field=c) for c in dict.fromkeys(by)],
        facets=facets,
    )


def _proof(done: Treated, found: Verification | None) -> dict[str, Any]:
    body: dict[str, Any] = {"stages": _stages(done.step, waiting=done.waiting_until is not None or bool(done.held))}
    if found is not None:
        body |= {"filesSearched": found.files_searched, "matches": found.counts["matches"]}
    return body


def _stages(step: TableStep, *, waiting: bool) -> dict[str, str]:
    """Return how far a table's stages are; what removes bytes is what a window or a hold keeps waiting."""
    return {stage: "waiting" if waiting and stage in _BYTES_LAST else "done" for stage in step.stages}
