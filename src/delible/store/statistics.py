"""Sizes, and least and greatest values, of a Delta table's files: from its log, without a JVM or a row being read."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from delible.model.layout import is_mapped, stored_name
from delible.model.statistics import BoundKind, Bounds, TableStatistics
from delible.store.snapshots import file_name, hidden_files

_KINDS: Mapping[str, BoundKind] = {
    "string": BoundKind.TEXT,
    "byte": BoundKind.WHOLE,
    "short": BoundKind.WHOLE,
    "integer": BoundKind.WHOLE,
    "long": BoundKind.WHOLE,
    "date": BoundKind.TIME,
    "timestamp": BoundKind.TIME,
    "timestamp_ntz": BoundKind.TIME,
}
"""Types whose values the log orders as delible does. Values of any other are never told apart by it."""
_VECTORS = "deletionVectors"


def table_statistics(location: str, columns: Collection[str], *, version: int | None = None) -> TableStatistics | None:
    """Return what the log says of a version's files; None where delta-rs cannot read the table.

    Args:
        columns: Top-level columns whose bounds are wanted.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        delta = DeltaTable(location, version=version)
        added = pa.table(delta.get_add_actions(flatten=True))
        schema = json.loads(delta.schema().to_json())
        protocol, metadata = delta.protocol(), delta.metadata()
    except (DeltaError, OSError, ValueError):
        return None
    features = {*(protocol.writer_features or []), *(protocol.reader_features or [])}
    mapped = is_mapped(metadata.configuration)
    fields = {field["name"]: field for field in schema["fields"]}
    wanted = {name: _bounds(added, fields[name], mapped=mapped) for name in columns if name in fields}
    counts = _one(added, "num_records")
    return TableStatistics(
        version=delta.version(),
        sizes=_numbers(added.column("size_bytes")),
        rows=None if counts is None or counts.null_count else int(pc.sum(counts).as_py() or 0),
        hidden=_hidden(delta, added) if _VECTORS in features else np.zeros(added.num_rows, bool),
        columns={name: bounds for name, bounds in wanted.items() if bounds is not None},
        features=tuple(sorted(features)),
        properties=dict(metadata.configuration),
    )


def _bounds(added: pa.Table, field: Mapping[str, Any], *, mapped: bool) -> Bounds | None:
    """Return a column's bounds; with column mapping the log speaks of it by its physical name."""
    kind = _KINDS.get(field["type"]) if isinstance(field["type"], str) else None
    if kind is None:
        return None
    name = stored_name(field) if mapped else field["name"]
    value = _one(added, f"partition.{name}")
    low, high = (value, value) if value is not None else (_one(added, f"min.{name}"), _one(added, f"max.{name}"))
    if low is None or high is None:
        return None
    known = _flags(pc.and_(pc.is_valid(low), pc.is_valid(high)))
    empty = ~known if value is not None else _all_null(added, name)
    try:
        least, most = (_values(kind, each) for each in (low, high))
    except pa.ArrowException:
        return None
    return Bounds(kind, least, most, known, empty)


def _values(kind: BoundKind, values: pa.ChunkedArray) -> Any:
    match kind:
        case BoundKind.TEXT:
            return values.cast(pa.string()).to_pylist()
        case BoundKind.WHOLE:
            return _numbers(values)
        case BoundKind.TIME:
            zoned = pa.types.is_timestamp(values.type) and values.type.tz is not None
            return _numbers(values.cast(pa.timestamp("us", "UTC" if zoned else None)))


def _numbers(values: pa.ChunkedArray) -> Any:
    return pc.fill_null(values.cast(pa.int64()), 0).combine_chunks().to_numpy(zero_copy_only=False)


def _all_null(added: pa.Table, name: str) -> Any:
    nulls, rows = _one(added, f"null_count.{name}"), _one(added, "num_records")
    if nulls is None or rows is None:
        return np.zeros(added.num_rows, bool)
    return _flags(pc.equal(nulls, rows))


def _flags(values: Any) -> Any:
    flags = pc.fill_null(values, False)
    return (flags.combine_chunks() if isinstance(flags, pa.ChunkedArray) else flags).to_numpy(zero_copy_only=False)


def _one(added: pa.Table, name: str) -> pa.ChunkedArray | None:
    """Return a column; None where it is missing, or where a nested column has the same flattened name."""
    return added.column(name) if added.column_names.count(name) == 1 else None


def _hidden(delta: Any, added: pa.Table) -> Any:
    """Return which files have rows behind a deletion vector; None when this release of delta-rs cannot tell."""
    from deltalake.exceptions import DeltaError

    try:
        names = hidden_files(delta)
    except (DeltaError, OSError, ValueError):
        names = None
    if names is None:
        return None
    return np.array([file_name(path) in names for path in added.column("path").to_pylist()], bool)
