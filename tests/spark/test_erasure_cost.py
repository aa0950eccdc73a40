"""What a run costs beside what its plan expected, on tables with and without deletion vectors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from delible.cli.estimates import compared_lines
from delible.model.cost import Basis
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.retention import apply_retention
from delible.workflows.retention_plan import plan_due_retention
from small_shop import NOW, POLICIES, approved, customers, email, make_workspace, tickets, write_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
RULE = "retention: old\ntable: customers\nclock: made_at\nkeep: P3Y\nreason: Law.\n"
PHONE = "  - {column: phone, identifies: phone}\n"
"""The order of telephone numbers tells nothing: with this way to people every file would be a candidate."""
FILES: Mapping[str, str] = {
    **POLICIES,
    "retention/old.yaml": RULE,
    "tables/customers.yaml": POLICIES["tables/customers.yaml"].replace(PHONE, ""),
}


@pytest.mark.parametrize("vectors", [True, False], ids=["deletion vectors", "copy on write"])
def test_what_was_expected_is_what_was_done_and_the_next_plan_learns_its_times(
    spark: SparkSession, tmp_path: Path, vectors: bool
) -> None:
    workspace = make_workspace(tmp_path / "shop", FILES)
    if vectors:
        write_tables(spark, workspace)
    else:
        for name, rows in (("customers", customers()), ("tickets", tickets())):
            frame = spark.createDataFrame(rows).repartitionByRange(3, rows.column_names[0])
            frame.write.format("delta").save(str(workspace.root / "warehouse" / name))
    approved(workspace, tmp_path, {"email": email(7).upper()}, {"email": email(8)})
    planned = plan_due_erasures(workspace, now=NOW, immediate=True)
    estimate = planned.plan.estimate
    assert estimate is not None
    assert estimate.basis is Basis.ROWS
    for cost, step in zip(estimate.tables, planned.plan.tables, strict=True):
        assert 0 < step.files <= cost.candidates <= cost.total_files, "a file with a due row is a candidate"
        assert cost.bytes.exact
        assert cost.untested == 0
    bought = estimate.of("customers")
    assert bought is not None
    assert bought.candidates == 1 < bought.total_files, "neighbours in a table that is sorted by its key"
    assert bool(bought.change_bytes.high) is vectors

    done = apply_erasure(workspace, planned.plan, actor="job", now=NOW, searched=planned.searched)
    for each in done.compared:
        numbers = {n.what: n for n in each.numbers}
        for what in ("rows", "files", "bytes"):
            assert numbers[what].percent == 100, (each.table, what, numbers[what])
        assert {"rewrite_seconds", "removal_seconds"} <= numbers.keys()
    assert set(compared_lines(done.compared)) == {("customers", None), ("tickets", None)}

    ledger = Control(workspace).ledger
    merged = [r for r in ledger.records(action_prefix="erasure.merge") if r.outcome == "done"]
    purged = {r.object: r for r in ledger.records(action_prefix="erasure.purge") if r.outcome == "done"}
    for record in merged:
        replaced = record.counts["bytes_replaced"] + purged[record.object].counts["bytes_replaced"]
        assert record.counts["estimated_bytes"] == replaced
    assert all(r.counts["estimated_rows"] == r.counts["rows"] for r in merged)
    # Besides the two files with hidden rows, Delta's purge takes those that this MERGE wrote with change data beside.
    assert [purged[r.object].counts["files"] for r in merged] == ([1, 2] if vectors else [0, 0])

    past = plan_due_retention(workspace, now=NOW + timedelta(hours=1), immediate=True)
    assert past.estimate is not None
    assert past.estimate.measured == {"rewrite": 2, "removal": 2, "verify": 1}
    (cost,) = past.estimate.tables
    assert past.tables[0].files <= cost.candidates <= cost.total_files
    kept = apply_retention(workspace, past, actor="job", now=NOW + timedelta(hours=1))
    for number in kept.compared[0].numbers[:3]:
        assert number.percent == 100, number
