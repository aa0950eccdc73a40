"""Requests as an auditor reads them: state at the end of the period, deadline, and time to answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from statistics import mean, median

from delible.decide.consent import flag
from delible.decide.objection import STANDING, limits
from delible.model.base import Frozen
from delible.model.record import AuditRecord
from delible.model.request import ENDED, Request
from delible.model.terms import Regime, RequestState, Right

_PREFIX = "request:"
_STATES = {state.value: state for state in RequestState}


class Punctuality(StrEnum):
    """A request against its deadline."""

    OVERDUE = "overdue"
    OPEN = "open"
    LATE = "late"
    IN_TIME = "in_time"
    LINKED = "linked"
    """A duplicate: its first request is the one that is answered."""


class TimeUsed(StrEnum):
    """How much of the time allowed an answer took."""

    QUARTER = "up to a quarter"
    HALF = "up to half"
    THREE_QUARTERS = "up to three quarters"
    DEADLINE = "up to the deadline"
    LATE = "after the deadline"


class RequestLine(Frozen):
    """One request at one instant. An operator's reason stays in the register: it may name somebody.

    Args:
        days_allowed: Calendar days from receipt to the last day for the answer.
        days_taken: Calendar days from receipt to the answer; None while it is open.
        days_left: Calendar days to the last day; negative when that has passed; None once answered. They do not run
            down while a GDPR clock stands still (Art. 12(6)).
    """

    id: str
    right: Right
    regime: Regime
    state: RequestState
    punctuality: Punctuality
    received: datetime
    due: date
    ended: datetime | None
    days_allowed: int
    days_taken: int | None
    days_left: int | None


class RequestGroup(Frozen):
    """All requests for one right under one law.

    Args:
        longest_days: Days to the answer that took longest; `longest_allowed` is what that request was allowed.
        ninth_days: Days within which nine of ten were answered.
        used: Answers by the share of the time allowed that they took.
    """

    right: Right
    regime: Regime
    total: int
    in_time: int
    late: int
    open: int
    overdue: int
    linked: int
    states: dict[str, int]
    mean_days: float | None
    median_days: float | None
    longest_days: int | None
    longest_allowed: int | None
    ninth_days: int | None = None
    used: dict[TimeUsed, int] = {}


def standing_counts(requests: Iterable[Request]) -> dict[Right, int]:
    """Return how many objections, opt-outs and limits stand now, by right."""
    counts = Counter(r.right for r in requests if r.right in STANDING and (flag(r) is not None or limits(r)))
    return {right: counts[right] for right in sorted(counts)}


def request_lines(
    requests: Iterable[Request], records: Iterable[AuditRecord], *, start: datetime, end: datetime
) -> tuple[RequestLine, ...]:
    """Return the requests that were open or were answered within the period, the most endangered first.

    States and deadlines are those at `end` as the ledger tells them, so that a report on a past period stays the
    same. A request that the records do not name counts with its present state.
    """
    histories: dict[str, list[AuditRecord]] = defaultdict(list)
    for record in records:
        if record.action.startswith("request.") and record.object.startswith(_PREFIX):
            histories[record.object[len(_PREFIX) :]].append(record)
    lines = [_line(r, histories.get(r.id, []), end) for r in requests if r.received <= end]
    return tuple(sorted((x for x in lines if x.ended is None or x.ended >= start), key=_danger))


def request_groups(lines: Iterable[RequestLine]) -> tuple[RequestGroup, ...]:
    """Return counts and times to answer per right and law."""
    groups: dict[tuple[Right, Regime], list[RequestLine]] = defaultdict(list)
    for line in lines:
        groups[line.right, line.regime].append(line)
    return tuple(_group(*key, groups[key]) for key in sorted(groups))


def _line(request: Request, history: Sequence[AuditRecord], end: datetime) -> RequestLine:
    state, since, due = request.state, request.changed, request.due
    kept = request.state is RequestState.PARTLY_COMPLETED and bool(request.kept)
    if history:
        state, since, kept, said = RequestState.RECEIVED, request.received, False, None
        for record in history:
            if record.at > end:
                continue
            if record.outcome in _STATES:
                state, since, kept = _STATES[record.outcome], record.at, "kept" in record.detail
            said = record.detail.get("due", said)
        due = date.fromisoformat(said) if said else due
    # What an exception keeps was answered, with the reason and the day (Art. 12(4)).
    ended = since if state in ENDED or kept else None
    still = state is RequestState.VERIFYING_IDENTITY and request.regime is Regime.GDPR and since.date() <= due
    linked = state is RequestState.DUPLICATE
    days_left = None if ended else (due - (since if still else end).date()).days
    return RequestLine(
        id=request.id,
        right=request.right,
        regime=request.regime,
        state=state,
        punctuality=Punctuality.LINKED if linked else _punctuality(ended, due, days_left),
        received=request.received,
        due=due,
        ended=ended,
        days_allowed=(due - request.received.date()).days,
        days_taken=None if ended is None or linked else max(0, (ended.date() - request.received.date()).days),
        days_left=days_left,
    )


def _punctuality(ended: datetime | None, due: date, days_left: int | None) -> Punctuality:
    if ended is not None:
        return Punctuality.IN_TIME if ended.date() <= due else Punctuality.LATE
    return Punctuality.OVERDUE if days_left is not None and days_left < 0 else Punctuality.OPEN


_DANGER = {
    Punctuality.OVERDUE: 0,
    Punctuality.OPEN: 1,
    Punctuality.LATE: 2,
    Punctuality.IN_TIME: 3,
    Punctuality.LINKED: 4,
}


def _danger(line: RequestLine) -> tuple[int, date, str]:
    return _DANGER[line.punctuality], line.due, line.id


def time_used(line: RequestLine) -> TimeUsed | None:
    """Return how much of its time an answered request took; None for one that is open or linked to another."""
    if line.days_taken is None:
        return None
    if line.punctuality is Punctuality.LATE:
        return TimeUsed.LATE
    parts = 4 * line.days_taken
    steps = (TimeUsed.QUARTER, TimeUsed.HALF, TimeUsed.THREE_QUARTERS)
    return next((u for n, u in enumerate(steps, 1) if parts <= n * line.days_allowed), TimeUsed.DEADLINE)


def _group(right: Right, regime: Regime, lines: Sequence[RequestLine]) -> RequestGroup:
    taken = sorted(x.days_taken for x in lines if x.days_taken is not None)
    used = Counter(time_used(x) for x in lines)
    slowest = max(lines, key=lambda x: -1 if x.days_taken is None else x.days_taken)
    times = {p: sum(x.punctuality is p for x in lines) for p in Punctuality}
    states: dict[str, int] = defaultdict(int)
    for line in lines:
        states[line.state.value] += 1
    return RequestGroup(
        right=right,
        regime=regime,
        total=len(lines),
        in_time=times[Punctuality.IN_TIME],
        late=times[Punctuality.LATE],
        open=times[Punctuality.OPEN],
        overdue=times[Punctuality.OVERDUE],
        linked=times[Punctuality.LINKED],
        states=dict(sorted(states.items())),
        mean_days=round(mean(taken), 1) if taken else None,
        median_days=round(median(taken), 1) if taken else None,
        longest_days=slowest.days_taken,
        longest_allowed=slowest.days_allowed if taken else None,
        ninth_days=taken[-(-9 * len(taken) // 10) - 1] if taken else None,
        used={u: used[u] for u in TimeUsed if used[u]},
    )
