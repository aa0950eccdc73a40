"""The logical erasure of one table: one MERGE for all due requests, never a literal."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce

from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from delible.decide.exception import erased_so
from delible.errors import BlockedError
from delible.lake.columns import pseudonym, with_pads
from delible.lake.commits import commits, file_work
from delible.lake.exceptions import LAWS, changed, covered, due_with_laws, kept_column, some
from delible.lake.facts import at_path, open_table, quoted, read
from delible.lake.mentions import (
    NEEDLES,
    masked_texts,
    mentioning,
    mentioning_rows,
    needles_frame,
    needles_of,
    with_mentions,
    without_held,
)
from delible.lake.reach import due_source, keys_frame, owners_of, reach_columns, same_combination
from delible.lake.session import setting
from delible.lake.texts import text_columns
from delible.model.exception import ErasureException
from delible.model.policy import Controller, TablePolicy
from delible.model.subject import KeyRow
from delible.model.terms import ColumnErasure, ErasureAction, Regime

_BROKEN = re.compile(
    r"DELTA_(?:VIOLATE_CONSTRAINT|NOT_NULL_CONSTRAINT|EXCEED_CHAR_(VARCHAR)_LIMIT)\w*\]?(?:\s+CHECK constraint (\w+))?"
)
_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_REWRITES = ("MERGE", "DELETE")
_ROWS = ("numTargetRowsDeleted", "numTargetRowsUpdated", "numDeletedRows")


@dataclass(frozen=True)
class Rewritten:
    """What commits did: rows as Delta's own metrics say, files as `commits.file_work` counts them.

    Args:
        bytes: Written.
        replaced: Of the data files that were removed from the table's version.
    """

    rows: int = 0
    files: int = 0
    bytes: int = 0
    replaced: int = 0


@contextmanager
def marked(spark: SparkSession, mark: str) -> Iterator[None]:
    """Mark all commits made inside, so that a rerun after a crash recognises its own work in the table's history."""
    with setting(spark, {_METADATA: mark}):
        yield


@contextmanager
def without_values(table: str) -> Iterator[None]:
    """Name a constraint that a commit would break: Delta's own message quotes the row.

    Raises:
        BlockedError: `erasure.constraint`.
    """
    try:
        yield
    except Exception as error:
        broken = _BROKEN.search(str(error))
        if broken is None:
            raise
        name = broken[2] or broken[1] or "NOT NULL"
        raise BlockedError(
            "erasure.constraint",
            f"what would be left of a row of table '{table}' breaks its constraint '{name}'.",
            where=f"table:{table}",
            fix="Drop it, or change it so that what the rule leaves, and [erased] in texts, may stand there.",
        ) from None


def done_under(location: str, marks: Collection[str], since: int) -> Rewritten:
    """Return what commits with these marks did to rows after version `since`, added up over crashes and reruns."""
    files = file_work(location, marks, since=since, operations=_REWRITES)
    return Rewritten(rows_under(location, marks, since), files.files, files.written, files.replaced)


def rows_under(location: str, marks: Collection[str], since: int) -> int:
    """Count the rows that commits with these marks deleted or changed after version `since`."""
    found = (c for c in commits(location, since=since) if c.mark in marks and c.operation in _REWRITES)
    return sum(commit.metrics.get(name, 0) for commit in found for name in _ROWS)


def purged_under(location: str, marks: Collection[str], since: int) -> Rewritten:
    """Return what purges of deletion vectors rewrote after version `since` besides what the marked commits wrote."""
    files = file_work(location, marks, since=since, operations=("REORG",))
    return Rewritten(0, files.files, files.written, files.replaced)


def erase_rows(
    spark: SparkSession,
    location: str,
    policy: TablePolicy,
    controller: Controller,
    keys: Sequence[KeyRow],
    pads: tuple[bytes, bytes],
    *,
    exceptions: Sequence[ErasureException] = (),
    regimes: Mapping[str, Regime] | None = None,
) -> None:
    """Delete or treat all due rows of a table in one commit.

    Args:
        exceptions: Those that protect rows of the table.
        regimes: The law of each request, where there are exceptions.
        pads: HMAC pads of this run's pseudonym key, which is forgotten afterwards: rows of one person still belong
            together, and nobody can find out whose they were.
    """
    handle = open_table(spark, location, table=policy.table)
    frame = read(spark, location)
    owners = owners_of(policy, controller)
    if exceptions:
        laws = {request: regime.value for request, regime in (regimes or {}).items()}
        source = due_with_laws(frame, policy, controller, keys_frame(spark, keys, owners=owners, under=laws))
        _erase_but(handle, frame, with_pads(source, pads), policy, exceptions)
        return
    source, condition = due_source(frame, policy, controller, keys_frame(spark, keys, owners=owners))
    match policy.erasure.action:
        case ErasureAction.DELETE_ROW:
            handle.alias("t").merge(source.alias("s"), condition).whenMatchedDelete().execute()
        case ErasureAction.TREAT_COLUMNS:
            source = with_pads(source, pads)
            changes: dict[str, str | Column] = {
                at_path(c): treated(frame, c, how) for c, how in policy.erasure.columns.items()
            }
            with without_values(policy.table):
                handle.alias("t").merge(source.alias("s"), condition).whenMatchedUpdate(set=changes).execute()
        case ErasureAction.KEEP:
            return


def _erase_but(
    handle: DeltaTable,
    frame: DataFrame,
    source: DataFrame,
    policy: TablePolicy,
    exceptions: Sequence[ErasureException],
) -> None:
    """Erase what no exception keeps; rows in which nothing is left to erase are not touched, so a rerun finds none."""
    own = frame.columns
    same = " AND ".join(f"t.{at_path(c)} <=> s.__k{i}" for i, c in enumerate(reach_columns(policy)))
    covers = {e.exception: covered(frame, e, F.col(f"s.{LAWS}")) for e in exceptions}
    gone = {c: how for c, how in erased_so(policy, own).items() if c in own}
    stays = {c: kept_column(c, covers, exceptions) for c in gone}
    changed_so: dict[str, str | Column] = {
        quoted(c): F.when(stays[c], F.col(f"t.{quoted(c)}")).otherwise(treated(frame, c, how))
        for c, how in gone.items()
    }
    changes = reduce(
        lambda left, right: left | right,
        [changed(F.col(f"t.{quoted(c)}"), how) & ~stays[c] for c, how in gone.items()],
        F.lit(False),
    )
    merge = handle.alias("t").merge(source.alias("s"), same)
    if policy.erasure.action is ErasureAction.DELETE_ROW:
        merge = merge.whenMatchedDelete(~some(covers))
    with without_values(policy.table):
        merge.whenMatchedUpdate(changes, changed_so).execute()


def treated(frame: DataFrame, column: str, how: ColumnErasure) -> Column:
    """Return what becomes of a column of a due row; the frame's columns stand behind `t.`."""
    at = at_path(column)
    kind = frame.select(F.col(at)).schema[0].dataType.simpleString()
    value = F.col(f"t.{at}")
    match how:
        case ColumnErasure.NULL:
            return F.lit(None).cast(kind)
        case ColumnErasure.MASK:
            return F.when(value.isNotNull(), F.lit("[erased]"))
        case ColumnErasure.PSEUDONYMISE:
            return pseudonym(value, kind)


def mask_mentions(
    spark: SparkSession,
    location: str,
    policy: TablePolicy,
    controller: Controller,
    keys: Sequence[KeyRow],
    held: DataFrame | None,
) -> None:
    """Mask due people's identifiers in the free text of rows that stay, in one commit.

    Args:
        held: Reach values of rows of people under a hold, which stay as they are.
    """
    frame = read(spark, location)
    needles, texts = needles_of(keys, controller), text_columns(frame.schema, policy)
    if not needles or not texts:
        return
    rows = with_mentions(spark, frame, policy, controller, keys_frame(spark, keys), needles)
    source = mentioning_rows(without_held(rows, policy, held), policy)
    source = source.crossJoin(F.broadcast(needles_frame(spark, needles)))
    handle = open_table(spark, location, table=policy.table)
    same = same_combination(policy, "t", "s") or "true"
    mentions, masked = mentioning(texts, target="t.", values=NEEDLES), masked_texts(texts, target="t.", values=NEEDLES)
    with without_values(policy.table):
        handle.alias("t").merge(source.alias("s"), same).whenMatchedUpdate(mentions, dict(masked)).execute()
