"""Old versions without the due people in tables of Spark: deletion vectors, change feed, tracked rows, mapping."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from byte_search import places
from delible.lake.history.compare import compare
from delible.lake.history.translate import Translation
from delible.lake.session import forget_log
from history_tables import DUE, TEXTS, banned_in, by_spark, rows_at, versions

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.slow]

DV, CDF = {"delta.enableDeletionVectors": "true"}, {"delta.enableChangeDataFeed": "true"}
OFTEN = {"delta.checkpointInterval": "3"}
GONE = f"(customer_id IN ({', '.join(map(str, DUE))}) OR email IN ({', '.join(map(repr, TEXTS))}))"


@dataclass(frozen=True)
class Case:
    """One kind of table.

    Args:
        mapped: Columns are renamed, so that files have other names than the table.
    """

    properties: dict[str, str]
    partitioned: bool = False
    cluster: str = ""
    mapped: bool = False


MATRIX = {
    f"{'feed' if feed else 'no feed'}, {'by identifier' if parts else 'plain'}, {'often' if often else 'fresh'}": Case(
        DV | feed | often, parts
    )
    for feed in ({}, CDF)
    for parts in (False, True)
    for often in ({}, OFTEN)
}
FEATURES = {
    "tracked rows, v2 checkpoints": Case(
        DV | CDF | OFTEN | {"delta.enableRowTracking": "true", "delta.checkpointPolicy": "v2"}
    ),
    "clustered, in-commit timestamps": Case(
        DV | {"delta.enableInCommitTimestamps": "true"}, cluster="CLUSTER BY (customer_id)"
    ),
    "mapped columns": Case(DV | {"delta.columnMapping.mode": "name"}, mapped=True),
}


def history(spark: SparkSession, name: str) -> list[tuple[Any, ...]]:
    return [
        tuple(r) for r in spark.sql(f"DESCRIBE HISTORY {name}").select("version", "timestamp", "operation").collect()
    ]


def by_timestamp(spark: SparkSession, path: Path, of: list[tuple[Any, ...]], *, due: bool) -> dict[int, Counter[str]]:
    """Return versions' rows as Spark finds them by the time of the version."""
    found: dict[int, Counter[str]] = {}
    kept = "true" if due else f"NOT coalesce({GONE}, false)"
    for version, timestamp, _ in of:
        frame = spark.read.format("delta").option("timestampAsOf", str(timestamp)).load(str(path))
        found[version] = Counter(str(sorted(r.asDict(True).items())) for r in frame.where(kept).collect())
    return found


def changes(spark: SparkSession, path: Path, *, due: bool) -> Counter[str]:
    frame = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 0).load(str(path))
    rows = frame.where("true" if due else f"NOT coalesce({GONE}, false)").collect()
    return Counter(str(sorted(row.asDict(True).items())) for row in rows)


def tracked(spark: SparkSession, path: Path, version: int) -> set[tuple[int, int, int]]:
    frame = spark.read.format("delta").option("versionAsOf", version).load(str(path)).where(f"NOT {GONE}")
    columns = ("customer_id", "_metadata.row_id", "_metadata.row_commit_version")
    return {tuple(row) for row in frame.select(*columns).collect()}


RICHEST = "feed, by identifier, often"


@pytest.mark.parametrize(
    "name",
    [RICHEST, *FEATURES, *(pytest.param(name, marks=pytest.mark.matrix) for name in MATRIX if name != RICHEST)],
)
def test_every_version_is_the_old_one_less_the_due_rows(name: str, spark: SparkSession, tmp_path: Path) -> None:
    case = (MATRIX | FEATURES)[name]
    table, sql = tmp_path / "table", f"delta.`{tmp_path}/table`"
    by_spark(spark, table, case.properties, partitioned=case.partitioned, cluster=case.cluster)
    if case.mapped:
        spark.sql(f"ALTER TABLE {sql} RENAME COLUMN score TO points")
        spark.sql(f"UPDATE {sql} SET points = 1 WHERE customer_id = 2")
    of = history(spark, sql)
    assert len(of) >= 7
    by_time = of if case.mapped else [of[0], of[len(of) // 2], of[-1]]  # delta-rs reads each of the others
    before = by_timestamp(spark, table, by_time, due=False)
    feed = changes(spark, table, due=False) if "delta.enableChangeDataFeed" in case.properties else None
    ids = {v: tracked(spark, table, v) for v in versions(table)} if "delta.enableRowTracking" in case.properties else {}
    by_version = {v: rows_at(table, v, due=False) for v in versions(table)} if not case.mapped else {}
    assert places(table, texts=TEXTS)
    translation = Translation(table, tmp_path / "new", banned_in(table))
    translation.run()
    due = translation.banned.due
    same = compare(table, translation.new, first=translation.first, last=translation.last, due=due)
    assert same.versions == len(of)
    shutil.rmtree(table)
    translation.new.rename(table)
    forget_log(spark, str(table))
    assert places(table, texts=TEXTS, keys={"customer_id": set(DUE)}) == []
    assert history(spark, sql) == of
    assert by_timestamp(spark, table, by_time, due=True) == before
    assert {v: rows_at(table, v) for v in by_version} == by_version
    if feed is not None:
        assert changes(spark, table, due=True) == feed
    assert {v: tracked(spark, table, v) for v in ids} == ids
    spark.sql(f"DELETE FROM {sql} WHERE customer_id = 2")
    spark.sql(f"OPTIMIZE {sql}")
    assert len(history(spark, sql)) > len(of), "the table cannot be written to any more"
