"""Whose days count: the controller's time zone, and the public holidays of its country."""

from __future__ import annotations

from datetime import UTC, date, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from delible.decide.deadline import IsWorkingDay, weekdays_only
from delible.errors import InputError
from delible.model.policy import Controller
from delible.model.terms import Regime

_WHERE = "policies/controller.yaml"


def zone_of(controller: Controller | None) -> tzinfo:
    """Return the controller's time zone, UTC without one.

    Raises:
        InputError: `controller.time_zone`.
    """
    if controller is None or controller.time_zone == "UTC":
        return UTC
    try:
        return ZoneInfo(controller.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            "controller.time_zone",
            f"this machine knows no time zone '{controller.time_zone}'.",
            where=_WHERE,
            fix="Give a name such as Europe/Berlin; where the system has no time zones, install the package tzdata.",
        ) from None


def calendar_of(controller: Controller, regime: Regime) -> IsWorkingDay:
    """Return which days are working days under a law.

    Under the GDPR Saturdays and Sundays are not (Reg. 1182/71 Art. 3(4)), nor are public holidays of the place where
    the answer has to be given.

    The CCPA's regulations count business days (11 CCR 7021(a), 7026(f), 7027(g)) and do not say what one is. California
    has several answers: Civil Code § 7, 9 (all but Sundays and the holidays of Government Code § 6700), Financial Code
    § 31033 (Saturdays are none either), and state offices close on days that no business does. So every Monday to
    Friday counts here, holidays too: no deadline is later than under any list of holidays.

    Raises:
        InputError: `controller.country` when the library knows no such country or subdivision.
    """
    if regime is Regime.CCPA or controller.country is None:
        return weekdays_only
    return _calendar(controller.country, controller.subdivision)


@cache
def _calendar(country: str, subdivision: str | None) -> IsWorkingDay:
    import holidays

    try:
        closed = holidays.country_holidays(country, subdiv=subdivision)
    except NotImplementedError:
        place = country if subdivision is None else f"{country}, {subdivision}"
        raise InputError(
            "controller.country",
            f"no holidays are known for {place}.",
            where=_WHERE,
            fix="Give ISO 3166 codes, such as country: DE and subdivision: BE.",
        ) from None

    def is_working_day(day: date) -> bool:
        return weekdays_only(day) and day not in closed

    return is_working_day
