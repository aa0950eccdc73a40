"""What retention leaves of a row that stays: columns emptied, pseudonymised, generalised, and sums of many rows."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.lake.columns import pseudonym, utc
from delible.lake.facts import quoted
from delible.model.retention import Aggregate, Generalise, RetentionRule

_DAY = 86_400
_PSEUDONYM = "pseudonym:"
_PATTERN = "^pseudonym:[0-9a-f]{64}$"


def done(frame: DataFrame, rule: RetentionRule) -> Column:
    """Return whether a row is as the rule leaves it already, so that no rule acts on its own result."""
    if rule.aggregate is not None:
        return _is_sum(frame, rule.aggregate)
    same = [_is_treated(frame, column, how) for column, how in rule.columns.items()]
    return reduce(_both, same) if same else F.lit(False)


def treated(frame: DataFrame, rule: RetentionRule) -> dict[str, str | Column]:
    """Return the new value of each column that a rule treats, for a MERGE whose source has the pads of the key."""
    return {quoted(column): _treated(frame, column, how) for column, how in rule.columns.items()}


def sums(rows: DataFrame, aggregate: Aggregate) -> DataFrame:
    """Return one row per group, `__g_…` for the groups and `__m_…` for the measures."""
    names = {**{c: f"__g{i}" for i, c in enumerate(aggregate.by)}, **_measures(aggregate)}
    grouped = rows.groupBy(*[_group(rows, column, how).alias(names[column]) for column, how in aggregate.by.items()])
    if not aggregate.measures:
        return grouped.agg(F.count("*").alias("__n")).drop("__n")
    made = {"sum": F.sum, "min": F.min, "max": F.max}
    return grouped.agg(
        *[
            made[how](F.col(quoted(column))).cast(rows.schema[column].dataType).alias(names[column])
            for column, how in aggregate.measures.items()
        ]
    )


def insertions(frame: DataFrame, aggregate: Aggregate) -> dict[str, str | Column]:
    """Return the values of a row of sums, for a MERGE whose source holds what `sums` made."""
    names = {**{c: f"__g{i}" for i, c in enumerate(aggregate.by)}, **_measures(aggregate)}
    return {
        quoted(field.name): F.col(f"s.{names[field.name]}") if field.name in names else F.lit(None).cast(field.dataType)
        for field in frame.schema.fields
    }


def _measures(aggregate: Aggregate) -> dict[str, str]:
    return {column: f"__m{i}" for i, column in enumerate(aggregate.measures)}


def _treated(frame: DataFrame, column: str, how: str | Generalise) -> Column:
    kind, value = frame.schema[column].dataType, F.col(quoted(column))
    if isinstance(how, Generalise):
        return generalised(value, how.generalise, kind)
    if how == "null":
        return F.lit(None).cast(kind)
    if isinstance(kind, T.StringType):
        made = F.concat(F.lit(_PSEUDONYM), pseudonym(value, kind.simpleString()))
        return F.when(value.rlike(_PATTERN), value).otherwise(made)
    return F.when(value < 0, value).otherwise(pseudonym(value, kind.simpleString()))


def _is_treated(frame: DataFrame, column: str, how: str | Generalise) -> Column:
    kind, value = frame.schema[column].dataType, F.col(quoted(column))
    if isinstance(how, Generalise):
        return value.eqNullSafe(generalised(value, how.generalise, kind))
    if how == "null":
        return value.isNull()
    known = value.rlike(_PATTERN) if isinstance(kind, T.StringType) else value < 0
    return F.coalesce(known, F.lit(True))


def _is_sum(frame: DataFrame, aggregate: Aggregate) -> Column:
    """Return whether a row is a sum: groups generalised, and all columns empty that are neither group nor measure."""
    same = [
        F.col(quoted(column)).eqNullSafe(_group(frame, column, how))
        for column, how in aggregate.by.items()
        if isinstance(how, Generalise)
    ]
    named = {*aggregate.by, *aggregate.measures}
    others = [f.name for f in frame.schema.fields if f.name not in named and not f.name.startswith("__")]
    return reduce(_both, [*same, *[F.col(quoted(name)).isNull() for name in others]], F.lit(True))


def _group(frame: DataFrame, column: str, how: str | Generalise) -> Column:
    value = F.col(quoted(column))
    return generalised(value, how.generalise, frame.schema[column].dataType) if isinstance(how, Generalise) else value


def generalised(value: Column, to: str | int, kind: T.DataType) -> Column:
    """Return a time cut down to a unit in UTC, a number at the bottom of its bucket, or a text's first characters."""
    if isinstance(to, int):
        if isinstance(kind, T.StringType):
            return F.substring(value, 1, to)
        return (value - F.pmod(value, F.lit(to))).cast(kind)
    day = utc(value, kind).cast("date")
    start = day if to == "day" else F.trunc(day, to)
    if isinstance(kind, T.TimestampType):
        return F.timestamp_seconds(F.unix_date(start).cast("bigint") * _DAY)
    return start.cast(kind)


def _both(left: Column, right: Column) -> Column:
    return left & right
