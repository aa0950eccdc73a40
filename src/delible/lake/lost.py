"""Rows that a table has lost since a version, and that only its old files still hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.decide.retention import Standing
from delible.errors import BlockedError
from delible.lake.clocks import with_events
from delible.lake.description import description, fields_of
from delible.lake.facts import at_path, quoted, read
from delible.lake.others import is_readable
from delible.lake.reach import due_combinations, keys_frame, reach_columns
from delible.lake.retention import Judging, standing, with_held
from delible.lake.session import setting
from delible.model.policy import Controller, TablePolicy
from delible.model.subject import KeyRow

_SETTINGS = {
    "spark.sql.files.ignoreMissingFiles": "true",
    "spark.databricks.delta.vacuum.enforceTimeTravelWithinDeletedFileRetentionDuration": "false",
}
"""A version beyond the window is asked for on purpose: its files are there until VACUUM has run (Delta 4)."""
_INCOMPARABLE = ("map<", "variant")
_IDENTITY = "delta.identity.start"
_HELD = "__held"


def lost_rows(
    spark: SparkSession, location: str, version: int, chosen: Callable[[DataFrame], DataFrame | None]
) -> int | None:
    """Count rows that stand in what is left of a version and are not, as they were, in the newest one.

    Args:
        spark: A session of the caller's own, since a setting changes meanwhile.
        location: The table.
        version: The version.
        chosen: Picks the rows in question from the version's; None when there are none.

    Returns:
        None when the version cannot be read any more.
    """
    try:
        with _what_is_left(spark):
            before = chosen(read(spark, location, version=version))
            if before is None:
                return 0
            now = read(spark, location)
            columns = _comparable(before, now)
            return before.select(*columns).exceptAll(now.select(*columns)).count()
    except Exception:
        # Whatever stands in the way, nobody can tell what was lost; the caller must not take it for nothing.
        return None


def came_since(
    spark: SparkSession, location: str, versions: Collection[int], chosen: Callable[[DataFrame], DataFrame | None]
) -> bool:
    """Return whether rows in question stand in the newest version that stood, as they are, in none of these."""
    with _what_is_left(spark):
        now = chosen(read(spark, location))
        for version in versions:
            before = chosen(read(spark, location, version=version))
            if now is None or before is None:
                continue
            columns = _comparable(before, now)
            now = now.select(*columns).exceptAll(before.select(*columns))
        return now is not None and not now.isEmpty()


def put_back(spark: SparkSession, location: str, version: int, chosen: Callable[[DataFrame], DataFrame | None]) -> int:
    """Append the rows that stand in what is left of a version and not in the newest one; return how many.

    Run again, it finds them there.

    Raises:
        BlockedError: `hold.columns` when the table's columns have changed since, or cannot be compared or written;
            `hold.unreadable` when the version cannot be read any more.
    """
    with _what_is_left(spark):
        if not is_readable(spark, location, version):
            raise BlockedError(
                "hold.unreadable",
                f"version {version} cannot be read any more: what stood there can only be put back from elsewhere.",
                where=location,
            )
        before, now = chosen(read(spark, location, version=version)), read(spark, location)
        if before is None:
            return 0
        kinds = {field.name: field.dataType.simpleString() for field in now.schema.fields}
        same = kinds == {field.name: field.dataType.simpleString() for field in before.schema.fields}
        numbered = any(_IDENTITY in f.get("metadata", {}) for f in fields_of(description(location)).values())
        if not same or numbered or any(kind in kinds[name] for kind in _INCOMPARABLE for name in kinds):
            raise BlockedError(
                "hold.columns",
                f"the table's columns are others than in version {version}, or of a kind that nobody can compare or "
                "write: its rows have to be put back by hand.",
                where=location,
            )
        lost = before.select(*[F.col(quoted(name)) for name in kinds]).exceptAll(now)
        count = lost.count()
        if count:
            lost.write.format("delta").mode("append").save(location)
        return count


def rows_of_keys(
    spark: SparkSession, frame: DataFrame, policy: TablePolicy, controller: Controller, keys: Collection[KeyRow]
) -> DataFrame | None:
    """Return the rows that keys reach."""
    if not policy.subject:
        return None
    return _with(frame, policy, due_combinations(frame, policy, controller, keys_frame(spark, keys)))


def rows_held_back(frame: DataFrame, judging: Judging, rules: Collection[str]) -> DataFrame | None:
    """Return the held rows on which one of these rules would act if they were not held."""
    if judging.held is None:
        return None
    rows = with_held(with_events(frame, judging.rules, judging.events), judging)
    stands = [
        F.coalesce(standing(rows, r, judging, F.col(_HELD)) == Standing.HELD.value, F.lit(False))
        for r in judging.rules
        if r.retention in rules
    ]
    return rows.where(reduce(lambda a, b: a | b, stands, F.lit(False))).select(
        *[F.col(quoted(c)) for c in frame.columns]
    )


def _comparable(one: DataFrame, other: DataFrame) -> list[Column]:
    there = set(other.columns)
    return [
        F.col(quoted(f.name))
        for f in one.schema.fields
        if f.name in there and not any(kind in f.dataType.simpleString() for kind in _INCOMPARABLE)
    ]


def _with(frame: DataFrame, policy: TablePolicy, combinations: DataFrame) -> DataFrame:
    columns = reach_columns(policy)
    wanted = combinations.select(*[F.col(quoted(c)).alias(f"__k{i}") for i, c in enumerate(columns)])
    same = [F.col(at_path(c)).eqNullSafe(F.col(f"__k{i}")) for i, c in enumerate(columns)]
    return frame.join(wanted, reduce(lambda a, b: a & b, same), "left_semi")


@contextmanager
def _what_is_left(spark: SparkSession) -> Iterator[None]:
    """Read versions of which VACUUM has taken files already: the others may hold the rows in question."""
    with setting(spark, _SETTINGS):
        yield
