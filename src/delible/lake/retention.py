"""Rows past their retention period: counted, and deleted in one commit, held rows KEPT."""

from __future__ import annotations

from datetime import UTC, datetime

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.lake.conditions import condition
from delible.lake.facts import open_table, quoted, read
from delible.lake.reach import same_combination
from delible.model.policy import TablePolicy
from delible.model.retention import RetentionRule


def past_period(frame: DataFrame, rule: RetentionRule, as_of: datetime, *, prefix: str = "") -> Column:
    """Return whether a row's period has run out: clock plus calendar months, then days, is not after `as_of`.

    The same arithmetic as `model.duration.after`, in UTC whatever the session's time zone is. A row whose clock is
    empty is NOT past it: a missing time is a gap, never a reason to delete.
    """
    clock = _utc(F.col(f"{prefix}{quoted(rule.clock)}"), frame.schema[rule.clock].dataType)
    ends = clock + F.make_interval(months=F.lit(rule.keep.months), days=F.lit(rule.keep.days))
    if isinstance(frame.schema[rule.clock].dataType, T.DateType):
        # A period that is counted from a day ends with the last hour of its last day (Reg. 1182/71 Art. 3(2)(c)).
        ends = ends + F.make_interval(days=F.lit(1))
    now = F.lit(as_of.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")).cast("timestamp_ntz")
    past = F.coalesce(ends <= now, F.lit(False))
    return past & condition(frame, rule.where, where=f"retention:{rule.retention}") if rule.where else past


def _utc(clock: Column, kind: T.DataType) -> Column:
    """Return a clock as a date and time in UTC: adding months to a TIMESTAMP goes by the session's calendar."""
    if isinstance(kind, T.DateType | T.TimestampNTZType):
        return clock.cast("timestamp_ntz")
    seconds = (F.unix_micros(clock.cast("timestamp")).cast("decimal(20,0)") / 1_000_000).cast("decimal(18,6)")
    return F.lit("1970-01-01 00:00:00").cast("timestamp_ntz") + F.make_dt_interval(secs=seconds)


def count_past(
    frame: DataFrame, policy: TablePolicy, rule: RetentionRule, as_of: datetime, held: DataFrame | None
) -> tuple[int, int, int, int]:
    """Return rows past their period that may go, held rows, and the files and bytes of those that may go."""
    past = frame.select(
        "*", F.col("_metadata.file_path").alias("__path"), F.col("_metadata.file_size").alias("__size")
    ).where(past_period(frame, rule, as_of))
    total = past
    if held is not None:
        same = F.expr(same_combination(policy, "__t", "__h"))
        past = past.alias("__t").join(held.alias("__h"), same, "left_anti")
    sums = (
        past.groupBy("__path", "__size")
        .count()
        .agg(F.coalesce(F.sum("count"), F.lit(0)), F.count("*"), F.coalesce(F.sum("__size"), F.lit(0)))
        .first()
    )
    rows, files, size = (int(x) for x in sums) if sums is not None else (0, 0, 0)
    return rows, total.count() - rows if held is not None else 0, files, size


def delete_past(
    spark: SparkSession,
    location: str,
    policy: TablePolicy,
    rule: RetentionRule,
    as_of: datetime,
    held: DataFrame | None,
) -> None:
    """Delete the rows past their period in one commit.

    DELETE refuses subqueries, so with held rows it is a MERGE: what matches a held combination stays, and of the rest
    what is past its period goes.
    """
    handle = open_table(spark, location, table=policy.table)
    frame = read(spark, location)
    if held is None:
        handle.delete(past_period(frame, rule, as_of))
        return
    handle.alias("t").merge(held.alias("s"), same_combination(policy, "t", "s")).whenNotMatchedBySourceDelete(
        past_period(frame, rule, as_of, prefix="t.")
    ).execute()
