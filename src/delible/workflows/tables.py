"""The workspace's tables: which there are, and new ones from files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from delible.decide.policy import location_key
from delible.decide.tagging import TYPED, WHOLE
from delible.detect.columns import named
from delible.errors import InputError, did_you_mean
from delible.model.lineage import DatasetUse
from delible.model.record import AuditEntry
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.sizes import TableSize, table_size
from delible.store.warehouse import find_tables
from delible.store.workspace import Workspace
from delible.workflows.control import Control

if TYPE_CHECKING:
    from delible.lake.load import Loaded

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True)
class KnownTable:
    """One table that a policy names or the warehouse holds.

    Args:
        table: Name in the policies; for a table without one, its folder below the warehouse.
        location: Absolute path or URI.
        policy: Whether a policy describes it.
        size: None while there is no Delta table, or one that cannot be read from here.
    """

    table: str
    location: str
    policy: bool
    size: TableSize | None

    @property
    def version(self) -> int:
        """The newest version; -1 while there is none."""
        return -1 if self.size is None else self.size.version


def list_tables(workspace: Workspace, control: Control | None = None) -> list[KnownTable]:
    """Return the policies' tables and those that lie in the warehouse, by name, each once.

    Args:
        control: What has read the policies already.
    """
    policies = (control or Control(workspace)).policies_if_any
    places = {} if policies is None else {location_key(t.path): t.table for t in policies.tables.values()}
    known = [] if policies is None else [(t.table, workspace.location(t), True) for t in policies.tables.values()]
    warehouse = workspace.config.warehouse.rstrip("/")
    for key in find_tables(workspace, policies):
        if key not in places:
            name = key.removeprefix(f"{location_key(warehouse)}/").replace("/", ".")
            known.append((name, str(workspace.root / key), False))
    return [KnownTable(name, place, policy, table_size(place)) for name, place, policy in sorted(known)]


def chosen_tables(workspace: Workspace, names: Sequence[str], control: Control | None = None) -> list[KnownTable]:
    """Return the named tables, or all that are there when none is named.

    Args:
        control: What has read the policies already.

    Raises:
        InputError: `table.unknown`, `table.missing`.
    """
    tables = {known.table: known for known in list_tables(workspace, control)}
    if not names:
        return [known for known in tables.values() if known.size is not None]
    for name in names:
        if name not in tables:
            hint = did_you_mean(name, tables).strip()
            raise InputError("table.unknown", "no policy and no folder has this table.", where=name, fix=hint or None)
        if tables[name].size is None:
            raise InputError(
                "table.missing",
                "there is no Delta table at its path.",
                where=f"table:{name}",
                fix="Load it with: delible table load NAME FILE",
            )
    return [tables[name] for name in dict.fromkeys(names)]


def load_table(
    workspace: Workspace,
    name: str,
    files: Sequence[Path],
    *,
    form: str | None = None,
    actor: str,
    now: datetime,
) -> Loaded:
    """Load files into a new Delta table, at the path of its policy or else in the warehouse.

    Statistics are kept on columns of numbers and times only, and not on those whose name tells of personal data:
    Delta writes minimum and maximum into the log, where a later erasure must hunt them.

    Raises:
        InputError: `table.name`, `table.exists`, `load.*`; nothing is left behind.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            "table.name", "a table's name is 1 to 64 lower-case letters, digits and underscores.", where="NAME"
        )
    formats = ("csv", "parquet", "jsonl")
    if form is not None and form not in formats:
        raise InputError("load.format", f"not a format. Allowed: {', '.join(formats)}.", where="--format")
    if not files:
        raise InputError("load.file", "no file is named.", where=f"table:{name}")
    ledger = Ledger(workspace, load_keys(workspace))
    location = _location(workspace, name)

    from delible.lake.load import inspected, load
    from delible.workflows.lineage_events import recorded
    from delible.workflows.spark import session_for

    source = inspected(files, location, table=name, format=form)  # type: ignore[arg-type] # one of formats, see above

    def on(columns: Mapping[str, str]) -> list[str]:
        return [column for column, kind in columns.items() if _is_safe(column, kind, name)]

    with recorded(workspace, "table.load", now=now) as lineage:
        done = load(session_for(workspace), source, statistics_on=on)
        made = DatasetUse(
            name=name,
            location=location,
            version=done.version,
            columns=done.columns,
            rows=done.rows,
            tags=_tags(workspace, name),
        )
        lineage.outputs = [made]
    counts = {"rows": done.rows, "columns": len(done.columns), "files": len(files)}
    entry = AuditEntry(
        actor=actor,
        action="table.load",
        object=f"table:{name}",
        outcome="done",
        counts=counts,
        detail={"version": str(done.version)},
    )
    ledger.append([entry], now)
    return done


def _tags(workspace: Workspace, table: str) -> dict[str, str]:
    from delible.workflows.lineage_events import tags_of

    policies = Control(workspace).policies_if_any
    return tags_of(policies.tables.get(table)) if policies is not None else {}


def _is_safe(column: str, kind: str, table: str) -> bool:
    plain = kind in WHOLE or kind in (TYPED - {"boolean"}) | {"float", "double"} or kind.startswith("decimal")
    return plain and "." not in column and named(column, table=table) is None


def _location(workspace: Workspace, name: str) -> str:
    policies = Control(workspace).policies_if_any
    if policies is not None and name in policies.tables:
        return workspace.location(policies.tables[name])
    warehouse = workspace.config.warehouse
    return f"{warehouse.rstrip('/')}/{name}" if "://" in warehouse else str(workspace.path(warehouse) / name)
