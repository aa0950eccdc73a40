"""What a scan has to read again, given what former scans have read; and what both say together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from delible.decide.sampling import Reach, at_most_missed, bound_of
from delible.decide.tagging import NOT_PERSONAL, ColumnFacts

_GONE = 0.5


@dataclass(frozen=True)
class ScanRecord:
    """What former scans of a table, taken together, have read.

    Args:
        source: Delta's own id of the table: one made anew under the same path is another.
        version: The newest version that was read.
        rate: At which each row of each of the files was drawn at least; 1 for all.
        most: Distinct values per column at most; None without such a limit.
        confidence: Of the claims made.
        prevalence: As it was asked for, such as `1/1000`; empty where no bound was.
        rows: Of the table at that version.
        detector: What looked: evidence of another release is not added to.
        files: Digests of the files whose rows were drawn; of one that showed a part of its rows only, with that part.
        schema: Leaf columns with their types.
        drift: Columns that came or changed between scans and that nobody has mapped yet.
        facts: What was counted, by column.
        physical: The column of the files behind each column of the top level, where those have other names.
        withheld: Digests of the people whose rows were left out, since they may only be stored (Art. 18(2)).
        withheld_rows: How many rows of the table these were.
        seed: Number of the draw; scans that go on from others draw by the same one, a look anew by another.
    """

    table: str
    source: str
    version: int
    rate: float
    most: int | None
    confidence: float
    prevalence: str
    rows: int
    detector: str
    files: frozenset[bytes]
    schema: Mapping[str, str]
    drift: tuple[str, ...]
    facts: Mapping[str, ColumnFacts]
    at: datetime
    physical: Mapping[str, str] = field(default_factory=dict)
    withheld: frozenset[str] = frozenset()
    withheld_rows: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Rewrite:
    """A commit that only laid rows into other files, by OPTIMIZE for one: digests of the files."""

    added: frozenset[bytes]
    removed: frozenset[bytes]


@dataclass(frozen=True)
class Reading:
    """Which files are read now.

    Args:
        files: Digests of those whose rows have not been drawn yet.
        gone: Share of the files read before whose rows are in the table no more.
    """

    files: frozenset[bytes]
    gone: float = 0.0


def reading(live: Mapping[bytes, bytes | None], known: Iterable[bytes], rewrites: Iterable[Rewrite]) -> Reading:
    """Return what has to be read, replaying the rewrites since, oldest first.

    A rewritten file is known when every file that its commit took rows from was: OPTIMIZE may mix new files with old.
    A file that showed a part of its rows when it was read is known while it shows that part: RESTORE may have taken its
    deletion vector away.

    Args:
        live: The table's files, each with the digest of what it shows where that is not all of its rows.
    """
    now, drawn = frozenset(live), set(known)
    same = {file: shown for file, shown in live.items() if shown is not None and shown in drawn}
    drawn = (drawn - set(same.values())) | same.keys()
    for each in rewrites:
        if each.removed <= drawn:
            drawn -= each.removed
            drawn |= each.added
    return Reading(now - drawn, len(drawn - now) / len(drawn) if drawn else 0.0)


def continues(record: ScanRecord | None, *, source: str, detector: str, rate: float, most: int | None) -> bool:
    """Return whether evidence of former scans is as strong as what is asked for now, and of the same table.

    Args:
        rate: At which rows must have been drawn at least.
        most: Distinct values per column that must have been looked at, if there were so many.
    """
    if record is None or (record.source, record.detector) != (source, detector):
        return False
    enough = record.most is None or (most is not None and record.most >= most)
    return enough and record.rate >= rate


def mostly_gone(found: Reading) -> bool:
    """Return whether so much of what was read is gone that adding to it would tell of another table."""
    return found.gone > _GONE


def combined(before: ColumnFacts | None, now: ColumnFacts) -> ColumnFacts:
    """Return the counts of both; distinct values are distinct within each scan."""
    if before is None or before.kind != now.kind:
        return now
    summed: dict[str, Any] = {}
    for each in fields(now):
        old, new = getattr(before, each.name), getattr(now, each.name)
        if isinstance(new, bool):
            summed[each.name] = old and new
        elif isinstance(new, int):
            summed[each.name] = old + new
        elif isinstance(new, Mapping):
            summed[each.name] = dict(Counter(old) + Counter(new))
    return replace(now, **summed)


def drifted(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Return the columns that are new, or of another type than at the last scan, in the schema's order."""
    return tuple(column for column, kind in now.items() if before.get(column) != kind)


def reach(record: ScanRecord, facts: ColumnFacts) -> Reach:
    """Return what the scans of a table can and cannot rule out for one column.

    Of a column of which no row was looked at nothing is ruled out, as long as the table has any.
    """
    chosen = record.most is not None and not facts.complete
    nothing = not facts.rows and record.rows > 0
    unread = facts.is_opaque or facts.unread > 0 or facts.cut > 0
    missed = None if chosen or nothing or unread else at_most_missed(record.rate, record.confidence)
    if missed is not None:
        # Nobody knows what stands in the rows that were left out.
        missed += record.withheld_rows
    kinds = {entity: n for entity, n in facts.row_hits.items() if n and entity not in NOT_PERSONAL}
    return Reach(
        rows=facts.rows,
        of=record.rows,
        hits=tuple(sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))),
        confidence=record.confidence,
        missed=0 if facts.complete and not nothing and not unread else missed,
        asked=bound_of(record.confidence, record.prevalence) if record.prevalence else None,
        cut=facts.cut,
        withheld=record.withheld_rows,
        unread=facts.unread,
    )
