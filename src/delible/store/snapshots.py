"""A version of a Delta table as its log tells it: files and schema, without a JVM and without a row being read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from urllib.parse import unquote

_HIDDEN = "deletionVectors"
_WIDENED = "typeWidening"


@dataclass(frozen=True)
class DataFile:
    """One data file.

    Args:
        path: Below the table's folder.
        rows: As the log counts them; None without a count.
        plain: It holds what the table shows: no row behind a deletion vector, no column under another name.
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

    @property
    def rows(self) -> int | None:
        """Rows of all files, those behind deletion vectors included; None when a file has no count."""
        counts = [file.rows for file in self.files.values()]
        return None if None in counts else sum(rows or 0 for rows in counts)


def file_digest(path: str) -> bytes:
    """Return eight bytes that stand for a file's path."""
    return blake2b(unquote(path).encode(errors="surrogatepass"), digest_size=8).digest()


def table_snapshot(location: str, version: int) -> TableSnapshot:
    """Return a version of the table that must be at a location."""
    from deltalake import DeltaTable

    table = DeltaTable(location, version=version)
    added: Any = table.get_add_actions(flatten=True)
    features = {*(table.protocol().writer_features or []), *(table.protocol().reader_features or [])}
    mode = table.metadata().configuration.get("delta.columnMapping.mode", "none")
    plain = mode == "none" and not any(feature.startswith(_WIDENED) for feature in features)
    hidden = _hidden(table) if _HIDDEN in features else frozenset()
    files = {
        file_digest(path): DataFile(path, rows, plain and hidden is not None and _name(path) not in hidden)
        for path, rows in zip(_column(added, "path"), _column(added, "num_records"), strict=True)
    }
    metadata = table.metadata()
    return TableSnapshot(str(metadata.id), table.version(), table.schema().to_json(), files, mode != "none")


def _hidden(table: Any) -> frozenset[str] | None:
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
