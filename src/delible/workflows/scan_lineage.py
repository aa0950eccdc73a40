"""What a scan tells lineage: which tables it read, how much of each, and its verdicts as tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from delible.model.lineage import DatasetUse
from delible.model.policy import PolicySet
from delible.model.record import TagFinding
from delible.workflows.lineage_events import table_uses
from delible.workflows.tables import KnownTable


@dataclass(frozen=True)
class ReadTable:
    """How much of one table a scan read.

    Args:
        rows: Of the table.
        files_read: Files whose rows were drawn now.
        files_known: Files that former scans had read.
        anew: Evidence of former scans was left aside, or there was none.
    """

    table: str
    version: int
    rows: int
    files_read: int
    files_known: int
    anew: bool


def scan_uses(policies: PolicySet | None, tables: Sequence[KnownTable]) -> list[DatasetUse]:
    """Return the tables that a scan is going to read."""
    places = {known.table: known.location for known in tables}
    return table_uses(policies, places, {known.table: known.version for known in tables})


def scanned_use(use: DatasetUse, findings: Sequence[TagFinding], read: Sequence[ReadTable], sample: str) -> DatasetUse:
    """Return a table with its verdicts as tags, behind what its policy says, and how much the scan read of it."""
    own = [f for f in findings if f.table == use.name]
    tags = {f.column: f.category for f in own if f.category is not None}
    facet: dict[str, str | int] = {"sample": sample, "columns": len(own), "personal": len(tags)}
    facet["values"] = sum(f.sampled for f in own)
    for each in (r for r in read if r.table == use.name):
        facet |= {"filesRead": each.files_read, "filesKnown": each.files_known}
    return replace(use, tags={**tags, **use.tags}, facets={"delible_scan": facet})
