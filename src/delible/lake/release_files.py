"""One file of a release, as pyarrow writes it: the same bytes from the same rows, without the rows that leave.

Runs in Spark's Python workers, one file at a time and a batch of rows at a time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROW_INDEX = "file string, row bigint, subjects array<binary>"

_SUBJECTS = "__subjects"
_BATCH = 1 << 16
_ROW_GROUP = 1 << 17
_INDEX_SCHEMA = pa.schema([("file", pa.string()), ("row", pa.int64()), ("subjects", pa.list_(pa.binary()))])


def without_subjects(part: Path, folder: Path, name: str) -> Iterator[pa.RecordBatch]:
    """Write a spooled file to its place in the release, and yield its rows of the row index.

    Args:
        part: The spooled file.
        folder: The release's folder.
        name: The file's path in it.
    """
    with pq.ParquetFile(part) as file:
        schema = file.schema_arrow.remove_metadata()
        schema = schema.remove(schema.get_field_index(_SUBJECTS))
        first = 0
        with _writer(folder / name, schema) as writer:
            for batch in file.iter_batches(_BATCH):
                writer.write_batch(batch.select(schema.names).cast(schema), row_group_size=_ROW_GROUP)
                rows = pa.array(np.arange(first, first + batch.num_rows, dtype=np.int64))
                names = pa.DictionaryArray.from_arrays(pa.array(np.zeros(batch.num_rows, np.int32)), [name])
                subjects = batch.column(_SUBJECTS).cast(pa.list_(pa.binary()))
                yield pa.RecordBatch.from_arrays([names.cast(pa.string()), rows, subjects], schema=_INDEX_SCHEMA)
                first += batch.num_rows


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
        for batch in file.iter_batches(_BATCH):
            here = gone[np.searchsorted(gone, first) : np.searchsorted(gone, first + batch.num_rows)] - first
            keep = np.ones(batch.num_rows, bool)
            keep[here] = False
            left = batch.filter(pa.array(keep))
            if left.num_rows:
                writer.write_batch(left, row_group_size=_ROW_GROUP)
            kept += left.num_rows
            first += batch.num_rows
    return kept


@contextmanager
def _writer(target: Path, schema: pa.Schema) -> Iterator[Any]:
    """Give a writer to a file that appears whole; a task that Spark runs twice writes the same file twice."""
    staging = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        with pq.ParquetWriter(staging, schema, compression="zstd", version="2.6", store_schema=False) as writer:
            yield writer
        os.replace(staging, target)
    finally:
        staging.unlink(missing_ok=True)
