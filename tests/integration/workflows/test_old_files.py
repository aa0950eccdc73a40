"""Whether a table's old files are surely gone, by the ledger: no VACUUM is credited with more than it removed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

from delible.lake.commits import mark_of
from delible.model.plan import ErasurePlan, TableStep
from delible.model.record import AuditEntry, SubjectHold
from delible.model.subject import SubjectRef
from delible.store.ledger import Ledger
from delible.store.workspace import Workspace
from delible.workflows import held_bytes
from delible.workflows.control import Control
from delible.workflows.held_bytes import has_old_files, records_of_plans, refuse_losing, steps_with_old_rows
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


@pytest.mark.parametrize(
    ("purged", "vacuumed", "own", "versions"),
    [
        (60, 60, True, [1]),
        (60, 60, False, []),
        (60, 59, True, [0]),
        (60, 59, False, [0]),
        (10, 20, True, [0]),
        (10, 20, False, [0]),
    ],
    ids=[
        "removed, and gone on since",
        "removed, and nothing committed",
        "begun before the purge, and gone on since",
        "begun before the purge",
        "removed before it began, and gone on since",
        "removed before it began",
    ],
)
def test_what_a_killed_merge_may_have_left_is_gone_once_another_plan_has_removed_it(
    purged: int, vacuumed: int, own: bool, versions: list[int], workspace: Workspace, now: datetime
) -> None:
    """The MERGE began after half an hour and has no end; own commits are what it has done after the VACUUM."""
    place = str(workspace.root / "customers")
    write_deltalake(place, pa.table({"id": [1, 2]}))
    write_deltalake(place, pa.table({"id": [3]}), mode="append")
    mark = CommitProperties(custom_metadata={"userMetadata": mark_of(PLAN if own else "E-2", "customers")})
    DeltaTable(place).delete("id = 1", commit_properties=mark)
    step = STEP.model_copy(update={"location": place, "version": 0})
    control = Control(workspace)
    events = [
        (30, PLAN, "merge", "started", {}),
        (purged, "E-2", "purge", "done", {}),
        (vacuumed, "E-2", "vacuum", "started", {}),
        (vacuumed + 1, "E-2", "vacuum", "done", {"hours": "0"}),
    ]
    for minutes, *event, detail in sorted(events, key=lambda e: e[0]):
        record(control, now + timedelta(minutes=minutes), *event, **detail)
    plan = ErasurePlan.model_construct(id=PLAN, tables=(step,), requests=())
    assert [s.version for s in steps_with_old_rows(records_of_plans(control), plan, "customers")] == versions
