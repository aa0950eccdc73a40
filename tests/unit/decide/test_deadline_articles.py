"""The clocks over their whole course: prolonged, stopped, in other places; one table per article."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.deadline import (
    CLOCKS,
    clock_for,
    confirm_by,
    confirmation_clock,
    due_date,
    last_day,
    may_extend,
    standstill,
    weekdays_only,
)
from delible.model.policy import Controller
from delible.model.subject import IdentifierKind
from delible.model.terms import Regime, Right
from delible.workflows.calendars import calendar_of, zone_of

BERLIN, ANCHORAGE, KIRITIMATI = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Anchorage"), ZoneInfo("Pacific/Kiritimati")
GDPR, CCPA = clock_for(Right.ERASURE, Regime.GDPR), clock_for(Right.ERASURE, Regime.CCPA)


def day(text: str) -> date:
    return date.fromisoformat(text)


def at(text: str, zone: ZoneInfo | None = None) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone or UTC)


def seat(country: str | None, subdivision: str | None = None, zone: str = "UTC") -> Controller:
    return Controller(
        controller="C",
        contact="c@c.example",
        subject="email",
        identifiers={"email": IdentifierKind()},
        country=country,
        subdivision=subdivision,
        time_zone=zone,
    )


@pytest.mark.parametrize(
    ("rule", "received", "first", "prolonged"),
    [
        ("three months from receipt", "2026-01-15", "2026-02-16", "2026-04-15"),
        ("not from the day that was moved", "2026-01-31", "2026-03-02", "2026-04-30"),
        ("nor from a day that was cut short", "2026-11-30", "2026-12-30", "2027-03-01"),  # 28 February is a Sunday
        ("into a leap year's February", "2027-11-30", "2027-12-30", "2028-02-29"),
        ("from a leap day", "2028-02-29", "2028-03-29", "2028-05-29"),
        ("over the turn of the year", "2026-10-31", "2026-11-30", "2027-02-01"),  # 31 January is a Sunday
    ],
)
def test_gdpr_article_12_3_two_further_months(rule, received, first, prolonged):
    assert last_day(GDPR, day(received)) == day(first)
    assert last_day(GDPR, day(received), extended=True) == day(prolonged)


@pytest.mark.parametrize(
    ("rule", "stopped", "resumed", "moves", "due"),
    [
        # received on 2026-03-10, due on 2026-04-10
        ("ten days", "2026-03-12T10:00", "2026-03-22T09:00", 10, "2026-04-20"),
        ("one day", "2026-03-12T23:59", "2026-03-13T00:01", 1, "2026-04-13"),  # 11 April is a Saturday
        ("within one day", "2026-03-12T00:01", "2026-03-12T23:59", 0, "2026-04-10"),
        ("raised on the last day", "2026-04-10T12:00", "2026-04-14T12:00", 4, "2026-04-14"),
        ("raised too late", "2026-04-11T12:00", "2026-05-11T12:00", 0, "2026-04-10"),
        ("over the end of the month", "2026-03-30T12:00", "2026-04-02T12:00", 3, "2026-04-13"),
    ],
)
def test_gdpr_article_12_6_the_clock_stands_still_while_identity_is_in_doubt(rule, stopped, resumed, moves, due):
    assert standstill(GDPR, at(stopped), at(resumed), day("2026-04-10")) == moves
    assert last_day(GDPR, day("2026-03-10"), paused=moves) == day(due)


@pytest.mark.parametrize(
    ("rule", "zone", "stopped", "resumed", "moves"),
    [
        ("a night of 23 hours is a day", BERLIN, "2026-03-28T12:00", "2026-03-29T12:00", 1),
        ("a night of 25 hours is a day", BERLIN, "2026-10-24T12:00", "2026-10-25T12:00", 1),
        ("the hour that is there twice", BERLIN, "2026-10-25T02:30", "2026-10-25T23:00", 0),
        ("by the controller's midnight", ANCHORAGE, "2026-03-12T23:00", "2026-03-13T01:00", 1),
    ],
)
def test_gdpr_article_12_6_days_are_those_of_the_controllers_calendar(rule, zone, stopped, resumed, moves):
    assert standstill(GDPR, at(stopped, zone), at(resumed, zone), day("2026-12-31"), zone=zone) == moves


@pytest.mark.parametrize(
    ("rule", "zone", "received", "due"),
    [
        ("UTC", UTC, "2026-03-09T23:30", "2026-04-09"),
        ("already tomorrow in Berlin", BERLIN, "2026-03-09T23:30", "2026-04-10"),
        ("still yesterday in Anchorage", ANCHORAGE, "2026-03-10T03:00", "2026-04-09"),
        ("fourteen hours ahead", KIRITIMATI, "2026-03-09T10:00", "2026-04-10"),
        ("before clocks change", BERLIN, "2026-03-28T22:59", "2026-04-28"),
        ("after they changed: midnight is an hour earlier", BERLIN, "2026-03-29T22:00", "2026-04-30"),
        ("clocks go back: midnight is an hour later", BERLIN, "2026-10-25T22:59", "2026-11-25"),
    ],
)
def test_regulation_1182_71_article_3_1_the_day_of_receipt_is_the_controllers(rule, zone, received, due):
    assert due_date(Right.ERASURE, Regime.GDPR, at(received), zone=zone) == day(due)


@pytest.mark.parametrize(
    ("rule", "country", "subdivision", "received", "due"),
    [
        ("no country: weekends only", None, None, "2026-03-03", "2026-04-03"),
        ("Good Friday to Easter Tuesday", "DE", None, "2026-03-03", "2026-04-07"),
        ("France works on Good Friday", "FR", None, "2026-03-03", "2026-04-03"),
        ("but not on Easter Monday", "FR", None, "2026-03-06", "2026-04-07"),
        ("Bavaria has Epiphany", "DE", "BY", "2026-12-06", "2027-01-07"),
        ("Berlin has not", "DE", "BE", "2026-12-06", "2027-01-06"),
        ("Christmas, then a weekend", "DE", None, "2026-11-25", "2026-12-28"),
        ("Ireland's St Patrick", "IE", None, "2026-02-17", "2026-03-18"),
        ("May in Poland: 1 and 3", "PL", None, "2026-04-01", "2026-05-04"),
        ("Alsace has St Stephen", "FR", "57", "2024-11-26", "2024-12-27"),
    ],
)
def test_regulation_1182_71_article_3_4_holidays_of_the_member_state(rule, country, subdivision, received, due):
    calendar = calendar_of(seat(country, subdivision), Regime.GDPR)
    assert last_day(GDPR, day(received), is_working_day=calendar) == day(due)


def test_regulation_1182_71_article_3_3_holidays_inside_a_period_count():
    calendar = calendar_of(seat("DE"), Regime.GDPR)
    assert last_day(GDPR, day("2026-12-18"), is_working_day=calendar) == day("2027-01-18")


@pytest.mark.parametrize(
    ("rule", "received", "by"),
    [
        ("ten business days", "2026-03-02", "2026-03-16"),
        ("from a Saturday", "2026-03-07", "2026-03-20"),
        ("Thanksgiving counts, and the day after", "2026-11-13", "2026-11-27"),
        ("Christmas and New Year count", "2026-12-21", "2027-01-04"),
        ("Cesar Chavez Day counts", "2026-03-20", "2026-04-03"),
    ],
)
def test_11_ccr_7021_a_receipt_is_confirmed_in_10_business_days(rule, received, by):
    calendar = calendar_of(seat("DE"), Regime.CCPA)
    assert confirm_by(Right.ERASURE, Regime.CCPA, at(received + "T12:00"), is_working_day=calendar) == day(by)


@given(st.dates(date(2023, 1, 1), date(2060, 1, 1)), st.sampled_from(list(Right)))
def test_law_no_list_of_californian_holidays_makes_a_ccpa_deadline_earlier_than_ours(start, right):
    """The regulations define no business day, so ours must be the earliest end of all readings with Saturdays off."""
    ours = calendar_of(seat("US", "CA"), Regime.CCPA)
    for place in (("US", "CA"), ("US", None)):
        other = calendar_of(seat(*place), Regime.GDPR)
        for clock in (confirmation_clock(right, Regime.CCPA), clock_for(right, Regime.CCPA)):
            if clock is not None:
                assert last_day(clock, start, is_working_day=ours) <= last_day(clock, start, is_working_day=other)


@pytest.mark.parametrize("right", Right)
def test_11_ccr_7021_a_is_for_requests_to_know_delete_and_correct(right):
    assert confirmation_clock(right, Regime.GDPR) is None
    assert (confirmation_clock(right, Regime.CCPA) is None) == (right in (Right.OPT_OUT, Right.LIMIT))


@pytest.mark.parametrize(
    ("rule", "received", "first", "prolonged"),
    [
        ("calendar days, ending on any day", "2026-01-01", "2026-02-15", "2026-04-01"),
        ("over a leap day", "2028-01-20", "2028-03-05", "2028-04-19"),
        ("ending on a holiday", "2026-11-10", "2026-12-25", "2027-02-08"),
    ],
)
def test_11_ccr_7021_b_45_days_and_90_in_all(rule, received, first, prolonged):
    calendar = calendar_of(seat("US"), Regime.CCPA)
    assert last_day(CCPA, day(received), is_working_day=calendar) == day(first)
    assert last_day(CCPA, day(received), is_working_day=calendar, extended=True) == day(prolonged)


def test_11_ccr_7021_b_the_45_days_run_whether_or_not_identity_is_verified():
    assert standstill(CCPA, at("2026-01-02T09:00"), at("2026-02-02T09:00"), day("2026-02-15")) == 0
    assert last_day(CCPA, day("2026-01-01"), paused=30) == last_day(CCPA, day("2026-01-01"))


@pytest.mark.parametrize(
    ("rule", "received", "due"),
    [
        ("15 business days", "2026-03-02", "2026-03-23"),
        ("Memorial Day and Juneteenth count", "2026-05-22", "2026-06-12"),
        ("the Fourth of July, observed on the third, counts", "2026-06-29", "2026-07-20"),
        ("Cesar Chavez Day counts", "2026-03-20", "2026-04-10"),
    ],
)
def test_11_ccr_7026_f_an_opt_out_is_acted_on_in_15_business_days(rule, received, due):
    calendar = calendar_of(seat("DE"), Regime.CCPA)
    assert due_date(Right.OPT_OUT, Regime.CCPA, at(received + "T12:00"), is_working_day=calendar) == day(due)


@pytest.mark.parametrize(
    ("rule", "clock", "now", "extended", "allowed"),
    [
        ("inside the first month", GDPR, "2026-04-09T12:00", False, True),
        ("on its last day", GDPR, "2026-04-10T21:59", False, True),
        ("after it, by the controller's midnight", GDPR, "2026-04-10T22:00", False, False),
        ("once only", GDPR, "2026-04-09T12:00", True, False),
        ("CCPA inside the 45 days", CCPA, "2026-04-10T12:00", False, True),
        ("CCPA after them", CCPA, "2026-04-11T12:00", False, False),
        ("never for an opt-out", clock_for(Right.OPT_OUT, Regime.CCPA), "2026-04-01T12:00", False, False),
    ],
)
def test_gdpr_article_12_3_and_1798_130_a_2_the_notice_is_given_inside_the_first_period(
    rule, clock, now, extended, allowed
):
    why_not = may_extend(clock, due=day("2026-04-10"), extended=extended, now=at(now), zone=BERLIN)
    assert (why_not is None) == allowed


def test_a_place_that_nobody_knows_is_said():
    with pytest.raises(Exception, match="no holidays are known for XX"):
        calendar_of(seat("XX"), Regime.GDPR)
    with pytest.raises(Exception, match="no holidays are known for DE, ZZ"):
        calendar_of(seat("DE", "ZZ"), Regime.GDPR)
    with pytest.raises(Exception, match="no time zone"):
        zone_of(seat("DE", zone="Europe/Atlantis"))


DAYS = st.dates(date(2018, 5, 25), date(2060, 1, 1))
PAUSES = st.integers(0, 400)
CALENDARS = st.sampled_from(
    [weekdays_only, *(calendar_of(seat(*place), Regime.GDPR) for place in (("DE", "BY"), ("FR", None), ("IE", None)))]
)


@given(DAYS, PAUSES, PAUSES, st.booleans(), st.sampled_from(CLOCKS), CALENDARS)
def test_law_more_standstill_and_an_extension_never_make_a_deadline_earlier(start, one, more, longer, clock, calendar):
    def last(paused, extended):
        return last_day(clock, start, is_working_day=calendar, paused=paused, extended=extended)

    assert last(one, longer) <= last(one + more, longer)
    assert last(one, False) <= last(one, True)
    assert start < last(0, False)


@given(DAYS, PAUSES, st.booleans(), CALENDARS)
def test_law_a_later_receipt_is_never_due_earlier(start, paused, extended, calendar):
    for clock in CLOCKS:
        due, next_due = (
            last_day(clock, d, is_working_day=calendar, paused=paused, extended=extended)
            for d in (start, start + timedelta(days=1))
        )
        assert due <= next_due


@given(DAYS, PAUSES, st.booleans(), CALENDARS)
def test_law_regulation_1182_71_article_3_4_and_3_5(start, paused, extended, calendar):
    """A GDPR period ends on a working day, and holds two at least."""
    due = last_day(GDPR, start, is_working_day=calendar, paused=paused, extended=extended)
    assert calendar(due)
    assert sum(calendar(start + timedelta(days=n)) for n in range(1, (due - start).days + 1)) >= 2


@given(DAYS, PAUSES)
def test_law_a_known_holiday_never_makes_a_deadline_earlier(start, paused):
    bavaria = calendar_of(seat("DE", "BY"), Regime.GDPR)
    for clock in CLOCKS:
        assert last_day(clock, start, paused=paused) <= last_day(clock, start, is_working_day=bavaria, paused=paused)


@given(
    st.datetimes(datetime(2018, 5, 25), datetime(2060, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.lists(st.timedeltas(timedelta(0), timedelta(days=60)), min_size=3, max_size=3),
    st.sampled_from([UTC, BERLIN, ANCHORAGE, KIRITIMATI]),
)
def test_law_two_doubts_one_after_the_other_never_move_more_than_one_over_both(start, gaps, zone):
    first, second, third = (start + sum(gaps[: n + 1], timedelta(0)) for n in range(3))
    whole = standstill(GDPR, start, third, date.max, zone=zone)
    parts = [(start, first), (first, second), (second, third)]
    assert sum(standstill(GDPR, a, b, date.max, zone=zone) for a, b in parts) == whole
