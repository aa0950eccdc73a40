"""Two sets of policies on the same rows: what retention would do under each, and what each would let out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from delible.decide.retention import Standing, precedence
from delible.lake.clocks import with_events
from delible.lake.facts import quoted
from delible.lake.retention import Judging, standing, with_held
from delible.model.retention import RetentionRule
from delible.model.terms import RetentionAction
from delible.plan.policy_diff import Fate

FILE, ROW = "__file", "__row"
_WHOLE = "*"


@dataclass(frozen=True)
class Acting:
    """A table's retention rules that act, and what they are judged by: all of its rules.

    Args:
        rules: Those that no legal hold on a table or category stops.
    """

    judging: Judging
    rules: Sequence[RetentionRule]


def fates(frame: DataFrame, old: Acting | None, new: Acting | None) -> list[Fate]:
    """Return groups of a table's rows by what retention would do to them under each set; None when it does nothing."""
    kept = frame.columns
    for acting, name in ((old, "__old"), (new, "__new")):
        if acting is None:
            frame = frame.withColumn(name, F.lit(""))
            continue
        judging = acting.judging
        judged = with_held(with_events(frame, judging.rules, judging.events), judging)
        own = [F.col(f"`{c.replace('`', '``')}`") for c in frame.columns]
        frame = judged.select(*own, _fate(judged, acting).alias(name))
    groups = frame.select([c for c in frame.columns if c not in kept]).groupBy("__old", "__new").count().collect()
    return [Fate(_columns(g["__old"]), _columns(g["__new"]), int(g["count"])) for g in groups]


def compared(old: Callable[[], DataFrame] | None, new: Callable[[], DataFrame] | None) -> tuple[int, int, int]:
    """Return how many rows only the old set lets in, only the new one, and both.

    A row that a join multiplies is as many rows as it becomes, where both sets join that table; a join that one of them
    alone makes multiplies nothing.

    Args:
        old, new: Make the frame of rows that may leave, each with the places of its rows in `__file` and `__row`, those
            of joined tables spelled `table.__file`.
    """
    if old is None or new is None:
        one = old or new
        rows = _places(one()).distinct().count() if one is not None else 0
        return (rows, 0, 0) if new is None else (0, rows, 0)
    before, after = _places(old()), _places(new())
    common = [column for column in before.columns if column in after.columns]
    # Where a join has found nothing, there is no place, and no place equals no place.
    sides = [
        frame.select(F.struct(*(F.col(quoted(c)) for c in common)).alias("place"))
        .distinct()
        .withColumn(name, F.lit(True))
        for frame, name in ((before, "old"), (after, "new"))
    ]
    same = sides[0]["place"].eqNullSafe(sides[1]["place"])
    counts = sides[0].join(sides[1], same, "full").groupBy("old", "new").count().collect()
    found = {(bool(c["old"]), bool(c["new"])): int(c["count"]) for c in counts}
    return found.get((True, False), 0), found.get((False, True), 0), found.get((True, True), 0)


def _places(frame: DataFrame) -> DataFrame:
    """Return the columns that say which rows of which tables a row was made of."""
    return frame.select(*(F.col(quoted(c)) for c in frame.columns if c.rpartition(".")[2] in (FILE, ROW)))


def placed(frame: DataFrame) -> DataFrame:
    """Return rows with their place: the file, and the row's number in it."""
    return frame.select("*", F.col("_metadata.file_path").alias(FILE), F.col("_metadata.row_index").alias(ROW))


def _fate(frame: DataFrame, acting: Acting) -> Column:
    """Return `*` for rows that go, the treated columns of those that change, and nothing for those that stay."""
    found = F.lit("")
    rules = sorted(acting.rules, key=precedence)
    due = {
        r.retention: F.coalesce(standing(frame, r, acting.judging, F.col("__held")) == Standing.DUE.value, F.lit(False))
        for r in rules
    }
    treating = [r for r in rules if r.action is RetentionAction.TREAT_COLUMNS]
    if treating:
        columns = [F.when(due[r.retention], F.lit("\n".join(r.changed))) for r in treating]
        found = F.concat_ws("\n", *columns)
    for rule in rules:
        if rule.removes_rows:
            found = F.when(due[rule.retention], F.lit(_WHOLE)).otherwise(found)
    return found


def _columns(fate: str) -> frozenset[str] | None:
    if fate == _WHOLE:
        return None
    return frozenset(fate.split("\n")) - {""}
