"""From measured keys to people: an invented lakehouse full of traps, and laws about any lakehouse."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.subject_ways import subject_ways
from delible.model.profile import At
from measured import lakehouse
from strange_lakehouse import CATEGORIES, tables


@pytest.fixture(scope="module")
def seen():
    return lakehouse(tables(), CATEGORIES)


@pytest.fixture(scope="module")
def ways(seen):
    return subject_ways(seen)


def test_people_are_customers_and_staff_and_nothing_else(seen):
    people = {d.kind: str(d.root) for d in seen.domains if d.kind}
    assert people == {"customer_id": "customers.id", "staff_id": "staff.id"}


@pytest.mark.parametrize(
    ("table", "steps"),
    [
        ("customers", [("id", "customer_id"), ("email", "email")]),
        ("staff", [("id", "staff_id"), ("email", "email")]),
        ("orders", [("customer_id", "customer_id")]),  # not also by e-mail nor by seller: that would merge people
        ("order_items", [("order_id", "orders.id")]),
        ("addresses", [("id", "customer_addresses.address_id")]),
        ("customer_addresses", [("customer_id", "customer_id")]),
        ("events", [("user_email", "email")]),
        ("shifts", [("staff_id", "staff_id")]),
        ("messages", [("sender_customer_id", "customer_id"), ("receiver_customer_id", "customer_id")]),
        ("countries", []),
        ("products", []),
        ("tickets", []),
        ("reviews", []),
        ("invites", [("inviter_customer_id", "customer_id")]),  # the invited are somebody else
        ("loyalty", [("customer_no", "customers.customer_no")]),
        ("bookings", [("customer_id", "customer_id")]),  # e-mails are nearly one a row, and the customers' all the same
        ("booking_notes", [("booking_id", "bookings.id")]),
        ("wallets", [("customer_id", "customer_id")]),
        ("cards", [("id", "wallets.card_id")]),
        ("gifts", []),  # one for each booking, and nothing about people in it
        ("branches", []),  # a street, but that of 50 customers each
    ],
)
def test_ways(ways, table, steps):
    found = [(s.column, s.identifies or f"{s.through}.{s.matches}") for s in ways[table].steps]
    assert sorted(found) == sorted(steps)


@pytest.mark.parametrize(
    ("table", "column", "words"),
    [
        ("customers", "account_manager_id", "candidate links: in staff.id to 100% (n=60)"),
        ("staff", "manager_id", " candidate links: in staff.id to 100%"),
        ("orders", "sales_staff_id", "a second person (staff_id)"),
        ("orders", "email", "is it the same person's"),
        ("invites", "invitee_email", "is it the same person's"),
        ("tickets", "owner_id", " candidate links: in customers.id to 100%"),
    ],
)
def test_what_stays_open(ways, table, column, words):
    assert words in ways[table].doubts[column]


def test_lookups_are_told_from_tables_that_hold_personal_data(ways):
    assert "a lookup: customers.country_id refers to its 40 rows 15 times each" in ways["countries"].reason
    assert ways["tickets"].reason == ways["reviews"].reason == ""


def test_a_policy_that_is_there_names_the_kind_and_ways_go_through_it():
    known = {At("customers", "id"): "client"}
    seen = lakehouse(tables(), CATEGORIES, known=known, settled={"customers": 600, "orders": 600})
    ways = subject_ways(seen)
    assert "customers" not in ways
    assert ways["customer_addresses"].kinds == ("client",)
    assert ways["order_items"].steps[0].through == "orders"


def test_no_way_through_a_table_without_policy():
    seen = lakehouse(tables(), CATEGORIES)
    alone = type(seen)(**{**seen.__dict__, "drafted": frozenset({"order_items"})})
    assert subject_ways(alone)["order_items"].steps == ()


@st.composite
def lakehouses(draw):
    """Tables that refer to each other at random, keys from 1 as everywhere, some with e-mail addresses."""
    count = draw(st.integers(1, 6))
    dice = Random(draw(st.integers(0, 10_000)))
    made, categories = {}, {}
    for n in range(count):
        rows = dice.randint(0, 60)
        columns = {"id": list(range(1, rows + 1))}
        for other in range(count):
            if dice.random() < 0.4:
                columns[dice.choice((f"thing{other}_id", f"a_thing{other}_id", "ref_id"))] = [
                    dice.randint(1, max(1, dice.choice((5, 30, 60)))) for _ in range(rows)
                ]
        if dice.random() < 0.4:
            columns["email"] = [f"p{dice.randint(0, 99)}@pond.example" for _ in range(rows)]
            categories[f"thing{n}s.email"] = "user.contact.email"
        made[f"thing{n}s"] = columns
    return made, categories


@given(lakehouses())
def test_every_way_ends_at_a_person_and_no_table_order_changes_it(world):
    made, categories = world
    ways = subject_ways(lakehouse(made, categories))
    turned = subject_ways(lakehouse(dict(reversed(made.items())), categories))
    assert {t: w.steps for t, w in ways.items()} == {t: w.steps for t, w in turned.items()}
    for table in ways:
        passed = [table]
        while not ways[passed[-1]].kinds and ways[passed[-1]].steps:
            passed.append(ways[passed[-1]].steps[0].through)
            assert len(set(passed)) == len(passed)
        assert ways[passed[-1]].kinds or len(passed) == 1
