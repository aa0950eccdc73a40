"""Shallow clones: Delta tables that read the files of other tables, found without Spark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from delible.model.policy import PolicySet
from delible.store.warehouse import describe_tables
from delible.store.workspace import Workspace


def borrowed_files(workspace: Workspace, policies: PolicySet) -> dict[str, frozenset[str]]:
    """Return, per table that reads files outside of its own folder, the folders of these files.

    Looked at are the tables in the warehouse and those that policies name, each by its location.
    """
    found = {}
    for key in describe_tables(workspace, policies):
        folder = workspace.root / key
        outside = frozenset(_outside(folder))
        if outside:
            found[str(folder)] = outside
    return found


def _outside(table: Path) -> Iterator[str]:
    for path in _paths(table):
        there = urlsplit(path)
        if there.scheme or there.path.startswith("/"):
            local = unquote(there.path) if there.scheme in ("", "file") else path
            if not Path(local).is_relative_to(table):
                yield local.rpartition("/")[0]


def _paths(table: Path) -> set[str]:
    """Return the data files that a table's log names; those of its newest version where delta-rs can read it."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    logged = _logged(table / "_delta_log")
    if not any(":" in path or path.startswith("/") for path in logged):
        return set()
    try:
        live = {str(path) for path in DeltaTable(table).get_add_actions()["path"].to_pylist()}
    except (DeltaError, OSError, ValueError):
        return logged
    return {path for path in logged if path in live or any(path.endswith(f"/{each}") for each in live)}


def _logged(log: Path) -> set[str]:
    """Return the paths that commits and checkpoints add."""
    import pyarrow.parquet as pq

    paths: set[str] = set()
    for commit in log.glob("*.json"):
        for line in commit.read_bytes().splitlines():
            if line[:6] == b'{"add"':
                paths.add(json.loads(line)["add"]["path"])
    for file in (
        *log.glob("*.checkpoint.*.parquet"),
        *log.glob("*.checkpoint.parquet"),
        *log.glob("_sidecars/*.parquet"),
    ):
        added = pq.ParquetFile(file)
        if "add" in added.schema_arrow.names:
            rows = added.read(columns=["add.path"]).column("add").to_pylist()
            paths.update(row["path"] for row in rows if row is not None and row["path"] is not None)
    return paths
