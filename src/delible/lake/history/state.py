"""The log of a Delta table as its files say it: commits, checkpoints, the state at each version that can be read.

Only tables in folders of this machine's file system, read whole: what is translated must be understood in every part.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq

from delible.errors import ConflictError
from delible.lake.commits import CHECKPOINT, COMMIT
from delible.lake.deletion_vectors import vector_file, vector_id

_OUTSIDE = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*:|^/|(?:^|/)\.\.(?:/|$)")

Action = dict[str, Any]
Key = tuple[str, str | None]
"""A data file and its deletion vector: what the protocol calls one logical file."""

_MAPS = ("partitionValues", "tags", "configuration", "options")
FILE_ACTIONS = ("add", "remove", "cdc")


@dataclass
class State:
    """A table at one version.

    Args:
        adds: The live files.
        removes: Tombstones of the commits that were read.
        single: The last protocol, metaData.
        transactions, domains: By application, and by domain.
    """

    adds: dict[Key, Action] = field(default_factory=dict)
    removes: dict[Key, Action] = field(default_factory=dict)
    single: dict[str, Action] = field(default_factory=dict)
    transactions: dict[str, Action] = field(default_factory=dict)
    domains: dict[str, Action] = field(default_factory=dict)

    def copy(self) -> State:
        """Return the same state, to go on from."""
        return State(*(dict(getattr(self, name)) for name in self.__dataclass_fields__))

    def apply(self, name: str, body: Action) -> None:
        """Take in one action."""
        match name:
            case "add":
                self.removes.pop(key_of(body), None)
                self.adds[key_of(body)] = body
            case "remove":
                self.adds.pop(key_of(body), None)
                self.removes[key_of(body)] = body
            case "protocol" | "metaData":
                self.single[name] = body
            case "txn":
                self.transactions[body["appId"]] = body
            case "domainMetadata":
                self.domains[body["domain"]] = body

    def rest(self) -> Iterator[tuple[str, Action]]:
        """Yield name and body of all actions that are not about files."""
        for name in ("protocol", "metaData"):
            yield name, self.single[name]
        yield from (("txn", body) for body in self.transactions.values())
        yield from (("domainMetadata", body) for body in self.domains.values() if not body.get("removed"))

    @property
    def schema(self) -> list[Action]:
        """The columns, as Delta's schema has them."""
        fields: list[Action] = json.loads(self.single["metaData"]["schemaString"])["fields"]
        return fields

    @property
    def configuration(self) -> Mapping[str, str]:
        """The table's properties."""
        return self.single["metaData"].get("configuration") or {}


@dataclass(frozen=True)
class Log:
    """The files of a log, and what they say."""

    table: Path
    commits: Mapping[int, Path]
    checkpoints: Mapping[int, tuple[Path, ...]]

    @staticmethod
    def of(table: Path) -> Log:
        """List the log of a table.

        Raises:
            ConflictError: `table.no_log`.
        """
        commits: dict[int, Path] = {}
        parts: dict[tuple[int, str], list[Path]] = {}
        for path in sorted((table / "_delta_log").glob("*")):
            if found := COMMIT.match(path.name):
                commits[int(found[1])] = path
            elif found := CHECKPOINT.match(path.name):
                parts.setdefault((int(found[1]), found[3] or path.name), []).append(path)
        if not commits:
            raise ConflictError("table.no_log", "the table's log holds no commit.", where=str(table))
        whole = {
            version: tuple(files)
            for (version, group), files in parts.items()
            if not group.isdigit() or int(group) == len(files)
        }
        return Log(table, commits, whole)

    @property
    def last(self) -> int:
        """The newest version."""
        return max(self.commits)

    def actions(self, version: int) -> Iterator[tuple[str, Action]]:
        """Yield name and body of the actions of one commit."""
        for line in self.commits[version].read_bytes().splitlines():
            if line.strip():
                yield from json.loads(line).items()

    def state_of_checkpoint(self, version: int) -> State:
        """Return the state that a checkpoint holds; its tombstones are of versions before it, and left out."""
        state = State()
        for file in self.checkpoints[version]:
            for name, body in self._checkpointed(file):
                if name == "sidecar":
                    sidecar = self.table / "_delta_log" / "_sidecars" / unquote(body["path"]).rsplit("/", 1)[-1]
                    for inner, action in _rows(sidecar):
                        state.apply(inner, action)
                else:
                    state.apply(name, body)
        state.removes.clear()
        return state

    def _checkpointed(self, file: Path) -> Iterator[tuple[str, Action]]:
        if file.suffix == ".parquet":
            yield from _rows(file)
        else:
            for line in file.read_bytes().splitlines():
                yield from json.loads(line).items()


@dataclass(frozen=True)
class Retained:
    """The versions that can be read in full.

    Args:
        first: The oldest one; every version from it to the newest can be read.
        state: The table at `first`.
        dropped: How many older versions still have a commit, and cannot be read any more.
    """

    log: Log
    first: int
    last: int
    state: State
    dropped: int

    @property
    def versions(self) -> int:
        """How many these are."""
        return self.last - self.first + 1

    def states(self) -> Iterator[tuple[int, State]]:
        """Yield the table at each version, oldest first; the same object, going on."""
        state = self.state.copy()
        yield self.first, state
        for version in range(self.first + 1, self.last + 1):
            for name, body in self.log.actions(version):
                state.apply(name, body)
            yield version, state

    @cached_property
    def newest(self) -> State:
        """The table at the newest version."""
        state = self.state
        for _, each in self.states():
            state = each
        return state

    def files(self) -> Iterator[tuple[str, Action]]:
        """Yield name and body of every file action that some retained version, or its change feed, has."""
        yield from (("add", add) for add in self.state.adds.values())
        for version in range(self.first, self.last + 1):
            yield from ((n, b) for n, b in self.log.actions(version) if n in FILE_ACTIONS)


def retained(table: Path) -> Retained:
    """Return the versions of a table whose log and files are all still there.

    The base is version 0, or the oldest whole checkpoint, from which all commits follow. A version of which one data
    file or deletion vector is gone cannot be read, nor can any before it be kept: the kept ones are one stretch.

    Raises:
        ConflictError: `table.no_log`; `history.unreadable` when not even the newest version can be read.
    """
    log = Log.of(table)
    last = oldest = log.last
    while oldest - 1 in log.commits:
        oldest -= 1
    base = _base(log, oldest)
    if base is None:
        raise _unreadable(table)
    state = State() if base < 0 else log.state_of_checkpoint(base)
    known: dict[str, bool] = {}
    missing = {key for key, add in state.adds.items() if not _is_there(table, add, known)}
    first, at_first = last + 1, State()
    for version in range(base if base >= oldest else base + 1, last + 1):
        for name, body in log.actions(version) if version > base else ():
            state.apply(name, body)
            if name == "add" and not _is_there(table, body, known):
                missing.add(key_of(body))
        missing &= state.adds.keys()
        if missing:
            first = last + 1
        elif version < first:
            first, at_first = version, state.copy()
    if first > last:
        raise _unreadable(table)
    at_first.removes.clear()
    return Retained(log, first, last, at_first, sum(version < first for version in log.commits))


def _base(log: Log, oldest: int) -> int | None:
    """Return the version of the checkpoint to begin with, -1 to begin with nothing; None when there is neither."""
    if oldest == 0:
        return -1
    usable = [version for version in log.checkpoints if oldest - 1 <= version <= log.last]
    return min(usable, default=None)


def is_local(location: str) -> bool:
    """Return whether a table lies in this machine's file system."""
    return "://" not in location or location.startswith("file://")


def folder_of(location: str) -> Path:
    """Return a table's folder in this machine's file system."""
    return Path(location.removeprefix("file://"))


def key_of(body: Action) -> Key:
    """Return the logical file of an action."""
    return body["path"], vector_id(body.get("deletionVector"))


def path_of(body: Action) -> str:
    """Return a file's path relative to the table.

    Raises:
        ValueError: For a path that leads out of the table, as in a shallow clone.
    """
    path = unquote(body["path"])
    if _OUTSIDE.search(path):
        raise ValueError("a file lies outside of the table's folder")
    return path


def _is_there(table: Path, add: Action, known: dict[str, bool]) -> bool:
    wanted = [path_of(add)]
    vector = add.get("deletionVector")
    if vector is not None and (file := vector_file(vector)) is not None:
        wanted.append(file)
    for path in wanted:
        if path not in known:
            known[path] = (table / path).is_file()
    return all(known[path] for path in wanted)


def _rows(file: Path) -> Iterator[tuple[str, Action]]:
    for batch in pq.ParquetFile(file).iter_batches():
        for row in batch.to_pylist():
            for name, body in row.items():
                if body is not None:
                    yield name, _with_count(_plain(body), body.get("stats_parsed"))


def _with_count(action: Action, parsed: Action | None) -> Action:
    """Return an action with its number of rows, where a checkpoint has statistics as columns only.

    The bounds are left out: they cost a reader time and nothing else.
    """
    if parsed is None or "stats" in action or parsed.get("numRecords") is None:
        return action
    kept = {name: parsed[name] for name in ("numRecords", "tightBounds") if parsed.get(name) is not None}
    return {**action, "stats": json.dumps(kept)}


def _plain(body: Action) -> Action:
    """Return an action of a checkpoint as a commit would spell it."""
    found: Action = {}
    for name, value in body.items():
        if value is None or name.endswith("_parsed"):
            continue
        if name in _MAPS and isinstance(value, list):
            found[name] = dict(value)
        else:
            found[name] = _plain(value) if isinstance(value, dict) else value
    return found


def _unreadable(table: Path) -> ConflictError:
    return ConflictError(
        "history.unreadable",
        "the table's newest version cannot be read from its log: a checkpoint, a commit or a data file is not there.",
        where=str(table),
        fix="Leave out --keep-history, or repair the table.",
    )
