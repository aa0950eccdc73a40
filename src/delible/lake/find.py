"""Find wholly, then forget: which rows of which tables reach the people of the due requests.

Deleting a link table's row would cut the path to everything behind it, so all keys are found, and stored, before any
row is touched. Afterwards every table is reached by a plain equality on its own columns, in any order, also after a
crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from graphlib import TopologicalSorter

import pyarrow as pa
from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from delible.lake.columns import normalised
from delible.lake.facts import quoted
from delible.model.plan import RowsDue
from delible.model.policy import Controller, PolicySet, Reach, TablePolicy
from delible.model.subject import KeyRole, KeyRow
from delible.model.terms import ErasureAction, Normalise

_SHORTEST_EVIDENCE = 5
"""A shorter value would be found all over any table; it is compared in its own column instead."""


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
        tables: Per table, what is due there.
        ambiguous: Requests whose identifiers reach more than one person: never guessed, always asked.
        matched: Requests that reach at least one row.
    """

    keys: tuple[KeyRow, ...]
    tables: Mapping[str, TableDue]
    ambiguous: frozenset[str]
    matched: frozenset[str]


def kind_of(policy: TablePolicy, reach: Reach) -> str:
    """Return the kind under which a reach's keys are stored."""
    return reach.identifies or f"{policy.table}.{reach.column}"


def spelled(reach: Reach, controller: Controller) -> Column:
    """Return a reach column in the spelling that its keys have."""
    how = controller.identifiers[reach.identifies].normalise if reach.identifies else Normalise.EXACT
    return normalised(F.col(quoted(reach.column)), how)


def reach_columns(policy: TablePolicy) -> tuple[str, ...]:
    """Return the distinct columns by which a table's rows reach people."""
    return tuple(dict.fromkeys(reach.column for reach in policy.subject))


def keys_frame(spark: SparkSession, keys: Iterable[KeyRow]) -> DataFrame:
    """Return keys as a frame of request, kind and value; evidence is left out."""
    rows = [k for k in keys if k.role is not KeyRole.EVIDENCE]
    table = pa.table(
        {
            "request": pa.array([k.request for k in rows], pa.string()),
            "kind": pa.array([k.kind for k in rows], pa.string()),
            "value": pa.array([k.value for k in rows], pa.string()),
        }
    )
    return spark.createDataFrame(table)


def due_rows(frame: DataFrame, policy: TablePolicy, controller: Controller, keys: DataFrame) -> DataFrame:
    """Return the due rows, once per request and way that reaches them, with the request's id in `__request`.

    All ways are tried in one scan: each row offers one pair of kind and spelling per way, and one join takes them.
    """
    offered = [
        F.struct(F.lit(kind_of(policy, reach)).alias("kind"), spelled(reach, controller).alias("value"))
        for reach in policy.subject
    ]
    wanted = keys.select(*[F.col(name).alias(f"__{name}") for name in ("request", "kind", "value")])
    condition = (F.col("__key.kind") == F.col("__kind")) & (F.col("__key.value") == F.col("__value"))
    joined = frame.withColumn("__key", F.explode(F.array(*offered))).join(wanted, condition, "inner")
    return joined.drop("__key", "__kind", "__value")


def due_combinations(frame: DataFrame, policy: TablePolicy, controller: Controller, keys: DataFrame) -> DataFrame:
    """Return the distinct values of the reach columns that due rows have.

    Whether a row is due depends on nothing but these columns, so an equality on all of them is the whole condition of
    one MERGE, however many ways lead from the table to a person.
    """
    columns = [F.col(quoted(c)) for c in reach_columns(policy)]
    return due_rows(frame, policy, controller, keys).select(*columns).distinct()


def same_combination(policy: TablePolicy, left: str, right: str) -> str:
    """Return the null-safe equality of all reach columns as SQL; column names only, never a value."""
    return " AND ".join(f"{left}.{quoted(c)} <=> {right}.{quoted(c)}" for c in reach_columns(policy))


def split_rows(
    frame: DataFrame, policy: TablePolicy, controller: Controller, keys: DataFrame, *, due: bool
) -> DataFrame:
    """Return the rows that are due, each once, or with `due` False the rows that are NOT."""
    how = "left_semi" if due else "left_anti"
    if len(policy.subject) == 1:
        reach = policy.subject[0]
        wanted = keys.where(F.col("kind") == kind_of(policy, reach)).select(F.col("value").alias("__value"))
        return frame.join(wanted, spelled(reach, controller) == F.col("__value"), how)
    combinations = due_combinations(frame, policy, controller, keys)
    return frame.alias("__t").join(combinations.alias("__d"), F.expr(same_combination(policy, "__t", "__d")), how)


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
    keys = list(_expanded(spark, policies, frames, given))
    ambiguous = _ambiguous(policies.controller, keys)
    keys = [k for k in keys if k.request not in ambiguous]
    shared: dict[str, DataFrame] = {}
    for name in _path_order(policies):
        policy = policies.tables[name]
        for reach in policy.subject:
            if reach.through is not None and keys:
                owned, others = _path_keys(spark, policies, frames, policy, reach, keys)
                keys += owned
                shared[name] = others
    if not keys:
        return Found((), {}, ambiguous, frozenset())
    frame_of_keys = keys_frame(spark, keys)
    tables = _counted(policies, frames, frame_of_keys, shared)
    matched = _matched(policies, frames, frame_of_keys)
    if evidence:
        keys += _evidence(spark, policies, frames, frame_of_keys, [n for n, t in tables.items() if t.due.rows])
    return Found(tuple(keys), tables, ambiguous, matched)


def _expanded(
    spark: SparkSession, policies: PolicySet, frames: Mapping[str, DataFrame], given: Sequence[KeyRow]
) -> list[KeyRow]:
    """Return all identifiers of the same people, to a fixed point over the tables that link two kinds."""
    known = {(k.request, k.kind, k.value): k for k in given}
    frontier: list[KeyRow] = list(known.values())
    while frontier:
        keys = keys_frame(spark, frontier)
        linked = []
        for name, reaches in policies.links():
            rows = due_rows(frames[name], policies.tables[name], policies.controller, keys)
            known_as = [
                F.struct(F.lit(r.identifies).alias("kind"), spelled(r, policies.controller).alias("value"))
                for r in reaches
            ]
            entry = F.explode(F.array(*known_as)).alias("entry")
            linked.append(
                rows.select(F.col("__request").alias("request"), entry)
                .select("request", "entry.kind", "entry.value")
                .where("value != ''")
            )
        frontier = []
        if linked:
            for key in _collected(reduce(DataFrame.unionByName, linked).distinct()):
                if (key.request, key.kind, key.value) not in known:
                    known[(key.request, key.kind, key.value)] = key
                    frontier.append(key)
    return list(known.values())


def _collected(frame: DataFrame) -> list[KeyRow]:
    table = frame.toArrow()
    columns = (table.column(n).to_pylist() for n in ("request", "kind", "value"))
    return [KeyRow(r, k, v, KeyRole.FOUND) for r, k, v in zip(*columns, strict=True)]


def _ambiguous(controller: Controller, keys: Sequence[KeyRow]) -> frozenset[str]:
    """Return requests that reach two people, unless the data subject named all of the keys as their own.

    Two people are two values of the controller's subject kind; where a request reaches none, two values of any kind:
    whoever is only an e-mail address may share a telephone with somebody who is only another one.
    """
    found: dict[str, dict[str, set[str]]] = {}
    named: dict[tuple[str, str], set[str]] = {}
    for key in keys:
        found.setdefault(key.request, {}).setdefault(key.kind, set()).add(key.value)
        if key.role is KeyRole.GIVEN:
            named.setdefault((key.request, key.kind), set()).add(key.value)
    ambiguous = set()
    for request, kinds in found.items():
        judged = [controller.subject] if controller.subject in kinds else list(kinds)
        if any(len(kinds[kind]) > 1 and not kinds[kind] <= named.get((request, kind), set()) for kind in judged):
            ambiguous.add(request)
    return frozenset(ambiguous)


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
        .where(value.isNotNull())
    )
    kept = (
        split_rows(frame, through, policies.controller, frame_of_keys, due=False)
        .select(value.alias("value"))
        .distinct()
    )
    owned = pointed.join(kept, "value", "left_anti").distinct()
    return _collected(owned), pointed.join(kept, "value", "left_semi").select("value").distinct()


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


def _matched(policies: PolicySet, frames: Mapping[str, DataFrame], keys: DataFrame) -> frozenset[str]:
    """Return the requests that reach at least one row of any table."""
    parts = [
        due_rows(frames[name], policy, policies.controller, keys).select("__request")
        for name, policy in policies.tables.items()
        if policy.subject
    ]
    requests = reduce(DataFrame.unionByName, parts).distinct().toArrow()
    return frozenset(requests.column("__request").to_pylist())


def _evidence(
    spark: SparkSession, policies: PolicySet, frames: Mapping[str, DataFrame], keys: DataFrame, touched: Sequence[str]
) -> list[KeyRow]:
    """Return the telling values of due rows that nobody else has, for the byte search.

    A telephone number that a flatmate shares stays in the flatmate's row, so finding it would prove nothing.
    """
    going, staying = [], []
    for name, policy in policies.tables.items():
        if not policy.subject:
            continue
        searched = [c for c, meaning in policy.columns.items() if meaning.searched]
        gone = [c for c in searched if _goes(policy, c)]
        if gone and name in touched:
            due = due_rows(frames[name], policy, policies.controller, keys)
            going.append(due.select(F.col("__request").alias("request"), _values(name, gone)))
        if gone:
            staying.append(
                split_rows(frames[name], policy, policies.controller, keys, due=False).select(_values(name, gone))
            )
        if len(gone) < len(searched):
            staying.append(frames[name].select(_values(name, [c for c in searched if c not in gone])))
    if not going:
        return []
    candidates = _collected(
        reduce(DataFrame.unionByName, [g.select("request", "entry.kind", "entry.value") for g in going])
        .where(F.length(F.trim("value")) >= _SHORTEST_EVIDENCE)
        .distinct()
    )
    wanted = spark.createDataFrame(
        pa.table({"__wanted": pa.array({_folded(c.value) for c in candidates}, pa.string())})
    )
    # Joined to the few candidates first: the rest of the tables' values never reach a shuffle.
    shared = reduce(
        DataFrame.unionByName,
        [
            s.select(F.lower(F.trim(F.col("entry.value"))).alias("__wanted")).join(wanted, "__wanted", "left_semi")
            for s in staying
        ],
    ).distinct()
    elsewhere = set(shared.toArrow().column("__wanted").to_pylist())
    return [
        KeyRow(c.request, c.kind, c.value, KeyRole.EVIDENCE) for c in candidates if _folded(c.value) not in elsewhere
    ]


def _goes(policy: TablePolicy, column: str) -> bool:
    """Return whether the table's erasure rule removes this column's value from a due row."""
    rule = policy.erasure
    return rule.action is ErasureAction.DELETE_ROW or (
        rule.action is ErasureAction.TREAT_COLUMNS and column in rule.columns
    )


def _values(table: str, columns: Sequence[str]) -> Column:
    """Return one entry of kind and value for each of a row's columns."""
    entries = [
        F.struct(F.lit(f"{table}.{c}").alias("kind"), F.col(quoted(c)).cast("string").alias("value")) for c in columns
    ]
    return F.explode(F.array(*entries)).alias("entry")


def _folded(value: str) -> str:
    return value.strip(" ").lower()
