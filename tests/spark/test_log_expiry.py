"""Old log entries go only behind a checkpoint that can be read: without it the table would be lost to everybody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from delible.errors import ConflictError
from delible.lake import purge
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
        purge.expire_log(location, below=version, older_than=None)
    assert refused.value.code == "table.no_checkpoint"
    assert sorted(p.name for p in log.iterdir()) == before


def test_behind_a_checkpoint_the_old_entries_go_and_the_table_reads(spark: SparkSession, tmp_path: Path) -> None:
    location = str(tmp_path / "t")
    for _ in range(2):
        spark.range(5).write.format("delta").mode("append").save(location)
    version = purge.checkpoint(spark, location, original={}, forget=True)
    assert purge.expire_log(location, below=version, older_than=None) > 0
    assert read(spark, location).count() == 10
    assert not (tmp_path / "t" / "_delta_log" / f"{0:020}.json").exists()
