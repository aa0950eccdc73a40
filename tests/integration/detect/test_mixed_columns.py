"""Columns whose names say nothing: personal data inside of values is seen, and codes are not taken for it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from faker import Faker

from column_evidence import counted, judged
from delible.model.record import TagFinding
from delible.model.terms import TagState

VALUES = 120
FAKE = Faker("en_US")
FAKE.seed_instance(20_261_127)
Make = Callable[[Random, int], str]


def name() -> str:
    return f"{FAKE.first_name()} {FAKE.last_name()}"


def phone(i: int) -> str:
    return f"+1 415-555-01{i % 100:02}"


def card() -> str:
    return str(FAKE.credit_card_number("visa16"))


def digits(random: Random, n: int) -> str:
    return "".join(random.choice("0123456789") for _ in range(n))


def verdict(column: str, make: Make) -> TagFinding:
    random = Random(7)
    facts = counted(column, [make(random, i) for i in range(VALUES)], VALUES)
    return judged("exports", [facts])[column]


LONG = "The delivery came late and the box was damaged when we opened it at noon, number"


@pytest.mark.parametrize(
    ("column", "make"),
    [
        ("line1", lambda _, i: f"SSN {FAKE.ssn()} on file, {i}"),
        ("details", lambda _, i: f"card {card()} declined"),
        ("memo", lambda _, i: f"call {name()} on {phone(i)}, {i}"),
        ("text", lambda _, i: f"please call {name()} today"),
        ("payer", lambda _, i: f"{name()} {card()}"),
        ("ua", lambda r, i: f"198.51.100.{r.randint(1, 254)} - GET /x?phone=+14155550{i:03}"),
        ("note", lambda _, i: f"SSN {FAKE.ssn()}"),
        ("chat", lambda _, i: f"hi im {name().lower()} my ssn is {FAKE.ssn()}"),
        ("tags", lambda _, i: f"ssn={FAKE.ssn()}"),
        ("mixed", lambda _, i: f"{LONG} {i}. My SSN is {FAKE.ssn()}." if i % 4 == 0 else f"ORD-{i:06}"),
        ("loc", lambda _, i: f"{FAKE.street_address()}, {FAKE.city()}"),
        ("loc", lambda _, i: f"{name()}straße {i + 1}, 50667 Köln"),
        ("tickets_9", lambda _, i: f"{LONG} {i}. {name()} asked." if i % 11 == 0 else f"{LONG} {i}."),
    ],
)
def test_personal_data_in_values_is_seen(column, make):
    found = verdict(column, make)
    assert found.category is not None, (found, "is called clean")


@pytest.mark.parametrize("one_in", [20, 5, 3])
@pytest.mark.parametrize(
    "make",
    [
        lambda i: card(),
        lambda i: str(FAKE.ssn()),
        phone,
        lambda i: f"198.51.100.{i + 1}",
    ],
)
def test_a_part_of_bare_ones_among_codes_is_looked_at(one_in, make):
    found = verdict("extra", lambda _, i: make(i) if i % one_in == 0 else f"ORD-{i:06}")
    assert (found.state, found.category is not None) == (TagState.REVIEW, True)


@pytest.mark.parametrize(
    "make",
    [
        lambda r, i: digits(r, 8),
        lambda r, i: "1" + digits(r, 9),
        lambda r, i: "40" + digits(r, 11),
        lambda r, i: "9" + digits(r, 15),
        lambda r, i: f"ORD-{digits(r, 9)}",
        lambda r, i: f"SO{digits(r, 5)}",
        lambda r, i: f"INV-2024-{digits(r, 5)}",
        lambda r, i: f"{r.randint(1990, 2030)}-{r.randint(1990, 2030)}",
        lambda r, i: f"LOT {digits(r, 4)} {digits(r, 4)}",
        lambda r, i: f"/var/log/app/{digits(r, 10)}.log",
        lambda r, i: f"{r.randint(0, 20)}.{r.randint(0, 40)}.{r.randint(0, 9)}.{r.randint(300, 9_999)}",
        lambda r, i: f"{r.uniform(1, 99_999):.2f}",
        lambda r, i: f"{r.uniform(0, 1_000):.10f}",
        lambda r, i: f"{r.randint(1, 5)}",
        lambda r, i: f"2024-0{r.randint(1, 9)}-1{r.randint(0, 9)} 1{r.randint(0, 9)}:{r.randint(10, 59)}:00",
        lambda r, i: f"{r.randint(10, 28)}.{r.randint(10, 12)}.{r.randint(1990, 2030)}",
        lambda r, i: f"{r.getrandbits(128):032x}",
        lambda r, i: f"{r.uniform(-90, 90):.4f},{r.uniform(-180, 180):.4f}",
        lambda r, i: f"[{r.randint(10, 99)}] worker {digits(r, 3)} took {digits(r, 5)} ms",
        lambda r, i: f"Steel bolt M{r.randint(2, 20)} x {r.randint(5, 100)} mm, zinc plated and sold by the box",
        lambda r, i: f"{r.randint(1, 12)} Month Pass",
    ],
)
def test_codes_keys_dates_and_measures_are_not_taken_for_it(make):
    found = verdict("extra", make)
    assert (found.category, found.state) == (None, TagState.PROPOSED), found
