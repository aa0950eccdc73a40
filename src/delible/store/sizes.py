"""Version and size of a Delta table, from its log alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TableSize:
    """One version of a table.

    Args:
        rows: As the log counts them, rows behind deletion vectors left out; None when a file has no count.
        bytes: Of the files of this version; older ones that VACUUM has not removed yet come on top.
    """

    version: int
    rows: int | None
    files: int
    bytes: int


def table_size(location: str) -> TableSize | None:
    """Return the size of the table at a location, or None when there is none that can be read."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        table = DeltaTable(location)
        added = table.get_add_actions(flatten=True)
        hidden = _hidden_rows(table)
    except (DeltaError, OSError, ValueError):
        return None
    counts = _column(added, "num_records")
    rows = None if None in counts or hidden is None else sum(counts) - hidden
    return TableSize(table.version(), rows, len(counts), sum(_column(added, "size_bytes")))


def _column(added: Any, name: str) -> list[Any]:
    return list(added.column(name).to_pylist())


def _hidden_rows(table: Any) -> int | None:
    """Return how many rows deletion vectors hide; None when this release of delta-rs cannot tell."""
    if "deletionVectors" not in (table.protocol().writer_features or []):
        return 0
    try:
        vectors = table.deletion_vectors()
    except (AttributeError, NotImplementedError):
        return None
    hidden: list[int] = [keep.count(False) for batch in vectors for keep in _column(batch, "selection_vector")]
    return sum(hidden)
