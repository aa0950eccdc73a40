"""The draw keeps its bound, and says no more than it may."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.sampling import (
    Bound,
    PerFile,
    Reach,
    at_most_missed,
    bound_of,
    expected_rows,
    fewest_hits,
    one_in,
    per_file,
    rate_for,
    rate_of,
)
from delible.errors import InputError

bounds = st.builds(
    Bound, st.floats(0.5, 0.9999), st.builds(Fraction, st.just(1), st.integers(min_value=1, max_value=10**6))
)
tables = st.integers(0, 10**10)


def test_the_size_is_that_of_the_rule() -> None:
    assert Bound(0.99, Fraction(1, 50_000)).size == 230_257
    assert Bound(0.95, Fraction(1, 1_000)).size == 2_995
    assert Bound(0.99, Fraction(1)).size == 1


@given(bound=bounds, rows=tables)
def test_so_many_rows_as_break_the_bound_are_missed_no_more_often_than_it_says(bound: Bound, rows: int) -> None:
    rate, fewest = rate_for(bound, rows), fewest_hits(bound, rows)
    assert (1 - rate) ** fewest <= (1 - bound.confidence) * (1 + 1e-6)
    assert rate == 1.0 or (1 - 0.999 * rate) ** fewest > 1 - bound.confidence, "a smaller rate would do"


@given(bound=bounds, rows=tables)
def test_what_is_said_after_a_draw_is_at_least_what_was_asked_for(bound: Bound, rows: int) -> None:
    missed = at_most_missed(rate_for(bound, rows), bound.confidence)
    assert missed < fewest_hits(bound, rows)
    reach = Reach(rows, rows, (), bound.confidence, missed, bound)
    assert missed == 0 or reach.fewer_than_one_in == 1 / bound.prevalence


@given(rate=st.floats(1e-6, 0.5), confidence=st.floats(0.5, 0.999))
def test_one_row_more_than_is_said_would_have_been_seen(rate: float, confidence: float) -> None:
    missed = at_most_missed(rate, confidence)
    assert (1 - rate) ** (missed + 1) <= (1 - confidence) * (1 + 1e-6)
    assert missed == 0 or (1 - rate) ** missed > (1 - confidence) * (1 - 1e-6)


@given(rows=st.integers(1, 10**9), share=st.floats(0, 1))
def test_fewer_than_one_in_is_true_and_the_most_that_is(rows: int, share: float) -> None:
    missed = int(share * rows)
    found = one_in(missed, rows)
    if missed == 0:
        assert found is None
        return
    assert found is not None
    assert missed < rows / found or found == 1
    assert missed * (found + 1) >= rows


def places(layout: str, hits: int, files: list[int]) -> list[tuple[int, int]]:
    """Return where personal data is planted: all in the last file, spread over all, or in the first rows."""
    last = len(files) - 1
    if layout == "late":
        return [(last, 7 * i % files[last]) for i in range(hits)]
    if layout == "spread":
        return [(i % len(files), 977 * i % files[i % len(files)]) for i in range(hits)]
    return [(0, i) for i in range(hits)]


@pytest.mark.parametrize(
    ("given_", "share"),
    [
        ("1/50000", Fraction(1, 50_000)),
        ("0.00002", Fraction(1, 50_000)),
        ("0.002%", Fraction(1, 50_000)),
        (" 2/3 ", Fraction(2, 3)),
        ("1", Fraction(1)),
        (".5", Fraction(1, 2)),
    ],
)
def test_a_prevalence_is_read_as_it_is_written(given_: str, share: Fraction) -> None:
    assert bound_of(0.95, given_) == Bound(0.95, share)


@pytest.mark.parametrize(
    ("confidence", "prevalence", "code"),
    [
        (0.0, "1/2", "tags.confidence"),
        (1.0, "1/2", "tags.confidence"),
        (float("nan"), "1/2", "tags.confidence"),
        (0.9, "0", "tags.prevalence"),
        (0.9, "1/0", "tags.prevalence"),
        (0.9, "3/2", "tags.prevalence"),
        (0.9, "-1/2", "tags.prevalence"),
        (0.9, "1e-5", "tags.prevalence"),
        (0.9, "few", "tags.prevalence"),
    ],
)
def test_what_is_no_bound_is_said(confidence: float, prevalence: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        bound_of(confidence, prevalence)
    assert caught.value.code == code


def test_files_give_rows_beside_their_share_until_they_are_too_many() -> None:
    assert per_file([1_000_000] * 12, 0.003) is PerFile.DOUBLING
    assert per_file([1_000] * 1_000_000, 1e-5) is PerFile.FIRST
    assert expected_rows([1_000] * 1_000_000, 1e-5) == 1_010_000
    assert expected_rows([10, 20], 1.0) == 30
    assert rate_of(50_000, 100) == 1.0


def test_a_column_says_what_it_can_and_cannot_rule_out() -> None:
    bound = Bound(0.99, Fraction(1, 50_000))
    clean = Reach(230_260, 10_000_000, (), 0.99, 199, bound)
    assert clean.words() == (
        "no hit in 230,260 rows: with 99 % confidence fewer than 1 in 50,000 rows hold any; "
        "up to 199 of 10,000,000 rows cannot be ruled out"
    )
    assert clean.share == 1 / 50_000
    assert Reach(7, 7, (), 0.99, 0, bound).words() == "no hit in any of 7 rows"
    some = Reach(7, 70, (("PHONE_NUMBER", 3), ("US_SSN", 2)), 0.99, 9)
    assert some.words() == "hits in 3 of 7 rows looked at"
    assert some.beyond().startswith("PHONE_NUMBER in 3 row(s), US_SSN in 2 row(s): so few that it may be chance")
    assert "nothing else in 7 rows" in some.beyond()
    withheld = Reach(60, 70, (), 0.99, 10, withheld=10)
    assert withheld.words() == "no hit in any of 60 rows; 10 more may only be stored, and were not read"
    drawn = Reach(700, 7_000, (), 0.99, 53, withheld=10)
    assert drawn.words().endswith("cannot be ruled out, 10 of which may only be stored, and were not read")
    assert Reach(0, 70, (), 0.99, None).words() == "no value was looked at: judged by name and type"
    assert Reach(7, 7, (), 0.99, None, cut=2).words().endswith("7 rows: 2 of them are too long to be read to the end")
    capped = Reach(7, 70, (), 0.99, None)
    assert capped.share is None
    assert "nothing is ruled out" in capped.words()
