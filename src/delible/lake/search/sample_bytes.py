"""Some text of tables that will be searched, to choose windows that are rare in them."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from delible.lake.search.listing import opened

_ROWS = 20_000
_FILES = 3
_MOST = 1 << 20
"""Bytes of one column of one file."""


def taken(locations: Iterable[str]) -> bytes:
    """Return texts of the first rows of some Parquet files; whatever cannot be read is left out."""
    found = []
    for location in locations:
        try:
            filesystem, root = opened(location)
            listed = filesystem.get_file_info(pafs.FileSelector(root, allow_not_found=True))
        except (OSError, UnicodeError):
            continue
        files = sorted(i.path for i in listed if i.type is pafs.FileType.File and i.path.endswith(".parquet"))
        for path in files[:_FILES]:
            found += _of_file(filesystem, path)
    return b"\n".join(found)


def _of_file(filesystem: pafs.FileSystem, path: str) -> list[bytes]:
    try:
        with filesystem.open_input_file(path) as stream:
            batch = next(pq.ParquetFile(stream).iter_batches(batch_size=_ROWS), None)
    except (OSError, ValueError, pa.ArrowException):
        return []
    columns = [] if batch is None else [c for c in batch.columns if pa.types.is_string(c.type)]
    return ["\n".join(pc.drop_null(column).to_pylist()).encode("utf-8", "surrogatepass")[:_MOST] for column in columns]
