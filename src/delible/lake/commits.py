"""Commits of a Delta table, read from the log's own JSON: no Spark job for one number or one property."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow.fs as pafs

from delible.errors import ConflictError

_VERSIONED = re.compile(r"^(\d{20})\.(?:json$|checkpoint\.)")
_MOST_LOOKED_AT = 100
_COMMIT = re.compile(r"^(\d{20})\.json$")


@dataclass(frozen=True)
class Commit:
    """One version of a table.

    Args:
        info: The commit's own description: operation, metrics, mark.
        actions: The other actions by name, the last of each; empty unless asked for.
    """

    version: int
    info: dict[str, Any]
    actions: dict[str, Any] = field(default_factory=dict)

    @property
    def mark(self) -> str | None:
        """What the writer called it."""
        mark: str | None = self.info.get("userMetadata")
        return mark

    @property
    def metrics(self) -> dict[str, int]:
        """The operation's counts."""
        return {k: int(v) for k, v in self.info.get("operationMetrics", {}).items() if str(v).isdigit()}


def current_version(location: str) -> int:
    """Return the table's newest Delta version, from the names in its log.

    Raises:
        ConflictError: `table.no_log` when there is none.
    """
    filesystem, log = _log(location)
    names = (_VERSIONED.match(info.base_name) for info in filesystem.get_file_info(pafs.FileSelector(log)))
    versions = [int(name[1]) for name in names if name is not None]
    if not versions:
        raise ConflictError("table.no_log", "the table's log holds no version.", where=log)
    return max(versions)


def commits(location: str, *, since: int = -1) -> Iterator[Commit]:
    """Yield the commits after a version whose JSON is still in the log, newest first."""
    filesystem, log = _log(location)
    for version, path in sorted(_files(filesystem, log), reverse=True):
        if version <= since:
            return
        actions: dict[str, Any] = {}
        with filesystem.open_input_stream(path) as stream:
            for line in stream.read().splitlines():
                if line[:6] not in (b'{"add"', b'{"remo'):
                    actions |= json.loads(line)
        yield Commit(version, actions.pop("commitInfo", {}), actions)


def latest(location: str, *names: str) -> dict[str, Any]:
    """Return the newest action of each name, of those that stand in commits: not what only a checkpoint holds."""
    found: dict[str, Any] = {}
    for commit in islice(commits(location), _MOST_LOOKED_AT):
        found = {n: commit.actions[n] for n in names if n in commit.actions} | found
        if len(found) == len(names):
            break
    return found


def _log(location: str) -> tuple[pafs.FileSystem, str]:
    filesystem, root = pafs.FileSystem.from_uri(location)
    return filesystem, f"{root.rstrip('/')}/_delta_log"


def _files(filesystem: pafs.FileSystem, log: str) -> Iterator[tuple[int, str]]:
    for info in filesystem.get_file_info(pafs.FileSelector(log)):
        name = _COMMIT.match(info.base_name)
        if name is not None:
            yield int(name[1]), info.path
