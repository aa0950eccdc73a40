"""When stages may run, who is answered in time, and until when waiting for more requests is safe."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from delible.model.cost import Advice, Range, Risk, TableCost
from delible.model.duration import Duration
from delible.model.plan import PlannedRequest, Stage, TableFacts, TableStep
from delible.model.terms import ErasureAction
from delible.plan.gathering import Arrivals, arrivals, files_of, gathering
from delible.plan.windows import Schedule, cadence_of, due_risks, end_of, last_safe_start, table_windows

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def facts(deleted: int, log: int, name: str = "t") -> TableFacts:
    return TableFacts(
        table=name,
        location=name,
        version=1,
        rows=1,
        files=1,
        bytes=1,
        deleted_file_retention_hours=deleted,
        log_retention_hours=log,
    )


def step(name: str = "t", *, stages: tuple[Stage, ...] = tuple(Stage)) -> TableStep:
    action = ErasureAction.DELETE_ROW
    return TableStep(
        table=name, location=name, version=1, action=action, rows=1, files=1, bytes=1, stages=stages, wait_hours=0
    )


def schedule(deleted: int = 168, log: int = 240, **more: Any) -> Schedule:
    usual: dict[str, Any] = {
        "now": NOW,
        "immediate": False,
        "facts": {"t": facts(deleted, log)},
        "cadence": DAY,
        "rewriting": Range(low=0, high=3600),
        "removing": Range(low=0, high=1800),
    }
    return Schedule(**{**usual, **more})


def due(day: str) -> PlannedRequest:
    return PlannedRequest(id="R-1", due=day, matched=True)


def test_both_windows_run_from_the_purge_and_the_next_job_removes() -> None:
    (window,) = table_windows([step()], schedule())
    purged = NOW + HOUR
    assert (window.rewritten, window.vacuum_from) == (purged, purged + 168 * HOUR)
    assert (window.log_from, window.removal_from) == (purged + 240 * HOUR, purged + 240 * HOUR)
    assert window.done == purged + 240 * HOUR + DAY + HOUR / 2
    (at_once,) = table_windows([step()], schedule(immediate=True))
    assert (at_once.removal_from, at_once.done) == (purged, purged + HOUR / 2)
    assert table_windows([step(stages=())], schedule()) == ()


def test_the_job_runs_once_a_day_where_nobody_says_how_often() -> None:
    assert cadence_of(None) == (DAY, True)
    assert cadence_of(Duration("P1M")) == (31 * DAY, False)


# Rewritten by 10:00, 10 days of windows, a day until the next run, half an hour: 2026-12-08 10:30 at the latest,
# 2026-12-07 09:00 at the earliest.
RISKS = [
    ("2026-12-08", 240, False, Risk.SAFE, ""),
    ("2026-12-07", 240, False, Risk.AT_RISK, "logRetentionDuration of 't' is 10 days, and must be 'interval 9 days'"),
    ("2026-12-06", 240, False, Risk.LATE, "'interval 8 days' or less"),
    (
        "2026-11-29",
        240,
        False,
        Risk.LATE,
        "deletedFileRetentionDuration of 't' is 7 days, and must be 'interval 37 hours'",
    ),
    ("2026-11-28", 240, False, Risk.LATE, "'interval 13 hours' or less"),
    ("2026-11-27", 240, False, Risk.LATE, "--immediate"),
    ("2026-11-27", 240, True, Risk.SAFE, ""),
    ("2026-11-26", 240, True, Risk.LATE, "extend the request"),
    ("2026-11-26", 240, False, Risk.LATE, "extend the request"),
]


@pytest.mark.parametrize(("day", "log", "immediate", "risk", "change"), RISKS)
def test_a_request_is_safe_at_risk_or_late_and_the_number_to_change_is_named(
    day: str, log: int, immediate: bool, risk: Risk, change: str
) -> None:
    (found,) = due_risks([due(day)], [step()], schedule(log=log, immediate=immediate), UTC)
    assert found.risk is risk
    assert change in (found.change or "")
    assert bool(found.change) is bool(change)


@given(st.integers(1, 60), st.integers(1, 2000), st.integers(1, 2000))
def test_the_number_that_is_named_is_enough(days: int, deleted: int, log: int) -> None:
    day = (NOW + days * DAY).date().isoformat()
    (found,) = due_risks([due(day)], [step()], schedule(deleted, log), UTC)
    assume(found.change is not None and "interval" in found.change)
    number, unit = str(found.change).rpartition("interval ")[2].split("'")[0].split()
    most = int(number) * (24 if unit == "days" else 1)
    (changed,) = due_risks([due(day)], [step()], schedule(min(deleted, most), min(log, most)), UTC)
    assert changed.risk is Risk.SAFE
    (more,) = due_risks([due(day)], [step()], schedule(most + 24, most + 24), UTC)
    assert more.risk is not Risk.SAFE


def test_all_requests_end_with_the_last_table_and_on_the_controllers_own_day() -> None:
    two = schedule(facts={"t": facts(1, 1), "slow": facts(168, 720, "slow")})
    (found,) = due_risks([due("2026-12-07")], [step(), step("slow")], two, UTC)
    assert found.risk is Risk.LATE
    assert "'slow'" in str(found.change)
    assert "'t'" not in str(found.change)
    assert end_of("2026-12-07", ZoneInfo("Pacific/Auckland")) == datetime(2026, 12, 7, 11, tzinfo=UTC)


@given(
    st.integers(-5, 90),
    st.integers(0, 1500),
    st.integers(0, 1500),
    st.integers(1, 40),
    st.booleans(),
    st.integers(0, 99),
)
def test_from_the_last_safe_start_everything_ends_in_time_and_from_the_next_run_it_may_not(
    days: int, deleted: int, log: int, cadence: int, immediate: bool, slow: int
) -> None:
    ends = NOW + days * DAY
    of = schedule(deleted, log, cadence=cadence * DAY, immediate=immediate, rewriting=Range(low=0, high=slow * 3600))
    last = last_safe_start(ends, ["t"], of)
    (told,) = due_risks([due((ends - DAY).date().isoformat())], [step()], of, NOW.tzinfo or UTC)
    assert (told.start_by is None) is (told.risk is not Risk.SAFE)
    if last is None:
        assert NOW + of.takes(["t"]) > ends
        return
    assert last >= NOW
    assert (last - NOW) % of.cadence == timedelta(), "it is a run of the job"
    assert last + of.takes(["t"]) <= ends
    assert last + of.cadence + of.takes(["t"]) > ends


def cost(total: int, hit: int, each: int = 100) -> TableCost:
    known = Range.exactly
    return TableCost(
        table="t",
        wave=1,
        total_files=total,
        total_bytes=total * each,
        rows=known(hit),
        candidates=hit,
        candidate_bytes=hit * each,
        untested=0,
        files=known(hit),
        bytes=known(hit * each),
        change_bytes=known(0),
        objects=total,
        rewrite_seconds=known(1),
        removal_seconds=known(1),
    )


def pays(costs: list[TableCost], requests: int, safe: datetime | None, arriving: Arrivals) -> Any:
    return gathering(costs, requests, now=NOW, last_safe=safe, first_due="R-1", arriving=arriving)


MANY = Arrivals(90, 90)
CASES = {
    "every request rewrites all files": ([cost(10, 10)], 5, NOW + 9 * DAY, MANY, Advice.WAIT, 9),
    "requests share nothing": ([cost(100_000, 5)], 5, NOW + 9 * DAY, MANY, Advice.RUN_NOW, 9),
    "no later run is safe": ([cost(10, 10)], 5, NOW, MANY, Advice.RUN_NOW, 0),
    "not even this one is": ([cost(10, 10)], 5, None, MANY, Advice.RUN_NOW, 0),
    "nobody else is expected": ([cost(10, 10)], 5, NOW + 9 * DAY, Arrivals(1, 90), Advice.RUN_NOW, 0),
    "nothing is to rewrite": ([cost(10, 0)], 5, NOW + 9 * DAY, MANY, Advice.RUN_NOW, 9),
    "an empty plan": ([], 0, NOW + 9 * DAY, MANY, Advice.RUN_NOW, 9),
}


@pytest.mark.parametrize("name", CASES)
def test_waiting_pays_where_requests_share_files_and_time_is_left(name: str) -> None:
    costs, requests, safe, arriving, advice, further = CASES[name]
    found = pays(costs, requests, safe, arriving)
    assert (found.advice, found.further) == (advice, further)
    assert ("end in time" in found.reason) is (found.until is None)


def test_the_numbers_of_two_runs_and_of_one() -> None:
    found = pays([cost(10, 10)], 5, NOW + 9 * DAY, MANY)
    assert (found.bytes, found.files) == (1000, 10)
    assert found.times == pytest.approx((1.0, 2.0), abs=0.05)
    sparse = pays([cost(1000, 10)], 10, NOW + 10 * DAY, MANY)
    assert sparse.times == pytest.approx((1.99, 2.0), abs=0.02)


TABLES = st.builds(
    lambda total, share, each: cost(total, round(total * share), each),
    st.integers(0, 500),
    st.floats(0, 1),
    st.integers(0, 10**6),
)


@given(
    st.lists(TABLES, max_size=3),
    st.integers(0, 50),
    st.none() | st.integers(-100, 2000).map(lambda hours: NOW + hours * HOUR),
    st.builds(Arrivals, st.integers(0, 500), st.integers(1, 90)),
)
def test_waiting_is_never_advised_beyond_the_last_safe_instant_and_no_cost_is_negative(
    costs: list[TableCost], requests: int, safe: datetime | None, arriving: Arrivals
) -> None:
    found = pays(costs, requests, safe, arriving)
    if found.advice is Advice.WAIT:
        assert safe is not None
        assert safe > NOW
        assert found.until == safe
        assert found.further > 0
        assert found.together_bytes < found.separate_bytes
    assert found.until in (None, safe)
    assert 0 <= found.bytes <= found.together_bytes <= found.separate_bytes <= 2 * sum(c.total_bytes for c in costs)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 60), st.integers(0, 200))
def test_a_further_request_never_needs_fewer_files(total: int, hit: int, requests: int, others: int) -> None:
    hit = min(hit, total)
    one, two = (files_of(total, hit, requests, n) for n in (others, others + 1))
    assert 0 <= one <= two <= total
    if 0 < hit < total and requests:
        assert files_of(total, hit, requests, requests) == pytest.approx(hit)


def test_arrivals_are_those_of_ninety_days_or_of_a_younger_register() -> None:
    ago = [NOW - n * DAY for n in (1, 2, 30, 100)]
    assert arrivals(ago, NOW) == Arrivals(3, 90)
    assert arrivals(ago[:2], NOW) == Arrivals(2, 7)
    assert arrivals(ago[:3], NOW) == Arrivals(3, 30)
    assert arrivals([], NOW) == Arrivals(0, 7)
    assert Arrivals(3, 30).within(19 * DAY) == 1
    assert Arrivals(3, 30).within(-DAY) == 0
