"""What a run cost beside what its plan expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from delible.model.cost import Compared, Range, TableComparison, TableCost

_TRIFLES: Mapping[str, int] = {"rows": 0, "files": 1, "bytes": 1_000_000, "rewrite_seconds": 10, "removal_seconds": 10}
"""By how much a number may be off without anybody being told."""
_FAR = 2


@dataclass(frozen=True)
class Actual:
    """What one step cost.

    Args:
        bytes: Of the data files that were rewritten, as they were before.
        rewriting, removing: Milliseconds; None where a stage has not ended, or was cut in two by a crash.
    """

    rows: int
    files: int
    bytes: int
    rewriting: int | None = None
    removing: int | None = None


def compared(cost: TableCost, actual: Actual) -> TableComparison:
    """Return each number of a step beside its estimate; times only where they were measured."""
    numbers: list[tuple[str, Range | None, int | None]] = [
        ("rows", cost.rows, actual.rows),
        ("files", cost.files, actual.files),
        ("bytes", cost.bytes, actual.bytes),
        ("rewrite_seconds", cost.rewrite_seconds, _seconds(actual.rewriting)),
        ("removal_seconds", cost.removal_seconds, _seconds(actual.removing)),
    ]
    return TableComparison(
        table=cost.table,
        rule=cost.rule,
        numbers=tuple(
            _beside(what, estimate, number)
            for what, estimate, number in numbers
            if estimate is not None and number is not None
        ),
    )


def _beside(what: str, estimate: Range, actual: int) -> Compared:
    end = min(max(actual, estimate.low), estimate.high)
    percent = 100 if actual == end else actual * 100 // end if end else None
    off = percent is None or percent > 100 * _FAR or percent * _FAR < 100  # noqa: PLR2004
    return Compared(
        what=what,
        estimate=estimate,
        actual=actual,
        percent=percent,
        far=off and abs(actual - end) > _TRIFLES[what],
    )


def _seconds(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else -(-milliseconds // 1000)
