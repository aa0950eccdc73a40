"""Parts of due rows that exceptions keep: counted before, and left in place by the one MERGE that erases the rest.

`decide.exception` states the rules; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.decide.exception import acting, erased_so, kept_part
from delible.errors import BlockedError
from delible.lake.conditions import condition
from delible.lake.facts import at_path, quoted
from delible.lake.reach import due_rows, keys_frame, reach_columns
from delible.model.exception import ErasureException, KeptPart
from delible.model.plan import RowsDue
from delible.model.policy import Controller, PolicySet, TablePolicy
from delible.model.subject import KeyRow
from delible.model.terms import ColumnErasure, ErasureAction, Regime

LAWS = "__laws"
_BETWEEN = ":"


@dataclass(frozen=True)
class Kept:
    """What exceptions keep, by table and by request.

    Args:
        due: Per table, what to add to its `RowsDue`.
        parts: Per request, what is kept of its own rows.
        rows: Per request and table, own rows of which something is kept.
    """

    due: Mapping[str, RowsDue] = field(default_factory=dict)
    parts: Mapping[str, tuple[KeptPart, ...]] = field(default_factory=dict)
    rows: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def count_kept(
    spark: SparkSession,
    policies: PolicySet,
    frames: Mapping[str, DataFrame],
    keys: Sequence[KeyRow],
    regimes: Mapping[str, Regime],
    today: date,
) -> Kept:
    """Count what exceptions keep of the due rows, in one job per table that has any.

    Args:
        regimes: The law of each request.

    Raises:
        BlockedError: `erasure.not_null` for a column that cannot be emptied.
        InputError: `condition.*`.
    """
    due: dict[str, RowsDue] = {}
    parts: dict[str, tuple[KeptPart, ...]] = {}
    rows: dict[str, dict[str, int]] = {}
    marked = keys_frame(spark, [replace(k, request=f"{regimes[k.request]}{_BETWEEN}{k.request}") for k in keys])
    for name, table in policies.tables.items():
        exceptions = acting(policies.exceptions, table, today) if table.subject else ()
        if not exceptions:
            continue
        _refuse_not_null(frames[name], table, exceptions)
        counts = _counts(frames[name], table, policies.controller, marked, exceptions)
        whole = counts.pop(None, {})
        laws = {law for e in exceptions for law in e.laws}
        first = next(law for law in Regime if law in laws)
        due[name] = RowsDue(
            table=name,
            rows=0,
            exceptions=tuple(e.exception for e in exceptions),
            kept=tuple(kept_part(e, first, n) for e in exceptions if (n := whole.get(e.exception, 0))),
            kept_rows=whole.get("", 0),
            unchanged=whole.get("*", 0),
        )
        for marked_request, own in counts.items():
            law, _, request = str(marked_request).partition(_BETWEEN)
            found = [kept_part(e, Regime(law), n) for e in exceptions if (n := own.get(e.exception, 0))]
            if found:
                parts[request] = (*parts.get(request, ()), *found)
                rows.setdefault(request, {})[name] = own[""]
    return Kept(due, parts, rows)


def covered(frame: DataFrame, exception: ErasureException, laws: Column) -> Column:
    """Return whether an exception keeps something of each row.

    Args:
        frame: The table's own columns, on which the condition is analysed.
        laws: The laws of all requests that reach the row.
    """
    ours = F.forall(laws, lambda law: law.isin(*sorted(exception.laws)))
    if exception.where is None:
        return F.coalesce(ours, F.lit(False))
    true = condition(frame, exception.where, where=f"exception:{exception.exception}")
    return F.coalesce(ours, F.lit(False)) & F.coalesce(true, F.lit(True))


def some(covers: Mapping[str, Column]) -> Column:
    """Return whether anything of a row is kept."""
    return _any(list(covers.values()))


def kept_column(column: str, covers: Mapping[str, Column], exceptions: Sequence[ErasureException]) -> Column:
    """Return whether one column of a row is kept."""
    return _any([covers[e.exception] for e in exceptions if not e.columns or column in e.columns])


def due_with_laws(frame: DataFrame, policy: TablePolicy, controller: Controller, keys: DataFrame) -> DataFrame:
    """Return the distinct values of the reach columns that due rows have, as `__k0` and on, beside all their laws.

    Args:
        keys: Under the laws of their requests, instead of under the requests.
    """
    columns = [F.col(at_path(c)).alias(f"__k{i}") for i, c in enumerate(reach_columns(policy))]
    rows = due_rows(frame, policy, controller, keys).select(*columns, "__request")
    return rows.groupBy(*[f"__k{i}" for i in range(len(columns))]).agg(F.collect_set("__request").alias(LAWS))


def _counts(
    frame: DataFrame,
    table: TablePolicy,
    controller: Controller,
    keys: DataFrame,
    exceptions: Sequence[ErasureException],
) -> dict[str | None, dict[str, int]]:
    """Return rows kept per request, and under None once per row: by exception, by any (''), and unchanged ('*')."""
    names = frame.columns
    numbered = frame.withColumn("__row", F.monotonically_increasing_id())
    reached = due_rows(numbered, table, controller, keys)
    rows = reached.groupBy("__row").agg(
        F.collect_set("__request").alias("__requests"), *[F.first(quoted(c)).alias(c) for c in names]
    )
    rows = rows.withColumn(LAWS, F.transform("__requests", lambda r: F.substring_index(r, _BETWEEN, 1)))
    own = rows.select(*[F.col(quoted(c)) for c in names])
    covers = {e.exception: covered(own, e, F.col(LAWS)) for e in exceptions}
    changes = [
        changed(F.col(quoted(c)), how) & ~kept_column(c, covers, exceptions)
        for c, how in erased_so(table, names).items()
        if c in names
    ]
    flags = {"": some(covers), "*": some(covers) & ~_any(changes), **covers}
    judged = rows.select("__requests", *[flag.alias(f"__f{i}") for i, flag in enumerate(flags.values())])
    each = judged.withColumn("__request", F.explode(F.concat(F.array(F.lit("")), F.col("__requests"))))
    sums = each.groupBy("__request").agg(*[F.count_if(f"__f{i}").alias(f"__f{i}") for i in range(len(flags))])
    return {
        row["__request"] or None: {name: int(row[f"__f{i}"]) for i, name in enumerate(flags)} for row in sums.collect()
    }


def changed(value: Column, how: ColumnErasure) -> Column:
    """Return whether erasing a column would change its value: what is empty or masked already is left alone."""
    if how is ColumnErasure.MASK:
        return F.coalesce(value != "[erased]", F.lit(False))
    return value.isNotNull()


def _refuse_not_null(frame: DataFrame, table: TablePolicy, exceptions: Sequence[ErasureException]) -> None:
    if table.erasure.action is not ErasureAction.DELETE_ROW:
        return
    for exception in exceptions:
        stuck = [f.name for f in frame.schema.fields if not f.nullable and f.name not in exception.columns]
        if exception.columns and stuck:
            raise BlockedError(
                "erasure.not_null",
                f"column '{stuck[0]}' of table '{table.table}' cannot be empty, and exception "
                f"'{exception.exception}' does not keep it.",
                where=f"table:{table.table}",
                fix="Name it in the exception, or let the column be empty.",
            )


def _any(conditions: Sequence[Column]) -> Column:
    return reduce(lambda left, right: left | right, conditions, F.lit(False))
