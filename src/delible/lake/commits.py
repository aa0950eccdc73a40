"""Commits of a Delta table, read from the log's own JSON: no Spark job for one number or one property."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow.fs as pafs

from delible.errors import ConflictError
from delible.lake.search.listing import opened

_VERSIONED = re.compile(r"^(\d{20})\.(?:json$|checkpoint\.)")
COMMIT = re.compile(r"^(\d{20})\.json$")
CHECKPOINT = re.compile(r"^(\d{20})\.checkpoint\.(?:(\d{10})\.(\d{10})\.|[0-9a-fA-F-]{36}\.)?(?:parquet|json)$")
"""Names of files in a log, with version, and of a checkpoint in parts with number and count."""

MARK = "delible:"
"""What the marks of all plans' commits begin with."""
_FILES = (b'{"add"', b'{"remo')
_MOST_LOOKED_AT = 100
_UPDATES = ("MERGE", "UPDATE")


@dataclass(frozen=True)
class Commit:
    """One version of a table.

    Args:
        info: The commit's own description: operation, metrics, mark.
        actions: The other actions but those on files, by name, the last of each.
    """

    version: int
    info: dict[str, Any]
    actions: dict[str, Any]

    @property
    def mark(self) -> str | None:
        """What the writer called it."""
        mark: str | None = self.info.get("userMetadata")
        return mark

    def is_of(self, mark: str) -> bool:
        """Return whether its mark begins so, as those of all commits of a plan do (`mark_of`)."""
        return (self.mark or "").startswith(mark)

    @property
    def operation(self) -> str:
        """What Delta calls it, such as `MERGE`; empty where the commit does not say."""
        return str(self.info.get("operation") or "")

    @property
    def metrics(self) -> dict[str, int]:
        """The operation's counts."""
        return {k: int(v) for k, v in self.info.get("operationMetrics", {}).items() if str(v).isdigit()}


def mark_of(plan: str, what: str = "") -> str:
    """Return the mark of a plan's commits for something in a table's history, or what the marks of all begin with."""
    return f"{MARK}{plan}:{what}"


def _plan_of(mark: str | None) -> str:
    """Return what the marks of all commits of a mark's plan begin with; a mark of nobody's plan stands for itself."""
    return ":".join((mark or "").split(":", 2)[:2])


def current_version(location: str) -> int:
    """Return the table's newest Delta version, from the names in its log.

    Raises:
        ConflictError: `table.no_log` when there is none.
    """
    filesystem, log = log_of(location)
    newest = max((version for version, _ in files_in(filesystem, log, _VERSIONED)), default=None)
    if newest is None:
        raise ConflictError("table.no_log", "the table's log holds no version.", where=log)
    return newest


def commits(location: str, *, since: int = -1) -> Iterator[Commit]:
    """Yield the commits after a version whose JSON is still in the log, newest first."""
    filesystem, log = log_of(location)
    for version, path in sorted(files_in(filesystem, log, COMMIT), reverse=True):
        if version <= since:
            return
        actions: dict[str, Any] = {}
        with filesystem.open_input_stream(path) as stream:
            for line in stream.read().splitlines():
                if line[:6] not in _FILES:
                    actions |= json.loads(line)
        yield Commit(version, actions.pop("commitInfo", {}), actions)


@dataclass(frozen=True)
class FileCommit(Commit):
    """A commit with what it did to data files.

    Args:
        added, removed: Bytes by path.
        changes_rows: Some of it added, changed or removed rows; OPTIMIZE, REORG and VACUUM do not.
    """

    added: dict[str, int]
    removed: dict[str, int]
    changes_rows: bool


def file_commits(location: str, *, since: int) -> Iterator[FileCommit]:
    """Yield the commits after a version whose JSON is still in the log, with their files, oldest first."""
    filesystem, log = log_of(location)
    for version, path in sorted(files_in(filesystem, log, COMMIT)):
        if version <= since:
            continue
        actions: dict[str, Any] = {}
        files: dict[str, dict[str, int]] = {"add": {}, "remove": {}}
        changes_rows = False
        with filesystem.open_input_stream(path) as stream:
            for line in stream.read().splitlines():
                action = json.loads(line)
                if line[:6] not in _FILES:
                    actions |= action
                    continue
                [(name, body)] = action.items()
                files[name][body["path"]] = body.get("size") or 0
                changes_rows = changes_rows or body.get("dataChange", True)
        yield FileCommit(version, actions.pop("commitInfo", {}), actions, files["add"], files["remove"], changes_rows)


def beside_change_data(location: str) -> tuple[int, int] | None:
    """Return number and bytes of files with updated rows, as far as they are not known to be gone; None if untold.

    With deletion vectors and a change feed they have columns of the feed besides the table's own, and Delta's purge
    takes them for files with a dropped column. Only their footers tell; the log tells which commits may have written
    such files, where it is short and reaches back to the table's beginning.
    """
    filesystem, log = log_of(location)
    numbers = sorted(number for number, _ in files_in(filesystem, log, COMMIT))
    if not numbers or numbers != [*range(len(numbers))] or len(numbers) > _MOST_LOOKED_AT:
        return None
    found: dict[str, int] = {}
    for commit in file_commits(location, since=-1):
        gone = commit.removed.keys() - commit.added.keys()
        found = {path: size for path, size in found.items() if path not in gone}
        if commit.changes_rows and (commit.removed or commit.operation in _UPDATES):
            found |= {path: size for path, size in commit.added.items() if path not in commit.removed}
    return len(found), sum(found.values())


def rewrites(location: str, *, since: int, until: int) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    """Yield paths added and removed by each commit that changed no row, such as OPTIMIZE, oldest first.

    Commits whose JSON is no longer in the log are left out.
    """
    for commit in file_commits(location, since=since):
        if commit.version > until:
            return
        if not commit.changes_rows and (commit.added or commit.removed):
            yield frozenset(commit.added), frozenset(commit.removed)


@dataclass(frozen=True)
class FileWork:
    """What commits did to a table's data files, each taken as it was before the first of them, and once.

    Args:
        files: From which rows were taken or changed, or that were rewritten.
        replaced: Bytes of those that the newest version names no more.
        written: Bytes of the files that were written.
    """

    files: int = 0
    replaced: int = 0
    written: int = 0


def file_work(location: str, marks: Collection[str], *, since: int, operations: Collection[str]) -> FileWork:
    """Return what marked commits of some operations did to data files after a version.

    Delta's metrics count a file in every commit that touches it. A purge counts those, too, that the commits before it
    have written: it takes files of a MERGE that writes change data for files with a column that was dropped. What
    another commit of the same plan has written, such as one of another rule, was not there before, either: a rewritten
    file may hold the rows of many, and is no measure of what was planned.
    """
    before, made, gone = set[str](), set[str](), dict[str, int]()
    written, plans = 0, {_plan_of(mark) for mark in marks}
    for commit in file_commits(location, since=since):
        if _plan_of(commit.mark) not in plans:
            continue
        added, removed = commit.added, commit.removed
        new = added.keys() - removed.keys()
        if commit.mark in marks and commit.operation in operations:
            before |= removed.keys() - made
            gone |= {path: size for path, size in removed.items() if path not in made | added.keys()}
            written += sum(added[path] for path in new)
        made |= new
    return FileWork(len(before), sum(gone.values()), written)


def latest(location: str, name: str) -> dict[str, Any] | None:
    """Return the newest action of a name; None when no commit has it: what only a checkpoint holds is not looked at."""
    newest = islice(commits(location), _MOST_LOOKED_AT)
    return next((commit.actions[name] for commit in newest if name in commit.actions), None)


def log_of(location: str) -> tuple[pafs.FileSystem, str]:
    """Return the file system of a table, and the folder of its log there."""
    filesystem, root = opened(location)
    return filesystem, f"{root.rstrip('/')}/_delta_log"


def files_in(filesystem: pafs.FileSystem, log: str, names: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """Yield version and path of the files of a log whose names match, in no order."""
    for info in filesystem.get_file_info(pafs.FileSelector(log)):
        name = names.match(info.base_name)
        if name is not None:
            yield int(name[1]), info.path
