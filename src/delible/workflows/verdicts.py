"""Verdicts on a table's columns, taken back for review, and how unique combinations of them make its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from delible.decide.combinations import quasi_columns, to_measure, told
from delible.decide.tagging import ColumnFacts
from delible.errors import InputError
from delible.model.detection import Detection
from delible.model.record import AuditEntry, TagFinding
from delible.model.terms import TagState
from delible.model.uniqueness import Combination
from delible.store.combinations import Combinations
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.tags import Tags
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.lineage_events import duty, recorded, table_uses
from delible.workflows.tables import KnownTable, chosen_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.workflows.restriction import Restricted

_LONGEST_REASON = 500
MEASURED_BY_A_SCAN = 1_000_000
"""Rows up to which a scan measures combinations by itself: they are counted over all rows, whatever the sample."""


def judged(
    facts: Sequence[ColumnFacts], detection: Detection, *, table: str, version: int, at: datetime
) -> list[TagFinding]:
    """Return one verdict per column, in order, each in the light of the others and of the table's name.

    What the controller's own recognizers say of a column's name goes before what the name means elsewhere.
    """
    from delible.decide.table_tags import Column, tag_table
    from delible.detect.columns import about, named, names_a_code, names_a_thing
    from delible.detect.own_columns import own_named

    columns = [
        Column(
            replace(f, categories=detection.categories),
            own_named(detection, f.column, f.kind) or named(f.column, table=table),
            names_a_thing(f.column),
            names_a_code(f.column),
        )
        for f in facts
    ]
    return tag_table(columns, about=about(table), table=table, version=version, at=at)


def table_and_column(column: str) -> tuple[str, str]:
    """Return the two parts of `TABLE.COLUMN`; the column may be a dotted path.

    Raises:
        InputError: `tags.column`.
    """
    table, _, path = column.partition(".")
    if not table or not path:
        raise InputError("tags.column", "a column is named as TABLE.COLUMN.", where="TABLE.COLUMN")
    return table, path


def check_reason(reason: str) -> None:
    """Refuse a decision, or its taking back, without a reason or with one that nobody would read.

    Raises:
        InputError: `tags.reason`.
    """
    if not reason.strip() or len(reason) > _LONGEST_REASON:
        raise InputError("tags.reason", f"a reason has 1 to {_LONGEST_REASON} characters.", where="--reason")


def reopen_tag(workspace: Workspace, column: str, *, reason: str, actor: str, now: datetime) -> TagFinding:
    """Take a person's decision about `TABLE.COLUMN` back; the next scan judges anew.

    Raises:
        InputError: `tags.column`, `tags.reason`, `tags.unknown`, `tags.not_pinned`.
    """
    table, path = table_and_column(column)
    check_reason(reason)
    ledger = Ledger(workspace, load_keys(workspace))
    found = Tags(workspace).reopen(table, path, reason=reason, now=now)
    entry = AuditEntry(
        actor=actor, action="tags.review", object=f"column:{table}.{path}", outcome=TagState.REOPENED.value
    )
    ledger.append([entry], now)
    return found


def measure_uniqueness(
    workspace: Workspace,
    names: Sequence[str] = (),
    *,
    actor: str,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Combination, ...]:
    """Count how many rows combinations of quasi-identifiers make unique, and record it.

    Args:
        names: Tables; all that are there and have at least two such columns when none is named.

    Raises:
        InputError: `table.unknown`, `table.missing`; `tags.too_few` for a named table with fewer than two.
    """
    from delible.workflows.restriction import restricted_rows
    from delible.workflows.spark import session_for

    ledger = Ledger(workspace, load_keys(workspace))
    control = Control(workspace)
    tables = chosen_tables(workspace, names, control)
    found = _by_table(workspace)
    few = next((t.table for t in tables if len(quasi_columns(found.get(t.table, ()))) < 2), None)  # noqa: PLR2004
    if names and few is not None:
        raise InputError(
            "tags.too_few",
            "fewer than two of its columns are known as quasi-identifiers.",
            where=few,
            fix="Run: delible tags scan",
        )
    spark = session_for(workspace)
    places, versions = {t.table: t.location for t in tables}, {t.table: t.version for t in tables}
    inputs = table_uses(control.policies_if_any, places, versions)
    facets = duty(control.policies_if_any, "scan", basis=None)
    with recorded(workspace, "tags.uniqueness", now=now, inputs=inputs, facets=facets):
        people = restricted_rows(workspace, spark, control)
        measured = measure(workspace, tables, people, spark, now=now, progress=progress)
    counts = {"tables": len({each.table for each in measured}), "combinations": len(measured)}
    entry = AuditEntry(actor=actor, action="tags.uniqueness", object="workspace:tables", outcome="done", counts=counts)
    ledger.append([entry], now)
    return measured


def measure(
    workspace: Workspace,
    tables: Sequence[KnownTable],
    restricted: Restricted,
    spark: SparkSession,
    *,
    now: datetime,
    most_rows: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Combination, ...]:
    """Measure and record the combinations that the recorded verdicts name, without those of restricted rows.

    Args:
        most_rows: Leave out tables that have more, or of which it is not known.
    """
    from delible.lake.facts import read
    from delible.lake.uniqueness import countable
    from delible.lake.uniqueness import measure as count

    found = _by_table(workspace)
    done: list[Combination] = []
    for known in tables:
        rows = known.size.rows if known.size is not None else None
        quasi = [f for f in found.get(known.table, ()) if f.quasi]
        if len(quasi) < 2 or (most_rows is not None and (rows is None or rows > most_rows)):  # noqa: PLR2004 -- a pair
            continue
        frame = restricted.without(known.table, read(spark, known.location, version=known.version))
        there = countable(frame)
        wanted = to_measure(quasi_columns(f for f in quasi if f.column in there))
        if not wanted:
            continue
        progress(f"Counting combinations in {known.table}...")
        done += told(count(frame, wanted, table=known.table, version=known.version, at=now))
    Combinations(workspace).put(done)
    return tuple(done)


def list_combinations(workspace: Workspace) -> tuple[Combination, ...]:
    """Return what was measured last of each table, of columns that are still quasi-identifiers."""
    found = _by_table(workspace)
    return tuple(
        each
        for each in Combinations(workspace).latest()
        if set(each.columns)
        <= {f.column for f in found.get(each.table, ()) if f.quasi and f.state is not TagState.REJECTED}
    )


def _by_table(workspace: Workspace) -> dict[str, list[TagFinding]]:
    found: dict[str, list[TagFinding]] = {}
    for finding in Tags(workspace).latest():
        found.setdefault(finding.table, []).append(finding)
    return found
