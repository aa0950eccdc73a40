"""Evidence: the telling values of due rows, which a byte search must not find anywhere after the erasure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.decide.retention_policy import covers
from delible.lake.facts import at_path
from delible.lake.mentions import SHORTEST_TELLING
from delible.lake.reach import collected, split_rows
from delible.model.policy import PolicySet, TablePolicy
from delible.model.subject import BLANKS, KeyRole, KeyRow
from delible.model.terms import ErasureAction


def telling_columns(policy: TablePolicy) -> list[str]:
    """Return the columns whose values leave with a due row, and are searched for afterwards."""
    return [c for c, meaning in policy.columns.items() if meaning.searched and _goes(policy, c)]


def evidence_of(
    spark: SparkSession,
    policies: PolicySet,
    frames: Mapping[str, DataFrame],
    keys: DataFrame,
    due: Mapping[str, DataFrame],
) -> list[KeyRow]:
    """Return the telling values of due rows that nobody else has, for the byte search.

    A telephone number that a flatmate shares stays in the flatmate's row, so finding it would prove nothing.

    Args:
        due: The due rows of tables that have such columns, with the request of each in `__request`.
    """
    staying = [
        (policy, column, _goes(policy, column))
        for policy in policies.tables.values()
        if policy.subject
        for column, meaning in policy.columns.items()
        if meaning.searched
    ]
    going = [
        rows.select(F.col("__request").alias("request"), _values(name, telling_columns(policies.tables[name])))
        for name, rows in due.items()
    ]
    if not going:
        return []
    candidates = collected(
        reduce(DataFrame.unionByName, [g.select("request", "entry.kind", "entry.value") for g in going])
        .where(F.length(F.trim("value")) >= SHORTEST_TELLING)
        .distinct()
    )
    wanted = spark.createDataFrame(
        pa.table({"__wanted": pa.array({_folded(c.value) for c in candidates}, pa.string())})
    )

    def left(policy: TablePolicy, column: str, goes: bool) -> DataFrame:
        value = F.lower(F.trim(F.col(at_path(column)).cast("string"), F.lit(BLANKS)))
        # Joined to the few candidates first: whether a row is due is asked of those that hold one.
        rows = frames[policy.table].join(wanted, value == F.col("__wanted"), "left_semi")
        if goes:
            rows = split_rows(rows, policy, policies.controller, keys, due=False)
        return rows.select(value.alias("__wanted"))

    shared = reduce(DataFrame.unionByName, [left(*each) for each in staying]).distinct()
    elsewhere = set(shared.toArrow().column("__wanted").to_pylist())
    return [
        KeyRow(c.request, c.kind, c.value, KeyRole.EVIDENCE) for c in candidates if _folded(c.value) not in elsewhere
    ]


def _goes(policy: TablePolicy, column: str) -> bool:
    """Return whether the table's erasure rule removes this column's value from a due row."""
    rule = policy.erasure
    return rule.action is ErasureAction.DELETE_ROW or (
        rule.action is ErasureAction.TREAT_COLUMNS and covers(rule.columns, column)
    )


def _values(table: str, columns: Sequence[str]) -> Column:
    """Return one entry of kind and value for each of a row's columns."""
    entries = [
        F.struct(F.lit(f"{table}.{c}").alias("kind"), F.col(at_path(c)).cast("string").alias("value")) for c in columns
    ]
    return F.explode(F.array(*entries)).alias("entry")


def _folded(value: str) -> str:
    return value.strip(BLANKS).lower()
