"""What was measured of a table's columns: counts and shares, never a value that anybody is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class At(NamedTuple):
    """One column of one table."""

    table: str
    column: str

    def __str__(self) -> str:
        """Return `table.column`."""
        return f"{self.table}.{self.column}"


class Form(StrEnum):
    """How a column's values are compared with another's.

    `number`: whole numbers, also where a text column holds nothing else.
    """

    NUMBER = "number"
    TEXT = "text"
    TIME = "time"
    OTHER = "other"


@dataclass(frozen=True)
class ColumnProfile:
    """One column as one pass over its table found it.

    Args:
        kind: Spark type, as `simpleString` spells it.
        filled: Rows that are neither NULL nor blank.
        distinct: Distinct values, trimmed and in lower case; approximate (2 %) unless `counted`.
        counted: `distinct` is exact.
        unique: No value stands twice among `looked` rows, which hold every row of each value that they hold.
        longest: Characters of the longest value.
        low, high: Least and greatest number; in memory only, and in no `repr`: they are values.
    """

    at: At
    kind: str
    form: Form
    rows: int
    filled: int
    distinct: int
    counted: bool = False
    unique: bool = False
    looked: int = 0
    longest: int = 0
    low: float | None = field(default=None, repr=False)
    high: float | None = field(default=None, repr=False)

    @property
    def is_key(self) -> bool:
        """Whether every row has a value, and each a different one."""
        return self.unique and 0 < self.filled == self.rows

    @property
    def rows_per_value(self) -> float:
        """Filled rows for each distinct value; 0 without any."""
        return self.filled / self.distinct if self.distinct else 0.0

    @property
    def density(self) -> float:
        """Share of the numbers between the least and the greatest that occur; 0 for anything but numbers."""
        if self.low is None or self.high is None:
            return 0.0
        return min(1.0, self.distinct / (self.high - self.low + 1))


@dataclass(frozen=True)
class Inclusion:
    """How many of a sample of one column's distinct values are among another column's.

    Args:
        values, found: The sample, drawn by keyed hash; and how many of it the other column has.
        of: Distinct values of the first column, approximate; 0 where the sample is all of them.
        probes, probes_found: Numbers spread over the first column's range, whether it holds them or not: what share
            of any numbers the other column has. 0 where the values are no numbers.
    """

    values: int
    found: int
    probes: int = 0
    probes_found: int = 0
    of: int = 0

    @property
    def share(self) -> float:
        """Share of the sample that was found; 0 for an empty one."""
        return self.found / self.values if self.values else 0.0


def percent(share: float) -> str:
    """Return a share that never rounds up to all, nor down to none."""
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    return f"{min(max(share * 100, 0.1), 99.9):.1f} %".replace(" ", "")
