"""Find wholly, then forget: which rows of which tables reach the people of the due requests.

Deleting a link table's row would cut the path to everything behind it, so all keys are found, and stored, before any
row is touched. Afterwards every table is reached by a plain equality on its own columns, in any order, also after a
crash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from graphlib import TopologicalSorter

from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from delible.lake.columns import normalised
from delible.lake.evidence import evidence_of
from delible.lake.evidence_paths import evidence_paths
from delible.lake.expansion import expand
from delible.lake.facts import quoted
from delible.lake.reach import collected, due_rows, keys_frame, kind_of, reach_columns, spelled, split_rows
from delible.model.identity import EvidencePath
from delible.model.plan import RowsDue
from delible.model.policy import PolicySet, Reach, TablePolicy
from delible.model.subject import KeyRow
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
    shared: dict[str, DataFrame] = {}
    for name in _path_order(policies):
        policy = policies.tables[name]
        for reach in policy.subject:
            if reach.through is not None and keys:
                owned, others = _path_keys(spark, policies, frames, policy, reach, keys)
                keys += owned
                shared[name] = others
    paths = evidence_paths(policies, given, expanded, keys[len(expanded.keys) :])
    if not keys:
        return Found((), expanded.shared, {}, ambiguous, {}, paths, expanded.merging)
    frame_of_keys = keys_frame(spark, keys)
    tables = _counted(policies, frames, frame_of_keys, shared)
    rows_of = _rows_of(policies, frames, frame_of_keys)
    if evidence:
        touched = [name for name, table in tables.items() if table.due.rows]
        keys += evidence_of(spark, policies, frames, frame_of_keys, touched)
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
    value = normalised(F.col(quoted(reach.matches or "")), Normalise.EXACT)
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


def _counted(
    policies: PolicySet, frames: Mapping[str, DataFrame], keys: DataFrame, shared: Mapping[str, DataFrame]
) -> dict[str, TableDue]:
    """Count due and shared rows, and the files that hold them, for all tables in one job."""
    parts = []
    for name, policy in policies.tables.items():
        if not policy.subject:
            continue
        columns = [F.col(quoted(c)) for c in reach_columns(policy)]
        frame = frames[name].select(
            *columns, F.col("_metadata.file_path").alias("__path"), F.col("_metadata.file_size").alias("__size")
        )
        due = split_rows(frame, policy, policies.controller, keys, due=True)
        parts.append(_per_file(due, name, F.lit(True)))
        if name in shared:
            reach = next(r for r in policy.subject if r.through is not None)
            here = spelled(reach, policies.controller)
            others = shared[name].select(F.col("value").alias("__value"))
            parts.append(_per_file(frame.join(others, here == F.col("__value"), "left_semi"), name, F.lit(False)))
    sums = (
        reduce(DataFrame.unionByName, parts)
        .groupBy("table", "due")
        .agg(F.sum("rows").alias("rows"), F.count("*").alias("files"), F.sum("bytes").alias("bytes"))
        .collect()
    )
    by_table = {(row["table"], row["due"]): row for row in sums}
    return {
        name: _table_due(name, by_table.get((name, True)), by_table.get((name, False)))
        for name, policy in policies.tables.items()
        if policy.subject
    }


def _per_file(rows: DataFrame, table: str, due: Column) -> DataFrame:
    return (
        rows.groupBy("__path", "__size")
        .agg(F.count("*").alias("rows"))
        .select(F.lit(table).alias("table"), due.alias("due"), "rows", F.col("__size").alias("bytes"))
    )


def _table_due(name: str, due: Row | None, shared: Row | None) -> TableDue:
    rows = RowsDue(table=name, rows=due["rows"] if due else 0, shared_rows=shared["rows"] if shared else 0)
    return TableDue(rows, due["files"] if due else 0, due["bytes"] if due else 0)


def _rows_of(policies: PolicySet, frames: Mapping[str, DataFrame], keys: DataFrame) -> dict[str, dict[str, int]]:
    """Count each request's rows per table, a row once however many ways lead to it."""
    parts = [
        due_rows(frames[name].withColumn("__row", F.monotonically_increasing_id()), policy, policies.controller, keys)
        .select("__request", F.lit(name).alias("table"), "__row")
        .distinct()
        for name, policy in policies.tables.items()
        if policy.subject
    ]
    counts = reduce(DataFrame.unionByName, parts).groupBy("__request", "table").count().toArrow()
    rows: dict[str, dict[str, int]] = {}
    for request, table, count in zip(*(counts.column(n).to_pylist() for n in counts.column_names), strict=True):
        rows.setdefault(request, {})[table] = count
    return rows
