"""Shallow clones: Delta tables that read the files of other tables, found without Spark."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from delible.model.policy import PolicySet
from delible.store.warehouse import describe_tables
from delible.store.workspace import Workspace

_WHOLE = r"(?:/|[A-Za-z][A-Za-z0-9+.\-]*:)"
_WHOLE_PATH = re.compile(rf'"path"\s*:\s*"{_WHOLE}'.encode())


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
    for path in _absolute(table):
        there = urlsplit(path)
        local = unquote(there.path) if there.scheme in ("", "file") else path
        if not Path(local).is_relative_to(table):
            yield local.rpartition("/")[0]


def _absolute(table: Path) -> set[str]:
    """Return the newest version's data files under whole paths; those of all versions where delta-rs cannot read."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    logged = _logged(table / "_delta_log")
    if not logged:
        return logged
    try:
        live = {str(path) for path in DeltaTable(table).get_add_actions()["path"].to_pylist()}
    except (DeltaError, OSError, ValueError):
        return logged
    return {path for path in logged if path in live or any(path.endswith(f"/{each}") for each in live)}


def _logged(log: Path) -> set[str]:
    """Return the whole paths that commits and checkpoints add; most lines of a log are no more than looked at."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    paths: set[str] = set()
    for commit in log.glob("*.json"):
        for line in commit.read_bytes().splitlines():
            if line[:6] == b'{"add"' and _WHOLE_PATH.search(line):
                paths.add(json.loads(line)["add"]["path"])
    for file in (*log.glob("*.checkpoint*.parquet"), *log.glob("_sidecars/*.parquet")):
        added = pq.ParquetFile(file)
        if "add" in added.schema_arrow.names:
            each = pc.struct_field(added.read(columns=["add.path"]).column("add").combine_chunks(), "path")
            paths.update(each.filter(pc.match_substring_regex(each, f"^{_WHOLE}")).to_pylist())
    return paths
