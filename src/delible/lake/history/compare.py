"""Proof that nobody else lost anything: each retained version of the old folder, less the due rows, is the new one.

Both folders are read as any reader would, by their own logs; how the files were translated is not known here. A
version's hash is the sum over its files, so a file that many versions have is read once. A file that both folders
share, as one file under two names, is not read at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from delible.errors import ConflictError
from delible.lake.deletion_vectors import Descriptor, read_vector, vector_id
from delible.lake.history.due import Due
from delible.lake.history.hash import rows_sum
from delible.lake.history.rows import without_views
from delible.lake.history.spread import spread
from delible.lake.history.state import Action, Retained, State, path_of, retained

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_MODULUS = 1 << 64
_Name = tuple[str, str | None]
"""A file's path and its deletion vector."""


@dataclass(frozen=True)
class Digest:
    """How many rows, and the sum of their hashes."""

    rows: int
    sum: int

    def __add__(self, other: Digest) -> Digest:
        return Digest(self.rows + other.rows, (self.sum + other.sum) % _MODULUS)


Digests = Mapping[_Name, Digest]


@dataclass(frozen=True)
class Compared:
    """What was compared: versions, rows over all versions, and changes in the change feed's own files."""

    versions: int
    rows: int
    changes: int


@dataclass(frozen=True)
class _Read:
    folder: Path
    path: str
    vector: Descriptor | None
    constants: Mapping[str, str | None] = field(repr=False)
    shared: int | None

    @property
    def name(self) -> _Name:
        return self.path, vector_id(self.vector)


def compare(old: Path, new: Path, *, first: int, last: int, due: Due, spark: SparkSession | None = None) -> Compared:
    """Compare all versions.

    Raises:
        ConflictError: `history.differs`, with the versions that differ and in what.
    """
    before, after = _from(retained(old), first, last), _from(retained(new), first, last)
    tracked = frozenset(
        name
        for key, name in after.newest.configuration.items()
        if key.startswith("delta.rowTracking.materialized") and key.endswith("ColumnName")
    )
    ours = _digests(before, old, new, partial(_digest, due=due, without=tracked), spark)
    theirs = _digests(after, new, old, partial(_digest, due=None, without=tracked), spark)
    rows = changes = 0
    wrong: dict[str, list[int]] = {}
    for (version, was), (_, now) in zip(before.states(), after.states(), strict=True):
        one, other = _sum(was.adds.values(), ours), _sum(now.adds.values(), theirs)
        feed, other_feed = _sum(_changes(before, version), ours), _sum(_changes(after, version), theirs)
        rows, changes = rows + other.rows, changes + other_feed.rows
        found: dict[str, tuple[object, object]] = {
            "rows": (one, other),
            "change feed": (feed, other_feed),
            "description": (_description(was), _description(now)),
            "operation or time": (_commit(before, version), _commit(after, version)),
        }
        for what, (expected, is_now) in found.items():
            if expected != is_now:
                wrong.setdefault(what, []).append(version)
    if wrong:
        said = "; ".join(f"{what} of version(s) {', '.join(map(str, v[:5]))}" for what, v in wrong.items())
        raise ConflictError(
            "history.differs",
            f"the new folder is not the old one without the due rows: {said}.",
            where=str(new),
            fix="The table is as it was. Leave out --keep-history, and report this.",
        )
    return Compared(last - first + 1, rows, changes)


def _from(kept: Retained, first: int, last: int) -> Retained:
    if kept.first == first and kept.last == last:
        return kept
    raise ConflictError(
        "history.differs",
        f"versions {first} to {last} were to be kept, and {kept.first} to {kept.last} can be read.",
        where=str(kept.log.table),
        fix="Another writer may have come between; run the command again.",
    )


def _digests(
    kept: Retained,
    folder: Path,
    other: Path,
    work: Callable[[_Read], tuple[_Name, Digest]],
    spark: SparkSession | None,
) -> Digests:
    reads: dict[_Name, _Read] = {}
    size = 0
    for kind, body in kept.files():
        path, vector = path_of(body), body.get("deletionVector")
        if kind == "remove" or (path, vector_id(vector)) in reads or not (folder / path).is_file():
            continue
        shared = _shared(folder / path, other / path)
        read = _Read(folder, path, vector, body.get("partitionValues") or {}, shared)
        reads[read.name] = read
        size += 0 if shared else (folder / path).stat().st_size
    return dict(spread(spark, work, list(reads.values()), size=size))


def _shared(one: Path, other: Path) -> int | None:
    """Return the number of the file that both paths name, or None."""
    here = one.stat()
    return here.st_ino if other.exists() and other.samefile(one) else None


def _digest(read: _Read, *, due: Due | None, without: frozenset[str]) -> tuple[_Name, Digest]:
    file = pq.ParquetFile(read.folder / read.path, coerce_int96_timestamp_unit="us")
    deleted = np.zeros(file.metadata.num_rows, bool)
    if read.vector is not None:
        deleted[read_vector(read.folder, read.vector).astype(np.int64)] = True
    if read.shared is not None:
        rows = int(len(deleted) - deleted.sum())
        marks = rows_sum(pa.table({"row": np.flatnonzero(~deleted)}), {"file": str(read.shared)})
        return read.name, Digest(rows, marks)
    found, begun = Digest(0, 0), 0
    for group in range(file.num_row_groups):
        table = without_views(file.read_row_group(group))
        stays = ~deleted[begun : begun + table.num_rows]
        begun += table.num_rows
        if due is not None:
            stays &= ~due.mask(table, read.constants).to_numpy(zero_copy_only=False)
        left = table.filter(pa.array(stays)).combine_chunks()
        found += Digest(left.num_rows, rows_sum(left, read.constants, without=without))
    return read.name, found


def _changes(kept: Retained, version: int) -> list[Action]:
    return [body for name, body in kept.log.actions(version) if name == "cdc"]


def _sum(files: Iterable[Action], digests: Digests) -> Digest:
    """Add up; a file of the change feed may have been removed before the data of its version."""
    names = ((path_of(body), vector_id(body.get("deletionVector"))) for body in files)
    return sum((digests[name] for name in names if name in digests), Digest(0, 0))


def _description(state: State) -> str:
    """Return protocol, metadata, transactions and domains of a version."""
    return json.dumps(_said([state.single, state.transactions, state.domains]), sort_keys=True)


def _said(node: Any) -> Any:
    """Return a description without what it leaves open: a commit writes null where a checkpoint writes nothing."""
    if isinstance(node, dict):
        return {name: said for name, value in node.items() if (said := _said(value)) not in (None, {}, [])}
    return [_said(value) for value in node] if isinstance(node, list) else node


def _commit(kept: Retained, version: int) -> tuple[object, ...]:
    """Return when a version was made and by which operation, as history says it."""
    info = next((body for name, body in kept.log.actions(version) if name == "commitInfo"), {})
    made = kept.log.commits[version].stat().st_mtime_ns // 1_000_000
    return made, info.get("timestamp"), info.get("inCommitTimestamp"), info.get("operation")
