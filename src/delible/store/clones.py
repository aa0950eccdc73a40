"""Clones: tables that read the files of others, and copies whose own log says of what; found without Spark."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from delible.decide.policy import location_key
from delible.model.policy import PolicySet
from delible.store.warehouse import table_keys
from delible.store.workspace import Workspace

_WHOLE = r"(?:/|[A-Za-z][A-Za-z0-9+.\-]*:)"
_WHOLE_PATH = re.compile(rf'"path"\s*:\s*"{_WHOLE}'.encode())
_BY_PATH = re.compile(r"(?:delta\.)?`(.+)`", re.DOTALL)


@dataclass(frozen=True)
class Clones:
    """What the logs of tables say of other tables.

    Args:
        borrowed: Per table that reads files outside of its own folder, the folders of these files.
        unmapped: Per table that no policy names and that was cloned from another one, the folder of that one: where a
            clone was cloned in turn, the first of all.
    """

    borrowed: Mapping[str, frozenset[str]]
    unmapped: Mapping[str, str]


def find_clones(workspace: Workspace, policies: PolicySet) -> Clones:
    """Return the clones among the tables in the warehouse and those that policies name, each by its location.

    A commit that said of what a table was cloned may have expired: such a clone is one more table without a policy.
    """
    mapped = {location_key(table.path) for table in policies.tables.values()}
    borrowed, sources = {}, {}
    for key in table_keys(workspace, policies):
        folder = workspace.root / key
        told = _log_of(folder / "_delta_log")
        outside = frozenset(_outside(folder, told.whole))
        if outside:
            borrowed[str(folder)] = outside
        source = _local(told.source) if told.source is not None else None
        if key not in mapped and source is not None:
            sources[str(folder)] = str(Path(source).resolve())
    return Clones(borrowed, {clone: _first(source, sources) for clone, source in sources.items()})


@dataclass(frozen=True)
class _Told:
    """What one log file, or a whole log, tells.

    Args:
        whole: Whole paths of the files that it adds.
        source: The table that this one was cloned from, as its last CLONE says.
    """

    whole: frozenset[str] = frozenset()
    source: str | None = None


def _first(source: str, sources: Mapping[str, str]) -> str:
    seen = {source}
    while (further := sources.get(source)) is not None and further not in seen:
        seen.add(further)
        source = further
    return source


def _outside(table: Path, logged: frozenset[str]) -> Iterator[str]:
    for path in _live(table, logged):
        local = _local(path)
        if not Path(local).is_relative_to(table):
            yield local.rpartition("/")[0]


def _local(path: str) -> str:
    named = _BY_PATH.fullmatch(path)
    path = named[1] if named is not None else path
    there = urlsplit(path)
    return unquote(there.path) if there.scheme in ("", "file") else path


def _live(table: Path, logged: frozenset[str]) -> frozenset[str]:
    """Return which of the whole paths the newest version has; those of all versions where delta-rs cannot read."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    if not logged:
        return logged
    try:
        live = {str(path) for path in DeltaTable(table).get_add_actions()["path"].to_pylist()}
    except (DeltaError, OSError, ValueError):
        return logged
    return frozenset(path for path in logged if path in live or any(path.endswith(f"/{each}") for each in live))


def _log_of(log: Path) -> _Told:
    """Return what commits and checkpoints tell; most of their lines are no more than looked at."""
    paths: set[str] = set()
    source = None
    for file in (*sorted(log.glob("*.json")), *log.glob("*.checkpoint*.parquet"), *log.glob("_sidecars/*.parquet")):
        try:
            seen = file.stat()
        except FileNotFoundError:
            continue
        told = _of_file(str(file), seen.st_ino, seen.st_size, seen.st_mtime_ns)
        paths |= told.whole
        source = told.source or source
    return _Told(frozenset(paths), source)


@lru_cache(maxsize=100_000)
def _of_file(path: str, inode: int, size: int, written: int) -> _Told:  # noqa: ARG001  # what the file is known by
    """Return what a log file tells: whoever asks again is not answered by reading it, since Delta never changes one."""
    if path.endswith(".parquet"):
        return _Told(frozenset(_of_checkpoint(path)))
    paths, source = set(), None
    for line in Path(path).read_bytes().splitlines():
        if line[:6] == b'{"add"' and _WHOLE_PATH.search(line):
            paths.add(json.loads(line)["add"]["path"])
        elif line[:13] == b'{"commitInfo"' and b'"CLONE"' in line:
            info = json.loads(line)["commitInfo"]
            if info.get("operation") == "CLONE":
                source = (info.get("operationParameters") or {}).get("source")
    return _Told(frozenset(paths), source)


def _of_checkpoint(path: str) -> Iterator[str]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    added = pq.ParquetFile(path)
    if "add" in added.schema_arrow.names:
        each = pc.struct_field(added.read(columns=["add.path"]).column("add").combine_chunks(), "path")
        yield from each.filter(pc.match_substring_regex(each, f"^{_WHOLE}")).to_pylist()
