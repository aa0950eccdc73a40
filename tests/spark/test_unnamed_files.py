"""Files that no log entry names: what failed writes left goes, and what a write under way has written stays."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from byte_search import places
from delible.model.terms import RequestState
from delible.workflows import stages
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from delta_rows import delta_rows
from small_shop import LOWEST, NOW, approved, email, make_workspace, tickets, write_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
LONG_AGO = time.time() - 7200
HIDDEN = (
    "_temporary/0/task_1/part-0.csv",
    ".part-gone.c000.snappy.parquet.crc",
    "_delta_log/.00000000000000000009.json.0a1b.tmp",
    "_delta_log/_commit_0a1b.json.tmp",
)


def lay(file: Path, rows: pa.Table | None = None, at: float | None = None) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    if rows is None:
        file.write_text(email(LOWEST))
    else:
        pq.write_table(rows, file)
    if at is not None:
        os.utime(file, (at, at))
    return file


def test_failed_writes_go_and_a_write_under_way_loses_nothing(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(tmp_path / "shop")
    write_tables(spark, workspace)
    quiet, busy = (workspace.root / "warehouse" / name for name in ("customers", "tickets"))
    theirs = delta_rows(quiet, f"customer_id = {LOWEST}")
    orphans = [lay(quiet / "part-orphan.parquet", pa.Table.from_pylist(theirs))]
    orphans += [lay(table / name) for table in (quiet, busy) for name in HIDDEN if table is quiet or "log" not in name]
    for file in orphans:
        if busy in file.parents:
            os.utime(file, (LONG_AGO, LONG_AGO))
    orphans.append(lay(busy / "part-orphan.parquet", tickets().slice(0, 1), at=LONG_AGO))
    coming = tickets().slice(6, 2)
    real, under_way = stages.vacuumed, busy / "part-under-way.parquet"

    def beside(run: Any, step: Any, *rest: Any) -> Any:
        """Another writer has committed since the plan was made, and has begun to write again."""
        if step.table == "tickets":
            kind = spark.read.format("delta").load(str(busy)).schema
            spark.createDataFrame(tickets().slice(5, 1), kind).write.format("delta").mode("append").save(str(busy))
            lay(under_way, coming)
        return real(run, step, *rest)

    monkeypatch.setattr(stages, "vacuumed", beside)
    [request] = approved(workspace, tmp_path, {"email": email(LOWEST)})
    planned = plan_due_erasures(workspace, now=NOW, immediate=True)
    assert planned.plan.estimate is not None
    assert [c.unnamed for c in planned.plan.estimate.tables] == [1, 1]
    done = apply_erasure(workspace, planned.plan, actor="tests", now=NOW, searched=planned.searched)
    assert Control(workspace).requests.get(request).state is RequestState.COMPLETED
    assert not any(file.exists() for file in orphans)
    assert not (quiet / "_temporary").exists()
    counts = {t.step.table: (t.leftovers_removed, t.unnamed_left) for t in done.tables}
    assert counts == {"customers": (len(HIDDEN), 0), "tickets": (2, 1)}
    assert places(workspace.root, texts=[email(LOWEST)]) == []

    rows = len(delta_rows(busy))
    log = busy / "_delta_log"
    last = max(int(f.stem) for f in log.glob("*.json") if f.stem.isdigit())
    add = {"path": under_way.name, "partitionValues": {}, "size": under_way.stat().st_size, "modificationTime": 0}
    (log / f"{last + 1:020}.json").write_text(json.dumps({"add": {**add, "dataChange": True}}) + "\n")
    assert len(delta_rows(busy)) == rows + 2
