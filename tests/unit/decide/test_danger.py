"""Which request is looked at first."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from delible.decide.danger import by_danger, due_within, standing
from delible.model.request import ENDED, Request
from delible.model.terms import Regime, RequestState, Right

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
S = RequestState


def request(name: str, due: date, state: S = S.AWAITING_APPROVAL, regime: Regime = Regime.GDPR, **fields) -> Request:
    return Request(
        id=name,
        right=Right.ERASURE,
        regime=regime,
        state=state,
        received=NOW - timedelta(days=20),
        due=due,
        refs=(),
        submitted_by="ops",
        changed=NOW,
        **fields,
    )


def test_the_most_endangered_is_on_top_and_what_has_ended_last():
    requests = [
        request("ended long overdue", date(2026, 1, 1), S.COMPLETED),
        request("in a week", date(2026, 12, 1)),
        request("confirm today", date(2026, 12, 24), regime=Regime.CCPA, confirm_by=date(2026, 11, 24)),
        request("overdue", date(2026, 11, 20)),
        request("confirmed", date(2026, 12, 25), regime=Regime.CCPA, confirm_by=date(2026, 11, 1), confirmed=NOW),
    ]
    found = by_danger(requests, NOW)
    assert [s.request.id for s in found] == ["overdue", "confirm today", "in a week", "confirmed", "ended long overdue"]
    assert [s.request.id for s in due_within(found, 7)] == ["overdue", "confirm today", "in a week"]
    assert [s.request.id for s in found if s.overdue] == ["overdue"]


def test_days_do_not_run_down_while_a_gdpr_clock_stands_still_and_do_under_the_ccpa():
    stopped = {"state": S.VERIFYING_IDENTITY, "stopped": datetime(2026, 11, 1, tzinfo=UTC)}
    assert standing(request("g", date(2026, 11, 11), **stopped), NOW).days_left == 10
    assert standing(request("c", date(2026, 11, 11), regime=Regime.CCPA, **stopped), NOW).days_left == -13
    late = request("l", date(2026, 10, 30), **stopped)
    assert standing(late, NOW).overdue, "a doubt that came after the last day stops nothing"


DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))


@given(st.lists(st.tuples(DAYS, st.none() | DAYS, st.sampled_from(list(S))), max_size=8), st.randoms())
def test_law_the_order_does_not_depend_on_the_order_of_the_register(rows, random):
    requests = [
        request(f"R{n}", due, state, Regime.CCPA if confirm else Regime.GDPR, confirm_by=confirm)
        for n, (due, confirm, state) in enumerate(rows)
    ]
    mixed = random.sample(requests, len(requests))
    found = by_danger(requests, NOW)
    assert found == by_danger(mixed, NOW)
    nearest = [s.nearest for s in found if s.request.state not in ENDED]
    assert nearest == sorted(nearest)
    assert all(s.nearest is None for s in found[len(nearest) :])
