"""The byte search of a large folder, spread by Spark over a cluster's workers.

The driver lists; the workers read. What is looked for and where goes to them encrypted in one broadcast, and the key in
the task, so that neither plans, event logs and the Spark UI nor blocks on a disk hold a value or a path. Back come
places and counts. A file that kills its reader ends as unreadable and not as a task that is tried again and again.
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from delible.lake.search.child import Child, heard, told
from delible.lake.search.verify import Folder, FolderSearch, Outcome, Sought, listed, search_folder
from delible.lake.session import shipped
from delible.model.proof import SPREAD_FROM, FileDigest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_PORTION = 256 * 1024 * 1024
"""Bytes that one task reads."""
_MOST_FILES = 2_000
_ROW = pa.schema([("number", pa.int64()), ("found", pa.string())])

Open = Callable[[], tuple[Child, list[list[tuple[int, str]]]]]


def spread_folder(
    spark: SparkSession,
    folder: Folder,
    sought: Sought,
    digests: list[FileDigest] | None,
    *,
    from_bytes: int = SPREAD_FROM,
) -> Outcome:
    """Search a folder by a cluster when it is large, and here when it is not; the outcome is the same.

    Args:
        from_bytes: What counts as large.
    """
    outcome = Outcome()
    objects = listed(folder, outcome)
    if sum(info.size or 0 for info in objects) < from_bytes or not objects:
        return search_folder(folder, sought, digests)
    groups = _groups([(info.path, info.size or 0) for info in objects])
    # Anew, without what was made of them here: automata stay where they are.
    bare = replace(folder, beside=(), kept=tuple(replace(kept) for kept in folder.kept))
    plain = pickle.dumps((bare, Sought(sought.values, sought.numbers, sought.first), groups, digests is not None))
    key, nonce = AESGCM.generate_key(256), os.urandom(12)
    sent = shipped(spark, AESGCM(key).encrypt(nonce, plain, None))
    try:
        frame = spark.range(0, len(groups), numPartitions=len(groups))
        rows = frame.mapInArrow(partial(_in_worker, sent, key, nonce), "number long, found string").toArrow()
    finally:
        sent.destroy()
    found = sorted(zip(rows["number"].to_pylist(), rows["found"].to_pylist(), strict=True))
    for _, said in found:
        each, seen = heard(json.loads(said))
        outcome.add(each)
        if digests is not None:
            digests += seen
    if folder.beside:
        looking = FolderSearch(folder, sought)
        for beside in folder.beside:
            looking.look_beside(beside, outcome)
    return outcome


def _groups(objects: list[tuple[str, int]]) -> list[list[tuple[int, str]]]:
    """Return the numbered paths in groups of about the same size."""
    groups: list[list[tuple[int, str]]] = [[]]
    size = 0
    for number, (path, own) in enumerate(objects):
        if groups[-1] and (size + own > _PORTION or len(groups[-1]) >= _MOST_FILES):
            groups.append([])
            size = 0
        groups[-1].append((number, path))
        size += own
    return groups


_children: dict[bytes, tuple[Child, list[list[tuple[int, str]]]]] = {}
"""One per worker process, which makes its windows of the values once for all tasks that it is given."""


def _in_worker(sent: Any, key: bytes, nonce: bytes, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    if key not in _children:
        for child, _ in _children.values():
            child.close()
        _children.clear()
        folder, sought, groups, digests = pickle.loads(  # noqa: S301 - nobody else has the key
            AESGCM(key).decrypt(nonce, sent.value, None)
        )
        _children[key] = Child(folder, sought, digests=digests), groups
    child, groups = _children[key]
    for batch in batches:
        for group in batch.column(0).to_pylist():
            numbers = [number for number, _ in groups[group]]
            searched = child.search([path for _, path in groups[group]])
            found = [(numbers[number], json.dumps(told(outcome, digests))) for number, outcome, digests in searched]
            columns = [pa.array([n for n, _ in found], pa.int64()), pa.array([t for _, t in found], pa.string())]
            yield pa.RecordBatch.from_arrays(columns, schema=_ROW)
