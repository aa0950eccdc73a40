"""A Delta table as its log describes it: columns, partitions, properties."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

DELETED_FILES, LOG = "delta.deletedFileRetentionDuration", "delta.logRetentionDuration"
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
