"""What becomes of a row that several rules cover: one case per rule of the module, and the laws."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.retention import Covering, Decision, Standing, decide_row, standing
from delible.model.retention import RetentionRule

NOW = datetime(2026, 2, 28, 12, tzinfo=UTC)


def rule(name: str, keep: str = "P1Y", **changes) -> RetentionRule:
    given = {"retention": name, "table": "t", "clock": "at", "keep": keep, "reason": "Law.", **changes}
    return RetentionRule.model_validate(given)


def covering(each: RetentionRule, days: int | None = 0, **changes) -> Covering:
    return Covering(each, None if days is None else NOW - timedelta(days=days), **changes)


DUTY = {"law": "HGB § 257", "at_least": "P6Y"}
TREAT = {"action": "treat_columns", "columns": {"note": "null"}}
OLD, YOUNG = 800, 10


@pytest.mark.parametrize(
    ("law", "known", "held", "action", "because", "who"),
    [
        ("no rule covers the row", [], False, None, None, None),
        ("Art. 5(1)(e): past its period", [covering(rule("a"), OLD)], False, "delete_row", "due", "a"),
        ("not yet", [covering(rule("a"), YOUNG)], False, None, "not_yet", "a"),
        ("no clock, no deletion", [covering(rule("a"), None)], False, None, "no_clock", "a"),
        ("a rule that may not cover the row does nothing", [covering(rule("a"), OLD, covers=None)], False, None, None,
         None),
        ("Art. 17(3)(e): held", [covering(rule("a"), OLD)], True, None, "held", "a"),
        ("Art. 17(3)(b): the duty of another rule",
         [covering(rule("a"), OLD), covering(rule("b", "P9Y", duty=DUTY), OLD)], False, None, "duty", "a"),
        ("the duty ends", [covering(rule("a"), 2300), covering(rule("b", "P9Y", duty=DUTY), 2300)], False,
         "delete_row", "due", "a"),
        ("of several duties the longest",
         [covering(rule("a"), 2300), covering(rule("b", "P9Y", duty=DUTY), 2300),
          covering(rule("c", "P9Y", duty={"law": "x", "at_least": "P8Y"}), 2300)], False, None, "duty", "a"),
        ("a duty stands above a hold as the reason",
         [covering(rule("a", "P1Y", duty=DUTY), OLD)], True, None, "duty", "a"),
        ("a duty of which it is not known whether it covers the row binds",
         [covering(rule("a"), OLD), covering(rule("b", "P9Y", duty=DUTY), OLD, covers=None)], False, None, "duty", "a"),
        ("a duty without its clock binds",
         [covering(rule("a"), OLD), covering(rule("b", "P9Y", duty=DUTY), None)], False, None, "duty", "a"),
        ("a duty of other rows does not",
         [covering(rule("a"), OLD), covering(rule("b", "P9Y", duty=DUTY), OLD, covers=False)], False, "delete_row",
         "due", "a"),
        ("a duty on some columns lets others be treated",
         [covering(rule("a", **TREAT), OLD),
          covering(rule("b", "P9Y", duty={**DUTY, "columns": ["amount"]}), OLD)], False, "treat_columns", "due", "a"),
        ("and forbids to treat its own",
         [covering(rule("a", **TREAT), OLD),
          covering(rule("b", "P9Y", duty={**DUTY, "columns": ["note"]}), OLD)], False, None, "duty", "a"),
        ("the shortest period decides", [covering(rule("a", "P5Y"), OLD), covering(rule("b"), OLD)], False,
         "delete_row", "due", "b"),
        ("deleting goes before treating", [covering(rule("a", **TREAT), OLD), covering(rule("b"), OLD)], False,
         "delete_row", "due", "b"),
        ("what is done is not done again", [covering(rule("a", **TREAT), OLD, done=True)], False, None, "done", "a"),
    ],
)  # fmt: skip
def test_rules(law, known, held, action, because, who):
    found = decide_row(known, held=held, now=NOW)
    assert (found.action, found.standing, found.rule) == (action, because, who)


@pytest.mark.parametrize(
    ("start", "keep", "ends"),
    [
        ("2024-02-29T12:00:00", "P2Y", "2026-02-28T12:00:00"),
        ("2025-11-30T12:00:00", "P3M", "2026-02-28T12:00:00"),
        ("2026-01-31T12:00:00", "P1M", "2026-02-28T12:00:00"),
        ("2025-02-28T12:00:00", "P1Y", "2026-02-28T12:00:00"),
        ("2026-02-21T12:00:00", "P1W", "2026-02-28T12:00:00"),
        ("2026-01-30T12:00:00", "P1M1D", "2026-03-01T12:00:00"),
    ],
)
def test_regulation_1182_71_months_end_with_the_month(start, keep, ends):
    begun = datetime.fromisoformat(start).replace(tzinfo=UTC)
    until = datetime.fromisoformat(ends).replace(tzinfo=UTC)
    known = [Covering(rule("a", keep), begun)]
    assert decide_row(known, held=False, now=until).action == "delete_row"
    assert decide_row(known, held=False, now=until - timedelta(microseconds=1)).until == until


PERIODS = st.sampled_from(["P1D", "P1M", "P13M", "P2Y", "P6Y"])
STARTS = st.none() | st.integers(-10, 3000)


@st.composite
def known_rules(draw):
    rules = []
    for name in draw(st.sets(st.sampled_from("abcd"))):
        treat = TREAT if draw(st.booleans()) else {}
        duty = {"duty": {"law": "x", "at_least": draw(PERIODS)}} if draw(st.booleans()) else {}
        covers = draw(st.sampled_from([True, True, None, False]))
        rules.append(covering(rule(name, draw(PERIODS), **treat, **duty), draw(STARTS), covers=covers))
    return rules


def acts(decision: Decision) -> bool:
    return decision.action is not None


@given(known_rules(), st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 2000))
def test_law_a_longer_hold_never_makes_anything_erasable_earlier(known, now, ends, longer):
    def erased(end: int) -> bool:
        return acts(decide_row(known, held=now <= end, now=NOW + timedelta(days=now)))

    assert erased(ends) or not erased(ends + longer)


@given(known_rules(), st.integers(0, 2000), PERIODS, STARTS)
def test_law_one_more_duty_never_makes_anything_erasable_earlier(known, days, at_least, start):
    now = NOW + timedelta(days=days)
    more = [*known, covering(rule("z", "P99Y", duty={"law": "y", "at_least": at_least}), start)]
    assert acts(decide_row(known, held=False, now=now)) or not acts(decide_row(more, held=False, now=now))


@given(known_rules(), st.booleans(), st.data())
def test_law_what_is_not_known_never_lets_a_row_go(known, held, data):
    """A gap: a clock that is empty, or a condition that cannot be told."""
    if not known:
        return
    index = data.draw(st.integers(0, len(known) - 1))
    each = known[index]
    poorer = (
        Covering(each.rule, None, each.covers) if data.draw(st.booleans()) else Covering(each.rule, each.start, None)
    )
    less = [*known[:index], poorer, *known[index + 1 :]]
    before, after = (decide_row(k, held=held, now=NOW) for k in (known, less))
    removed = [d for d in (before, after) if d.action == "delete_row"]
    assert after not in removed or before in removed


def test_the_strictest_of_very_many_rules_is_found() -> None:
    """Each asks all stricter ones: were they to ask theirs again, thirty rules would ask a thousand million times."""
    known = [covering(rule(f"r{n:02}", action="delete_row"), OLD) for n in range(30)]
    stands = [standing(each, known, held=False, now=NOW) for each in known]
    assert stands == [Standing.DUE] + [Standing.COVERED] * 29


@given(known_rules(), st.booleans(), st.randoms())
def test_law_the_order_of_rules_does_not_matter(known, held, random):
    shuffled = list(known)
    random.shuffle(shuffled)
    one, other = (decide_row(k, held=held, now=NOW) for k in (known, shuffled))
    assert (one.action, one.rule if one.action else None) == (other.action, other.rule if other.action else None)
    for each in known:
        assert standing(each, known, held=held, now=NOW) is standing(each, shuffled, held=held, now=NOW)


@given(known_rules(), st.integers(0, 3000))
def test_law_a_held_row_stays(known, days):
    found = decide_row(known, held=True, now=NOW + timedelta(days=days))
    assert found.action is None
    assert found.standing is not Standing.DUE
