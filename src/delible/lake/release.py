"""A release's Parquet files: names that loaders know, rows in one order, the same bytes from the same rows."""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.errors import InputError
from delible.lake.facts import current_version, open_table, quoted, read
from delible.model.record import ReleaseFile

SPLIT = "__split"
SPLITS = ("train", "validation", "test")
INDEX = "subject_index.parquet"

_ROWS_PER_FILE = 1_000_000
_INDEX_ROW_GROUP = 1 << 20
"""Bytes. The index is sorted, so a look-up reads only the row groups whose range holds the reference."""


def write_rows(release: DataFrame, folder: Path, *, rows: int) -> tuple[ReleaseFile, ...]:
    """Write `data/<split>-00000-of-0000N.parquet`.

    Rows are ordered, and spread over files, by a hash of what leaves: neither the source's layout nor the number of
    cores changes a byte, and neighbours in the source are no neighbours in the release.

    Args:
        release: The columns that leave, and `SPLIT` as a number.
        folder: The release's folder.
        rows: Upper bound of the rows, from which the number of files follows.
    """
    shards = max(1, math.ceil(rows / _ROWS_PER_FILE))
    columns = [F.col(quoted(c)) for c in release.columns if c != SPLIT]
    spool = folder / ".spool"
    hashed = release.withColumn("__order", F.xxhash64(F.to_json(F.struct(*columns), {"ignoreNullFields": "false"})))
    placed = hashed.repartition(shards * len(SPLITS), F.col(SPLIT), F.pmod("__order", F.lit(shards)))
    ordered = placed.sortWithinPartitions(SPLIT, "__order").drop("__order")
    with _plain_timestamps():
        ordered.write.partitionBy(SPLIT).option("compression", "zstd").parquet(spool.as_uri())
    (folder / "data").mkdir()
    moved = []
    for number, split in enumerate(SPLITS):
        parts = sorted((spool / f"{SPLIT}={number}").glob("part-*.parquet"))
        for place, part in enumerate(parts):
            target = folder / "data" / f"{split}-{place:05}-of-{len(parts):05}.parquet"
            part.rename(target)
            moved.append(target)
    shutil.rmtree(spool)
    if not moved:
        moved.append(_write_one(release.drop(SPLIT).limit(0), folder, "data/train-00000-of-00001.parquet", {}))
    return tuple(described(path, folder) for path in moved)


def write_index(refs: DataFrame, folder: Path) -> ReleaseFile:
    """Write the subject index: each keyed reference with its data subject's, sorted; no personal data."""
    options = {"parquet.block.size": str(_INDEX_ROW_GROUP)}
    path = _write_one(
        refs.select("ref", "subject").repartition(1).sortWithinPartitions("ref", "subject"), folder, INDEX, options
    )
    return described(path, folder)


def described(path: Path, folder: Path) -> ReleaseFile:
    """Return a file's digest, size, and rows where it is Parquet."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    rows = pq.read_metadata(path).num_rows if path.suffix == ".parquet" else None
    return ReleaseFile(path=path.relative_to(folder).as_posix(), sha256=sha256, bytes=path.stat().st_size, rows=rows)


def _write_one(frame: DataFrame, folder: Path, name: str, options: dict[str, str]) -> Path:
    spool = folder / ".spool"
    with _plain_timestamps():
        frame.coalesce(1).write.options(**options).option("compression", "zstd").parquet(spool.as_uri())
    target = folder / name
    next(spool.glob("part-*.parquet")).rename(target)
    shutil.rmtree(spool)
    return target


@contextmanager
def _plain_timestamps() -> Iterator[None]:
    """Write timestamps as UTC microseconds; Spark's default, INT96, loses the time zone and has no statistics."""
    conf, key = SparkSession.active().conf, "spark.sql.parquet.outputTimestampType"
    before = conf.get(key)
    conf.set(key, "TIMESTAMP_MICROS")
    try:
        yield
    finally:
        conf.set(key, str(before))


def pinned(spark: SparkSession, locations: Mapping[str, str], wanted: Mapping[str, int]) -> dict[str, int]:
    """Return the Delta version of each table that a build reads throughout: the wanted one, or the newest.

    Raises:
        InputError: `table.missing`, or `dataset.version_missing` when a wanted version is gone or never was.
    """
    versions = {}
    for table, location in locations.items():
        newest = current_version(open_table(spark, location, table=table))
        versions[table] = wanted.get(table, newest)
        if table in wanted:
            try:
                read(spark, location, version=wanted[table]).schema  # noqa: B018 - loads the version
            except AnalysisException:
                raise InputError(
                    "dataset.version_missing",
                    f"version {wanted[table]} of the source is not there (newest: {newest}).",
                    where=f"table:{table}",
                    fix="Name a version that the table still has, or leave 'version' out.",
                ) from None
    return versions
