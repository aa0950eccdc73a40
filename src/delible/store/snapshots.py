"""A version of a Delta table as its log tells it: files and schema, without a JVM and without a row being read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from urllib.parse import unquote

_HIDDEN = "deletionVectors"
_WIDENED = "typeWidening"
_STRANGE = re.compile(r"[%*?\[\]{}\\,]|(?:^|/)[._]")
"""What Spark reads as a pattern or an escape in a path, and names that it takes for hidden."""


@dataclass(frozen=True)
class DataFile:
    """One data file.

    Args:
        path: Below the table's folder.
        rows: As the log counts them, those behind a deletion vector included; None without a count.
        plain: Read as a Parquet file by its path it gives what the table shows: no row is behind a deletion vector,
            no column has another name, and values of partition columns stand in the path.
    """

    path: str
    rows: int | None
    plain: bool


@dataclass(frozen=True)
class TableSnapshot:
    """One version.

    Args:
        source: Delta's own id of the table.
        schema: In the log's JSON.
        files: By digest of their path. The path itself may hold values of partition columns, and is kept nowhere.
        mapped: Columns have other names in the files, so that a new name may be an old column.
    """

    source: str
    version: int
    schema: str
    files: Mapping[bytes, DataFile]
    mapped: bool = False


def file_digest(path: str) -> bytes:
    """Return eight bytes that stand for a file's path."""
    return blake2b(unquote(path).encode(errors="surrogatepass"), digest_size=8).digest()


def table_snapshot(location: str, version: int) -> TableSnapshot:
    """Return a version of the table that must be at a location."""
    from deltalake import DeltaTable

    table = DeltaTable(location, version=version)
    added: Any = table.get_add_actions(flatten=True)
    features = {*(table.protocol().writer_features or []), *(table.protocol().reader_features or [])}
    metadata = table.metadata()
    mode = metadata.configuration.get("delta.columnMapping.mode", "none")
    simple = mode == "none" and not any(feature.startswith(_WIDENED) for feature in features)
    hidden = hidden_files(table) if _HIDDEN in features else frozenset()
    partitions = metadata.partition_columns

    def plain(path: str) -> bool:
        whole = hidden is not None and _name(path) not in hidden
        return simple and whole and not _STRANGE.search(path) and all(f"{name}=" in path for name in partitions)

    files = {
        file_digest(path): DataFile(path, rows, plain(path))
        for path, rows in zip(_column(added, "path"), _column(added, "num_records"), strict=True)
    }
    return TableSnapshot(str(metadata.id), table.version(), table.schema().to_json(), files, mode != "none")


def hidden_files(table: Any) -> frozenset[str] | None:
    """Return the names of files with a deletion vector; None when this release of delta-rs cannot tell."""
    try:
        batches = list(table.deletion_vectors())
        return frozenset(_name(path) for batch in batches for path in _column(batch, "filepath"))
    except (AttributeError, NotImplementedError, KeyError):
        return None


def _name(path: str) -> str:
    return unquote(path).rpartition("/")[2]


def _column(table: Any, name: str) -> list[Any]:
    return list(table.column(name).to_pylist())
