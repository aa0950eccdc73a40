"""Least and greatest values go from the log: of columns that were dropped or renamed, and of checkpoints' structs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from byte_search import places
from delible.model.terms import RequestState
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from small_shop import HIGHEST, LOWEST, NOW, ONE_TABLE, approved, customers, email, make_workspace, phone

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

PROPERTIES = {
    "delta.columnMapping.mode": "name",
    "delta.enableDeletionVectors": "true",
    "delta.checkpointInterval": "2",
    "delta.checkpoint.writeStatsAsStruct": "true",
    "delta.dataSkippingStatsColumns": "customer_id,former,reached_at",
    "delta.deletedFileRetentionDuration": "interval 1 second",
    "delta.logRetentionDuration": "interval 1 second",
}
"""Statistics of what a policy does not even name, and none of `email` itself."""


@pytest.mark.parametrize("immediate", [True, False])
def test_no_statistics_of_the_erased_stay_in_the_log(spark: SparkSession, tmp_path: Path, immediate: bool) -> None:
    workspace = make_workspace(tmp_path / "shop", ONE_TABLE)
    table = workspace.root / "warehouse" / "customers"
    frame = spark.createDataFrame(customers()).withColumns({"former": F.col("email"), "reached_at": F.col("phone")})
    frame.repartitionByRange(3, "customer_id").write.format("delta").options(**PROPERTIES).save(str(table))
    spark.sql(f"ALTER TABLE delta.`{table}` RENAME COLUMN reached_at TO mobile")
    spark.sql(f"ALTER TABLE delta.`{table}` DROP COLUMN former")
    log = table / "_delta_log"
    structs = [pq.ParquetFile(file).schema.to_arrow_schema() for file in log.glob("*.checkpoint*.parquet")]
    assert any("stats_parsed" in {f.name for f in schema.field("add").type} for schema in structs)
    people = [*map(email, (LOWEST, HIGHEST)), *map(phone, (LOWEST, HIGHEST))]
    told = {Path(place.partition(": ")[0]).name.partition(".")[2] for place in places(log, texts=people)}
    assert {"json", "checkpoint.parquet"} <= told
    requests = approved(workspace, tmp_path, {"email": email(LOWEST)}, {"email": email(HIGHEST)})
    planned = plan_due_erasures(workspace, now=NOW, immediate=immediate)
    apply_erasure(workspace, planned.plan, actor="tests", now=NOW, searched=planned.searched)
    if not immediate:
        assert places(log, texts=people)
        apply_erasure(workspace, planned.plan, actor="tests", now=NOW + timedelta(hours=2))
    assert [Control(workspace).requests.get(r).state for r in requests] == [RequestState.COMPLETED] * 2
    assert places(workspace.root, texts=people, keys={"customer_id": {LOWEST, HIGHEST}}) == []
    left = spark.read.format("delta").load(str(table))
    assert (left.count(), left.columns) == (28, ["customer_id", "email", "phone", "made_at", "mobile"])
