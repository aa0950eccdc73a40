"""A release again, without the rows of people who may no longer be used: no other row is changed, moved or judged anew.

Rows never reach the driver: Spark joins who leaves to the row index, and each file with somebody leaving is written
again by one task. All other files stay the files they are.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from delible.errors import DelibleError
from delible.lake.consent import Question, decisions, refs_frame
from delible.lake.identity import Read, RefKey, identity
from delible.lake.release import INDEX, described, settled, short, write_index
from delible.lake.release_files import without_rows
from delible.model.policy import PolicySet
from delible.model.record import ReleaseFile
from delible.model.subject import SubjectRef
from delible.model.terms import Exclusion

_REASONS = tuple(Exclusion)
_INDEXED = {"compression": "zstd"}


@dataclass(frozen=True)
class Released:
    """A release that is cut again.

    Args:
        folder: Its folder.
        row_index: Which row is about whom.
        files: Its files of rows.
    """

    folder: Path
    row_index: Path
    files: tuple[ReleaseFile, ...]


@dataclass(frozen=True)
class Recut:
    """What is left of a release.

    Args:
        left: Rows that are not in it any more, by reason.
        rewritten: Files that were written again; all others are the old version's own.
        members: Distinct data subjects of the rows that stay.
    """

    files: tuple[ReleaseFile, ...]
    left: dict[str, int]
    rewritten: int
    members: int


def today(index: DataFrame, people: DataFrame, records: DataFrame, flags: DataFrame, question: Question) -> DataFrame:
    """Return `subject`, `rank` for everybody in a release, by today's knowledge; `rank` NULL: rows KEPT.

    People are known by the references that the release was cut with, and by those that are linked to them today: who
    withdraws under a new telephone number is still who was released, and so is who was erased from the link tables.

    Args:
        index: The release's subject index.
        people: As `lake.identity.identity` makes it.
        records: The consent ledger.
        flags: As `lake.consent.flags_frame` makes it.
        question: Purpose, legal basis and the two instants.
    """
    own = index.select("ref", "subject").distinct()
    alone = own.withColumn("n", F.count("*").over(Window.partitionBy("ref"))).where("n = 1").drop("n")
    now = people.where(~F.col("shared")).select("ref", F.col("subject").alias("today"))
    led = alone.join(now, "ref").select("subject", "today").distinct()
    linked = led.join(people.select("ref", F.col("subject").alias("today")), "today").select("ref", "subject")
    named = led.select(F.col("today").alias("ref"), "subject")
    both = own.unionByName(linked).unionByName(named).distinct()
    elsewhere = people.where("shared").select("ref").distinct().withColumn("elsewhere", F.lit(True))
    several = F.count("*").over(Window.partitionBy("ref")) > 1
    known = both.join(elsewhere, "ref", "left").withColumn("shared", several | F.col("elsewhere").isNotNull())
    decided = decisions(records, flags, known.drop("elsewhere"), question).withColumn("heard", F.lit(True))
    rank = F.when(F.col("heard"), F.col("rank")).otherwise(F.lit(question.unheard).cast("int"))
    return own.select("subject").distinct().join(decided, "subject", "left").select("subject", rank.alias("rank"))


@settled()
def recut(  # noqa: PLR0913 - all of it decides who leaves
    release: Released,
    policies: PolicySet,
    *,
    read: Read,
    key: RefKey,
    records: DataFrame,
    flags: DataFrame,
    question: Question,
    folder: Path,
    row_index: Path,
) -> Recut | None:
    """Write a release again into a folder that nobody reads yet, or return None when nobody has to leave.

    Args:
        release: The old version.
        policies: All policies.
        read: A table's rows.
        key: The key that references are made with.
        records: The consent ledger.
        flags: As `lake.consent.flags_frame` makes it.
        question: Purpose, legal basis and the two instants.
        folder: Where.
        row_index: Where the new row index is written; the folder is not there yet.

    Raises:
        DelibleError: `dataset.miscounted` when the files have not lost exactly the rows that had to leave.
    """
    spark = SparkSession.active()
    index = spark.read.parquet((release.folder / INDEX).as_uri())
    rows = spark.read.parquet(release.row_index.as_uri())
    judged = today(index, identity(policies, read, key), records, flags, question).where("rank IS NOT NULL")
    leaving = judged.select(_short(F.col("subject")).alias("who"), "rank")
    each = rows.select("file", "row", F.explode("subjects").alias("who"))
    gone = each.join(leaving, "who").groupBy("file", "row").agg(F.min("rank").alias("rank")).persist()
    try:
        left = {_REASONS[r["rank"]].value: r["count"] for r in gone.groupBy("rank").count().collect()}
        if not left:
            return None
        kept = _rewritten(gone, release.folder, folder, tasks=len(release.files))
        _write_row_index(rows, gone, list(kept), row_index)
    finally:
        gone.unpersist()
    for file in release.files:
        if file.path not in kept:
            _same_file(release.folder / file.path, folder / file.path)
    files = tuple(
        described(folder / file.path, folder) if file.path in kept else file
        for file in sorted(release.files, key=lambda file: file.path)
    )
    _counted(release.files, files, kept, left, spark.read.parquet(row_index.as_uri()).count())
    there = spark.read.parquet(row_index.as_uri()).select(F.explode("subjects").alias("who"))
    staying = index.withColumn("who", _short(F.col("subject"))).join(there, "who", "left_semi")
    entry, members = write_index(staying, folder)
    ordered = {reason.value: left[reason.value] for reason in _REASONS if reason.value in left}
    return Recut((*files, entry), ordered, len(kept), members)


def links(people: DataFrame, refs: Collection[SubjectRef]) -> dict[SubjectRef, frozenset[SubjectRef]]:
    """Return, for each of some references, those that stand for the same data subject in the tables today.

    A reference that leads to several people is linked to nobody's others. What comes to the driver is keyed
    references of those who were asked about, and no row of a table.
    """
    asked = refs_frame(SparkSession.active(), refs)
    alone = people.where(~F.col("shared")).select("ref", "subject")
    led = asked.join(alone, "ref").select("ref", "subject")
    others = alone.select(F.col("ref").alias("other"), "subject").unionByName(
        led.select(F.col("subject").alias("other"), "subject").distinct()
    )
    found: dict[SubjectRef, set[SubjectRef]] = {}
    for row in led.join(others, "subject").select("ref", "other").distinct().collect():
        found.setdefault(SubjectRef(row["ref"]), set()).add(SubjectRef(row["other"]))
    return {ref: frozenset(linked - {ref}) for ref, linked in found.items()}


def _short(subject: Column) -> Column:
    return short(F.array(subject))[0]


def _rewritten(gone: DataFrame, source: Path, target: Path, *, tasks: int) -> dict[str, int]:
    """Write the files with somebody leaving, one task each, and return how many rows each has left."""
    (target / "data").mkdir()
    old, new = str(source), str(target)

    def rewrite(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for name, leaving in zip(batch.column("file").to_pylist(), batch.column("leaving"), strict=True):
                left = without_rows(Path(old) / name, Path(new) / name, leaving.values.to_numpy())
                yield pa.RecordBatch.from_pydict({"file": [name], "kept": [left]})

    # Spark would take so few bytes into one task, and write all files one after the other.
    per_file = gone.groupBy("file").agg(F.collect_list("row").alias("leaving")).repartition(tasks, "file")
    counts = per_file.mapInArrow(rewrite, "file string, kept bigint").collect()
    return {row["file"]: row["kept"] for row in counts}


def _write_row_index(rows: DataFrame, gone: DataFrame, changed: Sequence[str], target: Path) -> None:
    """Write the row index of what stays; in files that were written again, rows have new numbers."""
    touched = F.col("file").isin(*changed)
    stays = rows.where(touched).join(gone.select("file", "row"), ["file", "row"], "left_anti")
    place = F.row_number().over(Window.partitionBy("file").orderBy("row")) - 1
    moved = stays.select("file", place.cast("bigint").alias("row"), "subjects")
    rows.where(~touched).unionByName(moved).write.options(**_INDEXED).parquet(target.as_uri())


def _same_file(source: Path, target: Path) -> None:
    """Give a file a second name; where the file system knows no such thing, a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _counted(
    before: Sequence[ReleaseFile],
    after: Sequence[ReleaseFile],
    kept: dict[str, int],
    left: dict[str, int],
    indexed: int,
) -> None:
    was, now = sum(f.rows or 0 for f in before), sum(f.rows or 0 for f in after)
    wrong = [f.path for f in after if f.path in kept and f.rows != kept[f.path]]
    if was - now != sum(left.values()) or now != indexed or wrong:
        raise DelibleError(
            "dataset.miscounted",
            f"{was} rows were released, {sum(left.values())} had to leave, {now} are left, {indexed} of them indexed.",
            fix="Run the recut again; nothing was released.",
        )
