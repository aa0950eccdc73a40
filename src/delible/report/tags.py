"""The map of personal data: what the policies declare per table and category beside what a scan found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from delible.decide.column_paths import is_among
from delible.model.base import Frozen
from delible.model.policy import TablePolicy
from delible.model.record import TagFinding
from delible.model.terms import TagState


class CategoryUse(Frozen):
    """One data category in one table.

    Args:
        declared: Columns that the policy files under this category.
        found: Columns that a scan put under this category and nobody rejected.
        undeclared: Those of `found` that the policy does not map at all.
        special: At least one of the columns is declared a special category (Art. 9), or found to be one.
        entities: Presidio entity types behind the verdicts.
    """

    table: str
    category: str
    declared: tuple[str, ...]
    found: tuple[str, ...]
    undeclared: tuple[str, ...]
    special: bool
    entities: tuple[str, ...]


class ScannedTable(Frozen):
    """How much of one table the scan looked at.

    Args:
        waiting: Columns whose evidence is in conflict, so that a person has to look; those without a category are not
            counted as clean.
        disregarded: Columns of which some values looked personal, and so few that it was taken for chance; they are
            not counted as clean either.
        worst_bound: Of the columns that came out clean or so, the largest share of rows that could still hold personal
            data, at the scan's confidence; None when no column did.
    """

    table: str
    scanned_at: datetime | None
    version: int | None
    columns: int
    with_findings: int
    clean: int
    rejected: int
    waiting: int = 0
    disregarded: int = 0
    worst_bound: float | None


class CategoryTrend(Frozen):
    """Columns that hold one data category by what scans and people said: at the period's start, and at its end."""

    category: str
    before: int
    after: int
    came: tuple[str, ...]
    went: tuple[str, ...]


def category_trend(history: Sequence[TagFinding], *, start: datetime, end: datetime) -> tuple[CategoryTrend, ...]:
    """Return the trend per category.

    Args:
        history: All verdicts in the order in which they were recorded.
    """
    before, after = _columns_of(history, start), _columns_of(history, end)
    return tuple(
        CategoryTrend(
            category=category,
            before=len(before[category]),
            after=len(after[category]),
            came=tuple(sorted(after[category] - before[category])),
            went=tuple(sorted(before[category] - after[category])),
        )
        for category in sorted({*before, *after})
    )


def _columns_of(history: Sequence[TagFinding], until: datetime) -> dict[str, set[str]]:
    standing: dict[tuple[str, str], TagFinding] = {}
    for finding in history:
        key = (finding.table, finding.column)
        pinned = key in standing and standing[key].state.pinned
        if finding.at <= until and not (pinned and finding.state in (TagState.PROPOSED, TagState.REVIEW)):
            standing[key] = finding
    columns: dict[str, set[str]] = defaultdict(set)
    for (table, column), finding in standing.items():
        if finding.category is not None and finding.state is not TagState.REJECTED:
            columns[finding.category].add(f"{table}.{column}")
    return columns


def pii_map(tables: Mapping[str, TablePolicy], findings: Iterable[TagFinding]) -> tuple[CategoryUse, ...]:
    """Return the map, one line per table and category."""
    declared: dict[tuple[str, str], list[str]] = defaultdict(list)
    special: set[tuple[str, str]] = set()
    for policy in tables.values():
        for name, column in policy.columns.items():
            declared[policy.table, column.category].append(name)
            if column.special:
                special.add((policy.table, column.category))
    found: dict[tuple[str, str], list[TagFinding]] = defaultdict(list)
    for finding in findings:
        if finding.category is not None and finding.state is not TagState.REJECTED:
            found[finding.table, finding.category].append(finding)
            if finding.special:
                special.add((finding.table, finding.category))
    return tuple(
        CategoryUse(
            table=table,
            category=category,
            declared=tuple(sorted(declared.get((table, category), ()))),
            found=tuple(sorted(f.column for f in found.get((table, category), ()))),
            undeclared=tuple(
                sorted(f.column for f in found.get((table, category), ()) if not _mapped(tables.get(table), f.column))
            ),
            special=(table, category) in special,
            entities=tuple(sorted({f.entity for f in found.get((table, category), ()) if f.entity})),
        )
        for table, category in sorted({*declared, *found})
    )


def scanned_tables(tables: Mapping[str, TablePolicy], findings: Iterable[TagFinding]) -> tuple[ScannedTable, ...]:
    """Return per table when it was last scanned and with what outcome; tables never scanned stand with no time."""
    by_table: dict[str, list[TagFinding]] = {name: [] for name in tables}
    for finding in findings:
        by_table.setdefault(finding.table, []).append(finding)
    return tuple(_scanned(table, by_table[table]) for table in sorted(by_table))


def _scanned(table: str, findings: list[TagFinding]) -> ScannedTable:
    rejected = sum(f.state is TagState.REJECTED for f in findings)
    waiting = sum(f.state is TagState.REVIEW for f in findings)
    nothing = [f for f in findings if f.category is None and f.state is not TagState.REVIEW]
    return ScannedTable(
        table=table,
        scanned_at=max((f.at for f in findings), default=None),
        version=max((f.version for f in findings), default=None),
        columns=len(findings),
        with_findings=sum(f.category is not None and f.state is not TagState.REJECTED for f in findings),
        clean=sum(not f.disregarded for f in nothing),
        rejected=rejected,
        waiting=waiting,
        disregarded=sum(f.disregarded for f in nothing),
        worst_bound=max((f.bound for f in nothing), default=None),
    )


def _mapped(policy: TablePolicy | None, column: str) -> bool:
    return policy is not None and is_among(column, policy.columns)
