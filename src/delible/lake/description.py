"""How a Delta table describes itself in its log: read without Spark, also once the commit that said it has expired."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow.fs as pafs
import pyarrow.parquet as pq

from delible.lake.commits import latest, log_of
from delible.model.layout import is_mapped, stored_paths

_ID, _LAST_ID = "delta.columnMapping.id", "delta.columnMapping.maxColumnId"
_COMPUTED = ("delta.generationExpression", "delta.identity.start", "delta.identity.step")
_LENGTH = re.compile(r"(?:var)?char\((\d+)\)")


def description(location: str) -> dict[str, Any] | None:
    """Return the newest `metaData` action of a table; None where its log holds none that can be read."""
    return latest(location, "metaData") or _checkpointed(location)


def fields_of(described: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Return the columns of a description, each as Delta's schema spells it."""
    return {f["name"]: f for f in json.loads(described["schemaString"])["fields"]} if described else {}


def is_computed(field: Mapping[str, Any]) -> bool:
    """Return whether Delta itself computes a column's values, so that nothing else may be written there."""
    return any(key in field.get("metadata", {}) for key in _COMPUTED)


def longest_in(field: Mapping[str, Any]) -> int | None:
    """Return how many characters a CHAR or VARCHAR column takes; None for all others."""
    found = _LENGTH.fullmatch(str(field.get("metadata", {}).get("__CHAR_VARCHAR_TYPE_STRING", "")))
    return int(found[1]) if found else None


def settings_of(described: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the properties of a description; checkpoints spell maps as lists of pairs."""
    return dict(described.get("configuration") or {}) if described else {}


def physical_names(location: str) -> dict[str, str]:
    """Return the columns that the table's files and log call otherwise than people do; both as dotted paths.

    Under column mapping a column is `col-<uuid>` in files, statistics and partition values, or keeps the name there
    that it had before it was renamed.
    """
    described = description(location)
    if not is_mapped(settings_of(described)):
        return {}
    return {shown: stored for shown, stored in stored_paths(fields_of(described).values()) if shown != stored}


def has_dropped_columns(described: Mapping[str, Any] | None) -> bool:
    """Return whether files may hold columns that the table has no more: more have had a number than are there."""
    last = settings_of(described).get(_LAST_ID, "0")
    numbered = sum(_numbered(field) for field in fields_of(described).values())
    return last.isdigit() and int(last) > numbered > 0


def _numbered(field: Any) -> int:
    """Count the fields in and below one that column mapping has given a number."""
    if isinstance(field, dict):
        return (_ID in field.get("metadata", {})) + sum(_numbered(v) for k, v in field.items() if k != "metadata")
    return sum(map(_numbered, field)) if isinstance(field, list) else 0


def _checkpointed(location: str) -> dict[str, Any] | None:
    """Return the description that the newest checkpoint holds."""
    filesystem, log = log_of(location)
    files = [i.path for i in filesystem.get_file_info(pafs.FileSelector(log)) if ".checkpoint." in i.base_name]
    for path in sorted((p for p in files if not p.rsplit("/", 1)[-1].startswith(".")), reverse=True):
        found = next((row for row in _described_in(filesystem, path) if row is not None), None)
        if found is not None:
            return found
    return None


def _described_in(filesystem: pafs.FileSystem, path: str) -> Iterator[dict[str, Any] | None]:
    if path.endswith(".json"):
        with filesystem.open_input_stream(path) as stream:
            for line in stream.read().splitlines():
                yield json.loads(line).get("metaData")
    elif path.endswith(".parquet"):
        with filesystem.open_input_file(path) as file:
            opened = pq.ParquetFile(file)
            if "metaData" in opened.schema_arrow.names:
                yield from opened.read(columns=["metaData"]).column(0).to_pylist()
