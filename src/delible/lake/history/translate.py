"""A table's retained versions without the rows of due people, in a new folder.

The log is translated, not replayed: each commit keeps its number, time, operation and actions, and points to files
without the due rows. Files that hold none of them are the old files under a second name. Checkpoints are made anew;
checksums, compacted commits and whatever no retained version names stay behind.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from delible.errors import StalePlanError
from delible.lake.deletion_vectors import vector_file, vector_id
from delible.lake.history.checkpoint import needs_checkpoint, write_checkpoint
from delible.lake.history.log import (
    Banned,
    Paths,
    translated_commit,
    translated_state,
    write_commit,
)
from delible.lake.history.rows import FileDone, FileTask, later_vectors, linked, translate_file
from delible.lake.history.spread import spread
from delible.lake.history.state import FILE_ACTIONS, Action, Log, Retained, path_of, retained

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_ROW_IDS = "delta.rowTracking.materializedRowIdColumnName"
_ROW_VERSIONS = "delta.rowTracking.materializedRowCommitVersionColumnName"


@dataclass
class Translation:
    """One table on its way from an old folder into a new one.

    Args:
        old, new: The folders, in one file system.
        banned: What must go.
        spark: For tables that are large.
    """

    old: Path
    new: Path
    banned: Banned
    spark: SparkSession | None = None
    paths: Paths = field(default_factory=Paths)
    first: int = 0
    last: int = -1
    dropped: int = 0

    def run(self) -> None:
        """Make the new folder from nothing; what a killed run left there goes first.

        Raises:
            StalePlanError: `plan.stale` for rows that have come since the plan and whose they are it does not know.
        """
        if self.new.exists():
            shutil.rmtree(self.new)
        (self.new / "_delta_log").mkdir(parents=True)
        shutil.copystat(self.old, self.new)
        kept = retained(self.old)
        self.first, self.last, self.dropped = kept.first, kept.last, kept.dropped
        self._files(kept, kept.files())
        for version in range(kept.first, kept.last + 1):
            self._commit(kept.log, version)
        if kept.first > 0:
            write_checkpoint(self.new, kept.first, translated_state(kept.state, self.paths, self.banned))
        if needs_checkpoint(kept.log, kept.first, kept.last) and kept.last > kept.first:
            write_checkpoint(self.new, kept.last, translated_state(kept.newest, self.paths, self.banned))

    def advance(self) -> int:
        """Take in the commits that writers made since; return how many.

        Raises:
            FileExistsError: When the new folder has a commit of that number already.
            StalePlanError: `plan.stale`, as for `run`.
        """
        log = Log.of(self.old)
        versions = range(self.last + 1, log.last + 1)
        if versions:
            kept = retained(self.old)
            fresh = (a for v in versions for a in log.actions(v) if a[0] in FILE_ACTIONS)
            self._files(kept, (a for a in fresh if path_of(a[1]) not in self.paths.done))
            self._again(kept, versions)
            for version in versions:
                self._commit(log, version)
                self.last = version
        return len(versions)

    @property
    def removed_rows(self) -> int:
        """How many rows are gone from all files, change feed included."""
        return sum(done.removed for done in self.paths.done.values())

    @property
    def rewritten(self) -> tuple[FileDone, ...]:
        """The files that held due rows."""
        return tuple(d for d in self.paths.done.values() if d.rewritten)

    def _commit(self, log: Log, version: int) -> None:
        actions = translated_commit(log.actions(version), self.paths, self.banned)
        write_commit(self.new, version, actions, log.commits[version])

    def _files(self, kept: Retained, actions: Iterable[tuple[str, Action]]) -> None:
        tasks: dict[str, FileTask] = {}
        size = 0
        names = [kept.newest.configuration.get(name) for name in (_ROW_IDS, _ROW_VERSIONS)]
        for kind, body in actions:
            path = path_of(body)
            if not (self.old / path).is_file():
                self._missing(kind, path, body)
                continue
            task = tasks.get(path) or FileTask(
                path, self._new_path(kind, path, body), body.get("partitionValues") or {}
            )
            size += 0 if path in tasks else (self.old / path).stat().st_size
            tasks[path] = _with(task, kind, body, names)
        work = partial(translate_file, self.old, self.new, due=self.banned.due)
        others = 0
        for done in spread(self.spark, work, list(tasks.values()), size=size):
            self.paths.done[done.path] = done
            others += done.others
            if not done.rewritten:
                self._vectors(tasks[done.path].vectors)
        if others:
            raise StalePlanError(
                "plan.stale",
                f"{others} row(s) of somebody else with an identifier of the due people have come since the plan.",
                where=str(self.old),
                fix="The table is as it was. Plan again: what two people share reaches nobody.",
            )

    def _again(self, kept: Retained, versions: Iterable[int]) -> None:
        """Translate files anew over which later commits laid deletion vectors."""
        again: dict[str, list[tuple[dict[str, str | None], Action]]] = {}
        for version in versions:
            for kind, body in kept.log.actions(version):
                vector = body.get("deletionVector") if kind in FILE_ACTIONS else None
                done = self.paths.done.get(path_of(body)) if vector is not None else None
                if vector is None or done is None:
                    continue
                if not done.rewritten:
                    self._vectors([vector])
                elif str(vector_id(vector)) not in done.vectors:
                    again.setdefault(done.path, []).append((body.get("partitionValues") or {}, vector))
        for path, vectors in again.items():
            done, values = self.paths.done[path], vectors[0][0]
            fresh = later_vectors(self.old, self.new, path, values, [v for _, v in vectors], self.banned.due)
            self.paths.done[path] = replace(done, vectors={**done.vectors, **fresh})

    def _vectors(self, vectors: Iterable[Any]) -> None:
        for vector in vectors:
            file = vector_file(vector)
            if file is not None and (self.old / file).is_file():
                linked(self.old / file, self.new / file)

    def _missing(self, kind: str, path: str, body: Action) -> None:
        if path not in self.paths.renamed and self.banned.tells_file(path, body.get("partitionValues") or {}):
            self.paths.renamed[path] = _fresh_name(kind)

    def _new_path(self, kind: str, path: str, body: Action) -> str:
        """Return a path for the file without due rows: beside the old one, unless the folder's name tells somebody."""
        name = _fresh_name(kind)
        if self.banned.tells_file(path, body.get("partitionValues") or {}):
            return name
        return str(PurePosixPath(path).parent / PurePosixPath(name).name)


def _fresh_name(kind: str) -> str:
    suffix = f"00000-{uuid.uuid4()}.c000.snappy.parquet"
    return f"_change_data/cdc-{suffix}" if kind == "cdc" else f"part-{suffix}"


def _with(task: FileTask, kind: str, body: Action, names: list[str | None]) -> FileTask:
    """Return a task that knows what one more action says of its file."""
    vector = body.get("deletionVector")
    if vector is not None and vector_id(vector) not in {vector_id(v) for v in task.vectors}:
        task = replace(task, vectors=(*task.vectors, vector))
    if kind == "add" and body.get("stats") and task.statistics is None:
        task = replace(task, statistics=body["stats"])
    if kind == "add" and body.get("baseRowId") is not None and task.row_ids is None and names[0] and names[1]:
        ids = (body["baseRowId"], body.get("defaultRowCommitVersion") or 0, names[0], names[1])
        task = replace(task, row_ids=ids)
    return task
