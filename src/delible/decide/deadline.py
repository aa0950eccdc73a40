"""When a request must be answered: the statutory clocks as data, and due dates by them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum

from delible.model.duration import add_months
from delible.model.terms import Regime, Right

IsWorkingDay = Callable[[date], bool]
"""Says whether a day is a working day; holidays are the caller's to know."""

CONFIRM = "confirm"
_LONGEST_CLOSURE = 60
"""Days in a row without a working day, after which a calendar is taken to be broken."""


class Unit(StrEnum):
    """What a period counts."""

    MONTHS = "months"
    DAYS = "days"
    WORKING_DAYS = "working days"


@dataclass(frozen=True)
class Clock:
    """One statutory period.

    Args:
        rights: The rights that it governs.
        step: What must have happened when it runs out: `confirm` receipt, `answer`, or `act` on an opt-out or limit.
        extension: By how much it may be prolonged once, with notice and reason inside the first period; in `unit`.
        rolls: A last day that is no working day moves to the next one.
        pauses: It stands still while the data subject's identity is in doubt.
        article: Where the law says so.
        law_version: Date of the text that was read.
    """

    regime: Regime
    rights: frozenset[Right]
    step: str
    period: int
    unit: Unit
    extension: int
    rolls: bool
    pauses: bool
    article: str
    law_version: date


_ALL = frozenset(Right)
_AT_ONCE = frozenset({Right.OPT_OUT, Right.LIMIT})
"""Rights that ask for nothing but to stop: no confirmation of receipt, and 15 business days to act."""

CLOCKS: tuple[Clock, ...] = (
    Clock(
        regime=Regime.GDPR,
        rights=_ALL,
        step="answer",
        period=1,
        unit=Unit.MONTHS,
        extension=2,
        rolls=True,
        pauses=True,
        article="GDPR Art. 12(3), (6); Regulation (EEC, Euratom) 1182/71 Art. 3",
        law_version=date(2018, 5, 23),
    ),
    Clock(
        regime=Regime.CCPA,
        rights=_ALL - _AT_ONCE,
        step=CONFIRM,
        period=10,
        unit=Unit.WORKING_DAYS,
        extension=0,
        rolls=False,
        pauses=False,
        article="11 CCR 7021(a)",
        law_version=date(2026, 1, 1),
    ),
    Clock(
        regime=Regime.CCPA,
        rights=_ALL - _AT_ONCE,
        step="answer",
        period=45,
        unit=Unit.DAYS,
        extension=45,
        rolls=False,
        pauses=False,
        article="Cal. Civ. Code 1798.130(a)(2); 11 CCR 7021(b)",
        law_version=date(2026, 1, 1),
    ),
    Clock(
        regime=Regime.CCPA,
        rights=_AT_ONCE,
        step="act",
        period=15,
        unit=Unit.WORKING_DAYS,
        extension=0,
        rolls=False,
        pauses=False,
        article="Cal. Civ. Code 1798.121, 1798.135; 11 CCR 7026(f), 7027(g)",
        law_version=date(2026, 1, 1),
    ),
)
"""All periods. The CCPA's 45 days run from receipt whether or not the person's identity has been verified."""


def weekdays_only(day: date) -> bool:
    """Return whether a day is one of Monday to Friday; knows no holidays."""
    return day.isoweekday() <= 5  # noqa: PLR2004


def clock_for(right: Right, regime: Regime) -> Clock:
    """Return the clock by which a request is due."""
    return next(c for c in CLOCKS if c.regime is regime and right in c.rights and c.step != CONFIRM)


def confirmation_clock(right: Right, regime: Regime) -> Clock | None:
    """Return the clock for confirming receipt, where the law has one."""
    return next((c for c in CLOCKS if c.regime is regime and right in c.rights and c.step == CONFIRM), None)


def due_date(
    right: Right,
    regime: Regime,
    received: datetime,
    *,
    is_working_day: IsWorkingDay = weekdays_only,
    zone: tzinfo = UTC,
    extended: bool = False,
    paused: int = 0,
) -> date:
    """Return the last day for answering a request.

    Args:
        right: What is asked for.
        regime: Whose clock runs.
        received: The instant of receipt, with its time zone.
        is_working_day: The calendar of the controller's seat.
        zone: The controller's own time zone, which decides what day the receipt falls on.
        extended: The one prolongation is used.
        paused: Days that the clock stood still; only a clock that `pauses` counts them.

    Raises:
        ValueError: When `received` has no time zone, or the calendar has no working day.
    """
    day = day_of(received, zone)
    return last_day(clock_for(right, regime), day, is_working_day=is_working_day, extended=extended, paused=paused)


def confirm_by(
    right: Right,
    regime: Regime,
    received: datetime,
    *,
    is_working_day: IsWorkingDay = weekdays_only,
    zone: tzinfo = UTC,
) -> date | None:
    """Return the last day for confirming receipt, or None where the law asks for none."""
    clock = confirmation_clock(right, regime)
    return None if clock is None else last_day(clock, day_of(received, zone), is_working_day=is_working_day)


def last_day(
    clock: Clock,
    received: date,
    *,
    is_working_day: IsWorkingDay = weekdays_only,
    extended: bool = False,
    paused: int = 0,
) -> date:
    """Return the last day of a period; the day of receipt itself is not counted (Reg. 1182/71 Art. 3(1)).

    A prolonged period is one period of both lengths from receipt: months are not added to a day that was moved already.
    Days of standstill follow the period's own end, and only then is the end moved to a working day.
    """
    period = clock.period + (clock.extension if extended else 0)
    match clock.unit:
        case Unit.MONTHS:
            last = add_months(datetime(received.year, received.month, received.day), period).date()  # noqa: DTZ001
        case Unit.DAYS:
            last = received + timedelta(days=period)
        case Unit.WORKING_DAYS:
            last = received
            for _ in range(period):
                last = _next_working_day(last + timedelta(days=1), is_working_day)
    if clock.pauses:
        last += timedelta(days=paused)
    return _next_working_day(last, is_working_day) if clock.rolls else last


def standstill(clock: Clock, stopped: datetime, resumed: datetime, due: date, *, zone: tzinfo = UTC) -> int:
    """Return by how many days a doubt about identity moves the last day.

    Days are those of the controller's calendar, so that a night when clocks change counts like any other. A doubt that
    is raised and settled on one day moves nothing; one that is raised after the last day comes too late.

    Args:
        clock: The request's clock; where it does not pause, nothing moves.
        stopped, resumed: When the data subject was asked, and when the answer settled it.
        due: The last day as it stood when the doubt was raised.
        zone: The controller's time zone.
    """
    since = day_of(stopped, zone)
    if not clock.pauses or since > due:
        return 0
    return max(0, (day_of(resumed, zone) - since).days)


def may_extend(clock: Clock, *, due: date, extended: bool, now: datetime, zone: tzinfo = UTC) -> str | None:
    """Return why a period may not be prolonged, or None: once, with notice inside the first period.

    Art. 12(3) second and third sentence; Cal. Civ. Code 1798.130(a)(2)(A); 11 CCR 7021(b).
    """
    if not clock.extension:
        return f"{clock.article} knows no prolongation"
    if extended:
        return f"{clock.article} allows one prolongation, and it is used"
    if day_of(now, zone) > due:
        return f"the data subject has to be told within the first period, which ended on {due} ({clock.article})"
    return None


def days_left(due: date, now: datetime, *, zone: tzinfo = UTC) -> int:
    """Return the whole days from today to the due date: 0 on the day itself, negative when overdue."""
    return (due - day_of(now, zone)).days


def day_of(at: datetime, zone: tzinfo) -> date:
    """Return the day that an instant falls on.

    Raises:
        ValueError: When it has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError("the time of receipt must have a time zone")
    return at.astimezone(zone).date()


def _next_working_day(day: date, is_working_day: IsWorkingDay) -> date:
    """Return the day itself when it is a working day, or the next that is (Reg. 1182/71 Art. 3(4))."""
    for ahead in range(_LONGEST_CLOSURE):
        if is_working_day(day + timedelta(days=ahead)):
            return day + timedelta(days=ahead)
    raise ValueError("the calendar has no working day")
