"""The Delta tables that are there, found and described without Spark."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from delible.decide.policy import Columns, location_key
from delible.model.policy import PolicySet
from delible.store.workspace import Workspace

_LOG = "_delta_log"
_DEEPEST = 5


def find_tables(workspace: Workspace, policies: PolicySet | None) -> dict[str, Columns | None]:
    """Return each Delta table in the warehouse or named by a policy, with its columns; None where unreadable.

    Keys are `location_key`s: paths relative to the workspace. Tables in object stores are not looked at.
    """
    keys = set(_in_warehouse(workspace))
    for table in policies.tables.values() if policies is not None else ():
        key = location_key(table.path)
        if "://" not in key and (Path(workspace.location(table)) / _LOG).is_dir():
            keys.add(key)
    return {key: _columns(workspace.root / key) for key in sorted(keys)}


def _in_warehouse(workspace: Workspace) -> Iterator[str]:
    if "://" in workspace.config.warehouse:
        return
    top = workspace.path(workspace.config.warehouse)
    for folder, below, _ in os.walk(top):
        here = Path(folder)
        if _LOG in below:
            yield here.relative_to(workspace.root).as_posix()
            below.clear()
        elif len(here.relative_to(top).parts) >= _DEEPEST:
            below.clear()


def _columns(folder: Path) -> Columns | None:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        schema = json.loads(DeltaTable(folder).schema().to_json())
    except (DeltaError, OSError, ValueError):
        return None
    return dict(_leaves(schema["fields"], ""))


def _leaves(fields: list[dict[str, Any]], prefix: str) -> Iterator[tuple[str, str]]:
    """Yield columns with their types; the fields of structs under their dotted path."""
    for field in fields:
        kind, name = field["type"], prefix + field["name"]
        if isinstance(kind, str):
            yield name, kind
        elif kind["type"] == "struct":
            yield from _leaves(kind["fields"], f"{name}.")
        else:
            yield name, kind["type"]
