"""Rows past their retention period: judged in one pass, and removed or treated in one commit per rule, held rows KEPT.

`decide.retention` states the rules; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from weakref import WeakKeyDictionary

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.decide.retention import Standing, forbids, stricter
from delible.lake.clocks import clock_of, day_column, ended, event_column, with_events
from delible.lake.columns import with_pads
from delible.lake.conditions import condition
from delible.lake.erase import without_values
from delible.lake.facts import at_path, open_table, quoted, read
from delible.lake.reach import reach_columns
from delible.lake.retained import done, insertions, sums, treated
from delible.model.policy import TablePolicy
from delible.model.retention import EventClock, RetentionRule
from delible.model.terms import RetentionAction

_HELD, _STANDING = "__held", "__standing"
_conditions: WeakKeyDictionary[DataFrame, dict[str, Column]] = WeakKeyDictionary()
"""Conditions that Spark has analysed on a frame: judging a table's rules by each other asks for each many times."""


@dataclass(frozen=True)
class Judging:
    """What the rules of one table are judged by.

    Args:
        policy: The table.
        rules: All of its rules.
        as_of: The instant of the judgement.
        events: Rows of the tables whose events start clocks, by name.
        held: Reach values of held rows; None when there are none.
    """

    policy: TablePolicy
    rules: Sequence[RetentionRule]
    as_of: datetime
    events: Mapping[str, DataFrame] = field(default_factory=dict)
    held: DataFrame | None = None

    def clocks(self, rule: RetentionRule) -> tuple[RetentionRule, ...]:
        """Return the rules with event clocks that the standing of a rule hangs on."""
        weighed = {rule.retention, *(r.retention for r in (*_bound_by(rule, self.rules), *stricter(rule, self.rules)))}
        for other in stricter(rule, self.rules):
            weighed |= {r.retention for r in _bound_by(other, self.rules)}
        return tuple(r for r in self.rules if r.retention in weighed and isinstance(r.clock, EventClock))


@dataclass(frozen=True)
class Counted:
    """What one rule found.

    Args:
        rows: Rows that the rule acts on.
        held: Rows past their period that are KEPT for a hold, a restriction or an open access request.
        files, bytes: Those that hold rows to act on.
        standings: All rows that the rule covers, by standing.
        due: Sum of hashes of who the rows to act on are about and when their clocks started: other rows give another
            one, and the same rows in other files do not. Unkeyed, so it is nothing to be kept (`retention_fit`).
    """

    rows: int
    held: int
    files: int
    bytes: int
    standings: Mapping[str, int] = field(default_factory=dict)
    due: int = 0


def past_period(frame: DataFrame, rule: RetentionRule, as_of: datetime) -> Column:
    """Return whether a row's period has run out: clock plus calendar months, then days, is not after `as_of`.

    The same arithmetic as `model.duration.after`, in UTC whatever the session's time zone is. A row whose clock is
    empty is NOT past it: a missing time is a gap, never a reason to delete.
    """
    past = ended(frame, rule, rule.keep, as_of)
    return past & _covers(frame, rule) if rule.where else past


def standing(frame: DataFrame, rule: RetentionRule, judging: Judging, held: Column | None = None) -> Column:
    """Return where a rule stands on each row (`decide.retention.Standing`); NULL where it does not cover the row.

    Args:
        frame: The table's rows, with the event columns of `with_events`.
        rule: One of the judging's rules.
        judging: The table's rules and the instant.
        held: Whether a row is held; None when none is.
    """
    now, clock = judging.as_of, clock_of(frame, rule)
    reasons = [
        (clock.isNull(), Standing.NO_CLOCK),
        (~ended(frame, rule, rule.keep, now), Standing.NOT_YET),
        (_any(_binds(frame, r, now) for r in _bound_by(rule, judging.rules)), Standing.DUTY),
        (F.lit(False) if held is None else F.coalesce(held, F.lit(False)), Standing.HELD),
        (_any(_acts(frame, r, judging) for r in stricter(rule, judging.rules)), Standing.COVERED),
        (done(frame, rule), Standing.DONE),
    ]
    found = F.lit(Standing.DUE.value)
    for applies, reason in reversed(reasons):
        found = F.when(applies, F.lit(reason.value)).otherwise(found)
    return F.when(_covers(frame, rule), found)


def count_rules(frame: DataFrame, judging: Judging) -> dict[str, Counted]:
    """Return what each rule of a table finds, from one pass over the rows."""
    rows = frame.select("*", F.col("_metadata.file_path").alias("__path"), F.col("_metadata.file_size").alias("__size"))
    rows = with_held(with_events(rows, judging.rules, judging.events), judging)
    stands = {r.retention: f"{_STANDING}_{r.retention}" for r in judging.rules}
    held = F.col(_HELD)
    told = [*(F.col(at_path(c)) for c in reach_columns(judging.policy)), *(clock_of(rows, r) for r in judging.rules)]
    judged = rows.select(
        "__path",
        "__size",
        *[standing(rows, r, judging, held).alias(stands[r.retention]) for r in judging.rules],
        F.xxhash64(*told, *[value.isNull() for value in told]).cast("decimal(20,0)").alias("__row"),
    )
    by_file = (
        judged.groupBy("__path", "__size", *stands.values())
        .agg(F.count("*").alias("count"), F.sum("__row").alias("hash"))
        .toArrow()
        .to_pylist()
    )
    return {name: _counted(by_file, column) for name, column in stands.items()}


def retain(
    spark: SparkSession, location: str, rule: RetentionRule, judging: Judging, pads: tuple[bytes, bytes]
) -> None:
    """Do what a rule says to the rows that it acts on, in one commit.

    Deleting by the table's own columns alone is one DELETE. Everything else is one MERGE of the distinct keys of the
    rows in question: DELETE refuses subqueries, no value may stand in a predicate, and a MERGE of held rows that
    deletes what matches none rewrites every file of a table without deletion vectors. Who is held is so by all of these
    keys, so that no held row matches.

    Args:
        spark: The session.
        location: The table.
        rule: One of the judging's rules.
        judging: The table's rules, the events and the held rows.
        pads: HMAC pads of the plan's pseudonym key, which is forgotten afterwards.
    """
    if rule.action is not RetentionAction.DELETE_ROW or judging.clocks(rule) or judging.held is not None:
        _merge_keys(spark, location, rule, judging, pads)
        return
    frame = read(spark, location)
    due = F.coalesce(standing(frame, rule, judging) == Standing.DUE.value, F.lit(False))
    open_table(spark, location, table=judging.policy.table).delete(due)


def _merge_keys(
    spark: SparkSession, location: str, rule: RetentionRule, judging: Judging, pads: tuple[bytes, bytes]
) -> None:
    """Merge the keys of rows that a rule acts on; the clause judges each row again by its own columns."""
    handle = open_table(spark, location, table=judging.policy.table)
    frame = read(spark, location)
    clocks = judging.clocks(rule)
    by_event = [r.clock.key for r in clocks if isinstance(r.clock, EventClock)]
    keys = tuple(dict.fromkeys((*reach_columns(judging.policy), *by_event)))
    due = due_rows(frame, rule, judging)
    events = [name for r in clocks for name in (event_column(r), day_column(r))]
    source = due.select(*[F.col(at_path(c)).alias(f"__k{i}") for i, c in enumerate(keys)], *events).distinct()
    if not keys:
        source = source.withColumn("__k", F.lit(True)).distinct()
    acts = F.coalesce(standing(frame, rule, judging) == Standing.DUE.value, F.lit(False))
    if rule.aggregate is not None:
        groups = sums(due, rule.aggregate).withColumn("__group", F.lit(True))
        source = source.withColumn("__group", F.lit(False)).unionByName(groups, allowMissingColumns=True)
        merge = handle.alias("t").merge(source.alias("s"), f"NOT s.__group AND {_same(keys)}")
        merge = merge.whenMatchedDelete(acts)
        with without_values(judging.policy.table):
            merge.whenNotMatchedInsert(F.col("s.__group"), insertions(frame, rule.aggregate)).execute()
        return
    merge = handle.alias("t").merge(with_pads(source, pads).alias("s"), _same(keys))
    if rule.action is RetentionAction.DELETE_ROW:
        merge.whenMatchedDelete(acts).execute()
    else:
        with without_values(judging.policy.table):
            merge.whenMatchedUpdate(acts, treated(frame, rule)).execute()


def due_rows(frame: DataFrame, rule: RetentionRule, judging: Judging) -> DataFrame:
    """Return the rows that a rule acts on, with the event columns of its clocks."""
    rows = with_held(with_events(frame, judging.clocks(rule), judging.events), judging)
    return rows.where(standing(rows, rule, judging, F.col(_HELD)) == Standing.DUE.value)


def _same(keys: Sequence[str]) -> str:
    return " AND ".join(f"t.{at_path(c)} <=> s.__k{i}" for i, c in enumerate(keys)) or "true"


def with_held(frame: DataFrame, judging: Judging) -> DataFrame:
    """Add whether a row is held, as `__held`."""
    if judging.held is None:
        return frame.withColumn(_HELD, F.lit(False))
    keys = reach_columns(judging.policy)
    held = judging.held.select(
        *[F.col(quoted(c)).alias(f"__h{i}") for i, c in enumerate(keys)], F.lit(True).alias(_HELD)
    )
    same = reduce(lambda a, b: a & b, [F.col(at_path(c)).eqNullSafe(F.col(f"__h{i}")) for i, c in enumerate(keys)])
    return frame.join(held, same, "left").drop(*[f"__h{i}" for i in range(len(keys))])


def _covers(frame: DataFrame, rule: RetentionRule, *, unknown: bool = False) -> Column:
    """Return whether a rule covers a row; `unknown` where its condition is neither true nor false."""
    if rule.where is None:
        return F.lit(True)
    known = _conditions.setdefault(frame, {})
    if rule.where not in known:
        # Analysed on the table's own columns: what was joined to them is no business of a policy's.
        own = frame.select(*[F.col(quoted(c)) for c in frame.columns if not c.startswith("__")])
        known[rule.where] = condition(own, rule.where, where=f"retention:{rule.retention}")
    return F.coalesce(known[rule.where], F.lit(unknown))


def _bound_by(rule: RetentionRule, rules: Sequence[RetentionRule]) -> tuple[RetentionRule, ...]:
    return tuple(r for r in rules if r.duty is not None and forbids(r.duty, rule))


def _binds(frame: DataFrame, rule: RetentionRule, as_of: datetime) -> Column:
    """Return whether a rule's duty may still cover a row and has not been shown to have ended."""
    at_least = rule.duty.at_least if rule.duty is not None else rule.keep
    return _covers(frame, rule, unknown=True) & ~ended(frame, rule, at_least, as_of)


def _acts(frame: DataFrame, rule: RetentionRule, judging: Judging) -> Column:
    """Return whether a rule acts on a row, holds and stricter rules left aside; see `decide.retention.standing`.

    Holds keep the row from the laxer rule, too, and where a stricter rule acts, it is stricter than the laxer one, too.
    """
    duty = _any(_binds(frame, r, judging.as_of) for r in _bound_by(rule, judging.rules))
    over = _covers(frame, rule) & ended(frame, rule, rule.keep, judging.as_of)
    return over & ~duty & ~F.coalesce(done(frame, rule), F.lit(False))


def _any(conditions: Iterable[Column]) -> Column:
    return reduce(lambda left, right: left | right, conditions, F.lit(False))


def _counted(by_file: Sequence[Mapping[str, object]], column: str) -> Counted:
    standings: dict[str, int] = {}
    due: dict[str, tuple[int, int]] = {}
    told = 0
    for group in by_file:
        if group[column] is None:
            continue
        name, rows = str(group[column]), int(str(group["count"]))
        standings[name] = standings.get(name, 0) + rows
        if name == Standing.DUE:
            known = due.get(str(group["__path"]), (0, 0))[0]
            due[str(group["__path"])] = (known + rows, int(str(group["__size"])))
            told += int(str(group["hash"]))
    return Counted(
        rows=standings.get(Standing.DUE, 0),
        held=standings.get(Standing.HELD, 0),
        files=len(due),
        bytes=sum(size for _, size in due.values()),
        standings=standings,
        due=told,
    )
