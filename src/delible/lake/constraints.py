"""CHECK constraints that an erasure or retention would break: found before anything is rewritten.

Delta would refuse half-way, with the row's values in its message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.lake.columns import with_pads
from delible.lake.erase import treated
from delible.lake.facts import column_of, quoted
from delible.lake.reach import keys_frame, split_rows
from delible.lake.retained import insertions, sums
from delible.lake.retained import treated as retained
from delible.lake.retention import Judging, due_rows
from delible.model.policy import Controller, TablePolicy
from delible.model.retention import RetentionRule
from delible.model.subject import KeyRow

_ANY_PADS = (b"\0" * 64, b"\0" * 64)


def broken_constraints(
    spark: SparkSession,
    frame: DataFrame,
    policy: TablePolicy,
    controller: Controller,
    keys: Sequence[KeyRow],
    constraints: Mapping[str, str],
) -> list[str]:
    """Return the names of the constraints that due rows would break once their columns are treated."""
    columns = policy.erasure.columns
    named = _naming(constraints, columns)
    if not named:
        return []
    due = with_pads(split_rows(frame, policy, controller, keys_frame(spark, keys), due=True).alias("t"), _ANY_PADS)
    after = due.select(
        *[(treated(frame, c, columns[c]) if c in columns else F.col(f"t.{quoted(c)}")).alias(c) for c in frame.columns]
    )
    return _broken(after, named)


def broken_by_rule(
    frame: DataFrame, rule: RetentionRule, judging: Judging, constraints: Mapping[str, str]
) -> list[str]:
    """Return the names of the constraints that rows past their period would break as a rule leaves them."""
    named = constraints if rule.aggregate is not None else _naming(constraints, rule.columns)
    if not named:
        return []
    due = due_rows(frame, rule, judging)
    if rule.aggregate is not None:
        rows, left = sums(due, rule.aggregate).alias("s"), insertions(frame, rule.aggregate)
    else:
        rows, left = with_pads(due, _ANY_PADS), retained(frame, rule)
    values = {c: left.get(quoted(c), quoted(c)) for c in frame.columns}
    columns = [(F.col(value) if isinstance(value, str) else value).alias(c) for c, value in values.items()]
    return _broken(rows.select(*columns), named)


def _naming(constraints: Mapping[str, str], columns: Iterable[str]) -> dict[str, str]:
    """Return the constraints that name one of some columns."""
    changed = tuple(columns)
    return {n: e for n, e in constraints.items() if any(_names(e, c) for c in changed)}


def _broken(after: DataFrame, named: Mapping[str, str]) -> list[str]:
    # An unknown outcome is a violation for Delta, too.
    counts = [F.count_if(~F.coalesce(F.expr(e), F.lit(False))).alias(f"c{i}") for i, e in enumerate(named.values())]
    row = after.agg(*counts).first()
    return [name for i, name in enumerate(named) if row is not None and row[f"c{i}"]]


def _names(expression: str, column: str) -> bool:
    return re.search(rf"(?<![\w]){re.escape(column_of(column))}(?![\w])", expression, re.IGNORECASE) is not None
