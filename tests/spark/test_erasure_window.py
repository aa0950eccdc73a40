"""Without `--immediate` the old files stay for other readers until the table's window has passed; then they go."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byte_search import places
from delible.model.terms import RequestState
from delible.workflows import stages
from delible.workflows.access_files import package_folder
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.fulfilment import fulfil_requests
from delible.workflows.unfinished import unfinished_erasures
from small_shop import LOWEST, NOW, approved, email, make_workspace, write_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

WINDOW = {"delta.deletedFileRetentionDuration": "interval 1 second", "delta.logRetentionDuration": "interval 1 second"}
"""Delta goes by the real time of a removal, so its window is short; the run waits a whole hour, which `now` skips."""


def test_old_files_wait_for_the_window_and_go_after_it(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two tables at once, as on a driver with more cores.
    monkeypatch.setattr(stages, "_AT_ONCE", 4)
    workspace = make_workspace(tmp_path / "shop")
    write_tables(spark, workspace)
    for table in ("customers", "tickets"):
        own = ", ".join(f"'{k}' = '{v}'" for k, v in WINDOW.items())
        spark.sql(f"ALTER TABLE delta.`{workspace.root}/warehouse/{table}` SET TBLPROPERTIES ({own})")
    (request,) = approved(workspace, tmp_path, {"email": email(LOWEST)})
    package = package_folder(workspace, request)  # as if the person had asked for access under the same identifiers
    package.mkdir(parents=True)
    said: list[str] = []
    planned = plan_due_erasures(workspace, now=NOW, progress=said.append)
    assert {s.wait_hours for s in planned.plan.tables} == {1}
    assert not any("warning" in line for line in said)
    waiting = apply_erasure(workspace, planned.plan, actor="tests", now=NOW, searched=planned.searched)
    assert [r.state for r in waiting.requests] == [RequestState.WAITING_RETENTION_WINDOW]
    assert not package.exists()
    assert {t.state for t in waiting.tables} == {"waiting"}
    assert (
        spark.read.format("delta")
        .load(f"{workspace.root}/warehouse/customers")
        .where(f"customer_id = {LOWEST}")
        .isEmpty()
    )
    assert places(workspace.root / "warehouse", texts=[email(LOWEST)])
    assert [p.id for p in unfinished_erasures(workspace)] == [planned.plan.id]
    left = workspace.root / "warehouse" / "customers" / "_temporary" / "0" / "task" / "part-0.csv"
    left.parent.mkdir(parents=True)
    left.write_text(email(LOWEST))
    early = fulfil_requests(workspace, actor="tests", now=NOW + timedelta(minutes=30))
    assert [r.state for r in early.requests] == [RequestState.WAITING_RETENTION_WINDOW]
    assert left.exists(), "a write may be under way"

    done = fulfil_requests(workspace, actor="tests", now=NOW + timedelta(hours=2))
    assert (done.failure, [r.state for r in done.requests]) == (None, [RequestState.COMPLETED])
    assert places(workspace.root, texts=[email(LOWEST)], keys={"customer_id": {LOWEST}}) == []
    assert unfinished_erasures(workspace) == []
