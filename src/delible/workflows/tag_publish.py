"""Write verdicts beside the columns that they are about, where other tools read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from delible.errors import InputError, SetupError
from delible.model.lineage import DatasetUse
from delible.model.record import AuditEntry
from delible.plan.tag_labels import Labels, labels
from delible.store.column_labels import PROPERTY, changed_properties, write_labels
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.tags import Tags
from delible.store.workspace import Workspace
from delible.workflows.lineage_events import recorded
from delible.workflows.tables import KnownTable, chosen_tables


@dataclass(frozen=True)
class Published:
    """What was written for one table.

    Args:
        way: `column metadata`, or `table properties` where the columns could not be changed.
        columns: Columns whose labels changed; none when all were there already.
        catalog: Columns that got tags in the catalog.
    """

    table: str
    way: str
    columns: tuple[str, ...]
    catalog: int = 0


def publish_tags(
    workspace: Workspace,
    names: Sequence[str] = (),
    *,
    catalog_table: str | None = None,
    actor: str,
    now: datetime,
) -> tuple[Published, ...]:
    """Write category, state and confidence of each verdict into the tables; running it again changes nothing.

    Each change is a commit to the table, so plans that were made before must be made anew.

    Args:
        names: Tables; all that were scanned when none is named.
        catalog_table: The catalog's name of the one named table, to write its tags there, too.

    Raises:
        InputError: `table.unknown`, `table.missing`, `tags.unknown`, `tags.catalog_name`.
        SetupError: `tags.no_catalog`. ConflictError: `tags.busy`.
    """
    if catalog_table is not None and len(names) != 1:
        raise InputError("tags.catalog_name", "a catalog's name is given for one table.", where="--catalog-table")
    ledger = Ledger(workspace, load_keys(workspace))
    found = Tags(workspace).latest()
    scanned = {f.table for f in found}
    known = [t for t in chosen_tables(workspace, names) if names or t.table in scanned]
    missing = next((t.table for t in known if t.table not in scanned), None)
    if missing is not None:
        raise InputError("tags.unknown", "no scan has seen this table.", where=missing, fix="Run: delible tags scan")
    done = []
    for table in known:
        wanted = labels(f for f in found if f.table == table.table)
        in_catalog = _in_catalog(workspace, catalog_table, wanted) if catalog_table is not None else 0
        tags = {f.column: f.category for f in found if f.table == table.table and f.category is not None}
        use = DatasetUse(name=table.table, location=table.location, version=table.version, tags=tags)
        with recorded(workspace, "tags.publish", now=now, inputs=[use]) as lineage:
            way, columns = _in_table(workspace, table, wanted)
            lineage.outputs = [replace(use, version=None)] if columns else []
        done.append(Published(table.table, way, columns, in_catalog))
        if columns or in_catalog:
            counts = {"columns": len(columns), "catalog": in_catalog}
            entry = AuditEntry(
                actor=actor,
                action="tags.publish",
                object=f"table:{table.table}",
                outcome="done",
                counts=counts,
                detail={"way": way},
            )
            ledger.append([entry], now)
    return tuple(done)


def _in_table(workspace: Workspace, table: KnownTable, wanted: Labels) -> tuple[str, tuple[str, ...]]:
    try:
        return "column metadata", write_labels(table.location, wanted, table=table.table)
    except SetupError:
        from delible.lake.column_labels import set_properties
        from delible.lake.facts import open_table

        spark = _spark(workspace)
        detail: Any = open_table(spark, table.location, table=table.table).detail().first()
        changed = changed_properties(wanted, dict(detail["properties"] or {}))
        set_properties(spark.sql, table.location, changed)
        return "table properties", tuple(name.removeprefix(PROPERTY) for name in changed)


def _in_catalog(workspace: Workspace, name: str, wanted: Labels) -> int:
    from delible.lake.column_labels import has_column_tags, set_column_tags

    spark = _spark(workspace)
    return set_column_tags(spark.sql, name, wanted, supported=has_column_tags(spark))


def _spark(workspace: Workspace) -> Any:
    from delible.workflows.spark import session_for

    return session_for(workspace)
