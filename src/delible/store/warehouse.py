"""The Delta tables that are there, found and described without Spark."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from delible.decide.column_paths import leaf_columns
from delible.decide.policy import location_key
from delible.model.layout import Columns, Layout, stored_paths
from delible.model.policy import PolicySet
from delible.store.workspace import Workspace

_LOG = "_delta_log"
_DEEPEST = 5


def find_tables(workspace: Workspace, policies: PolicySet | None) -> dict[str, Columns | None]:
    """Return each Delta table in the warehouse or named by a policy, with its columns; None where unreadable.

    Keys are `location_key`s: paths relative to the workspace. Tables in object stores are not looked at,
    and not in the answer: `policy check` names each as a gap.
    """
    found = describe_tables(workspace, policies)
    return {key: None if layout is None else layout.columns for key, layout in found.items()}


def describe_tables(workspace: Workspace, policies: PolicySet | None) -> dict[str, Layout | None]:
    """Return the same tables as their logs describe them: columns, partitions, clustering, properties."""
    return {key: layout_of(workspace.root / key) for key in table_keys(workspace, policies)}


def table_keys(workspace: Workspace, policies: PolicySet | None) -> list[str]:
    """Return the keys of the same tables, without opening any."""
    keys = set(_in_warehouse(workspace))
    for table in policies.tables.values() if policies is not None else ():
        key = location_key(table.path)
        if "://" not in key and (Path(workspace.location(table)) / _LOG).is_dir():
            keys.add(key)
    return sorted(keys)


def tables_below(top: Path) -> Iterator[Path]:
    """Yield the folders of the Delta tables in a folder, at most five deep."""
    for folder, below, _ in os.walk(top):
        here = Path(folder)
        if _LOG in below:
            yield here
            below.clear()
        elif len(here.relative_to(top).parts) >= _DEEPEST:
            below.clear()


def _in_warehouse(workspace: Workspace) -> Iterator[str]:
    if "://" in workspace.config.warehouse:
        return
    for folder in tables_below(workspace.path(workspace.config.warehouse)):
        yield folder.relative_to(workspace.root).as_posix()


def layout_of(folder: Path) -> Layout | None:
    """Return a table as its log describes it, or None where the log cannot be read."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        table = DeltaTable(folder)
        schema, metadata = json.loads(table.schema().to_json()), table.metadata()
        features = table.protocol().writer_features or []
    except (DeltaError, OSError, ValueError):
        return None
    return Layout(
        columns=dict(leaf_columns(schema["fields"])),
        partitions=tuple(metadata.partition_columns),
        clustering=_shown(_clustering(folder / _LOG), schema["fields"]) if "clustering" in features else (),
        properties=dict(metadata.configuration),
    )


def _clustering(log: Path) -> tuple[str, ...]:
    """Return the clustering columns from the newest commit that names them, or from the newest checkpoint.

    delta-rs does not tell them: they are Delta's domain `delta.clustering`.
    """
    for commit in sorted(log.glob("*.json"), reverse=True):
        if not commit.stem.partition(".")[0].isdigit():  # commits, and checkpoints that are JSON themselves
            continue
        for line in commit.read_text(encoding="utf-8", errors="replace").splitlines():
            domain = json.loads(line).get("domainMetadata") if '"delta.clustering"' in line else None
            if domain is not None:
                return _named(domain)
    for checkpoint in sorted(log.glob("*.checkpoint*.parquet"), reverse=True):
        import pyarrow.parquet as pq

        if "domainMetadata" not in pq.read_schema(checkpoint).names:
            continue
        for row in pq.read_table(checkpoint, columns=["domainMetadata"]).column(0).to_pylist():
            if row is not None and row["domain"] == "delta.clustering":
                return _named(row)
    return ()


def _named(domain: dict[str, Any]) -> tuple[str, ...]:
    if domain.get("removed"):
        return ()
    columns = json.loads(domain["configuration"]).get("clusteringColumns", [])
    return tuple(".".join(parts) for parts in columns)


def _shown(stored: tuple[str, ...], fields: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return names of columns as people know them: under column mapping the log has those of the files."""
    names = {there: shown for shown, there in stored_paths(fields)}
    return tuple(names.get(name, name) for name in stored)
