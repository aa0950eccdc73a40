"""A retention plan for the two tables of the small shop, without a row having been counted."""

from __future__ import annotations

from datetime import UTC, datetime

from delible.model.plan import RetentionPlan, RetentionStep, Stage
from delible.model.terms import RetentionAction
from delible.store.plans import seal
from delible.workflows.control import Control

START = datetime(2026, 3, 10, 9, tzinfo=UTC)


def two_tables(control: Control, action: RetentionAction) -> RetentionPlan:
    """Return a sealed plan of one rule on each table, named like the table."""
    steps = tuple(
        RetentionStep(
            table=name,
            location=f"warehouse/{name}",
            version=0,
            action=action,
            rows=1,
            files=1,
            bytes=1,
            stages=tuple(Stage),
            wait_hours=0,
            rule=name,
            as_of=START,
        )
        for name in ("customers", "tickets")
    )
    plan = RetentionPlan(
        id="T-20260310-00000001",
        created=START,
        policy_fingerprint=control.policies.fingerprint,
        immediate=True,
        tables=steps,
    )
    return seal(plan, control.keys)
