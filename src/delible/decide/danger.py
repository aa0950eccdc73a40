"""How near a request is to breaking a deadline, and in which order a privacy team should look at requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from delible.decide.deadline import clock_for, day_of, days_left
from delible.decide.exception import due_again
from delible.model.request import ENDED, Request


@dataclass(frozen=True)
class Standing:
    """A request against its deadlines.

    Args:
        days_left: Whole days to the last day for the answer; negative when overdue, None when the request has ended.
        confirm_days: The same for confirming receipt, as long as that is still to be done.
        nearest: The lesser of both: how dangerous it is.
        again: The day on which what exceptions keep of an erasure becomes due; its days are counted to that.
        stopped_by: The legal hold on its data subject that stops it although it was begun; no state says so.
    """

    request: Request
    days_left: int | None
    confirm_days: int | None
    again: date | None = None
    stopped_by: str | None = None

    @property
    def nearest(self) -> int | None:
        """Days to the next deadline that can be broken."""
        return min((d for d in (self.days_left, self.confirm_days) if d is not None), default=None)

    @property
    def overdue(self) -> bool:
        """Whether a deadline is broken."""
        return self.nearest is not None and self.nearest < 0


def standing(request: Request, now: datetime, *, zone: tzinfo = UTC) -> Standing:
    """Return where a request stands now; days do not run down while its clock stands still."""
    if request.state in ENDED:
        return Standing(request, None, None)
    again = due_again(request)
    if again is not None:
        # The person has the answer (Art. 12(4)); what is left has a day of its own.
        return Standing(request, days_left(again, now, zone=zone), None, again)
    at = request.stopped if request.stopped is not None and _stands_still(request, zone) else now
    confirm = request.confirm_by if request.confirmed is None else None
    return Standing(
        request,
        days_left(request.due, at, zone=zone),
        None if confirm is None else days_left(confirm, now, zone=zone),
    )


def by_danger(requests: Iterable[Request], now: datetime, *, zone: tzinfo = UTC) -> list[Standing]:
    """Return requests with the most endangered first; those that have ended come last, the newest of them first."""
    found = [standing(r, now, zone=zone) for r in requests]
    last = date.max.toordinal()
    return sorted(
        found,
        key=lambda s: (
            s.nearest is None,
            s.nearest if s.nearest is not None else last - s.request.changed.toordinal(),
            s.request.due,
            s.request.id,
        ),
    )


def due_within(standings: Iterable[Standing], days: int) -> list[Standing]:
    """Return those with a deadline in at most so many days, overdue ones included."""
    return [s for s in standings if s.nearest is not None and s.nearest <= days]


def _stands_still(request: Request, zone: tzinfo) -> bool:
    clock = clock_for(request.right, request.regime)
    return clock.pauses and request.stopped is not None and day_of(request.stopped, zone) <= request.due
