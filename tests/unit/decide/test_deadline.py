"""Statutory clocks: one row per rule and edge of the calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.deadline import CLOCKS, clock_for, days_left, due_date, last_day, weekdays_only
from delible.model.terms import Regime, Right

DAYS = st.dates(date(2018, 1, 1), date(2100, 1, 1))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "received", "due"),
    [
        ("same date of the next month", "2026-01-15T09:00", "2026-02-16"),  # 15 February is a Sunday
        ("same date, a working day", "2026-03-10T09:00", "2026-04-10"),
        ("no such date: the month's last day", "2026-01-31T09:00", "2026-03-02"),  # 28 February is a Saturday
        ("no such date, a working day", "2026-08-31T09:00", "2026-09-30"),
        ("30 days have September", "2025-10-31T09:00", "2025-12-01"),  # 30 November is a Sunday
        ("leap day", "2028-01-29T09:00", "2028-02-29"),
        ("from a leap day", "2028-02-29T09:00", "2028-03-29"),
        ("Saturday to Monday", "2026-09-24T09:00", "2026-10-26"),
        ("over the turn of the year", "2025-12-15T09:00", "2026-01-15"),
        ("last second of the day", "2026-03-10T23:59:59", "2026-04-10"),
    ],
)
def test_gdpr_article_12_3_one_calendar_month(rule, received, due):
    assert due_date(Right.ERASURE, Regime.GDPR, at(received)) == date.fromisoformat(due)


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-01-01T00:00", "2026-02-15"),  # a Sunday: calendar days do not move
        ("2028-01-20T12:00", "2028-03-05"),  # over a leap day
        ("2025-12-31T12:00", "2026-02-14"),
    ],
)
def test_11_ccr_7021_45_calendar_days(received, due):
    assert due_date(Right.ACCESS, Regime.CCPA, at(received)) == date.fromisoformat(due)


@pytest.mark.parametrize(
    ("received", "due"),
    [("2026-03-02T12:00", "2026-03-23"), ("2026-03-07T12:00", "2026-03-27"), ("2026-03-06T12:00", "2026-03-27")],
)
def test_11_ccr_7026_15_business_days(received, due):
    assert due_date(Right.OPT_OUT, Regime.CCPA, at(received)) == date.fromisoformat(due)


def test_holidays_are_the_callers():
    easter = {date(2026, 4, 3), date(2026, 4, 6)}

    def open_day(day: date) -> bool:
        return weekdays_only(day) and day not in easter

    assert due_date(Right.ERASURE, Regime.GDPR, at("2026-03-03T09:00"), is_working_day=open_day) == date(2026, 4, 7)
    assert due_date(Right.ERASURE, Regime.GDPR, at("2026-03-03T09:00")) == date(2026, 4, 3)


def test_the_controllers_zone_decides_the_day_of_receipt():
    late = datetime(2026, 3, 9, 23, 30, tzinfo=UTC)
    berlin = ZoneInfo("Europe/Berlin")
    assert due_date(Right.ERASURE, Regime.GDPR, late) == date(2026, 4, 9)
    assert due_date(Right.ERASURE, Regime.GDPR, late, zone=berlin) == date(2026, 4, 10)


def test_receipt_without_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        due_date(Right.ERASURE, Regime.GDPR, datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_calendar_without_working_days_ends():
    with pytest.raises(ValueError, match="no working day"):
        due_date(Right.ERASURE, Regime.GDPR, at("2026-01-01T00:00"), is_working_day=lambda _: False)


@pytest.mark.parametrize(
    ("now", "left"),
    [("2026-04-10T00:00", 0), ("2026-04-10T23:59", 0), ("2026-04-09T23:59", 1), ("2026-04-11T00:00", -1)],
)
def test_days_left(now, left):
    assert days_left(date(2026, 4, 10), at(now)) == left


def test_days_left_in_the_controllers_zone():
    now = datetime(2026, 4, 10, 23, 30, tzinfo=UTC)
    assert days_left(date(2026, 4, 10), now, zone=timezone(timedelta(hours=2))) == -1


@pytest.mark.parametrize("regime", Regime)
@pytest.mark.parametrize("right", Right)
def test_every_right_has_a_clock_with_its_article(regime, right):
    clock = clock_for(right, regime)
    assert right in clock.rights
    assert clock.article


@given(DAYS, st.sampled_from(CLOCKS))
def test_law_the_last_day_is_after_receipt_and_grows_with_it(day, clock):
    assert day < last_day(clock, day) <= last_day(clock, day + timedelta(days=1))


@given(DAYS)
def test_law_a_gdpr_deadline_is_a_working_day_within_five_weeks(day):
    due = last_day(clock_for(Right.ERASURE, Regime.GDPR), day)
    assert weekdays_only(due)
    assert timedelta(days=28) <= due - day <= timedelta(days=33)
