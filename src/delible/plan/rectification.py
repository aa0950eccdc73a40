"""Plan corrections over all tables: pure, from policies, facts and what the corrections were found to mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from delible.model.plan import PlannedRequest, RectificationPlan, RectificationStep, TableFacts
from delible.model.policy import PolicySet
from delible.model.rectification import Change
from delible.model.terms import RectificationAction
from delible.plan.erasure import ALL_STAGES, refuse_unsafe
from delible.plan.order import erasure_order


def plan_corrections(  # noqa: PLR0913 - all of it is the plan
    policies: PolicySet,
    facts: Mapping[str, TableFacts],
    changes: Mapping[str, Sequence[Change]],
    requests: Sequence[PlannedRequest],
    *,
    seen: Mapping[str, int],
    rebuild: Mapping[str, str],
    plan_id: str,
    now: datetime,
    immediate: bool,
    earlier: tuple[str, ...] = (),
) -> RectificationPlan:
    """Return the ordered steps of one rectification run, upstream tables first.

    Raises:
        BlockedError: `erasure.feature`, `readers.shared` when a table cannot be rewritten as asked.
    """
    every = [c for group in changes.values() for c in group]
    # A row is told to be somebody's by its columns' names in the files, which are others there.
    refuse_unsafe(policies, facts, sorted(facts), immediate=immediate, unsafe={"columnMapping"})
    steps = []
    for name in erasure_order(policies.tables, facts):
        here = [c for c in every if c.table == name]
        wait = max(facts[name].deleted_file_retention_hours, facts[name].log_retention_hours)
        steps.append(
            RectificationStep(
                table=name,
                location=facts[name].location,
                version=facts[name].version,
                action=RectificationAction.CORRECT,
                rows=sum(r.rows.get(name, 0) for r in requests),
                files=facts[name].files,
                bytes=facts[name].bytes,
                stages=ALL_STAGES,
                wait_hours=0 if immediate else wait,
                columns=tuple(sorted({c.column for c in here})),
                follows=not any(c.asked for c in here),
            )
        )
    return RectificationPlan(
        id=plan_id,
        created=now,
        policy_fingerprint=policies.fingerprint,
        immediate=immediate,
        requests=tuple(sorted(requests, key=lambda r: (r.due, r.id))),
        seen=dict(sorted(seen.items())),
        tables=tuple(steps),
        earlier=earlier,
        rebuild=dict(sorted(rebuild.items())),
        untold=tuple(sorted({c.kind for c in every if c.proof == "rows"})),
    )


def late_requests(plan: RectificationPlan, now: datetime) -> list[PlannedRequest]:
    """Return the requests that are due before the windows of the plan's tables end."""
    ends = now + timedelta(hours=max((s.wait_hours for s in plan.tables), default=0))
    return [r for r in plan.requests if ends.date() > date.fromisoformat(r.due)]
