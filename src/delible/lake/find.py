"""Find wholly, then forget: which rows of which tables reach the people of the due requests.

Deleting a link table's row would cut the path to everything behind it, so all keys are found, and stored, before any
row is touched. Afterwards every table is reached by a plain equality on its own columns, in any order, also after a
crash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from graphlib import TopologicalSorter
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.lake.columns import normalised
from delible.lake.evidence import evidence_of, telling_columns
from delible.lake.evidence_paths import evidence_paths
from delible.lake.expansion import expand
from delible.lake.facts import at_path, column_of, quoted
from delible.lake.reach import collected, due_rows, keys_frame, kind_of, reach_columns, split_rows
from delible.model.identity import EvidencePath
from delible.model.plan import RowsDue
from delible.model.policy import Controller, PolicySet, Reach, TablePolicy
from delible.model.subject import KeyRole, KeyRow
from delible.model.terms import Normalise


@dataclass(frozen=True)
class TableDue:
    """What one table holds of the due people."""

    due: RowsDue
    files: int
    bytes: int


@dataclass(frozen=True)
class Found:
    """Everything that the find step learned.

    Args:
        keys: All keys and evidence, the given ones included.
        shared: Identifiers that somebody else has, too; they reached nothing.
        tables: Per table, what is due there.
        ambiguous: Requests whose identifiers reach more than one person: never guessed, always asked.
        rows_of: Rows per request and table, of requests that reach any.
        paths: How the identifiers of each request were reached.
        merging: Per ambiguous request, the links that would make one person of two.
    """

    keys: tuple[KeyRow, ...]
    shared: tuple[KeyRow, ...]
    tables: Mapping[str, TableDue]
    ambiguous: frozenset[str]
    rows_of: Mapping[str, Mapping[str, int]]
    paths: Mapping[str, tuple[EvidencePath, ...]] = field(default_factory=dict)
    merging: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def find(
    spark: SparkSession,
    policies: PolicySet,
    frames: Mapping[str, DataFrame],
    given: Sequence[KeyRow],
    *,
    evidence: bool = True,
) -> Found:
    """Follow every link and path from the given identifiers, and count what they reach.

    Args:
        frames: Each policy table's current rows.
        given: The requests' own identifiers, normalised.
        evidence: Collect what a byte search after an erasure looks for.
    """
    expanded = expand(spark, policies, frames, given)
    keys, ambiguous = list(expanded.keys), expanded.ambiguous
    shared: dict[str, list[tuple[Reach, DataFrame]]] = {}
    for name in _path_order(policies):
        policy = policies.tables[name]
        for reach in policy.subject:
            if reach.through is not None and keys:
                owned, others = _path_keys(spark, policies, frames, policy, reach, keys)
                keys += owned
                shared.setdefault(name, []).append((reach, others))
    paths = evidence_paths(policies, given, expanded, keys[len(expanded.keys) :])
    if not keys:
        return Found((), expanded.shared, {}, ambiguous, {}, paths, expanded.merging)
    frame_of_keys = keys_frame(spark, keys)
    telling = {name: columns for name, t in policies.tables.items() if evidence and (columns := telling_columns(t))}
    due = _due(policies, frames, frame_of_keys, telling)
    with _scanned_once([due[name] for name in telling.keys() & due.keys()]):
        tables, rows_of = _counted(policies, frames, due, shared)
        if evidence:
            rows = {n: due[n] for n, table in tables.items() if n in telling and table.due.rows}
            keys += evidence_of(spark, policies, frames, frame_of_keys, rows)
            # Of rows that an earlier plan has erased: a name may still stand in other people's texts.
            found = set(keys)
            keys += [k for k in given if k.role is KeyRole.EVIDENCE and k.request not in ambiguous and k not in found]
    return Found(tuple(keys), expanded.shared, tables, ambiguous, rows_of, paths, expanded.merging)


def _path_order(policies: PolicySet) -> list[str]:
    """Return the tables so that each comes after the tables that its paths lead through."""
    graph = {
        name: {reach.through for reach in policy.subject if reach.through is not None}
        for name, policy in policies.tables.items()
    }
    return list(TopologicalSorter(graph).static_order())


def _path_keys(
    spark: SparkSession,
    policies: PolicySet,
    frames: Mapping[str, DataFrame],
    policy: TablePolicy,
    reach: Reach,
    keys: Sequence[KeyRow],
) -> tuple[list[KeyRow], DataFrame]:
    """Return the keys that only due people own, and the frame of values that others share with them.

    An address that two customers live at belongs to the one who stays, too: it must not be erased with the first.
    """
    through = policies.tables[reach.through or ""]
    frame = frames[through.table]
    frame_of_keys = keys_frame(spark, keys)
    value = normalised(F.col(at_path(reach.matches or "")), Normalise.EXACT)
    pointed = (
        due_rows(frame, through, policies.controller, frame_of_keys)
        .select(F.col("__request").alias("request"), F.lit(kind_of(policy, reach)).alias("kind"), value.alias("value"))
        .where(value != "")
    )
    kept = (
        split_rows(frame, through, policies.controller, frame_of_keys, due=False)
        .select(value.alias("value"))
        .distinct()
    )
    owned = pointed.join(kept, "value", "left_anti").distinct()
    return collected(owned), pointed.join(kept, "value", "left_semi").select("value").distinct()


@contextmanager
def _scanned_once(frames: Sequence[DataFrame]) -> Iterator[None]:
    """Keep what the first job makes of frames for the next one."""
    for frame in frames:
        frame.persist()
    try:
        yield
    finally:
        for frame in frames:
            frame.unpersist()


def _due(
    policies: PolicySet, frames: Mapping[str, DataFrame], keys: DataFrame, telling: Mapping[str, Sequence[str]]
) -> dict[str, DataFrame]:
    """Return the due rows of all tables, each with its file, and with the columns that are evidence of it.

    What is asked of due rows comes from one scan: they are few, and the table's rows are not.
    """
    return {
        name: due_rows(_numbered(frames[name], policy, telling.get(name, ())), policy, policies.controller, keys)
        for name, policy in policies.tables.items()
        if policy.subject
    }


def _numbered(frame: DataFrame, policy: TablePolicy, telling: Sequence[str] = ()) -> DataFrame:
    """Return the rows of a table with their file, its size and a number, and no more columns than are needed."""
    # Whole columns, although only a field of a struct may be needed: Spark reads no more than that.
    columns = dict.fromkeys(map(column_of, (*reach_columns(policy), *telling)))
    return frame.select(
        *[F.col(quoted(c)) for c in columns],
        F.col("_metadata.file_path").alias("__path"),
        F.col("_metadata.file_size").alias("__size"),
    ).withColumn("__row", F.monotonically_increasing_id())


def _counted(
    policies: PolicySet,
    frames: Mapping[str, DataFrame],
    due: Mapping[str, DataFrame],
    shared: Mapping[str, Sequence[tuple[Reach, DataFrame]]],
) -> tuple[dict[str, TableDue], dict[str, dict[str, int]]]:
    """Count due rows, the files that hold them, each request's rows, and shared rows, for all tables in one job.

    Each table is scanned once: every scan asks Delta for the table's files, which costs more than a small table's rows.
    """
    parts = []
    for name, rows in due.items():
        policy = policies.tables[name]
        parts.append(_per_file(_marked(rows), name, F.lit(True)))
        if name in shared:
            others = _shared_rows(_numbered(frames[name], policy), policy, policies.controller, shared[name])
            parts.append(_per_file(others.withColumn("__mark", _all()), name, F.lit(False)))
    counts = (
        reduce(DataFrame.unionByName, parts)
        .groupBy("table", "due", "mark")
        .agg(F.sum("rows").alias("rows"), F.count("*").alias("files"), F.sum("bytes").alias("bytes"))
        .toArrow()
        .to_pylist()
    )
    whole = {(row["table"], row["due"]): row for row in counts if row["mark"] is None}
    tables = {
        name: _table_due(name, whole.get((name, True)), whole.get((name, False)))
        for name, policy in policies.tables.items()
        if policy.subject
    }
    rows_of: dict[str, dict[str, int]] = {}
    for row in counts:
        if row["mark"] is not None:
            rows_of.setdefault(row["mark"], {})[row["table"]] = row["rows"]
    return tables, rows_of


def _shared_rows(
    numbered: DataFrame, policy: TablePolicy, controller: Controller, shared: Sequence[tuple[Reach, DataFrame]]
) -> DataFrame:
    """Return each row once that others are reached by as well: a path's shared values say nothing of another path's."""
    others = [
        values.select(F.lit("").alias("request"), F.lit(kind_of(policy, reach)).alias("kind"), "value")
        for reach, values in shared
    ]
    rows = due_rows(numbered, policy, controller, reduce(DataFrame.unionByName, others))
    return rows.select("__path", "__size", "__row").distinct()


def _marked(due: DataFrame) -> DataFrame:
    """Return a due row once for its table and once per request, however many ways lead to it."""
    once = due.groupBy("__path", "__size", "__row").agg(F.collect_set("__request").alias("__requests"))
    return once.withColumn("__mark", F.explode(F.concat(F.array(_all()), "__requests")))


def _all() -> Column:
    """Mark a row once for its table, whatever the number of requests that reach it."""
    return F.lit(None).cast("string")


def _per_file(rows: DataFrame, table: str, due: Column) -> DataFrame:
    return (
        rows.groupBy("__path", "__size", "__mark")
        .agg(F.count("*").alias("rows"))
        .select(
            F.lit(table).alias("table"),
            due.alias("due"),
            F.col("__mark").alias("mark"),
            "rows",
            F.col("__size").alias("bytes"),
        )
    )


def _table_due(name: str, due: Mapping[str, Any] | None, shared: Mapping[str, Any] | None) -> TableDue:
    rows = RowsDue(table=name, rows=due["rows"] if due else 0, shared_rows=shared["rows"] if shared else 0)
    return TableDue(rows, due["files"] if due else 0, due["bytes"] if due else 0)
