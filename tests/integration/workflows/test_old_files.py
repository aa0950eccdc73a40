"""Whether a table's old files are surely gone, by the ledger: no VACUUM is credited with more than it removed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

import pytest

from delible.model.plan import ErasurePlan, TableStep
from delible.model.record import AuditEntry, SubjectHold
from delible.model.subject import SubjectRef
from delible.store.ledger import Ledger
from delible.store.workspace import Workspace
from delible.workflows import held_bytes
from delible.workflows.control import Control
from delible.workflows.held_bytes import has_old_files, records_of_plans, refuse_losing
from delible.workflows.stages import Run
from policy_files import write_policies

PLAN = "E-1"
STEP = TableStep.model_construct(table="customers", stages=("merge",), wait_hours=1)


def record(control: Control, at: datetime, plan: str, step: str, outcome: str, **detail: str) -> None:
    entry = AuditEntry(
        actor="tests",
        action=f"erasure.{step}",
        object=f"plan:{plan}/table:customers",
        outcome=outcome,
        detail=detail,
    )
    control.ledger.append([entry], at)


@pytest.mark.parametrize(
    ("begins", "ends", "hours", "left"),
    [(120, 121, 1, False), (90, 125, 1, True), (120, 121, 30, True), (59, 61, 0, True), (60, 61, 0, False)],
    ids=[
        "after the window",
        "begun within the window, ended after it",
        "a window that was lengthened since",
        "closed window, begun before the rewriting",
        "closed window",
    ],
)
def test_only_a_vacuum_that_began_a_window_later_has_removed_them(
    begins: int, ends: int, hours: int, left: bool, workspace: Workspace, now: datetime
) -> None:
    """The rewriting ended after an hour; minutes are counted from its beginning."""
    control = Control(workspace)
    assert not has_old_files(records_of_plans(control), PLAN, STEP)
    record(control, now, PLAN, "merge", "started")
    events = [
        (60, PLAN, "purge", "done", {}),
        (begins, "E-2", "vacuum", "started", {}),
        (ends, "E-2", "vacuum", "done", {"hours": str(hours)}),
    ]
    for minutes, *event, detail in sorted(events, key=lambda e: e[0]):
        record(control, now + timedelta(minutes=minutes), *event, **detail)
    assert has_old_files(records_of_plans(control), PLAN, STEP) is left


def test_a_vacuum_that_was_killed_and_run_again_counts_from_its_first_beginning(
    workspace: Workspace, now: datetime
) -> None:
    control = Control(workspace)
    record(control, now, "E-2", "vacuum", "started")
    record(control, now, PLAN, "merge", "started")
    record(control, now + timedelta(minutes=1), PLAN, "purge", "done")
    record(control, now + timedelta(hours=5), "E-2", "vacuum", "done", hours="1")
    assert has_old_files(records_of_plans(control), PLAN, STEP)


def test_the_ledger_is_read_once_for_all_plans(
    workspace: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It grows with every step of every plan that there ever was."""
    write_policies(workspace.root / "policies")
    control = Control(workspace)
    hold = SubjectHold(id="h1", refs=(SubjectRef("v1." + "a" * 64),), reason="x", owner="x", placed=now)
    control.holds.place([hold], actor="tests", now=now)
    plans = [ErasurePlan.model_construct(id=f"E-{n}", tables=(STEP,), requests=()) for n in range(9)]
    for plan in plans[:2]:
        record(control, now, plan.id, "merge", "started")
    asked: list[str | None] = []
    whole = Ledger.records
    monkeypatch.setattr(held_bytes, "begun_plans", lambda _: plans)
    monkeypatch.setattr(
        Ledger, "records", lambda ledger, **of: asked.append(of["object_prefix"]) or whole(ledger, **of)
    )
    refuse_losing(control, cast("Run", None), STEP.table)
    assert asked == ["plan:"]
