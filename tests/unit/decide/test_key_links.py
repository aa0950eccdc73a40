"""Which pairs of columns are measured, and what a measurement says: names, shares, and numbers that prove nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.clock_columns import Clock, clock
from delible.decide.key_links import Pair, Says, by_chance, candidates, judge
from delible.decide.key_names import Likeness, is_home, likeness, says_key, stem, thing
from delible.model.profile import At, ColumnProfile, Form, Inclusion

NONE, ROLE, SAME = Likeness


@pytest.mark.parametrize(
    ("source", "target", "alike"),
    [
        (("orders", "customer_id"), ("customers", "id"), SAME),
        (("orders", "CustomerKey"), ("dim_customer", "CustomerKey"), SAME),
        (("orders", "customer"), ("customers", "id"), SAME),
        (("phones", "BusinessEntityID"), ("emails", "BusinessEntityID"), SAME),
        (("orders", "billing_customer_id"), ("customers", "id"), ROLE),
        (("orders", "billing_customer_id"), ("customers", "customer_no"), ROLE),
        (("orders", "cust_id"), ("customers", "id"), ROLE),
        (("orders", "owner_id"), ("customers", "id"), NONE),
        (("orders", "id"), ("customers", "id"), NONE),
        (("orders", "customer_id"), ("products", "id"), NONE),
        (("orders", "customer_note"), ("customers", "id"), NONE),
        (("orders", "name"), ("customers", "name"), NONE),
        (("items", "order_id"), ("work_orders", "id"), NONE),
    ],
)
def test_what_names_have_in_common(source, target, alike):
    assert likeness(At(*source), At(*target)) is alike


def test_names_taken_apart():
    names = ("NationalIDNumber", "fk_country", "id", "BusinessEntityID")
    assert [stem(n) for n in names] == [("national",), ("country",), (), ("business", "entity")]
    assert thing("bronze.stg_order_items") == ("order", "item")
    assert thing("categories") == ("category",)
    assert is_home(At("customers", "customer_no"))
    assert not is_home(At("customers", "country_id"))
    assert [says_key(n) for n in ("order_no", "fk_order", "quantity")] == [True, True, False]


def numbers(table: str, column: str, low: int, high: int, distinct: int, rows: int | None = None) -> ColumnProfile:
    count = distinct if rows is None else rows
    return ColumnProfile(
        At(table, column), "int", Form.NUMBER, count, count, distinct, counted=True, unique=count == distinct,
        looked=count, longest=6, low=low, high=high,
    )  # fmt: skip


def texts(table: str, column: str, distinct: int, rows: int, longest: int = 36) -> ColumnProfile:
    return ColumnProfile(
        At(table, column), "string", Form.TEXT, rows, rows, distinct, counted=True, unique=rows == distinct,
        looked=rows, longest=longest,
    )  # fmt: skip


def of(*profiles: ColumnProfile) -> dict[At, ColumnProfile]:
    return {p.at: p for p in profiles}


KEYS = numbers("people", "id", 1, 1_000, 1_000)
DENSE = numbers("tickets", "owner_id", 3, 990, 600, 2_000)
FEW = numbers("tickets", "state_id", 1, 9, 9, 2_000)
TOKENS, TOKEN = texts("logins", "token", 5_000, 5_000), texts("visits", "session", 900, 4_000)
CODES, CODE = texts("units", "code", 26, 26, 1), texts("goods", "made_code", 22, 900, 1)


@pytest.mark.parametrize(
    ("source", "target", "alike", "measured", "says"),
    [
        (DENSE, KEYS, SAME, Inclusion(1_000, 500, 1_000, 1_000), Says.LINK),
        (DENSE, KEYS, SAME, Inclusion(1_000, 490, 1_000, 1_000), Says.NOTHING),
        (DENSE, KEYS, ROLE, Inclusion(1_000, 900, 1_000, 1_000), Says.LINK),
        (DENSE, KEYS, ROLE, Inclusion(1_000, 600, 1_000, 1_000), Says.OPEN),
        (DENSE, KEYS, NONE, Inclusion(600, 600, 988, 988), Says.OPEN),  # any number of the range is a key
        (DENSE, KEYS, NONE, Inclusion(600, 600, 988, 900), Says.LINK),  # of any numbers 91 % are, of these all
        (DENSE, KEYS, NONE, Inclusion(600, 590, 988, 900), Says.OPEN),
        (DENSE, KEYS, NONE, Inclusion(600, 500, 988, 900), Says.NOTHING),
        (FEW, KEYS, NONE, Inclusion(9, 9, 9, 9), Says.CHANCE),
        (TOKEN, TOKENS, NONE, Inclusion(900, 900), Says.LINK),
        (TOKEN, TOKENS, NONE, Inclusion(900, 880), Says.OPEN),
        (TOKEN, TOKENS, NONE, Inclusion(10, 10), Says.OPEN),
        (CODE, CODES, NONE, Inclusion(22, 22), Says.OPEN),  # one letter is in any list of letters
    ],
)
def test_what_a_measurement_says(source, target, alike, measured, says):
    assert judge(Pair(source.at, target.at, alike), measured, of(source, target)).says is says


@given(st.integers(1, 5_000), st.integers(1, 5_000), st.integers(20, 4_000), st.integers(0, 2_000), st.integers(1, 50))
def test_numbers_among_keys_without_a_hole_never_link_by_themselves(low, span, keys, rows, found):
    target = numbers("a", "id", 1, keys, keys)
    source = numbers("b", "owner_id", low, low + span, min(found, span + 1), rows + found)
    probes = min(span + 1, 1_024)
    held = sum(1 <= n <= keys for n in range(low, low + probes))
    measured = Inclusion(source.distinct, source.distinct, probes, probes if low + span <= keys else held)
    if low + span <= keys:
        assert judge(Pair(source.at, target.at, NONE), measured, of(source, target)).says is not Says.LINK


@given(st.integers(1, 2_000), st.integers(0, 1_024), st.integers(1, 1_024))
def test_more_values_are_less_by_chance(values, held, probes):
    held = min(held, probes)
    one, more = (by_chance(Inclusion(n, n, probes, held), short=False) for n in (values, values + 1))
    assert more <= one <= 0


def test_what_is_worth_measuring():
    other = numbers("bills", "person_id", 5_000, 5_900, 300)
    found = candidates(of(KEYS, DENSE, FEW, other, TOKENS, TOKEN, numbers("tickets", "amount", 1, 90, 80, 900)), {})
    assert {(str(p.source), str(p.target)) for p in found} == {
        ("tickets.owner_id", "people.id"),
        ("tickets.state_id", "people.id"),
        ("visits.session", "logins.token"),
    }


def test_never_all_pairs():
    keys = [numbers(f"t{n}", "id", 1, 1_000 + n, 1_000 + n) for n in range(60)]
    refs = [numbers(f"t{n}", "some_key", 1, 500, 500, 900) for n in range(60)]
    assert len(candidates(of(*keys, *refs), {})) <= 60 * 8


@pytest.mark.parametrize(
    ("column", "distinct", "filled", "told"),
    [
        ("ordered_at", 900, 1_000, Clock.EVENT),
        ("ModifiedDate", 900, 1_000, Clock.LOAD),
        ("_ingested_at", 900, 1_000, Clock.LOAD),
        ("day", 2, 1_000, Clock.LOAD),
        ("day", 2, 10, Clock.EVENT),
        ("closed_at", 0, 0, None),
    ],
)
def test_clocks(column, distinct, filled, told):
    assert clock(ColumnProfile(At("t", column), "timestamp", Form.TIME, 1_000, filled, distinct)) is told


def test_a_profile_shows_no_value():
    assert "990" not in repr(DENSE)
    assert "low" not in repr(DENSE)
