"""A release's Parquet files: names that loaders know, rows in one order, the same bytes from the same rows."""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import TaskContext
from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.errors import InputError
from delible.lake.facts import quoted, read, version_of
from delible.lake.release_files import (
    SPLIT,
    SPLITS,
    SUBJECTS,
    arranged,
    spool_in,
    write_nothing,
    write_part,
    write_refs,
)
from delible.model.record import ReleaseFile

INDEX = "subject_index.parquet"

_SETTINGS = {"spark.sql.session.timeZone": "UTC", "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS"}
_lock = Lock()
_before: list[dict[str, str]] = []
"""The session's own settings, once for every build that is under way."""

_SHORT = 32
"""Hexadecimal digits of a subject reference that a row index keeps."""

_PLAIN = (T.IntegralType, T.DecimalType, T.BooleanType, T.DateType, T.TimestampType, T.TimestampNTZType, T.BinaryType)
_ROWS_PER_FILE = 1_000_000


def short(subjects: Column) -> Column:
    """Return subject references as 16 bytes each: half of a keyed hash, with which two people still never meet."""
    known = F.coalesce(subjects, F.array().cast("array<string>"))
    return F.transform(known, lambda ref: F.unhex(F.substring(ref, -_SHORT, _SHORT)))


@contextmanager
def spooled(folder: Path) -> Iterator[Path]:
    """Give a folder in a release's own for what tasks write, and remove it; what fails is removed with the release."""
    spool = spool_in(folder)
    yield spool
    shutil.rmtree(spool)


def write_rows(
    release: DataFrame, folder: Path, *, rows: int, spool: Path, row_index: Path, quasi: Sequence[str] = ()
) -> tuple[ReleaseFile, ...]:
    """Write `data/<split>-00000-of-0000N.parquet`, and beside the release which row is about whom.

    Rows are ordered, and spread over files, by a hash of what leaves: neither the source's layout nor the number of
    cores changes a byte, and neighbours in the source are no neighbours in the release.

    Args:
        release: The columns that leave, `SPLIT` as a number, and `SUBJECTS`.
        folder: The release's folder.
        rows: Upper bound of the rows, from which the number of files follows.
        spool: As `spooled` gives it; gets `quasi` and `SUBJECTS` of all rows in `QUASI`.
        row_index: A folder that is not there yet, for `file`, `row` (its number in the file) and `subjects`.
        quasi: Columns that gates group rows by.
    """
    shards = max(1, math.ceil(rows / _ROWS_PER_FILE))
    leaving = [field for field in release.schema.fields if field.name not in (SPLIT, SUBJECTS)]
    hashed = release.withColumn("__order", _place(leaving))
    placed = hashed.repartition(shards * len(SPLITS), F.col(SPLIT), F.pmod("__order", F.lit(shards)))
    # By one number at first, in which nearly all rows differ: comparing two columns of each pair takes far longer.
    first = F.shiftleft(F.col(SPLIT).cast("bigint") - 1, 62) + F.shiftright("__order", 2)
    ordered = placed.sortWithinPartitions(first, "__order").drop("__order")
    where = str(spool)

    def written(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        task = TaskContext.get()
        assert task is not None  # noqa: S101 - it is one that runs this
        part = f"{task.partitionId():05}"
        for split in write_part(batches, Path(where), part, quasi):
            yield pa.RecordBatch.from_pydict({"split": pa.array([split], pa.int32()), "part": [part]})

    parts = [(row["split"], row["part"]) for row in ordered.mapInArrow(written, "split int, part string").collect()]
    names = arranged(spool, parts or [write_nothing(ordered.limit(0).toArrow(), spool)], folder, row_index)
    return tuple(described(folder / name, folder) for name in names)


def _place(fields: Iterable[T.StructField]) -> Column:
    """Return a hash that hangs on every byte of what leaves, and on nothing else.

    `xxhash64` passes NULLs over and takes 0.0 and -0.0 for one number, so that rows that differ could be in either
    order: which columns are NULL goes in as well, and all but plain values go in as text.
    """
    parts = []
    for field in fields:
        column = F.col(quoted(field.name))
        if isinstance(field.dataType, (T.FloatType, T.DoubleType)):
            column = column.cast("string")
        elif not isinstance(field.dataType, _PLAIN) and field.dataType != T.StringType():
            column = F.to_json(F.struct(column), {"ignoreNullFields": "false"})
        parts += [column, column.isNull()]
    return F.xxhash64(*parts)


def write_index(refs: DataFrame, folder: Path) -> tuple[ReleaseFile, int]:
    """Write the subject index: each keyed reference with its data subject's, sorted; no personal data.

    Returns:
        The file, and how many data subjects are in it.
    """
    target = folder / INDEX
    where = str(target)

    def written(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_pydict({"members": [write_refs(batches, Path(where))]})

    ordered = refs.select("ref", "subject").repartition(1).sortWithinPartitions("ref", "subject")
    counts = [row["members"] for row in ordered.mapInArrow(written, "members bigint").collect()]
    if not counts:  # Spark runs no task where it knows that there is nothing
        counts = [write_refs((), target)]
    return described(target, folder), counts[0]


def described(path: Path, folder: Path) -> ReleaseFile:
    """Return a file's digest, size, and rows where it is Parquet."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    rows = pq.read_metadata(path).num_rows if path.suffix == ".parquet" else None
    return ReleaseFile(path=path.relative_to(folder).as_posix(), sha256=sha256, bytes=path.stat().st_size, rows=rows)


@contextmanager
def settled() -> Iterator[None]:
    """Run a build under the settings that its bytes depend on, whatever the session's own are.

    Months begin in UTC, and timestamps are UTC microseconds: Spark's default, INT96, loses the time zone. Builds of
    several threads share the session, so the last one to end puts the session's settings back.
    """
    conf = SparkSession.active().conf
    with _lock:
        if not _before:
            _before.append({key: str(conf.get(key)) for key in _SETTINGS})
        else:
            _before.append(_before[0])
        for key, value in _SETTINGS.items():
            conf.set(key, value)
    try:
        yield
    finally:
        with _lock:
            before = _before.pop()
            if not _before:
                for key, value in before.items():
                    conf.set(key, value)


def pinned(spark: SparkSession, locations: Mapping[str, str], wanted: Mapping[str, int]) -> dict[str, int]:
    """Return the Delta version of each table that a build reads throughout: the wanted one, or the newest.

    Raises:
        InputError: `table.missing`, or `dataset.version_missing` when a wanted version is gone or never was.
    """
    versions = {}
    for table, location in locations.items():
        newest = version_of(spark, location, table=table)
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
