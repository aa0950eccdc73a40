"""How long work takes: learnt from what earlier runs took, as a range that says how little is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from statistics import median

from delible.model.cost import Range
from delible.model.record import AuditRecord

MILLISECONDS = "milliseconds"
OTHERS = "others_wrote"
"""Names of counts in the ledger: the time that a stage took, and that others have written files since the plan."""
_ENOUGH = 3
"""Runs from which a line is drawn; fewer only shift the default."""
_SPREAD_OF_DEFAULT, _SPREAD_OF_FEW, _LEAST_SPREAD = 5.0, 3.0, 1.5


class Effort(StrEnum):
    """What takes time: MERGE with purge by bytes, VACUUM with log expiry by objects, the byte search by bytes."""

    REWRITE = "rewrite"
    REMOVAL = "removal"
    VERIFY = "verify"


@dataclass(frozen=True)
class Timed:
    """One measured piece of work, in bytes or objects."""

    units: int
    milliseconds: int


@dataclass(frozen=True)
class Line:
    """Milliseconds that any piece of work takes, and those that each unit adds."""

    fixed: float
    each: float

    def at(self, units: int) -> float:
        """Return the milliseconds of so many units."""
        return self.fixed + self.each * units


DEFAULTS: Mapping[Effort, Line] = {
    Effort.REWRITE: Line(10_000, 1_000 / 25e6),
    Effort.REMOVAL: Line(10_000, 1_000 / 500),
    Effort.VERIFY: Line(5_000, 1_000 / 50e6),
}
"""Taken until this workspace has measured its own: 10 s and 25 MB/s; 10 s and 500 objects/s; 5 s and 50 MB/s."""


def expected_seconds(effort: Effort, units: int, seen: Sequence[Timed]) -> Range:
    """Return how many seconds a piece of work takes, from the least to the most, each rounded to one digit.

    Without an earlier run it is a default, five times less or more; one or two runs shift it; from three on a line is
    drawn through them, and the range is as wide as they lie from it.
    """
    default = DEFAULTS[effort]
    if not seen:
        return _range(default.at(units), _SPREAD_OF_DEFAULT)
    if len(seen) < _ENOUGH:
        shift = median(max(1, t.milliseconds) / default.at(t.units) for t in seen)
        return _range(default.at(units) * shift, _SPREAD_OF_FEW)
    line = _fitted(seen)
    off = (max(1, t.milliseconds) / max(1.0, line.at(t.units)) for t in seen)
    spread = max(_LEAST_SPREAD, *(max(r, 1 / r) for r in off))
    most = max(1, *(t.units for t in seen))
    return _range(max(1.0, line.at(units)), spread * sqrt(max(1.0, units / most)))


def observations(records: Iterable[AuditRecord]) -> dict[Effort, list[Timed]]:
    """Return what the ledger's records say was measured; a step that a crash cut in two says nothing."""
    by_object: dict[str, dict[str, AuditRecord]] = {}
    found: dict[Effort, list[Timed]] = {effort: [] for effort in Effort}
    for record in records:
        stage = record.action.partition(".")[2]
        if record.outcome not in ("done", "failed") or MILLISECONDS not in record.counts:
            continue
        if stage == "verify":
            found[Effort.VERIFY].append(Timed(record.counts.get("bytes_searched", 0), record.counts[MILLISECONDS]))
        elif record.outcome == "done":
            by_object.setdefault(record.object, {})[stage] = record
    for stages in by_object.values():
        merged = stages.get("merge")
        if merged is None or "table_bytes" not in merged.counts:
            continue
        work = merged.counts["table_bytes"] + merged.counts.get("bytes_replaced", 0)
        for effort, names, units in (
            (Effort.REWRITE, ("merge", "purge"), work),
            (Effort.REMOVAL, ("vacuum", "expire_log"), merged.counts.get("table_files", 0)),
        ):
            if all(name in stages for name in names):
                found[effort].append(Timed(units, sum(stages[n].counts[MILLISECONDS] for n in names)))
    return found


def _fitted(seen: Sequence[Timed]) -> Line:
    """Return the line of least squares, neither end of which may be below nothing."""
    times, units = [t.milliseconds for t in seen], [t.units for t in seen]
    middle, mean = sum(units) / len(units), sum(times) / len(times)
    spread = sum((u - middle) ** 2 for u in units)
    each = sum((u - middle) * (t - mean) for u, t in zip(units, times, strict=True)) / spread if spread else 0.0
    if each <= 0:
        return Line(mean, 0.0)
    if mean - each * middle >= 0:
        return Line(mean - each * middle, each)
    return Line(0.0, sum(u * t for u, t in zip(units, times, strict=True)) / sum(u * u for u in units))


def _range(milliseconds: float, spread: float) -> Range:
    return Range(low=_rounded(milliseconds / spread / 1000, up=False), high=_rounded(milliseconds * spread / 1000))


def _rounded(seconds: float, *, up: bool = True) -> int:
    """Return seconds with one digit that counts: the next such number above, or below."""
    seconds = round(seconds, 3)
    if seconds < 1:
        return int(up)
    step = int(10 ** (len(str(int(seconds))) - 1))
    whole = int(seconds // step) * step
    return whole + step * (up and whole < seconds)
