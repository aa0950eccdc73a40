"""Old log entries go only behind a checkpoint that can be read: without it the table would be lost to everybody."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from byte_search import places
from delible.errors import ConflictError
from delible.lake import log_expiry, purge
from delible.lake.facts import read

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.parametrize("damage", ["missing", "cut short"])
def test_without_a_readable_checkpoint_nothing_is_removed(spark: SparkSession, tmp_path: Path, damage: str) -> None:
    location = str(tmp_path / "t")
    spark.range(5).write.format("delta").save(location)
    version = purge.checkpoint(spark, location, original={}, forget=True)
    log = tmp_path / "t" / "_delta_log"
    (found,) = log.glob("*.checkpoint*.parquet")
    if damage == "missing":
        found.unlink()
    else:
        found.write_bytes(found.read_bytes()[:40])
    before = sorted(p.name for p in log.iterdir())
    with pytest.raises(ConflictError) as refused:
        log_expiry.expire_log(location, below=version, older_than=None)
    assert refused.value.code == "table.no_checkpoint"
    assert sorted(p.name for p in log.iterdir()) == before


def test_behind_a_checkpoint_the_old_entries_go_and_the_table_reads(spark: SparkSession, tmp_path: Path) -> None:
    location = str(tmp_path / "t")
    for _ in range(2):
        spark.range(5).write.format("delta").mode("append").save(location)
    version = purge.checkpoint(spark, location, original={}, forget=True)
    assert log_expiry.expire_log(location, below=version, older_than=None) > 0
    assert read(spark, location).count() == 10
    assert not (tmp_path / "t" / "_delta_log" / f"{0:020}.json").exists()


@pytest.mark.parametrize("policy", ["classic", "v2"])
def test_checkpoints_that_spark_makes_during_a_window_name_removed_partitions_and_go(
    spark: SparkSession, tmp_path: Path, policy: str
) -> None:
    """Statistics of removed files are in no checkpoint; paths and partition values are, until the window has passed."""
    location, gone = str(tmp_path / "t"), "ann@people.example"
    rows = spark.createDataFrame([(gone, 1), ("bob@people.example", 2)], "email STRING, n INT")
    own = {"delta.checkpointInterval": "1", "delta.checkpointPolicy": policy}
    rows.write.format("delta").options(**own).partitionBy("email").save(location)
    spark.sql(f"DELETE FROM delta.`{location}` WHERE n = 1")
    log = tmp_path / "t" / "_delta_log"
    begun = datetime.now(UTC)
    for file in log.rglob("*"):
        os.utime(file, (begun.timestamp() - 3600, begun.timestamp() - 3600))
    rows.where("n = 2").write.format("delta").mode("append").save(location)
    told = [f for f in log.rglob("*.parquet") if f.stat().st_mtime > begun.timestamp()]
    removed = [row for f in told for row in _removed(f)]
    assert [dict(row["partitionValues"]) for row in removed] == [{"email": gone}]
    assert all(row.get("stats") is None for row in removed)
    purge.vacuum(spark, location, table="t", hours=0)
    purge.remove_empty_folders(location)
    # Whether the last one still has it is a question of the window: here it is closed.
    version = purge.checkpoint(spark, location, original=own, forget=True)
    log_expiry.expire_log(location, below=version, older_than=begun, finished_before=begun)
    assert places(tmp_path, texts=[gone]) == []
    assert read(spark, location).count() == 2


def _removed(file: Path) -> list[dict[str, Any]]:
    table = pq.read_table(file)
    return [row for row in table.column("remove").to_pylist() if row] if "remove" in table.column_names else []
