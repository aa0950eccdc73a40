"""Which combinations of quasi-identifiers are measured and told."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from delible.decide.combinations import MOST_COLUMNS, MOST_TOLD, quasi_columns, to_measure, told
from delible.model.record import TagFinding
from delible.model.terms import TagState
from delible.model.uniqueness import Combination

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GENDER, BORN = "user.demographic.gender", "user.demographic.date_of_birth"


def finding(column: str, category: str | None, state: TagState = TagState.PROPOSED) -> TagFinding:
    return TagFinding(
        table="t", column=column, category=category, entity=None, confidence=0.9, sampled=9, hits=9, bound=0.0,
        evidence=("name",), state=state, version=0, at=NOW,
    )  # fmt: skip


def combination(*columns: str, unique: int, smallest: int = 1) -> Combination:
    return Combination(
        table="t", columns=columns, rows=100, unique=unique, groups=50, smallest=smallest, version=0, at=NOW
    )


def test_rejected_and_identifying_columns_are_left_out():
    found = [
        finding("dob", BORN),
        finding("email", "user.contact.email"),
        finding("sex", GENDER, TagState.REJECTED),
        finding("city", "user.contact.address.city", TagState.REVIEW),
        finding("code", None),
    ]
    assert quasi_columns(found) == ("dob", "city")


def test_of_many_columns_the_most_telling_are_measured():
    found = [*(finding(f"g{i}", GENDER) for i in range(MOST_COLUMNS + 2)), finding("dob", BORN)]
    assert quasi_columns(found) == (*(f"g{i}" for i in range(MOST_COLUMNS - 1)), "dob")


def test_one_column_makes_no_combination_and_two_make_one():
    assert to_measure(["a"]) == ()
    assert to_measure(["a", "b"]) == (("a", "b"),)
    assert to_measure(["a", "b", "c"]) == (("a", "b", "c"), ("a", "b"), ("a", "c"), ("b", "c"))


@given(st.integers(0, MOST_COLUMNS))
def test_the_number_of_combinations_is_bounded(columns):
    made = to_measure([f"c{i}" for i in range(columns)])
    assert len(made) == len(set(made)) <= 57


def test_the_worst_small_ones_are_told_beside_all_together():
    everything = combination("a", "b", "c", "d", unique=90)
    pair, idle = combination("a", "b", unique=60), combination("a", "b", "c", unique=60)
    worse, mild = combination("b", "c", "d", unique=80), combination("c", "d", unique=3)
    assert told([everything, pair, idle, worse, mild]) == (everything, worse, pair, mild)
    assert told([]) == ()
    many = [combination("a", f"c{i}", unique=i) for i in range(20)]
    assert len(told([everything, *many])) == 1 + MOST_TOLD
