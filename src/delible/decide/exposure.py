"""Identifying values that a table's layout puts where no DELETE reaches: statistics, partitions, clustering."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from delible.decide.finding import Finding, note
from delible.errors import bounded
from delible.model.layout import INDEXED, STATISTICS, Layout
from delible.model.policy import PolicySet, TablePolicy
from delible.model.taxonomy import is_identifying

_WITHOUT_BOUNDS = ("boolean", "binary", "array", "map", "variant")
"""Types of which Delta counts the NULLs only."""


def exposures(policies: PolicySet, layouts: Mapping[str, Layout | None]) -> Iterator[Finding]:
    """Yield what of a table's people reaches its log, with the safe layout."""
    for name, table in policies.tables.items():
        layout = layouts.get(name)
        if layout is None or not table.subject:
            continue
        told = identifying(table, layout)
        kept = [c for c in layout.statistics if c in told and _bounded_type(layout, c)]
        if kept:
            yield note("policy.statistics", _statistics(table, layout, kept, told), "tables", name, "columns", kept[0])
        reference = "a keyed subject reference, which tells nobody without the key"
        for column in layout.partitions:
            if column in told:
                message = (
                    f"'{name}' is partitioned by '{_shown(column)}': its values stand in file paths and in the log. "
                    f"Partition by a time, and cluster by {reference}."
                )
                yield note("policy.partition_identifies", message, "tables", name, "columns", column)
        for column in layout.clustering:
            if column in told:
                message = (
                    f"'{name}' is clustered by '{_shown(column)}', which needs its statistics in the log. "
                    f"Cluster by {reference}."
                )
                yield note("policy.clustering_identifies", message, "tables", name, "columns", column)


def identifying(table: TablePolicy, layout: Layout) -> frozenset[str]:
    """Return the leaf columns that tell whose a row is, or in which people may be mentioned."""
    named = {reach.column for reach in table.subject}
    named |= {c for c, p in table.columns.items() if p.searched or p.free_text or is_identifying(p.category)}
    return frozenset(c for c in layout.columns if any(c == n or c.startswith(f"{n}.") for n in named))


def _statistics(table: TablePolicy, layout: Layout, kept: list[str], told: frozenset[str]) -> str:
    safe = [c for c in layout.statistics if c not in told and _bounded_type(layout, c)]
    columns = ",".join(f"`{c}`" if not c.replace("_", "").replace(".", "").isalnum() else c for c in safe)
    setting = f"'{STATISTICS}' = '{columns}'" if safe else f"'{INDEXED}' = '0'"
    return (
        f"Delta writes the least and greatest values of {bounded(', '.join(kept), 200)} into the log of "
        f"'{table.table}', where they outlive a DELETE until the log expires. Set on the table: "
        f"{bounded(setting, 250)}; what is there already goes with the next log expiry."
    )


def _bounded_type(layout: Layout, column: str) -> bool:
    return not layout.columns[column].startswith(_WITHOUT_BOUNDS)


def _shown(column: str) -> str:
    return bounded(column, 80)
