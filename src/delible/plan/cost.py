"""What a plan costs: files, bytes and time per table, from the tables' logs and what the find step counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from delible.model.cost import Range, TableCost
from delible.model.statistics import TableStatistics
from delible.plan.candidates import Candidates
from delible.plan.rates import Effort, Timed, expected_seconds

CHANGE_DATA = "delta.enableChangeDataFeed"
_OVERHEAD = 2
"""Change data are small files, in which Parquet's own bytes weigh more than in the table's."""


@dataclass(frozen=True)
class Found:
    """What the find step counted of one step.

    Args:
        rows: Rows that are due; those of which exceptions keep everything left out.
        mentions: Rows of other people to be masked.
        files, bytes: Files that hold due rows.
        kept_rows: Due rows of which exceptions keep something: whether their files are rewritten is not known.
    """

    rows: int
    mentions: int
    files: int
    bytes: int
    kept_rows: int = 0


@dataclass(frozen=True)
class Case:
    """One step of a plan, as far as its cost hangs on it.

    Args:
        statistics: What the table's log says; None where it cannot be read.
        rows: Of the table; None where its log does not count them.
        files, bytes: The table's size.
        found: None where no row was read.
        candidates: Files that can hold due rows by the log.
        anywhere: Without rows being read, any file may hold what is due: mentions in free text, for one.
        texts: Free-text columns, each of which is masked in a commit of its own.
        updates: Rows stay and are changed, so that change data hold them twice.
        works: Whether anything is rewritten at all.
        removes: Whether old files and log are removed in this step, and not in another one of the same table.
        every: Delta may rewrite any file besides: purge those that hold a column which the table dropped, MERGE those
            with a matching key where it inserts rows, too.
        more: Number and bytes of other files that the purge may rewrite.
    """

    table: str
    rule: str | None
    wave: int
    statistics: TableStatistics | None
    rows: int | None
    files: int
    bytes: int
    found: Found | None
    candidates: Candidates
    anywhere: bool
    updates: bool
    works: bool = True
    removes: bool = True
    every: bool = False
    more: tuple[int, int] = (0, 0)
    texts: int = 1


def step_cost(case: Case, seen: Mapping[Effort, Sequence[Timed]]) -> TableCost:
    """Return what one step costs.

    Copy-on-write rewrites the files that hold due rows; with deletion vectors MERGE leaves them and the purge rewrites
    them whole, together with all that have had a deletion vector before. Nobody but the masking itself knows in which
    files mentions stand: in as many as there are rows, at most, which may be those that were rewritten just before.
    """
    rows, files, size = _extent(case)
    if case.works and files.high:
        files, size = _with_hidden(case, files, size)
    on = case.statistics is not None and case.statistics.properties.get(CHANGE_DATA, "").lower() == "true"
    due = size.high if rows is None or not case.rows else rows.high * -(-case.bytes // case.rows)
    change = due * (2 if case.updates else 1) * _OVERHEAD if on and case.works else 0
    work = case.bytes + size.high
    return TableCost(
        table=case.table,
        rule=case.rule,
        wave=case.wave,
        total_files=case.files,
        total_bytes=case.bytes,
        rows=rows,
        candidates=case.candidates.files,
        candidate_bytes=case.candidates.bytes,
        untested=case.candidates.untested,
        files=files,
        bytes=size,
        change_bytes=Range(low=0, high=change),
        objects=case.files if case.removes else 0,
        rewrite_seconds=_seconds(Effort.REWRITE, work, seen, case, files),
        removal_seconds=_seconds(Effort.REMOVAL, case.files, seen, case, files) if case.removes else Range.exactly(0),
    )


def shared(costs: Sequence[TableCost]) -> list[TableCost]:
    """Return the costs of rules, where several on one table share its purge: that counts as the first one's.

    What a rule finds in a file that an earlier one has just written is not counted again (`lake.commits.file_work`),
    and which of them empties a file that several take rows from is not known: so none has a least.
    """
    working: dict[str, list[TableCost]] = {}
    for cost in costs:
        if cost.files.high:
            working.setdefault(cost.table, []).append(cost)

    def of(cost: TableCost) -> TableCost:
        every = working.get(cost.table, [])
        if len(every) < 2 or cost not in every:  # noqa: PLR2004
            return cost
        files, size = cost.files.high, cost.bytes.high
        if cost is every[0]:
            files = min(cost.total_files, sum(c.files.high for c in every))
            size = min(cost.total_bytes, sum(c.bytes.high for c in every))
        return cost.model_copy(update={"files": Range(low=0, high=files), "bytes": Range(low=0, high=size)})

    return [of(cost) for cost in costs]


def in_waves(costs: Iterable[TableCost]) -> Range:
    """Return the seconds of all stages: tables of a wave side by side at best, one after the other at worst."""
    low: dict[int, int] = {}
    high = 0
    for cost in costs:
        one = cost.rewrite_seconds + cost.removal_seconds
        low[cost.wave] = max(low.get(cost.wave, 0), one.low)
        high += one.high
    return Range(low=sum(low.values()), high=high)


def _extent(case: Case) -> tuple[Range | None, Range, Range]:
    """Return rows, files and bytes before the purge is thought of."""
    nothing = Range.exactly(0)
    if not case.works:
        return nothing, nothing, nothing
    if case.found is None:
        files = case.files if case.anywhere else case.candidates.files
        size = case.bytes if case.anywhere else case.candidates.bytes
        most = case.rows if files else 0
        rows = Range(low=0, high=most) if most is not None else None
        return rows, Range(low=0, high=files), Range(low=0, high=size)
    found = case.found
    more = min(found.mentions, case.files)
    surely = found.files if not found.kept_rows else min(1, found.rows)
    least = found.bytes if not found.kept_rows else 0
    return (
        Range(low=found.rows - found.kept_rows + found.mentions, high=found.rows + found.mentions),
        Range(low=surely, high=found.files + more * case.texts),
        Range(low=least, high=found.bytes + _largest(case, more) * case.texts),
    )


def _with_hidden(case: Case, files: Range, size: Range) -> tuple[Range, Range]:
    """Add what Delta rewrites besides: files that had a deletion vector before are purged, too; see `Case.every`."""
    table = case.statistics
    if table is None or table.hidden is None or case.every:
        return (
            Range(low=files.low, high=max(case.files, files.high)),
            Range(low=size.low, high=max(case.bytes, size.high)),
        )
    count, weight = int(table.hidden.sum()), int(table.sizes[table.hidden].sum())
    most, heaviest = files.high + count + case.more[0], size.high + weight + case.more[1]
    return (
        Range(low=max(files.low, count), high=max(files.high, min(case.files, most))),
        Range(low=max(size.low, weight), high=max(size.high, min(case.bytes, heaviest))),
    )


def _largest(case: Case, files: int) -> int:
    """Return what so many files weigh at most."""
    if not files:
        return 0
    if case.statistics is None:
        return case.bytes
    return sum(sorted(case.statistics.sizes.tolist(), reverse=True)[:files])


def _seconds(effort: Effort, units: int, seen: Mapping[Effort, Sequence[Timed]], case: Case, files: Range) -> Range:
    if not case.works or (case.found is None and not files.high):
        return Range.exactly(0)
    expected = expected_seconds(effort, units, seen.get(effort, ()))
    # Whether there is anything to do at all is not known before rows are read.
    return expected if case.found is not None else Range(low=0, high=expected.high)
