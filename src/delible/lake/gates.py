"""What gates need to know of a release: its groups counted where the rows are, its staged rows read again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.decide.gates import Groups, residual_bound
from delible.decide.sampling import expected_rows, per_file, rate_for
from delible.decide.tagging import ColumnFacts
from delible.errors import DelibleError
from delible.lake.facts import quoted
from delible.lake.release_files import QUASI, SUBJECTS
from delible.lake.sample import drawn
from delible.lake.scan import scan
from delible.model.detection import Detection
from delible.model.record import ReleaseFile
from delible.plan.dataset import DatasetPlan


@dataclass(frozen=True)
class Rescan:
    """What a re-scan counted, and the share of the rows that it read."""

    facts: list[ColumnFacts]
    drawn: float


@dataclass(frozen=True)
class Left:
    """A recut as its gates see it; None where they asked for nothing, or it could not be measured.

    Args:
        columns: Names and Spark types.
        members: Distinct data subjects.
    """

    files: tuple[ReleaseFile, ...]
    columns: dict[str, str]
    members: int
    groups: Groups | None
    labels: tuple[int, int] | None
    rescan: Rescan | None

    @property
    def rows_out(self) -> int:
        """Its rows."""
        return sum(f.rows or 0 for f in self.files if f.path.startswith("data/"))


def grouped_by(plan: DatasetPlan) -> tuple[str, ...]:
    """Return the released columns that gates group rows by, or count the values of in groups; none without a gate."""
    gates = plan.gates
    if not gates.of_groups or not plan.quasi:
        return ()
    sensitive = [gates.l_diversity.sensitive] if gates.l_diversity is not None else []
    return tuple(dict.fromkeys([*plan.quasi, *sensitive]))


def groups_of(spark: SparkSession, spool: Path, plan: DatasetPlan) -> Groups | None:
    """Return what the rows that leave look like by their quasi-identifiers; None without one, or without a row.

    Args:
        spool: Where `write_rows` has put `grouped_by`, with whom each row is about.
    """
    written = spool / QUASI
    return _counted(spark.read.parquet(written.as_uri()), plan) if any(written.iterdir()) else None


def groups_again(spark: SparkSession, folder: Path, row_index: Path, plan: DatasetPlan) -> Groups | None:
    """Return what staged rows look like by their quasi-identifiers, as `groups_of` does; None if a column is missing.

    Args:
        folder: With the rows as they leave.
        row_index: Which row is about whom.
    """
    rows, columns = _staged(spark, folder), grouped_by(plan)
    if not columns or not {*columns} <= {*rows.columns}:
        return None
    place = rows.metadataColumn("_metadata")
    file = F.concat(F.lit("data/"), place.getField("file_name")).alias("__file")
    rows = rows.select("*", file, place.getField("row_index").alias("__row"))
    whose = spark.read.parquet(row_index.as_uri()).select(
        F.col("file").alias("__file"), F.col("row").alias("__row"), F.col("subjects").alias(SUBJECTS)
    )
    return _counted(rows.join(whose, ["__file", "__row"], "left"), plan)


def _counted(rows: DataFrame, plan: DatasetPlan) -> Groups | None:
    gates, quasi = plan.gates, plan.quasi
    sensitive = gates.l_diversity.sensitive if gates.l_diversity is not None else None
    names = {column: f"__quasi_{n}" for n, column in enumerate(quasi)}
    said = F.lit(None).cast("string") if sensitive is None else F.struct(F.col(quoted(sensitive)))
    # The first of a row's data subjects counts the row; a row about nobody counts for itself.
    each = rows.select(
        *(F.col(quoted(column)).alias(name) for column, name in names.items()),
        said.alias("said"),
        F.when(F.size(SUBJECTS) > 0, F.sort_array(SUBJECTS)).alias("together"),
        F.posexplode_outer(SUBJECTS).alias("place", "subject"),
    )
    # Rows that are all about the same people are no more hidden than the one of one person.
    people = F.least(F.count_distinct("subject"), F.count_distinct("together"))
    people += F.count(F.when(F.col("subject").isNull(), True))
    grouped = each.groupBy(*names.values()).agg(
        F.count(F.when(F.coalesce("place", F.lit(0)) == 0, True)).alias("rows"),
        people.alias("people"),
        F.count_distinct("said").alias("kinds"),
    )
    k = gates.k_anonymity.k if gates.k_anonymity is not None else 0
    least = gates.l_diversity.l if gates.l_diversity is not None else 0
    row = grouped.agg(
        F.sum("rows").alias("rows"),
        F.count("*").alias("groups"),
        F.min("people").alias("smallest"),
        _rows_where("people", 2).alias("unique"),
        _rows_where("people", k).alias("small"),
        F.min("kinds").alias("least"),
        _rows_where("kinds", least).alias("poor"),
        (F.sum(F.col("rows") / F.col("people")) / F.sum("rows")).alias("risk"),
    ).first()
    if row is None or not row["rows"]:
        return None
    return Groups(**row.asDict())


def _rows_where(column: str, fewer_than: int) -> Column:
    return F.coalesce(F.sum(F.when(F.col(column) < fewer_than, F.col("rows"))), F.lit(0))


def labels_of(spark: SparkSession, folder: Path, label: str) -> tuple[int, int] | None:
    """Return the rows of the label's rarest value, and how many values there are; None without any."""
    rows = _staged(spark, folder)
    if label not in rows.columns:
        return None
    counts = rows.groupBy(F.col(quoted(label)).alias("label")).count()
    row = counts.agg(F.min("count").alias("fewest"), F.count("*").alias("values")).first()
    return None if row is None or row["fewest"] is None else (int(row["fewest"]), int(row["values"]))


def rescan(spark: SparkSession, folder: Path, plan: DatasetPlan, detection: Detection) -> Rescan | None:
    """Return what stands in the staged rows, as many of them as the gate's bound asks for; None when none can be read.

    They are drawn by the release's own order, which is a hash, and read in full.
    """
    bound, columns = residual_bound(plan.gates), plan.rescanned
    files = [pq.read_metadata(path).num_rows for path in sorted((folder / "data").glob("*.parquet"))]
    rows = sum(files)
    if bound is None:
        return None
    if not columns or not rows:
        return Rescan([], 1.0)
    rate = rate_for(bound, rows)
    frame = _staged(spark, folder)
    if not {*columns} <= {*frame.columns}:
        return None
    if rate < 1:
        place = frame.metadataColumn("_metadata")
        chosen = drawn(place.getField("file_name"), place.getField("row_index"), rate=rate, each=per_file(files, rate))
        frame = frame.where(chosen)
    frame = frame.select(*(F.col(quoted(column)) for column in columns))
    try:
        facts = scan(frame, sample=None, whole=rate >= 1, expected=expected_rows(files, rate), detection=detection)
    except DelibleError:
        return None
    return Rescan(facts, rate)


def _staged(spark: SparkSession, folder: Path) -> DataFrame:
    return spark.read.parquet((folder / "data").as_uri())
