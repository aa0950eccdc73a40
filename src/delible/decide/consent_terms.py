"""What a purpose's terms make of records and people: when a consent ends, who is a minor, where absence is yes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, TypeVar

from delible.model.consent import ConsentRecord
from delible.model.consent_terms import AgeRule, ConsentTerms
from delible.model.duration import Duration, after

T = TypeVar("T")

NO_AGE = (0, 0)
"""Below which age a parent decides, and below which somebody must agree themselves: nobody is younger."""


class Person(NamedTuple):
    """What is known of a data subject, apart from what they said.

    Args:
        age: In completed years at least; None when unknown.
        parental_below, opt_in_below: Ages that count for the person, 0 where none does.
        opt_out: Whether absence is permission where the person is; None when that is unknown.
    """

    age: int | None
    parental_below: int
    opt_in_below: int
    opt_out: bool | None


def end_of(record: ConsentRecord, terms: ConsentTerms) -> datetime | None:
    """Return the instant from which what was given no longer counts: the earliest of all that end it."""
    notice = terms.notices.get(record.notice_version)
    ends = [record.valid_until, _after(record.valid_from, terms.lasts)]
    if notice is not None:
        ends += [_after(record.valid_from, notice.lasts), notice_end(notice.ends)]
    return min((end for end in ends if end is not None), default=None)


def notice_end(last: date | None) -> datetime | None:
    """Return the midnight in UTC after a day."""
    return datetime.combine(last + timedelta(days=1), time(), UTC) if last is not None else None


def confirmable_until(given: datetime, terms: ConsentTerms) -> datetime | None:
    """Return the last instant at which what was given can be confirmed; None for ever."""
    return _after(given, terms.confirm_within)


def person_of(records: Iterable[ConsentRecord], terms: ConsentTerms, as_of: datetime) -> Person:
    """Return what records say of who a person is.

    Of each fact the statement with the latest `valid_from` counts. At the same instant the younger age does, and of
    several jurisdictions the strictest rule.

    Args:
        records: Known, begun, of any purpose, and under identifiers that are the person's alone.
        terms: The purpose's.
        as_of: When the rows are used.
    """
    told = list(records)
    places = _latest(r for r in told if r.jurisdiction is not None)
    where = {r.jurisdiction or "" for r in places}
    parental, opt_in = age_limits(terms, where)
    ages = [
        aged(r.age, r.valid_from, as_of) for r in _latest(r for r in told if r.age is not None) if r.age is not None
    ]
    opt_out = all(found_in(j, dict.fromkeys(terms.opt_out_in, True)) for j in where) if where else None
    return Person(min(ages, default=None), parental, opt_in, opt_out)


def age_limits(terms: ConsentTerms, where: Iterable[str]) -> tuple[int, int]:
    """Return below which age a parent decides, and below which people must agree, in the strictest of jurisdictions.

    Without any jurisdiction all rules count.
    """
    named = list(where)
    rules = [found_in(j, terms.ages_in) or terms.age for j in named] if named else [terms.age, *terms.ages_in.values()]
    limits = [limits_of(rule) for rule in rules]
    return max((p for p, _ in limits), default=0), max((o for _, o in limits), default=0)


def limits_of(rule: AgeRule | None) -> tuple[int, int]:
    """Return a rule's two ages; who needs a parent's consent needs a consent."""
    return NO_AGE if rule is None else (rule.parental_below, max(rule.parental_below, rule.opt_in_below or 0))


def found_in(jurisdiction: str, of: Mapping[str, T]) -> T | None:
    """Return what is said of a jurisdiction, or else of its country."""
    return of.get(jurisdiction) or of.get(jurisdiction.partition("-")[0])


def aged(age: int, then: datetime, at: datetime) -> int:
    """Return the least age of somebody, so many years later by the calendar in UTC."""
    then, at = then.astimezone(UTC), at.astimezone(UTC)
    birthday_to_come = (at.month, at.day) < (then.month, then.day)
    return age + at.year - then.year - birthday_to_come


def _latest(records: Iterable[ConsentRecord]) -> list[ConsentRecord]:
    told = list(records)
    newest = max((r.valid_from for r in told), default=None)
    return [r for r in told if r.valid_from == newest]


def _after(start: datetime, period: Duration | None) -> datetime | None:
    if period is None:
        return None
    try:
        return after(start.astimezone(UTC), period)
    except (ValueError, OverflowError):  # beyond the year 9999
        return None
