"""Metrics of consumers' requests by calendar year (11 CCR 7102), as facts.

Version of the law: 11 CCR as of 2026-01-01. Section 7102(a) obliges a business that knows, or reasonably should know,
that it handles the personal information of 10,000,000 or more consumers in a calendar year; section 7101 asks every
business for the records that the same numbers come from.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, tzinfo
from enum import StrEnum
from statistics import mean, median

from delible.model.base import Frozen
from delible.model.record import AuditRecord
from delible.model.request import RefusalGround, Request
from delible.model.terms import Regime, RequestState, Right
from delible.report.requests import RequestLine, request_lines

OBLIGED_FROM = 10_000_000
"""Consumers in a calendar year from which the metrics have to be compiled and posted (11 CCR 7102(a))."""


class Asked(StrEnum):
    """Kinds of requests as 11 CCR 7102(a)(1) tells them apart."""

    DELETE = "requests to delete"
    CORRECT = "requests to correct"
    KNOW = "requests to know"
    OPT_OUT = "requests to opt out of sale or sharing"
    LIMIT = "requests to limit"


OF_RIGHT: dict[Right, Asked] = {
    Right.ERASURE: Asked.DELETE,
    Right.RECTIFICATION: Asked.CORRECT,
    Right.ACCESS: Asked.KNOW,
    Right.PORTABILITY: Asked.KNOW,
    Right.OPT_OUT: Asked.OPT_OUT,
    Right.OBJECTION: Asked.OPT_OUT,
    Right.LIMIT: Asked.LIMIT,
    Right.RESTRICTION: Asked.LIMIT,
}
"""Objection and restriction are no words of the CCPA; under it they are heeded as opt-out and limit."""


class Denial(StrEnum):
    """Grounds that a business may disclose (11 CCR 7102(a)(2))."""

    UNVERIFIABLE = "not verifiable"
    EXEMPT = "called for information exempt from disclosure"
    OTHER = "denied on other grounds"


_DENIED_BY: dict[RefusalGround | None, Denial] = {
    RefusalGround.CANNOT_IDENTIFY: Denial.UNVERIFIABLE,
    RefusalGround.IDENTITY_NOT_VERIFIED: Denial.UNVERIFIABLE,
    RefusalGround.EXCEPTION: Denial.EXEMPT,
}


class Metric(Frozen):
    """One kind of request in one calendar year; `received` is the sum of the numbers from `complied` to `open`.

    Args:
        complied, in_part: Complied with in whole, and in part: an exception kept something.
        denied: Refused, or ended since nobody showed who asked.
        withdrawn: Taken back by the consumer.
        linked: Repeat an open one, and are answered with it.
        open: Not answered yet.
        denied_by: Denied ones by ground.
        mean_days, median_days: Calendar days from receipt to the substantive response, over all that had one.
    """

    asked: Asked
    received: int
    complied: int
    in_part: int
    denied: int
    withdrawn: int
    linked: int
    open: int
    denied_by: dict[Denial, int]
    mean_days: float | None
    median_days: float | None
    longest_days: int | None


class YearMetrics(Frozen):
    """One calendar year.

    Args:
        complete: Whether the year is over; until then its numbers are provisional.
        post_by: Last day for posting them, for those whom section 7102(a) obliges.
    """

    year: int
    complete: bool
    post_by: date
    metrics: tuple[Metric, ...]


class CcpaFacts(Frozen):
    """The metrics, before they have a form.

    Args:
        everybody: Requests of all individuals are counted, not of consumers alone (11 CCR 7102(b)).
        consumers: How many consumers' information the business handles in a calendar year, where it said so.
        obliged: Whether section 7102(a) obliges it; None where that was not said.
    """

    business: str
    contact: str
    time_zone: str
    generated_at: datetime
    software: str
    policy_fingerprint: str
    everybody: bool
    consumers: int | None
    obliged: bool | None
    years: tuple[YearMetrics, ...]


def ccpa_years(
    requests: Iterable[Request],
    records: Iterable[AuditRecord],
    *,
    now: datetime,
    zone: tzinfo,
    everybody: bool = False,
    year: int | None = None,
) -> tuple[YearMetrics, ...]:
    """Return the metrics of each calendar year in which a request came, the newest first.

    Args:
        zone: Whose calendar years count.
        everybody: Count requests under other laws, too.
        year: Only this year, with zeros where nothing came.
    """
    counted = {r.id: r for r in requests if everybody or r.regime is Regime.CCPA}
    start = min((r.received for r in counted.values()), default=now)
    by_year: dict[int, dict[Asked, list[tuple[Request, RequestLine]]]] = defaultdict(lambda: defaultdict(list))
    for line in request_lines(counted.values(), records, start=start, end=now):
        by_year[line.received.astimezone(zone).year][OF_RIGHT[line.right]].append((counted[line.id], line))
    this_year = now.astimezone(zone).year
    years = sorted(by_year, reverse=True) if year is None else [year]
    return tuple(
        YearMetrics(
            year=y,
            complete=y < this_year,
            post_by=date(y + 1, 7, 1),
            metrics=tuple(_metric(asked, by_year[y][asked] if y in by_year else []) for asked in Asked),
        )
        for y in years
    )


def _metric(asked: Asked, found: Sequence[tuple[Request, RequestLine]]) -> Metric:
    ends = [(_end(r, line), r, line) for r, line in found]
    counts = Counter(end for end, _, _ in ends)
    denied = Counter(_ground(r, line) for end, r, line in ends if end == "denied")
    days = [
        line.days_taken
        for end, _, line in ends
        if end in ("complied", "in_part", "denied") and line.days_taken is not None
    ]
    return Metric(
        asked=asked,
        received=len(found),
        complied=counts["complied"],
        in_part=counts["in_part"],
        denied=counts["denied"],
        withdrawn=counts["withdrawn"],
        linked=counts["linked"],
        open=counts["open"],
        denied_by={ground: denied[ground] for ground in Denial if denied[ground]},
        mean_days=round(mean(days), 1) if days else None,
        median_days=round(median(days), 1) if days else None,
        longest_days=max(days, default=None),
    )


_ENDS = {
    RequestState.REFUSED: "denied",
    RequestState.EXPIRED: "denied",
    RequestState.WITHDRAWN: "withdrawn",
    RequestState.DUPLICATE: "linked",
}


def _end(request: Request, line: RequestLine) -> str:
    if line.state is RequestState.COMPLETED:
        return "in_part" if request.kept else "complied"
    if line.state is RequestState.PARTLY_COMPLETED and line.ended is not None:
        return "in_part"
    return _ENDS.get(line.state, "open")


def _ground(request: Request, line: RequestLine) -> Denial:
    if line.state is RequestState.EXPIRED:
        return Denial.UNVERIFIABLE
    return _DENIED_BY.get(request.ground, Denial.OTHER)


def totals(years: Iterable[YearMetrics]) -> Iterator[tuple[int, int]]:
    """Yield each year with the number of requests that came in it."""
    for each in years:
        yield each.year, sum(m.received for m in each.metrics)
