"""Statistics of a rewritten data file, in the form that Delta keeps them in `add` actions.

Made anew from the rows that stay: the old least and greatest values may be those of somebody who is gone. A column
whose bounds cannot be written exactly loses them, which costs a reader time and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_LONGEST = 32
_GREATEST = "\U0010ffff"
_BOUNDS = ("minValues", "maxValues")
_EXACT_DIGITS = 15
Path = tuple[str, ...]


@dataclass
class Statistics:
    """Statistics in the making, of the columns that the old ones were of.

    Args:
        old: The statistics of the file before.
    """

    old: Mapping[str, Any]
    rows: int = 0
    nulls: dict[Path, int] = field(default_factory=dict)
    bounds: dict[Path, list[Any]] = field(default_factory=dict)
    unbounded: set[Path] = field(default_factory=set)

    def add(self, table: pa.Table) -> None:
        """Take in rows."""
        self.rows += table.num_rows
        for path in _leaves(self.old.get("nullCount", {})):
            array = _column(table, path)
            count = table.num_rows if array is None else array.null_count
            self.nulls[path] = self.nulls.get(path, 0) + count
        for path in {p for name in _BOUNDS for p in _leaves(self.old.get(name, {}))}:
            array = _column(table, path)
            if array is None or path in self.unbounded or array.null_count == len(array):
                continue
            found = _extremes(array)
            if found is None:
                self.unbounded.add(path)
                continue
            self.bounds.setdefault(path, []).extend(found)

    def document(self) -> str:
        """Return the JSON that an `add` action holds."""
        found: dict[str, Any] = {"numRecords": self.rows}
        for name, pick in (("minValues", min), ("maxValues", max)):
            values: dict[str, Any] = {}
            for path in _leaves(self.old.get(name, {})):
                if path in self.bounds and path not in self.unbounded:
                    written = _written(pick(self.bounds[path]), upper=name == "maxValues")
                    if written is not None:
                        _put(values, path, written)
            if name in self.old:
                found[name] = values
        if "nullCount" in self.old:
            nulls: dict[str, Any] = {}
            for path in _leaves(self.old["nullCount"]):
                _put(nulls, path, self.nulls.get(path, 0))
            found["nullCount"] = nulls
        if "tightBounds" in self.old:
            found["tightBounds"] = self.old["tightBounds"]
        return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def _leaves(node: Mapping[str, Any], prefix: Path = ()) -> Iterator[Path]:
    for name, value in node.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*prefix, name))
        else:
            yield (*prefix, name)


def _put(node: dict[str, Any], path: Path, value: Any) -> None:
    for name in path[:-1]:
        node = node.setdefault(name, {})
    node[path[-1]] = value


def _column(table: pa.Table, path: Path) -> pa.ChunkedArray | None:
    """Return a leaf's values; a NULL struct's fields are NULL."""
    if path[0] not in table.column_names:
        return None
    array = table.column(path[0])
    for name in path[1:]:
        if not pa.types.is_struct(array.type) or name not in [field.name for field in array.type]:
            return None
        array = pc.struct_field(array, name)
    return array


def _extremes(array: pa.ChunkedArray) -> Iterable[Any] | None:
    kind = array.type
    simple = (
        pa.types.is_integer(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_date(kind)
        or pa.types.is_timestamp(kind)
        or pa.types.is_decimal(kind)
    )
    if pa.types.is_floating(kind):
        simple = not pc.any(pc.is_nan(array)).as_py()
    if not simple:
        return None
    try:
        found = pc.min_max(array).as_py()
    except (OverflowError, ValueError):  # a date that Python does not have
        return None
    return found["min"], found["max"]


def _written(value: Any, *, upper: bool) -> Any:
    """Return a bound as JSON, rounded outwards where it must be shortened; None when it cannot be said exactly."""
    if isinstance(value, str):
        if len(value) <= _LONGEST:
            return value
        return value[:_LONGEST] + (_GREATEST if upper else "")
    if isinstance(value, datetime):
        naive = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
        over = naive.microsecond % 1000
        naive -= timedelta(microseconds=over)
        if upper and over:
            naive += timedelta(milliseconds=1)
        return naive.isoformat(timespec="milliseconds") + ("Z" if value.tzinfo is not None else "")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        exact = len(value.as_tuple().digits) <= _EXACT_DIGITS
        return (int(value) if value == int(value) else float(value)) if exact else None
    return value
