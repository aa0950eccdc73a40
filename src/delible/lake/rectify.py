"""Corrections in Delta tables: what stands there now, and one MERGE per table that makes it right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.decide.rectification import ColumnFacts, HeldValue
from delible.lake.columns import normalised, utc
from delible.lake.description import description, fields_of, is_computed
from delible.lake.facts import at_path, open_table, quoted, read
from delible.lake.reach import due_rows, keys_frame, owners_of, reach_values, same_combination, split_rows
from delible.model.policy import Controller, PolicySet, TablePolicy
from delible.model.rectification import Change
from delible.model.subject import BLANKS, KeyRow

_EMPTY = pa.struct([("wrong", pa.bool_()), ("new", pa.string())])
_RIGHT = {"wrong": False, "new": None}


def column_facts(spark: SparkSession, location: str) -> dict[str, ColumnFacts]:
    """Return a table's columns; that Delta computes one stands in its log only."""
    described = description(location)
    fields = fields_of(described)
    partitions = set(described["partitionColumns"] or []) if described else set()
    found = {}
    for field in read(spark, location).schema.fields:
        said: dict[str, Any] = fields.get(field.name, {})
        found[field.name] = ColumnFacts(
            field.dataType.simpleString(),
            bool(said.get("nullable", field.nullable)),
            is_computed(said),
            field.name in partitions,
        )
    return found


def held_values(
    policies: PolicySet, frames: Mapping[str, DataFrame], keys: DataFrame, columns: Mapping[str, Sequence[str]]
) -> tuple[list[HeldValue], list[frozenset[str]]]:
    """Return what stands in people's rows, and the sets of requests that reach one and the same row.

    Args:
        policies: All policies.
        frames: Each table's rows.
        keys: As `lake.reach.keys_frame` makes it.
        columns: Per table, the columns that are asked for.
    """
    values, together = [], []
    for name, wanted in columns.items():
        frame = frames[name].withColumn("__row", F.monotonically_increasing_id())
        due = due_rows(frame, policies.tables[name], policies.controller, keys).dropDuplicates(["__request", "__row"])
        cells = [
            F.struct(F.lit(c).alias("column"), as_text(F.col(quoted(c)), frame.schema[c].dataType).alias("value"))
            for c in wanted
        ]
        each = due.select("__request", F.explode(F.array(*cells)).alias("cell"))
        values.append(each.select("__request", F.lit(name).alias("table"), "cell.column", "cell.value"))
        requests = due.groupBy("__row").agg(F.array_sort(F.collect_set("__request")).alias("requests"))
        together.append(requests.where(F.size("requests") > 1).select("requests"))
    if not values:
        return [], []
    counted = reduce(DataFrame.unionByName, values).groupBy("__request", "table", "column", "value").count().toArrow()
    held = [HeldValue(*row) for row in zip(*(c.to_pylist() for c in counted.columns), strict=True)]
    if len({h.request for h in held}) <= 1:
        return held, []
    both = reduce(DataFrame.unionByName, together).distinct().toArrow().column(0).to_pylist()
    return held, [frozenset(requests) for requests in both]


def stand_elsewhere(
    spark: SparkSession, frames: Mapping[str, DataFrame], values: Iterable[str]
) -> dict[tuple[str, str, str], int]:
    """Count the cells of whole tables in which values stand alone, by table, column and value in lower case."""
    wanted = pa.table({"__wanted": pa.array(sorted({folded(v) for v in values}), pa.string())})
    if not wanted.num_rows:
        return {}
    looked_for = F.broadcast(spark.createDataFrame(wanted))
    parts = []
    for name, frame in frames.items():
        cells = [
            F.struct(
                F.lit(f.name).alias("column"),
                F.lower(F.trim(as_text(F.col(quoted(f.name)), f.dataType), F.lit(BLANKS))),
            )
            for f in frame.schema.fields
            if not isinstance(f.dataType, T.ArrayType | T.MapType | T.StructType | T.BinaryType)
        ]
        each = frame.select(F.lit(name).alias("table"), F.explode(F.array(*cells)).alias("cell"))
        named = each.select("table", F.col("cell.column").alias("column"), F.col("cell.col2").alias("__wanted"))
        parts.append(named.join(looked_for, "__wanted").groupBy("table", "column", "__wanted").count())
    found = reduce(DataFrame.unionByName, parts).toArrow()
    rows = zip(*(found.column(n).to_pylist() for n in ("table", "column", "__wanted", "count")), strict=True)
    return {(table, column, value): count for table, column, value, count in rows}


def taken_by_others(
    policies: PolicySet, frames: Mapping[str, DataFrame], keys: DataFrame, kind: str, new: DataFrame
) -> bool:
    """Return whether somebody else has one of the identifiers that people are about to get.

    Args:
        policies: All policies.
        frames: Each table's rows.
        keys: The requests' own keys.
        kind: The identifiers' kind.
        new: A column `value` with them, in the spelling of their kind.
    """
    how = policies.controller.identifiers[kind].normalise
    for name, policy in policies.tables.items():
        for reach in policy.direct:
            if reach.identifies == kind:
                others = split_rows(frames[name], policy, policies.controller, keys, due=False)
                spelled = normalised(F.col(at_path(reach.column)), how)
                if not others.join(F.broadcast(new), spelled == F.col("value"), "left_semi").isEmpty():
                    return True
    return False


def values_frame(spark: SparkSession, values: Iterable[str]) -> DataFrame:
    """Return values as a frame of one column; they travel as data, never as literals."""
    return spark.createDataFrame(pa.table({"value": pa.array(sorted(values), pa.string())}))


def rectify(
    spark: SparkSession,
    location: str,
    policy: TablePolicy,
    controller: Controller,
    keys: Sequence[KeyRow],
    changes: Sequence[Change],
) -> None:
    """Make all changes of a table in one commit; a cell that is right already is left alone, also by a second run."""
    frame = read(spark, location)
    columns = list(dict.fromkeys(c.column for c in changes))
    kinds = {c: frame.schema[c].dataType for c in columns}
    combinations = due_rows(
        frame, policy, controller, keys_frame(spark, keys, owners=owners_of(policy, controller))
    ).select(*reach_values(policy), "__request")
    source = combinations.distinct().join(F.broadcast(_pairs(spark, columns, changes)), "__request").drop("__request")
    conditions, right = [], {}
    for number, column in enumerate(columns):
        here, said = F.col(f"t.{quoted(column)}"), as_text(F.col(f"t.{quoted(column)}"), kinds[column])
        pairs, empty = F.col(f"s.__pairs_{number}"), F.col(f"s.__empty_{number}")
        # Looked up in a map, and not in an array by a lambda, which MERGE does not resolve in all versions.
        wrong = F.coalesce(F.map_contains_key(pairs, said), F.lit(False)) | (said.isNull() & empty["wrong"])
        new = F.when(said.isNull(), empty["new"]).otherwise(F.try_element_at(pairs, said)).cast(kinds[column])
        conditions.append(wrong & ~here.eqNullSafe(new))
        right[quoted(column)] = F.when(wrong, new).otherwise(here)
    matched = F.expr(same_combination(policy, "t", "s")) & reduce(lambda one, other: one | other, conditions)
    handle = open_table(spark, location, table=policy.table)
    handle.alias("t").merge(source.alias("s"), matched).whenMatchedUpdate(set=dict(right)).execute()


def as_text(column: Column, kind: T.DataType) -> Column:
    """Return a value as the one text under which changes name it; instants in UTC whatever the session says."""
    return (utc(column, kind) if isinstance(kind, T.TimestampType) else column).cast("string")


def folded(value: str) -> str:
    """Return a value as cells are compared with it."""
    return value.strip(BLANKS).lower()


def _pairs(spark: SparkSession, columns: Sequence[str], changes: Sequence[Change]) -> DataFrame:
    """Return per request a map of old to new values for each column, and what becomes of empty cells."""
    requests = sorted({c.request for c in changes})
    table: dict[str, pa.Array] = {"__request": pa.array(requests, pa.string())}
    for number, column in enumerate(columns):
        here = [[c for c in changes if (c.request, c.column) == (request, column)] for request in requests]
        pairs = [[(c.old, c.new) for c in group if c.old is not None] for group in here]
        empty = [next(({"wrong": True, "new": c.new} for c in group if c.old is None), _RIGHT) for group in here]
        table[f"__pairs_{number}"] = pa.array(pairs, pa.map_(pa.string(), pa.string()))
        table[f"__empty_{number}"] = pa.array(empty, _EMPTY)
    return spark.createDataFrame(pa.table(table))
