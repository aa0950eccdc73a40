"""Whether a table's old files are surely gone, by the ledger: no VACUUM is credited with more than it removed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from delible.model.plan import TableStep
from delible.model.record import AuditEntry
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.held_bytes import has_old_files

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
    assert not has_old_files(control, PLAN, STEP)
    record(control, now, PLAN, "merge", "started")
    events = [
        (60, PLAN, "purge", "done", {}),
        (begins, "E-2", "vacuum", "started", {}),
        (ends, "E-2", "vacuum", "done", {"hours": str(hours)}),
    ]
    for minutes, *event, detail in sorted(events, key=lambda e: e[0]):
        record(control, now + timedelta(minutes=minutes), *event, **detail)
    assert has_old_files(control, PLAN, STEP) is left


def test_a_vacuum_that_was_killed_and_run_again_counts_from_its_first_beginning(
    workspace: Workspace, now: datetime
) -> None:
    control = Control(workspace)
    record(control, now, "E-2", "vacuum", "started")
    record(control, now, PLAN, "merge", "started")
    record(control, now + timedelta(minutes=1), PLAN, "purge", "done")
    record(control, now + timedelta(hours=5), "E-2", "vacuum", "done", hours="1")
    assert has_old_files(control, PLAN, STEP)
