"""What a Delta table's log says of its files: sizes, and least and greatest values.

The values are personal data: these types show none in `repr`, are never stored, and live as long as one plan is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class BoundKind(StrEnum):
    """How least and greatest values are compared: by code points, as numbers, or as microseconds since 1970 in UTC."""

    TEXT = "text"
    WHOLE = "whole"
    TIME = "time"


@dataclass(frozen=True, repr=False)
class Bounds:
    """The least and greatest value of one column in each file.

    Args:
        low, high: Texts, or an array of whole numbers; without meaning where `known` is false.
        known: Array of whether the log says both.
        empty: Array of whether the column is NULL in all rows of the file.
    """

    kind: BoundKind
    low: Any
    high: Any
    known: Any
    empty: Any


@dataclass(frozen=True, repr=False)
class TableStatistics:
    """One version of a table.

    Args:
        sizes: Array of the files' bytes.
        rows: As the log counts them, those behind deletion vectors included; None when a file has no count.
        hidden: Array of whether a file has rows behind a deletion vector; None when that cannot be told.
        columns: The bounds of the columns that were asked for and that can be compared.
        features: Names of protocol features that are on.
        properties: The table's own.
    """

    version: int
    sizes: Any
    rows: int | None
    hidden: Any
    columns: Mapping[str, Bounds]
    features: Sequence[str] = ()
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> int:
        """How many files there are."""
        return len(self.sizes)

    @property
    def bytes(self) -> int:
        """Their size."""
        return int(self.sizes.sum())
