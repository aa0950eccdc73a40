"""What a plan costs: bounds that hold, times that say how little is known, and a run that says when it was far off."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.model.cost import Range
from delible.model.record import GENESIS, AuditEntry, AuditRecord
from delible.model.statistics import TableStatistics
from delible.plan.candidates import Candidates
from delible.plan.comparison import Actual, compared
from delible.plan.cost import Case, Found, in_waves, step_cost
from delible.plan.rates import DEFAULTS, Effort, Timed, expected_seconds, observations

NOW = datetime(2026, 11, 27, tzinfo=UTC)
SIZES = [100, 200, 300, 400]


def case(found: Found | None, **more: Any) -> Case:
    hidden = more.pop("hidden", [False] * len(SIZES))
    log = TableStatistics(
        version=1,
        sizes=np.array(SIZES, np.int64),
        rows=100,
        hidden=None if hidden is None else np.array(hidden, bool),
        columns={},
        properties=more.pop("properties", {}),
    )
    usual: dict[str, Any] = {
        "table": "t",
        "rule": None,
        "wave": 1,
        "statistics": log,
        "rows": 100,
        "files": len(SIZES),
        "bytes": sum(SIZES),
        "found": found,
        "candidates": Candidates(3, 900, 1),
        "anywhere": False,
        "updates": False,
    }
    return Case(**{**usual, **more})


def span(low: int, high: int) -> Range:
    return Range(low=low, high=high)


READ = Found(rows=5, mentions=0, files=2, bytes=300)
EXTENTS: dict[str, tuple[Case, tuple[int, int], tuple[int, int], tuple[int, int]]] = {
    "counted": (case(READ), (5, 5), (2, 2), (300, 300)),
    "by the log": (case(None), (0, 100), (0, 3), (0, 900)),
    "by the log, nothing": (case(None, candidates=Candidates(0, 0, 0)), (0, 0), (0, 0), (0, 0)),
    "by the log, free text": (case(None, anywhere=True), (0, 100), (0, 4), (0, 1000)),
    "one mention more": (case(Found(5, 1, 2, 300)), (6, 6), (2, 3), (300, 700)),
    "mentions everywhere": (case(Found(5, 90, 2, 300)), (95, 95), (2, 6), (300, 1300)),
    "one mention in one of two columns": (case(Found(5, 1, 2, 300), texts=2), (6, 6), (2, 4), (300, 1100)),
    "something kept": (case(Found(5, 0, 2, 300, kept_rows=4)), (1, 5), (1, 2), (0, 300)),
    "hidden rows of before": (case(READ, hidden=[False, False, False, True]), (5, 5), (2, 3), (400, 700)),
    "all hidden before": (case(READ, hidden=[True] * 4), (5, 5), (4, 4), (1000, 1000)),
    "nobody can tell what is hidden": (case(READ, hidden=None), (5, 5), (2, 4), (300, 1000)),
    "a log that cannot be read": (case(Found(5, 1, 2, 300), statistics=None), (6, 6), (2, 4), (300, 1300)),
    "dropped columns": (case(READ, every=True), (5, 5), (2, 4), (300, 1000)),
    "kept": (case(READ, works=False), (0, 0), (0, 0), (0, 0)),
}


@pytest.mark.parametrize("name", EXTENTS)
def test_rows_files_and_bytes_are_known_or_bounded(name: str) -> None:
    of, rows, files, size = EXTENTS[name]
    cost = step_cost(of, {})
    assert (cost.rows, cost.files, cost.bytes) == (span(*rows), span(*files), span(*size))
    assert bool(cost.rewrite_seconds.high) is bool(cost.files.high)
    assert bool(cost.rewrite_seconds.low) is (bool(cost.files.high) and of.found is not None)


def test_rows_that_neither_anybody_nor_the_log_counted_are_unknown() -> None:
    on = {"delta.enableChangeDataFeed": "true"}
    cost = step_cost(case(None, rows=None, properties=on), {})
    assert cost.rows is None
    assert cost.change_bytes == span(0, 1800)
    assert {n.what for n in compared(cost, Actual(1, 1, 1)).numbers} == {"files", "bytes"}


def test_a_table_that_must_go_through_all_stages_again_takes_its_time_without_any_row() -> None:
    assert step_cost(case(Found(0, 0, 0, 0)), {}).removal_seconds.high > 0


def test_change_data_are_written_where_the_feed_is_on_and_twice_for_rows_that_stay() -> None:
    on = {"delta.enableChangeDataFeed": "true"}
    assert step_cost(case(READ), {}).change_bytes == span(0, 0)
    assert step_cost(case(READ, properties=on), {}).change_bytes == span(0, 100)
    assert step_cost(case(READ, properties=on, updates=True), {}).change_bytes == span(0, 200)


COUNTS = st.integers(0, 50)


@given(COUNTS, COUNTS, st.integers(0, 4), st.lists(st.booleans(), min_size=4, max_size=4), st.booleans())
def test_no_cost_is_negative_or_upside_down_and_more_is_never_less(
    rows: int, mentions: int, files: int, hidden: list[bool], updates: bool
) -> None:
    def cost(more: int) -> Any:
        hit = Found(rows + more, mentions + more, min(4, files + more), sum(SIZES[: min(4, files + more)]))
        return step_cost(case(hit, hidden=hidden, updates=updates), {})

    one, two = cost(0), cost(1)
    for name in ("rows", "files", "bytes", "change_bytes", "rewrite_seconds", "removal_seconds"):
        less, more = getattr(one, name), getattr(two, name)
        assert 0 <= less.low <= less.high
        assert less.high <= more.high
        assert less.low <= more.low


def test_tables_of_a_wave_may_run_side_by_side_and_waves_may_not() -> None:
    costs = [step_cost(case(READ, wave=wave), {}) for wave in (1, 1, 2)]
    one = costs[0].rewrite_seconds + costs[0].removal_seconds
    assert in_waves(costs) == span(2 * one.low, 3 * one.high)
    assert in_waves([]) == span(0, 0)


def test_a_time_without_any_earlier_run_is_wide_and_round() -> None:
    assert expected_seconds(Effort.REWRITE, 0, []) == span(2, 50)
    assert expected_seconds(Effort.REWRITE, 10**9, []) == span(10, 300)
    assert expected_seconds(Effort.VERIFY, 0, []) == span(1, 30)


def test_times_are_learnt_from_earlier_runs() -> None:
    seen = [Timed(units, 2_000 + units // 1000) for units in (0, 10**6, 3 * 10**6)]
    assert expected_seconds(Effort.REWRITE, 2 * 10**6, seen) == span(2, 6)
    far = expected_seconds(Effort.REWRITE, 300 * 10**6, seen)
    assert far.low < 300 < far.high, "far beyond what was seen the span grows"
    assert far.high / far.low > 100
    few = expected_seconds(Effort.REWRITE, 0, seen[:1])
    assert few == span(0, 6)


@given(
    st.sampled_from(Effort),
    st.integers(0, 10**12),
    st.lists(st.builds(Timed, st.integers(0, 10**12), st.integers(0, 10**8)), max_size=6),
)
def test_what_was_seen_lies_within_what_is_expected_for_the_same_work(
    effort: Effort, units: int, seen: list[Timed]
) -> None:
    found = expected_seconds(effort, units, seen)
    assert 0 <= found.low <= found.high
    if len(seen) >= 3:
        for each in seen:
            again = expected_seconds(effort, each.units, seen)
            assert again.low * 1000 <= max(1, each.milliseconds) <= again.high * 1000 + 1
    if not seen:
        assert found.low <= DEFAULTS[effort].at(units) / 1000 <= found.high


def record(number: int, action: str, thing: str, **counts: int) -> AuditRecord:
    entry = AuditEntry(actor="a", action=action, object=thing, outcome="done", counts=counts)
    return AuditRecord.sealed(entry, sequence=number, at=NOW, previous=GENESIS)


def test_times_come_from_the_ledger_and_a_step_cut_in_two_says_nothing() -> None:
    table = {"table_bytes": 1000, "table_files": 7, "bytes_replaced": 500}
    whole = [
        record(1, "erasure.merge", "plan:E-1/table:t", milliseconds=20, **table),
        record(2, "erasure.purge", "plan:E-1/table:t", milliseconds=5),
        record(3, "erasure.vacuum", "plan:E-1/table:t", milliseconds=3),
        record(4, "erasure.expire_log", "plan:E-1/table:t", milliseconds=4),
        record(5, "erasure.verify", "plan:E-1/all", milliseconds=9, bytes_searched=2000),
    ]
    assert observations(whole) == {
        Effort.REWRITE: [Timed(1500, 25)],
        Effort.REMOVAL: [Timed(7, 7)],
        Effort.VERIFY: [Timed(2000, 9)],
    }
    cut = [record(1, "erasure.merge", "plan:E-1/table:t", **table), *whole[1:4]]
    assert not any(observations(cut).values())
    older = [record(1, "erasure.merge", "plan:E-1/table:t", rows=3), record(2, "erasure.purge", "plan:E-1/table:t")]
    assert not any(observations(older).values())


COST = step_cost(case(READ, bytes=10**9), {}).model_copy(
    update={"bytes": span(2_000_000, 4_000_000), "rewrite_seconds": span(20, 50), "removal_seconds": span(0, 0)}
)
BESIDE: dict[str, tuple[Actual, dict[str, int | None], tuple[str, ...]]] = {
    "as expected": (Actual(5, 2, 3_000_000, 30_000), {"rows": 100, "bytes": 100, "rewrite_seconds": 100}, ()),
    "a little more": (Actual(5, 3, 5_000_000, 70_000), {"files": 150, "bytes": 125, "rewrite_seconds": 140}, ()),
    "a trifle of time": (Actual(5, 2, 3_000_000, None, 10_000), {"removal_seconds": None}, ()),
    "far more": (Actual(11, 9, 9_000_000, 101_000), {"rows": 220}, ("rows", "files", "bytes", "rewrite_seconds")),
    "far less": (Actual(2, 2, 100_000, 1_000), {"rows": 40, "bytes": 5}, ("rows", "bytes", "rewrite_seconds")),
    "where nothing was expected": (
        Actual(5, 2, 3_000_000, None, 11_000),
        {"removal_seconds": None},
        ("removal_seconds",),
    ),
}


@pytest.mark.parametrize("name", BESIDE)
def test_a_run_that_is_far_off_says_so(name: str) -> None:
    actual, percents, far = BESIDE[name]
    found = compared(COST, actual)
    assert {n.what: n.percent for n in found.numbers if n.what in percents} == percents
    assert found.far == far
    measured = {n.what for n in found.numbers}
    assert ("rewrite_seconds" in measured) is (actual.rewriting is not None)
