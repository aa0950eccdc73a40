"""When gathering more requests into one run pays, and until when it may be done.

Files that a run rewrites anyway cost nothing more for the requests that come meanwhile. How many more files these need
is estimated as if each request chose its files by chance, as densely as the plan's own requests do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import expm1, log

from delible.model.cost import Advice, Gathering, TableCost

PERIOD = timedelta(days=90)
"""How far back the arrival of requests is looked at."""
_SHORTEST = timedelta(days=7)
"""A register that is younger says too little: its requests count as those of so many days."""
_PAYS = 0.1
"""The share of two runs' bytes that gathering has to save to be worth the wait."""


@dataclass(frozen=True)
class Arrivals:
    """Erasure requests that came in within so many days."""

    received: int
    days: int

    def within(self, period: timedelta) -> int:
        """Return how many more are expected within a period, rounded down."""
        return int(self.received * max(timedelta(), period) / timedelta(days=self.days))


def arrivals(received: Sequence[datetime], now: datetime) -> Arrivals:
    """Return the arrivals of the last 90 days, or since the first request where that is less."""
    recent = [at for at in received if now - PERIOD <= at <= now]
    age = min(PERIOD, max(_SHORTEST, now - min(received, default=now)))
    return Arrivals(len(recent), max(1, age // timedelta(days=1)))


def gathering(
    costs: Sequence[TableCost],
    requests: int,
    *,
    now: datetime,
    last_safe: datetime | None,
    first_due: str | None,
    arriving: Arrivals,
) -> Gathering:
    """Return whether to run now or to wait for more requests, never beyond the last safe instant.

    Args:
        costs: The plan's tables, with the files that its requests reach.
        requests: How many these are.
        last_safe: The last run from which everything still ends in time; None when there is none.
        first_due: The request that it is counted back from.
    """
    further = arriving.within(last_safe - now) if last_safe is not None else 0
    own = sum(c.bytes.high for c in costs)
    later = sum(_bytes(c, requests, further) for c in costs)
    together = sum(max(c.bytes.high, _bytes(c, requests, requests + further)) for c in costs)
    together = min(together, own + later)
    advice, reason = _advised(now, last_safe, further, own + later, together)
    return Gathering(
        advice=advice,
        reason=reason,
        until=last_safe if last_safe is not None and last_safe > now else None,
        first_due=first_due,
        received=arriving.received,
        days=arriving.days,
        further=further,
        files=sum(c.files.high for c in costs),
        bytes=own,
        separate_bytes=own + later,
        together_bytes=together,
    )


def files_of(total: int, hit: int, requests: int, others: int) -> float:
    """Return how many of a table's files other requests reach, when some requests reach `hit` of them.

    Each file is missed by a request with the same chance, which is drawn from the files that are missed now; where all
    are hit, half a file is taken for missed.
    """
    if not total or not hit or not requests or not others:
        return 0.0
    missed = max(total - min(hit, total), 0.5) / total
    return -total * expm1(others * log(missed) / requests) if missed < 1 else 0.0


def _bytes(cost: TableCost, requests: int, others: int) -> int:
    """Return the bytes that other requests have rewritten in a table whose files weigh what those that are hit do."""
    hit = cost.files.high
    if not hit:
        return 0
    return min(cost.total_bytes, int(files_of(cost.total_files, hit, requests, others) * cost.bytes.high / hit))


def _advised(
    now: datetime, last_safe: datetime | None, further: int, separate: int, together: int
) -> tuple[Advice, str]:
    if last_safe is None or last_safe <= now:
        return Advice.RUN_NOW, "no later run would end in time"
    if not further:
        return Advice.RUN_NOW, "no further request is expected in time"
    if not separate or separate - together < _PAYS * separate:
        return Advice.RUN_NOW, "the requests to come share little of the rewrite"
    return Advice.WAIT, "the requests to come share the rewrite"
