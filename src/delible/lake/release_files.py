"""A release's files as pyarrow writes them: the same bytes from the same rows, however Spark hands these over.

Runs in Spark's Python workers, one file at a time and a row group of rows at a time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

SPLIT = "__split"
SUBJECTS = "__subjects"
"""The data subjects that a row is about, in short; never among a release's columns."""

SPLITS = ("train", "validation", "test")
QUASI = "quasi"
"""The spool's folder with what gates group rows by."""

_DATA, _ROWS = "data", "rows"
_ROW_GROUP = 1 << 16
_INDEX_GROUP = 1 << 13
"""Rows of the subject index that make a megabyte: a look-up reads only the row groups whose range holds a reference."""

_WHOSE = pa.schema([("row", pa.int64()), ("subjects", pa.list_(pa.binary()))])
_REFS = pa.schema([("ref", pa.string()), ("subject", pa.string())])


def spool_in(folder: Path) -> Path:
    """Return a new folder for what tasks write; no task makes one, lest one of a run that is over brings it back."""
    spool = folder / ".spool"
    for name in (_DATA, _ROWS, QUASI):
        (spool / name).mkdir(parents=True)
    return spool


def write_part(batches: Iterable[pa.RecordBatch], spool: Path, part: str, quasi: Sequence[str]) -> Iterator[int]:
    """Write one task's rows, split by split as they come, and yield the number of each split that is written.

    Args:
        batches: The columns that leave, `SPLIT` and `SUBJECTS`.
        spool: As `spool_in` made it; gets `data/<split>-<part>.parquet`, and of the same name `rows/…` and `quasi/…`.
        part: Tells this task's files from those of others; a task that Spark runs twice writes the same files twice.
        quasi: Columns that gates group rows by.
    """
    for split, rows in groupby(_by_split(batches), itemgetter(0)):
        _write_split(_row_groups((each for _, each in rows), _ROW_GROUP), spool, f"{split}-{part}.parquet", quasi)
        yield split


def write_nothing(columns: pa.Table, spool: Path) -> tuple[int, str]:
    """Write a file of no rows, as `write_part` would, and return the number of its split and its part."""
    _write_split([columns], spool, "0-0.parquet", ())
    return 0, "0"


def arranged(spool: Path, parts: Iterable[tuple[int, str]], folder: Path, row_index: Path) -> tuple[str, ...]:
    """Move what tasks wrote to where it stays, under names that loaders know, and return those of the files of rows.

    Args:
        spool: As `write_part` filled it.
        parts: Number of the split, and part, of each file.
        folder: The release's folder.
        row_index: Gets a folder `file=<name>` per file; Spark reads that as a column.
    """
    names = []
    (folder / _DATA).mkdir()
    for split, files in groupby(sorted(parts), itemgetter(0)):
        here = [f"{split}-{part}.parquet" for _, part in files]
        for place, file in enumerate(here):
            name = f"{_DATA}/{SPLITS[split]}-{place:05}-of-{len(here):05}.parquet"
            beside = row_index / f"file={quote(name, safe='')}"
            beside.mkdir(parents=True)
            (spool / _DATA / file).rename(folder / name)
            (spool / _ROWS / file).rename(beside / "rows.parquet")
            names.append(name)
    return tuple(names)


def write_refs(batches: Iterable[pa.RecordBatch], target: Path) -> int:
    """Write sorted references and their data subjects as a subject index, each pair once; return the data subjects.

    Each data subject's own reference is among them.
    """
    members = 0
    with _writer(target, _REFS, use_dictionary=False) as writer:
        for table in _row_groups(_distinct(batches), _INDEX_GROUP):
            writer.write_table(table.cast(_REFS))
            members += pc.sum(pc.equal(table["ref"], table["subject"])).as_py()
    return members


def without_rows(source: Path, target: Path, leaving: Sequence[int]) -> int:
    """Write a release's file again without some of its rows, all others as they are, and return how many are left.

    Args:
        source: The file.
        target: Where to.
        leaving: Numbers of rows in the file, each once.
    """
    gone = np.sort(np.asarray(leaving, np.int64))
    first = kept = 0
    with pq.ParquetFile(source) as file, _writer(target, file.schema_arrow.remove_metadata()) as writer:
        for batch in file.iter_batches(_ROW_GROUP):
            here = gone[np.searchsorted(gone, first) : np.searchsorted(gone, first + batch.num_rows)] - first
            keep = np.ones(batch.num_rows, bool)
            keep[here] = False
            left = batch.filter(pa.array(keep))
            if left.num_rows:
                writer.write_batch(left)
            kept += left.num_rows
            first += batch.num_rows
    return kept


def _by_split(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Cut batches where a split ends."""
    for batch in batches:
        splits = batch.column(SPLIT).to_numpy()
        ends = [*(np.flatnonzero(np.diff(splits)) + 1).tolist(), batch.num_rows]
        first = 0
        for end in ends if batch.num_rows else ():
            yield int(splits[first]), batch.slice(first, end - first)
            first = end


def _write_split(tables: Iterable[pa.Table], spool: Path, name: str, quasi: Sequence[str]) -> None:
    first = 0
    writers: dict[str, Any] = {}
    with ExitStack() as files:
        for table in tables:
            numbers = pa.array(np.arange(first, first + table.num_rows, dtype=np.int64))
            parts = {
                _DATA: _nullable(table.drop_columns([SPLIT, SUBJECTS])),
                _ROWS: pa.table({"row": numbers, "subjects": table[SUBJECTS]}).cast(_WHOSE),
                **({QUASI: table.select([*quasi, SUBJECTS])} if quasi else {}),
            }
            for folder, rows in parts.items():
                if folder not in writers:
                    writers[folder] = files.enter_context(_writer(spool / folder / name, rows.schema))
                writers[folder].write_table(rows)
            first += table.num_rows


def _row_groups(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """Yield rows by so many: where Spark's batches end has no say in where a row group or a page does."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        rest = batch
        while rows + rest.num_rows >= size:
            yield pa.Table.from_batches([*held, rest.slice(0, size - rows)]).combine_chunks()
            rest, held, rows = rest.slice(size - rows), [], 0
        if rest.num_rows:
            held.append(rest)
            rows += rest.num_rows
    if held:
        yield pa.Table.from_batches(held).combine_chunks()


def _distinct(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Leave out what stands before it already."""
    last: list[Any] = []
    for batch in batches:
        if not batch.num_rows:
            continue
        same = [pc.equal(column[1:], column[:-1]) for column in batch.columns]
        new = np.append(
            [column[0].as_py() for column in batch.columns] != last,
            pc.invert(pc.and_(*same)).to_numpy(zero_copy_only=False),
        )
        last = [column[-1].as_py() for column in batch.columns]
        yield batch.filter(pa.array(new))


def _nullable(table: pa.Table) -> pa.Table:
    """Let every column be NULL, as Parquet files of Spark do: whether a source's may be is nobody's business."""
    return table.cast(pa.schema([pa.field(f.name, _nullable_type(f.type)) for f in table.schema]))


def _nullable_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, _nullable_type(f.type)) for f in kind])
    if pa.types.is_map(kind):
        return pa.map_(kind.key_type, _nullable_type(kind.item_type))
    if pa.types.is_list(kind):
        return pa.list_(pa.field("element", _nullable_type(kind.value_type)))
    return kind


@contextmanager
def _writer(target: Path, schema: pa.Schema, **more: Any) -> Iterator[Any]:
    """Give a writer to a file that appears whole."""
    staging = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        with pq.ParquetWriter(staging, schema, compression="zstd", version="2.6", store_schema=False, **more) as writer:
            yield writer
        os.replace(staging, target)
    finally:
        staging.unlink(missing_ok=True)
