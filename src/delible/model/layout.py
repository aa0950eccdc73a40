"""A Delta table as its log describes it: columns, partitions, properties."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

DELETED_FILES, LOG = "delta.deletedFileRetentionDuration", "delta.logRetentionDuration"
MAPPING_MODE, PHYSICAL_NAME = "delta.columnMapping.mode", "delta.columnMapping.physicalName"
INDEXED, STATISTICS = "delta.dataSkippingNumIndexedCols", "delta.dataSkippingStatsColumns"
DEFAULTS: Mapping[str, str] = {DELETED_FILES: "interval 1 week", LOG: "interval 30 days", INDEXED: "32"}
"""What Delta does where a table says nothing."""

_HOURS = {"second": 1 / 3600, "minute": 1 / 60, "hour": 1.0, "day": 24.0, "week": 168.0}
_SECONDS = {"millisecond": 1e-3, "microsecond": 1e-6, "nanosecond": 1e-9}
_PLAIN = re.compile(r"`([^`]+)`|([^,\s]+)")

Columns = Mapping[str, str]
"""Column name to type, as Delta's schema spells types; fields of structs under their dotted path."""


@dataclass(frozen=True)
class Layout:
    """What a table's log says of it.

    Args:
        columns: All leaf columns in the schema's order.
        partitions, clustering: Columns whose values are in file paths, or decide which file a row goes to.
        properties: The table's own properties.
    """

    columns: Columns
    partitions: tuple[str, ...] = ()
    clustering: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)

    def property_of(self, name: str) -> str:
        """Return a property, or what Delta takes where the table has none."""
        return self.properties.get(name, DEFAULTS.get(name, ""))

    @property
    def statistics(self) -> tuple[str, ...]:
        """The leaf columns whose least and greatest values Delta writes into the log.

        `delta.dataSkippingStatsColumns` decides alone where it is set, a struct standing for all its fields; otherwise
        the first `delta.dataSkippingNumIndexedCols` leaves of the schema, all of them for -1.
        """
        listed = self.properties.get(STATISTICS)
        if listed is not None:
            names = [a or b for a, b in _PLAIN.findall(listed)]
            return tuple(c for c in self.columns if any(c == n or c.startswith(f"{n}.") for n in names))
        try:
            count = int(self.property_of(INDEXED))
        except ValueError:
            count = 32
        leaves = [name for name in self.columns if name not in self.partitions]
        return tuple(leaves if count < 0 else leaves[:count])


def is_mapped(properties: Mapping[str, str]) -> bool:
    """Return whether files and log may call the table's columns otherwise than people do."""
    return properties.get(MAPPING_MODE, "none") != "none"


def stored_name(field: Mapping[str, Any]) -> str:
    """Return what files and log call a field of Delta's schema: where columns are mapped, maybe `col-<uuid>`."""
    return str((field.get("metadata") or {}).get(PHYSICAL_NAME, field["name"]))


def stored_paths(fields: Iterable[Mapping[str, Any]], shown: str = "", stored: str = "") -> Iterator[tuple[str, str]]:
    """Yield the dotted path of each field, and its path in files and log, through structs, arrays and maps."""
    for each in fields:
        own, there = f"{shown}{each['name']}", f"{stored}{stored_name(each)}"
        yield own, there
        yield from _paths_in(each["type"], own, there)


def _paths_in(kind: Any, shown: str, stored: str) -> Iterator[tuple[str, str]]:
    if not isinstance(kind, dict):
        return
    yield from stored_paths(kind.get("fields", ()), f"{shown}.", f"{stored}.")
    for part, name in (("elementType", "element"), ("keyType", "key"), ("valueType", "value")):
        yield from _paths_in(kind.get(part), f"{shown}.{name}", f"{stored}.{name}")


def interval_hours(text: str) -> int:
    """Return a Delta interval such as `interval 1 week` in whole hours, rounded up.

    Raises:
        ValueError: For a unit that Delta itself would refuse.
    """
    units = _HOURS | {unit: seconds / 3600 for unit, seconds in _SECONDS.items()}
    parts = re.findall(r"(\d+)\s*([a-z]+?)s?\b", text.lower())
    if not parts or any(unit not in units for _, unit in parts):
        raise ValueError("a retention property is not an interval that Delta knows")
    return -int(-sum(int(number) * units[unit] for number, unit in parts) // 1)
