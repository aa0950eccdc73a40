"""The physical stages after a logical erasure: deletion vectors, old files, the checkpoint that ends the old log.

Measured on Spark 4.2 and Delta 4.4: a deleted row stays in the Parquet file while deletion vectors are on, until REORG
rewrites it; in old data and change-data files until VACUUM; and its minimum and maximum stay in commits, checkpoints
and version checksums, which VACUUM never touches.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

import pyarrow.fs as pafs
from pyspark.sql import SparkSession

from delible.lake.commits import commits, current_version, latest, log_of
from delible.lake.description import description, has_dropped_columns
from delible.lake.facts import assignments, literal, open_table, path_table
from delible.lake.search.listing import objects, opened
from delible.lake.session import setting
from delible.model.layout import DEFAULTS, DELETED_FILES, LOG, interval_hours

_INTERVAL = "delta.checkpointInterval"
PROPERTIES = (DELETED_FILES, LOG, _INTERVAL)
"""Table properties that expiring the log sets aside for a moment, and puts back."""

_HOUR = 3_600_000
"""Delta counts in milliseconds."""
_INVENTORY = "path STRING, length LONG, isDir BOOLEAN, modificationTime LONG"
"""What VACUUM wants to know of each file in a list."""
_RETENTION_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"


def purge_deletion_vectors(spark: SparkSession, location: str, *, table: str) -> None:
    """Rewrite all files that hold rows hidden behind a deletion vector, or columns that the table dropped."""
    features = (latest(location, "protocol") or {}).get("readerFeatures")
    if features is None:
        detail = open_table(spark, location, table=table).detail().first()
        features = detail["tableFeatures"] if detail is not None else None
    if "deletionVectors" in (features or []) or has_dropped_columns(description(location)):
        spark.sql(f"REORG TABLE {path_table(location)} APPLY (PURGE)")


@dataclass(frozen=True)
class Vacuumed:
    """What a VACUUM did.

    Args:
        files: Files removed.
        hours: The age that files had to have when it began, rounded up.
    """

    files: int
    hours: int


def vacuum(
    spark: SparkSession,
    location: str,
    *,
    table: str,
    hours: int | None,
    spared: Collection[str] = (),
    mark: str | None = None,
    since: int = -1,
) -> Vacuumed:
    """Remove files that no kept version needs.

    Args:
        hours: Age that files must have; None for the table's own retention window.
        spared: Files that stay whatever their age, by their paths in the table's folder; only with `hours`.
        mark: That of the commits. One that was killed has removed some of the files that it meant to, and said how many
            it meant to: the next one finds fewer, and would say that there were no more.
        since: A version before all commits of that mark.
    """
    handle, seen = open_table(spark, location, table=table), current_version(location)
    used = hours
    if used is None:
        own = properties(spark, location, table=table)
        used = interval_hours(own.get(DELETED_FILES, DEFAULTS[DELETED_FILES]))
    # Delta refuses a window below the table's own: `immediate` is the operator's word that nobody else reads it.
    with setting(spark, {_RETENTION_CHECK: "false" if hours is not None else "true"}):
        if hours is None:
            handle.vacuum()
        elif spared:
            _vacuum_but(spark, location, hours, spared)
        else:
            handle.vacuum(hours)
    logged = {c.operation: c for c in commits(location, since=seen)}
    files = logged["VACUUM END"].metrics.get("numDeletedFiles", 0) if "VACUUM END" in logged else 0
    if mark is not None:
        ours = [commit for commit in commits(location, since=since) if commit.mark == mark]
        begun = [commit for commit in ours if commit.operation == "VACUUM START"]
        if len(begun) > sum(commit.operation == "VACUUM END" for commit in ours):
            files = max([files, *(commit.metrics.get("numFilesToDelete", 0) for commit in begun)])
    if hours is None and "VACUUM START" in logged:
        # What it went by itself: the property may have changed since it was read above.
        said = logged["VACUUM START"].info.get("operationParameters", {}).get("defaultRetentionMillis", "")
        used = -(-int(said) // _HOUR) if str(said).isdigit() else used
    return Vacuumed(files, used)


def _vacuum_but(spark: SparkSession, location: str, hours: int, spared: Collection[str]) -> None:
    """Let VACUUM choose among the files of the folder without some of them, from a list of its own."""
    filesystem, log = log_of(location)
    root = log.removesuffix("/_delta_log")
    base = location if "://" in location else f"file:{root}"
    files = [
        (f"{base.rstrip('/')}{info.path.removeprefix(root)}", info.size or 0, False, int(info.mtime.timestamp() * 1000))
        for info in objects(filesystem, root, ("_delta_log",))
        if info.path.removeprefix(f"{root}/") not in spared
    ]
    view = f"delible_inventory_{uuid4().hex}"
    spark.createDataFrame(files, _INVENTORY).createOrReplaceTempView(view)
    try:
        chosen = f"SELECT * FROM {view}"  # noqa: S608  # a name that was just made
        spark.sql(f"VACUUM {path_table(location)} USING INVENTORY ({chosen}) RETAIN {hours} HOURS")
    finally:
        spark.catalog.dropTempView(view)


def remove_empty_folders(location: str) -> None:
    """Remove the folders that VACUUM has emptied: that of a partition is named after a value, maybe a person's.

    VACUUM leaves them until the next one. Object stores have none, and nothing but an empty folder can be removed so.
    """
    filesystem, root = opened(location)
    if not isinstance(filesystem, pafs.LocalFileSystem):
        return
    for folder, _, _ in os.walk(root, topdown=False):
        if folder != root and "/_delta_log" not in f"{folder}/".removeprefix(root):
            with suppress(OSError):  # not empty, or a writer has just come
                os.rmdir(folder)


def properties(spark: SparkSession, location: str, *, table: str) -> dict[str, str]:
    """Return those of `PROPERTIES` that the table sets itself."""
    metadata = latest(location, "metaData")
    if metadata is None:
        detail = open_table(spark, location, table=table).detail().first()
        metadata = {"configuration": detail["properties"] if detail is not None else None}
    own: Mapping[str, str] = metadata.get("configuration") or {}
    return {name: own[name] for name in PROPERTIES if name in own}


def set_aside(found: Mapping[str, str]) -> bool:
    """Return whether properties are those that `checkpoint` sets for a moment."""
    return found.get(_INTERVAL) == "1"


def checkpoint(spark: SparkSession, location: str, *, original: Mapping[str, str], forget: bool) -> int:
    """Make a checkpoint in a commit that holds no data action, put the table's properties back; return its version.

    A checkpoint keeps tombstones, with their partition values, for the deleted-file window; with `forget` the window
    is closed for that one checkpoint. Delta makes checkpoints by interval only, hence the interval of one commit.
    """
    wanted = {_INTERVAL: "1"}
    if forget:
        wanted |= {DELETED_FILES: "interval 0 seconds", LOG: "interval 0 seconds"}
    name = path_table(location)
    spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ({assignments(wanted)})")
    version = current_version(location)
    restore_properties(spark, location, original=original, changed=tuple(wanted))
    return version


def restore_properties(
    spark: SparkSession, location: str, *, original: Mapping[str, str], changed: tuple[str, ...] = PROPERTIES
) -> None:
    """Give the table back the properties it had, also those that it did not have.

    The interval first: while it is one, each commit makes another checkpoint.
    """
    name = path_table(location)
    unset = [key for key in changed if key not in original]
    kept = {key: original[key] for key in changed if key in original}
    steps = [f"SET TBLPROPERTIES ({assignments(kept)})"] if kept else []
    if unset:
        steps.append(f"UNSET TBLPROPERTIES IF EXISTS ({', '.join(literal(k) for k in unset)})")
    for step in steps if _INTERVAL in kept else steps[::-1]:
        spark.sql(f"ALTER TABLE {name} {step}")
