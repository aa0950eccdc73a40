"""When retention clocks start on rows, and whether the period that they start has run out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.lake.columns import normalised, utc
from delible.lake.facts import quoted
from delible.model.duration import Duration
from delible.model.retention import EventClock, RetentionRule
from delible.model.terms import Normalise


def with_events(frame: DataFrame, rules: Sequence[RetentionRule], events: Mapping[str, DataFrame]) -> DataFrame:
    """Add the time of the event that starts each event clock; NULL where there is none."""
    for rule in rules:
        clock = rule.clock
        if not isinstance(clock, EventClock):
            continue
        source = events[clock.table]
        times = utc(F.col(quoted(clock.column)), source.schema[clock.column].dataType)
        key, own = f"__key_{rule.retention}", normalised(F.col(quoted(clock.key)), Normalise.EXACT)
        pick = F.max if clock.take == "last" else F.min
        found = (
            source.select(normalised(F.col(quoted(clock.target)), Normalise.EXACT).alias(key), times.alias("__time"))
            .where(F.col(key).isNotNull() & F.col("__time").isNotNull())
            .groupBy(key)
            .agg(pick("__time").alias(event_column(rule)))
        )
        days = F.lit(_extra_days(source.schema[clock.column].dataType)).alias(day_column(rule))
        frame = frame.join(found.select("*", days), own == F.col(key), "left").drop(key)
    return frame


def clock_of(frame: DataFrame, rule: RetentionRule) -> Column:
    """Return when a rule's clock started on each row, as a date and time in UTC."""
    return F.coalesce(*[start for start, _ in _starts(frame, rule)])


def _starts(frame: DataFrame, rule: RetentionRule) -> list[tuple[Column, Column]]:
    """Return what may start a rule's clock, the first that is there, each with the days that its period ends later."""
    clock = rule.clock
    starts = []
    if isinstance(clock, EventClock):
        starts.append((F.col(event_column(rule)), F.col(day_column(rule))))
    own = clock.otherwise if isinstance(clock, EventClock) else clock
    if own is not None:
        kind = frame.schema[own].dataType
        starts.append((utc(F.col(quoted(own)), kind), F.lit(_extra_days(kind))))
    return starts


def _extra_days(kind: T.DataType) -> int:
    """Return 1 for dates: a period from a day ends with the last hour of its last day (Reg. 1182/71 Art. 3(2)(c))."""
    return 1 if isinstance(kind, T.DateType) else 0


def ended(frame: DataFrame, rule: RetentionRule, keep: Duration, as_of: datetime) -> Column:
    """Return whether a period that starts with a rule's clock has run out; without a clock it has not."""
    ends = [
        start + F.make_interval(months=F.lit(keep.months), days=F.lit(keep.days)) + F.make_interval(days=extra)
        for start, extra in _starts(frame, rule)
    ]
    now = F.lit(as_of.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")).cast("timestamp_ntz")
    return F.coalesce(F.coalesce(*ends) <= now, F.lit(False))


def event_column(rule: RetentionRule) -> str:
    """Return the name of the column that `with_events` adds for the time of a rule's event."""
    return f"__event_{rule.retention}"


def day_column(rule: RetentionRule) -> str:
    """Return the name of the column with the days that a period from the event ends later."""
    return f"__day_{rule.retention}"
