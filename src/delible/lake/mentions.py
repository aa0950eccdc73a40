"""Free text of other people in which a due person's identifier stands: found, and masked in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.lake.facts import quoted
from delible.lake.find import split_rows
from delible.model.policy import Controller, PolicySet, TablePolicy
from delible.model.subject import KeyRole, KeyRow

MASK = "[erased]"
_VALUES = "__values"
_BEFORE, _AFTER = r"(?<![\p{L}\p{N}._%+\-@])", r"(?![\p{L}\p{N}_%+\-@])(?!\.[\p{L}\p{N}])"
"""ann@x.example is not joann@x.example, and 555-0142 is not a part of a longer number: those are other people."""


def telling_values(keys: Sequence[KeyRow], controller: Controller) -> tuple[str, ...]:
    """Return the values whose appearance in a text can only mean the due person."""
    kinds = controller.identifiers
    return tuple(
        sorted({k.value for k in keys if k.role is KeyRole.EVIDENCE or (k.kind in kinds and kinds[k.kind].distinctive)})
    )


def with_mentions(
    spark: SparkSession,
    frame: DataFrame,
    policy: TablePolicy,
    controller: Controller,
    keys: DataFrame,
    values: Sequence[str],
) -> DataFrame:
    """Return the NOT-due rows of a table that mention a due person, with the values in one array column.

    The values travel as a one-row table that is joined in: as literals they would stand in plans and event logs.
    """
    column = pa.array([list(values)], pa.list_(pa.string()))
    carried = spark.createDataFrame(pa.table({_VALUES: column}))
    kept = split_rows(frame, policy, controller, keys, due=False) if policy.subject else frame
    joined = kept.crossJoin(F.broadcast(carried))
    mentioned = [_mentions(F.col(quoted(c))) for c in policy.free_text]
    condition = mentioned[0]
    for other in mentioned[1:]:
        condition = condition | other
    return joined.where(condition)


def count_mentions(
    spark: SparkSession,
    policies: PolicySet,
    frames: Mapping[str, DataFrame],
    keys: DataFrame,
    values: Sequence[str],
) -> dict[str, int]:
    """Count, per table with free text, the rows of other people that mention a due person; in one job."""
    parts = [
        with_mentions(spark, frames[name], policy, policies.controller, keys, values).select(F.lit(name).alias("table"))
        for name, policy in policies.tables.items()
        if policy.free_text
    ]
    if not parts or not values:
        return {}
    counts = reduce(DataFrame.unionByName, parts).groupBy("table").count().collect()
    return {row["table"]: row["count"] for row in counts}


def masked_texts(mentioning: DataFrame, column: str) -> DataFrame:
    """Return the distinct texts that mention somebody, beside the same texts with the mentions masked."""
    text = F.col(quoted(column))
    return (
        mentioning.where(_mentions(text))
        .select(text.alias("__text"), _masked(text).alias("__masked"))
        .distinct()
        .where(F.col("__text") != F.col("__masked"))
    )


def _pattern(value: Column) -> Column:
    literal = F.concat(F.lit(r"\Q"), F.replace(value, F.lit(r"\E"), F.lit(r"\E\\E\Q")), F.lit(r"\E"))
    return F.concat(F.lit("(?iu)" + _BEFORE), literal, F.lit(_AFTER))


def _mentions(text: Column) -> Column:
    lower = F.lower(text)
    return F.exists(
        F.col(_VALUES),
        lambda v: F.contains(lower, F.lower(v)) & F.regexp_like(text, _pattern(v)),
    )


def _masked(text: Column) -> Column:
    return F.aggregate(
        F.col(_VALUES),
        text,
        lambda done, v: F.when(
            F.contains(F.lower(done), F.lower(v)), F.regexp_replace(done, _pattern(v), F.lit(MASK))
        ).otherwise(done),
    )
