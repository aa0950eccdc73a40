"""Rows of a table drawn by where they lie: the same table version and seed give the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.decide.sampling import PerFile
from delible.lake.facts import read

SEED = 20_180_525
_LOWEST, _HASHES = -(2**63), 2**64


def drawn(file: Column, index: Column, *, rate: float, each: PerFile, seed: Column | None = None) -> Column:
    """Return the condition that a row is drawn, from its file's name and its place in the file.

    The place counts rows behind deletion vectors, too, so a deletion changes nothing for the rows that stay.
    """
    below = min(_LOWEST + ceil(rate * _HASHES), 2**63 - 1)
    share = F.xxhash64(file, index, F.lit(SEED) if seed is None else seed) < F.lit(below)
    if each is PerFile.FIRST:
        return share | (index == 0)
    return share | (index.bitwiseAND(index + 1) == 0)


def draw(
    spark: SparkSession,
    location: str,
    *,
    version: int,
    files: Sequence[str] | None = None,
    plain: bool = False,
    rate: float = 1.0,
    each: PerFile = PerFile.DOUBLING,
    seed: int = 0,
) -> DataFrame:
    """Return the drawn rows of a table's version.

    Delta tells a row's place in its file only for tables with deletion vectors or row tracking. Of the others, files
    that are not plain are drawn from by chance alone: the bound is kept, and the draw is the same where Spark splits
    the files alike.

    Args:
        files: Paths below the location, one at least; None for all. Other files are not opened where these are plain.
        plain: The files hold what the table shows: no deletion vector, no column under another name. Otherwise Delta
            reads, which honours both, and the other files' rows are left out as they come.
        rate: Share of the rows; 1 for all.
        each: What every file gives beside its share.
        seed: Number of the draw: of another one, other rows come.
    """
    table = read(spark, location, version=version)
    if files is None and rate >= 1.0:
        return table
    if files is not None and plain:
        below = [path if "://" in path or path.startswith("/") else f"{location.rstrip('/')}/{path}" for path in files]
        rows = spark.read.schema(table.schema).option("basePath", location).parquet(*below)
    else:
        rows = table
    place = rows.metadataColumn("_metadata")
    file = place.getField("file_name")
    if files is not None and not plain:
        rows = rows.where(file.isin([path.rpartition("/")[2] for path in files]))
    if rate >= 1.0:
        return rows
    if "row_index" not in rows.select(place.alias("place")).select("place.*").columns:
        return rows.where(F.rand(SEED + seed) < rate)
    return rows.where(drawn(file, place.getField("row_index"), rate=rate, each=each, seed=F.lit(SEED + seed)))


def count_rows(spark: SparkSession, location: str, *, version: int) -> int:
    """Return the rows of a table whose log does not count them; the files' own footers do."""
    return read(spark, location, version=version).count()
