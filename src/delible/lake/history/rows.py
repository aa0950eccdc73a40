"""Data files without the rows of due people."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from delible.errors import BlockedError
from delible.lake.deletion_vectors import (
    Descriptor,
    Positions,
    read_vector,
    vector_file,
    vector_id,
    without_rows,
    write_vector,
)
from delible.lake.history.due import Due, Mask
from delible.lake.history.statistics import Statistics

_ANCIENT = (b"org.apache.spark.legacyINT96", b"org.apache.spark.legacyDateTime")
_ARROW = b"ARROW:schema"


@dataclass(frozen=True)
class FileTask:
    """One file of the old folder.

    Args:
        path, new_path: Relative to the old and the new folder.
        partition_values: As the log has them.
        statistics: The old ones, where the log has any.
        vectors: The deletion vectors that some version lays over it.
        row_ids: First row id and commit version, and the two columns that keep them, where rows are tracked.
    """

    path: str
    new_path: str
    partition_values: Mapping[str, str | None] = field(repr=False)
    statistics: str | None = field(repr=False, default=None)
    vectors: tuple[Descriptor, ...] = ()
    row_ids: tuple[int, int, str, str] | None = None


@dataclass(frozen=True)
class FileDone:
    """What became of one file.

    Args:
        rewritten: Whether it held due rows; otherwise it is the old file.
        removed: How many rows are gone.
        others: How many rows stay because they name somebody else beside an identifier of the due people.
        statistics: The new ones.
        vectors: New deletion vectors by the id of the old one; None where no deleted row is left.
    """

    path: str
    new_path: str
    rewritten: bool
    size: int
    rows: int
    removed: int = 0
    others: int = 0
    statistics: str | None = field(repr=False, default=None)
    vectors: Mapping[str, Descriptor | None] = field(default_factory=dict)


def translate_file(old: Path, new: Path, task: FileTask, due: Due) -> FileDone:
    """Make one file of the new folder: without due rows, or the old one under a second name when it holds none.

    Raises:
        BlockedError: `history.old_dates`.
    """
    source = pq.ParquetFile(old / task.path, coerce_int96_timestamp_unit="us")
    gone, others = _gone(source, task.partition_values, due)
    removed = np.flatnonzero(gone).astype(np.uint64)
    if not len(removed):
        linked(old / task.path, new / task.path)
        size = (old / task.path).stat().st_size
        return FileDone(task.path, task.path, False, size, source.metadata.num_rows, others=others)
    target = new / task.new_path
    target.parent.mkdir(parents=True, exist_ok=True)
    statistics = Statistics(json.loads(task.statistics) if task.statistics else {})
    _write(source, target, gone, task, statistics)
    shutil.copystat(old / task.path, target)
    vectors = _vectors(old, new, task.vectors, removed)
    return FileDone(
        task.path,
        task.new_path,
        True,
        target.stat().st_size,
        statistics.rows,
        len(removed),
        others,
        statistics.document() if task.statistics else None,
        vectors,
    )


def later_vectors(
    old: Path, new: Path, path: str, partition_values: Mapping[str, str | None], vectors: Sequence[Descriptor], due: Due
) -> dict[str, Descriptor | None]:
    """Return new deletion vectors for a file that has been rewritten, by the ids of the old ones."""
    source = pq.ParquetFile(old / path, coerce_int96_timestamp_unit="us")
    removed = np.flatnonzero(_gone(source, partition_values, due)[0]).astype(np.uint64)
    return _vectors(old, new, vectors, removed)


def _vectors(old: Path, new: Path, vectors: Sequence[Descriptor], removed: Positions) -> dict[str, Descriptor | None]:
    made: dict[str, Descriptor | None] = {}
    for each in vectors:
        file = vector_file(each)
        # One that no retained version has may have been removed: the commit that put an end to it names it still.
        there = file is None or (old / file).is_file()
        left = without_rows(read_vector(old, each), removed) if there else removed[:0]
        made[str(vector_id(each))] = write_vector(new, left, uuid.uuid4())
    return made


def _gone(source: pq.ParquetFile, partition_values: Mapping[str, str | None], due: Due) -> tuple[Mask, int]:
    """Return which rows of a file are due, and how many others are reached; only the columns that tell are read."""
    columns = due.columns(source.schema_arrow.names)
    gone, others = [np.zeros(0, bool)], 0
    for group in range(source.num_row_groups):
        table = source.read_row_group(group, columns=columns)
        mine, theirs = due.split(table, partition_values)
        gone.append(mine)
        others += int(theirs.sum())
    return np.concatenate(gone), others


def _write(source: pq.ParquetFile, target: Path, gone: Mask, task: FileTask, statistics: Statistics) -> None:
    described = source.schema_arrow.metadata or {}
    if any(key in described for key in _ANCIENT):
        raise BlockedError(
            "history.old_dates",
            "a data file holds dates in the calendar before 1582, which only Spark can rewrite.",
            where=task.path,
            fix="Leave out --keep-history.",
        )
    schema = _schema(source, task)
    begun = 0
    arrow = _ARROW in (source.metadata.metadata or {})
    with pq.ParquetWriter(
        target, schema, compression=_compression(source), store_schema=arrow, store_decimal_as_integer=not arrow
    ) as writer:
        for group in range(source.num_row_groups):
            table = _typed(source.read_row_group(group), task, schema, begun)
            left = table.filter(pa.array(~gone[begun : begun + table.num_rows]))
            begun += table.num_rows
            if left.num_rows:
                writer.write_table(left, row_group_size=left.num_rows)
                statistics.add(left)


def _schema(source: pq.ParquetFile, task: FileTask) -> pa.Schema:
    """Return the schema to write: INT96 becomes microseconds UTC, and tracked rows keep their ids in columns."""
    int96 = {
        source.schema.column(i).path.split(".")[0]
        for i in range(len(source.schema))
        if source.schema.column(i).physical_type == "INT96"
    }
    fields = [f.with_type(_writable(f.type, f.name in int96)) for f in source.schema_arrow]
    for name in task.row_ids[2:] if task.row_ids is not None else ():
        if name not in source.schema_arrow.names:
            fields.append(pa.field(name, pa.int64()))
    return pa.schema(fields, metadata=source.schema_arrow.metadata)


def without_views(table: pa.Table) -> pa.Table:
    """Return the same rows in types that Arrow can filter."""
    schema = pa.schema([field.with_type(_writable(field.type, False)) for field in table.schema])
    return table.cast(schema) if schema.types != table.schema.types else table


def _writable(kind: pa.DataType, int96: bool) -> pa.DataType:  # noqa: PLR0911  # one per type
    """Return the type as it is written: Arrow's views, which it cannot filter, become plain values."""

    def inner(field: pa.Field) -> pa.Field:
        return field.with_type(_writable(field.type, int96))

    if pa.types.is_timestamp(kind) and int96:
        return pa.timestamp("us", "UTC")
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_struct(kind):
        return pa.struct([inner(field) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(inner(kind.key_field), inner(kind.item_field))
    if pa.types.is_list(kind):
        return pa.list_(inner(kind.value_field))
    if pa.types.is_large_list(kind):
        return pa.large_list(inner(kind.value_field))
    return kind


def _typed(table: pa.Table, task: FileTask, schema: pa.Schema, begun: int) -> pa.Table:
    if task.row_ids is not None:
        first, version, ids, versions = task.row_ids
        positions = pa.array(np.arange(begun, begun + table.num_rows, dtype=np.int64) + first)
        for name, fresh in ((ids, positions), (versions, pa.array(np.full(table.num_rows, version, np.int64)))):
            if name in table.column_names:
                index = table.column_names.index(name)
                known = table.column(index)
                table = table.set_column(index, schema.field(name), pc.coalesce(known, fresh))
            else:
                table = table.append_column(schema.field(name), fresh)
    return table.cast(schema) if table.schema.types != schema.types else table


def _compression(source: pq.ParquetFile) -> str:
    if not source.metadata.num_row_groups or not source.metadata.num_columns:
        return "snappy"
    return str(source.metadata.row_group(0).column(0).compression).lower().replace("uncompressed", "none")


def linked(old: Path, new: Path) -> None:
    """Give a file a second name where the file system can, and copy it where it cannot; either survives the first."""
    new.parent.mkdir(parents=True, exist_ok=True)
    if new.exists():
        return
    try:
        os.link(old, new)
    except OSError:
        shutil.copy2(old, new)
