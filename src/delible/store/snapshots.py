"""A version of a Delta table as its log tells it: files and schema, without a JVM and without a row being read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any
from urllib.parse import unquote

from delible.model.layout import is_mapped, stored_paths

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
        shown: Digest of the file with those of its rows that the table shows; None when it shows all.
    """

    path: str
    rows: int | None
    plain: bool
    shown: bytes | None = None


@dataclass(frozen=True)
class TableSnapshot:
    """One version.

    Args:
        source: Delta's own id of the table.
        schema: In the log's JSON.
        files: By digest of their path. The path itself may hold values of partition columns, and is kept nowhere.
        physical: The column of the files behind each column of the table, where those have other names.
    """

    source: str
    version: int
    schema: str
    files: Mapping[bytes, DataFile]
    physical: Mapping[str, str] = field(default_factory=dict)


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
    mapped = is_mapped(metadata.configuration)
    simple = not mapped and not any(feature.startswith(_WIDENED) for feature in features)
    hidden = hidden_files(table) if _HIDDEN in features else {}
    partitions = metadata.partition_columns

    def plain(path: str) -> bool:
        whole = hidden is not None and file_name(path) not in hidden
        return simple and whole and not _STRANGE.search(path) and all(f"{name}=" in path for name in partitions)

    def shown(path: str) -> bytes | None:
        if hidden is None:
            return _of_version(path, table.version())
        return hidden.get(file_name(path))

    files = {
        file_digest(path): DataFile(path, rows, plain(path), shown(path))
        for path, rows in zip(_column(added, "path"), _column(added, "num_records"), strict=True)
    }
    schema = table.schema().to_json()
    physical = dict(stored_paths(json.loads(schema)["fields"])) if mapped else {}
    return TableSnapshot(str(metadata.id), table.version(), schema, files, physical)


def hidden_files(table: Any) -> Mapping[str, bytes] | None:
    """Return a digest by name of each file with a deletion vector; None when this release of delta-rs cannot tell."""
    try:
        return {
            file_name(path): blake2b(file_name(path).encode() + b"/" + bytes(rows), digest_size=8).digest()
            for batch in table.deletion_vectors()
            for path, rows in zip(_column(batch, "filepath"), _column(batch, "selection_vector"), strict=True)
        }
    except (AttributeError, NotImplementedError, KeyError):
        return None


def _of_version(path: str, version: int) -> bytes:
    """Return a digest that no other version's file has, for where nobody can tell which rows it shows."""
    return blake2b(f"{file_name(path)}@{version}".encode(), digest_size=8).digest()


def file_name(path: str) -> str:
    """Return the name of a file as a log spells its path."""
    return unquote(path).rpartition("/")[2]


def _column(table: Any, name: str) -> list[Any]:
    return list(table.column(name).to_pylist())
