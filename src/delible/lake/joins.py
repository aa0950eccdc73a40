"""The rows of a recipe: its source with the tables that are joined, and by which keys each part reaches people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.errors import InputError
from delible.lake.columns import normalised, subject_ref
from delible.lake.conditions import condition
from delible.lake.facts import at_path, quoted
from delible.lake.identity import REFS, Read, RefKey, row_refs
from delible.lake.retention import past_period
from delible.model.dataset import Join
from delible.model.policy import PolicySet, TablePolicy
from delible.model.terms import Normalise
from delible.plan.dataset import DatasetPlan

if TYPE_CHECKING:
    from collections.abc import Mapping

IN_SCOPE, OVERDUE = "__in_scope", "__overdue"
_THEIRS = "__overdue_there"


@dataclass(frozen=True)
class Part:
    """One table of a recipe, and how its rows reach people.

    Args:
        there: Column that is true where the row has a row of this table; None for the source.
        keys: Columns with the table's own keys, each with the identifier kind that it holds.
        refs: Column with references, where a way leads through other tables and keys alone say nothing.
    """

    table: str
    there: str | None
    keys: Mapping[str, str]
    refs: str | None

    @property
    def reaches(self) -> bool:
        """Whether rows of this table are about people."""
        return bool(self.keys) or self.refs is not None


@dataclass(frozen=True)
class Assembled:
    """The rows that a build judges.

    Args:
        frame: Columns of all tables, those of joined ones as `table.column`, with `IN_SCOPE`, `OVERDUE` and the
            parts' own.
        columns: Of the source.
        optional: Columns that are true where a join that excludes has found a row.
    """

    frame: DataFrame
    columns: tuple[str, ...]
    parts: tuple[Part, ...]
    optional: tuple[str, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """All that the judgement of a row in scope hangs on: rows that are alike in it are judged alike."""
        found = [column for p in self.parts if p.reaches for column in (*p.keys, p.refs, p.there) if column is not None]
        return tuple(found)


def assembled(plan: DatasetPlan, policies: PolicySet, read: Read, key: RefKey, as_of: datetime) -> Assembled:
    """Return a plan's rows; no row of the source is lost, and joins that find nothing give NULLs.

    Args:
        plan: What is cut.
        policies: All policies.
        read: Rows of tables.
        key: For references.
        as_of: When retention periods have to have run out; one row past its period makes a joined row so.

    Raises:
        InputError: `condition.*`; `dataset.join_column` for keys that a table does not have; `dataset.column_twice`
            when a column of the source is spelled as one of a joined table.
    """
    frame, source = _part(policies.tables[plan.source], policies, read, key, 0)
    frame = frame.withColumn(OVERDUE, _overdue(frame, plan, plan.source, as_of))
    own = {column for column in (*source.keys, source.refs, OVERDUE) if column is not None}
    columns = tuple(c for c in frame.columns if c not in own)
    in_scope = F.lit(True)
    if plan.where is not None:
        bare = frame.select(*(F.col(quoted(c)) for c in columns))
        in_scope = F.coalesce(condition(bare, plan.where, where=f"dataset:{plan.dataset}"), F.lit(False))
    frame = frame.withColumn(IN_SCOPE, in_scope)
    parts, optional = [source], []
    for number, join in enumerate(plan.joins, start=1):
        right, part = _part(policies.tables[join.table], policies, read, key, number)
        right = right.withColumn(_THEIRS, _overdue(right, plan, join.table, as_of))
        frame = _joined(frame, join, right, part, where=f"dataset:{plan.dataset}")
        frame = frame.withColumn(OVERDUE, F.col(OVERDUE) | F.coalesce(_THEIRS, F.lit(False))).drop(_THEIRS)
        parts.append(part)
        if join.unmatched == "exclude" and part.there is not None:
            optional.append(part.there)
    return Assembled(frame, columns, tuple(parts), tuple(optional))


def part_refs(part: Part, policies: PolicySet, key: RefKey) -> Column:
    """Return everybody whom a part of a row reaches, as an array; the frame must have passed `with_pads`."""
    if part.refs is not None:
        return F.coalesce(F.col(part.refs), F.array().cast("array<string>"))
    kinds = policies.controller.identifiers
    each = [subject_ref(kind, F.col(column), kinds[kind].normalise, key.version) for column, kind in part.keys.items()]
    return F.array_compact(F.array(*each))


def _part(table: TablePolicy, policies: PolicySet, read: Read, key: RefKey, number: int) -> tuple[DataFrame, Part]:
    """Return a table's rows with the columns that they are judged by.

    Keys, as they stand in the table, are enough where they lead straight to people: equal ones are then judged once,
    and no reference has to be computed for each row.
    """
    there = f"__there_{number}" if number else None
    if len(table.direct) < len(table.subject):
        refs = f"__refs_{number}"
        return row_refs(policies, table.table, read, key).withColumnRenamed(REFS, refs), Part(
            table.table, there, {}, refs
        )
    frame = read(table.table)
    keys = {f"__key_{number}_{n}": reach for n, reach in enumerate(table.direct)}
    frame = frame.withColumns({name: F.col(at_path(reach.column)) for name, reach in keys.items()})
    return frame, Part(table.table, there, {name: reach.identifies or "" for name, reach in keys.items()}, None)


def _overdue(frame: DataFrame, plan: DatasetPlan, table: str, as_of: datetime) -> Column:
    """Return whether the period of a rule has run out on a table's rows."""
    each = (past_period(frame, rule, as_of) for rule in plan.periods if rule.table == table)
    return reduce(lambda a, b: a | b, each, F.lit(False))


def _joined(frame: DataFrame, join: Join, right: DataFrame, part: Part, *, where: str) -> DataFrame:
    own = {column for column in (*part.keys, part.refs, _THEIRS) if column is not None}
    names = {c: c if c in own else f"{join.table}.{c}" for c in right.columns}
    right = right.select(*(F.col(quoted(c)).alias(name) for c, name in names.items()))
    if not set(frame.columns).isdisjoint(right.columns):
        raise InputError(
            "dataset.column_twice",
            f"a column of '{join.table}' is spelled as one that is there already.",
            where=where,
            fix="Rename it in its table; joined columns are told apart by `table.column`.",
        )
    same = F.lit(True)
    for ours, theirs in join.keys.items():
        place = f"{join.table}.{theirs}"
        if ours not in frame.columns or place not in right.columns:
            raise InputError(
                "dataset.join_column",
                f"the join to '{join.table}' names a key that its table does not have.",
                where=where,
                fix="Keys are columns of what is there already to columns of the joined table.",
            )
        same = same & _same(frame.schema[ours].dataType, right.schema[place].dataType, ours, place)
    right = right.withColumn(str(part.there), F.lit(True))
    return frame.join(right, same, "left")


def _same(left: T.DataType, right: T.DataType, ours: str, theirs: str) -> Column:
    """Return whether two keys are equal: numbers as they are, everything else as paths to people compare it."""
    one, other = F.col(quoted(ours)), F.col(quoted(theirs))
    if isinstance(left, T.IntegralType) and isinstance(right, T.IntegralType):
        return one == other
    one, other = normalised(one, Normalise.EXACT), normalised(other, Normalise.EXACT)
    return (one == other) & (one != "")
