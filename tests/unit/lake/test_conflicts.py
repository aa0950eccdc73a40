"""Work on a table that others write to: done anew after a pause, so often and no oftener, and only after a conflict."""

from __future__ import annotations

from itertools import pairwise

import pytest
from delta import exceptions as delta
from hypothesis import given
from hypothesis import strategies as st

from delible.errors import BlockedError, ConflictError, concerns_all
from delible.lake.conflicts import CONFLICTS, Patience, is_conflict, patiently
from delible.lake.erase import without_values

KINDS = st.sampled_from(CONFLICTS)
ATTEMPTS, FIRST, LONGEST = 5, 0.5, 2.0


class Writers:
    """Other writers that come first a number of times, and a clock that only they move."""

    def __init__(self, conflicts: list[type[Exception]]) -> None:
        self.conflicts = list(conflicts)
        self.pauses: list[float] = []
        self.said: list[tuple[int, str]] = []
        self.calls = 0

    def work(self) -> str:
        self.calls += 1
        if self.conflicts:
            raise self.conflicts.pop(0)("p001@people.example was changed by another commit")
        return "done"

    def patiently(self) -> str:
        patience = Patience(ATTEMPTS, FIRST, LONGEST, self.pauses.append)
        return patiently(self.work, table="orders", patience=patience, again=lambda *what: self.said.append(what))


@given(st.lists(KINDS, max_size=ATTEMPTS - 1))
def test_work_is_done_once_the_others_are_quiet(conflicts: list[type[Exception]]) -> None:
    writers = Writers(conflicts)
    assert writers.patiently() == "done"
    assert writers.calls == len(conflicts) + 1
    assert [n for n, _ in writers.said] == list(range(1, len(conflicts) + 1))
    bounds = [min(FIRST * 2**n, LONGEST) for n in range(len(conflicts))]
    assert all(0 <= pause <= bound for pause, bound in zip(writers.pauses, bounds, strict=True))


@given(st.lists(KINDS, min_size=ATTEMPTS, max_size=2 * ATTEMPTS))
def test_giving_up_is_a_state_of_its_own_and_quotes_nobody(conflicts: list[type[Exception]]) -> None:
    writers = Writers(conflicts)
    with pytest.raises(ConflictError) as raised:
        writers.patiently()
    error = raised.value
    assert (error.code, error.where, error.exit_code) == ("table.busy", "table:orders", 1)
    assert f"{ATTEMPTS} attempts" in error.message
    assert "people.example" not in str(error)
    assert error.__suppress_context__
    assert (writers.calls, len(writers.pauses)) == (ATTEMPTS, ATTEMPTS - 1)


def test_one_busy_table_keeps_no_other_request_waiting() -> None:
    assert not concerns_all(ConflictError("table.busy", "busy."))
    assert concerns_all(ConflictError("workspace.busy", "busy."))


def test_two_runs_that_met_do_not_meet_again() -> None:
    pauses = {tuple(_pauses()) for _ in range(20)}
    assert len(pauses) == 20
    assert all(one != other for one, other in pairwise(pauses))


def _pauses() -> list[float]:
    writers = Writers([delta.ConcurrentAppendException] * 3)
    writers.patiently()
    return writers.pauses


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, RuntimeError])
def test_any_other_failure_is_raised_at_once(error: type[BaseException]) -> None:
    def work() -> None:
        calls.append(1)
        raise error

    calls: list[int] = []
    with pytest.raises(error):
        patiently(work, table="orders", patience=Patience(sleep=lambda _: pytest.fail("waited")))
    assert len(calls) == 1


def test_every_conflict_that_delta_knows_is_one_here() -> None:
    known = {getattr(delta, name) for name in delta.__all__}
    assert set(CONFLICTS) == known
    assert all(is_conflict(kind("x")) for kind in known)


@pytest.mark.parametrize(
    ("told", "name"),
    [
        (
            "[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] CHECK constraint has_mail (x) violated by row with values: ann",
            "has_mail",
        ),
        ("[DELTA_NOT_NULL_CONSTRAINT_VIOLATED] NOT NULL constraint violated for column: ann", "NOT NULL"),
        ('[DELTA_EXCEED_CHAR_VARCHAR_LIMIT] Value "ann" exceeds char/varchar type length limitation.', "VARCHAR"),
    ],
)
def test_a_constraint_that_breaks_is_named_without_the_row(told: str, name: str) -> None:
    with pytest.raises(BlockedError, match=f"breaks its constraint '{name}'") as refused, without_values("t"):
        raise RuntimeError(told)
    assert refused.value.code == "erasure.constraint"
    assert "ann" not in str(refused.value)
    assert refused.value.__suppress_context__
