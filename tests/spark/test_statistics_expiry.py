"""Least and greatest values go from the log: of columns that were dropped or renamed, and of checkpoints' structs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from byte_search import places
from delible.lake import log_expiry, purge
from small_shop import HIGHEST, LOWEST, customers, email, phone

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

PROPERTIES = {
    "delta.columnMapping.mode": "name",
    "delta.enableDeletionVectors": "true",
    "delta.checkpointInterval": "2",
    "delta.checkpoint.writeStatsAsStruct": "true",
    "delta.dataSkippingStatsColumns": "customer_id,former,reached_at",
}
"""Statistics of columns that are renamed and dropped later, and none of `email` itself."""
PEOPLE = [*map(email, (LOWEST, HIGHEST)), *map(phone, (LOWEST, HIGHEST))]


def test_no_statistics_of_deleted_rows_stay_behind_the_stages(spark: SparkSession, tmp_path: Path) -> None:
    table = tmp_path / "t"
    log, name = table / "_delta_log", f"delta.`{table}`"
    frame = spark.createDataFrame(customers()).withColumns({"former": F.col("email"), "reached_at": F.col("phone")})
    frame.repartitionByRange(3, "customer_id").write.format("delta").options(**PROPERTIES).save(str(table))
    spark.sql(f"ALTER TABLE {name} RENAME COLUMN reached_at TO mobile")
    spark.sql(f"ALTER TABLE {name} DROP COLUMN former")
    spark.sql(f"DELETE FROM {name} WHERE customer_id IN ({LOWEST}, {HIGHEST})")
    structs = [pq.ParquetFile(file).schema_arrow for file in log.glob("*.checkpoint*.parquet")]
    assert any("stats_parsed" in {f.name for f in schema.field("add").type} for schema in structs)
    told = {Path(place.partition(": ")[0]).name.partition(".")[2] for place in places(log, texts=PEOPLE)}
    assert {"json", "checkpoint.parquet"} <= told

    own = purge.properties(spark, str(table), table="t")
    purge.purge_deletion_vectors(spark, str(table), table="t")
    purge.vacuum(spark, str(table), table="t", hours=0)
    version = purge.checkpoint(spark, str(table), original=own, forget=True)
    log_expiry.expire_log(str(table), below=version, older_than=None)
    assert places(table, texts=PEOPLE, keys={"customer_id": {LOWEST, HIGHEST}}) == []
    left = spark.read.format("delta").load(str(table))
    assert (left.count(), left.columns) == (28, ["customer_id", "email", "phone", "made_at", "mobile"])
