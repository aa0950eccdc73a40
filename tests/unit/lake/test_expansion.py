"""Whose an identifier is: followed over links to a fixed point, asked where two people would merge, never guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.lake.expansion import LinkRow, settled
from delible.model.policy import Controller
from delible.model.subject import IdentifierKind, KeyRole, KeyRow

CONTROLLER = Controller(
    controller="Shop",
    contact="privacy@shop.example",
    subject="person",
    identifiers={k: IdentifierKind() for k in ("person", "email", "phone")},
)
Entry = dict[str, str]


@dataclass(frozen=True)
class Table:
    """Rows as kind and value; a row without `person` has no owner."""

    entries: Sequence[Entry]

    def rows(self, keys: Sequence[KeyRow]) -> list[tuple[str, LinkRow]]:
        reached = {}
        for key in keys:
            for entry in self.entries:
                if entry.get(key.kind) == key.value:
                    keys_of = tuple((key.request, k, v) for k, v in entry.items())
                    row = LinkRow(entry.get("person", ""), keys_of, tuple(f"t.{k}" for k in entry))
                    reached[key.request, row] = None
        return list(reached)


def ask(entries: Sequence[Entry], **asked: str) -> tuple[Entry | str, set[str]]:
    """Return what one request reaches by kind, or 'ask'; and the values that are shared."""
    rows = [KeyRow("R", kind, value, KeyRole.GIVEN) for kind, value in asked.items()]
    found = settled(CONTROLLER, rows, Table(entries))
    shared = {k.value for k in found.shared}
    return ("ask" if found.ambiguous else {k.kind: k.value for k in found.keys}), shared


ANN = {"person": "1", "email": "ann", "phone": "P"}
BOB = {"person": "2", "email": "bob", "phone": "P"}
CASES = {
    "one row leads to all of one person": ([ANN], {"email": "ann"}, ANN, set()),
    "two subject keys are two people": ([ANN, BOB], {"phone": "P"}, "ask", set()),
    "also when the first was found": ([ANN, BOB], {"email": "ann"}, "ask", set()),
    "with the key named the telephone is shared": (
        [ANN, BOB],
        {"person": "1"},
        {"person": "1", "email": "ann"},
        {"P"},
    ),
    "a telephone that was given is shared, too": (
        [ANN, BOB],
        {"person": "1", "phone": "P"},
        {"person": "1", "email": "ann"},
        {"P"},
    ),
    "a guest's row with the same telephone asks": (
        [ANN, {"email": "bob", "phone": "P"}],
        {"email": "ann"},
        "ask",
        set(),
    ),
    "with the key named the guest's telephone is shared": (
        [ANN, {"email": "bob", "phone": "P"}],
        {"person": "1"},
        {"person": "1", "email": "ann"},
        {"P"},
    ),
    "one's own guest row adds what was not known": (
        [{"person": "1", "email": "ann"}, {"email": "ann", "phone": "P"}],
        {"person": "1"},
        ANN,
        set(),
    ),
    "a guest row that leads to another customer is theirs": (
        [{"person": "1", "phone": "P"}, {"email": "bob", "phone": "P"}, {"person": "2", "email": "bob"}],
        {"person": "1"},
        {"person": "1"},
        {"P"},
    ),
    "without any subject key two addresses ask": (
        [{"email": "ann", "phone": "P"}, {"email": "bob", "phone": "P"}],
        {"email": "ann"},
        "ask",
        set(),
    ),
    "what is linked to nobody stands for itself": ([ANN], {"email": "eve"}, {"email": "eve"}, set()),
}


@pytest.mark.parametrize(("entries", "asked", "reached", "shared"), CASES.values(), ids=CASES)
def test_whose_it_is(entries: Sequence[Entry], asked: Entry, reached: Entry | str, shared: set[str]) -> None:
    assert ask(entries, **asked) == (reached, shared)


def test_evidence_and_earlier_keys_do_not_make_a_request_ambiguous() -> None:
    rows = [
        KeyRow("R", "email", "ann", KeyRole.GIVEN),
        KeyRow("R", "newsletter.email", "Ann", KeyRole.EVIDENCE),
        KeyRow("R", "newsletter.email", "ANN", KeyRole.EVIDENCE),
        KeyRow("R", "cards.id", "7", KeyRole.FOUND),
        KeyRow("R", "cards.id", "8", KeyRole.FOUND),
    ]
    assert settled(CONTROLLER, rows, Table([])).ambiguous == frozenset()


person = st.fixed_dictionaries(
    {}, optional={"person": st.sampled_from("12"), "email": st.sampled_from("abc"), "phone": st.sampled_from("PQ")}
)


def ways(entries: Sequence[Entry], **asked: str) -> dict[str, tuple[str, ...]]:
    rows = [KeyRow("R", kind, value, KeyRole.GIVEN) for kind, value in asked.items()]
    found = settled(CONTROLLER, rows, Table(entries))
    return {f"{kind}={value}": tuple(map(str, steps)) for (_, kind, value), steps in found.paths.items()}


def test_each_identifier_has_the_shortest_way_that_led_to_it() -> None:
    entries = [{"email": "ann", "phone": "P"}, {"person": "1", "phone": "P"}, {"person": "1", "email": "anna"}]
    first, second = "t.email = … → t.phone", "t.phone = … → t.person"
    assert ways(entries, email="ann") == {
        "email=ann": (),
        "phone=P": (first,),
        "person=1": (first, second),
        "email=anna": (first, second, "t.person = … → t.email"),
    }


MERGING = {
    "a telephone that was given": ([ANN, BOB], {"phone": "P"}, ("phone (t.phone)",)),
    "a telephone that was found": ([ANN, BOB], {"email": "ann"}, ("phone (t.phone)",)),
    "a guest's row": ([ANN, {"email": "bob", "phone": "P"}], {"email": "ann"}, ("phone (t.phone)",)),
    "addresses without any subject key": (
        [{"email": "ann", "phone": "P"}, {"email": "bob", "phone": "P"}],
        {"email": "ann"},
        ("phone (t.phone)",),
    ),
}


@pytest.mark.parametrize(("entries", "asked", "links"), MERGING.values(), ids=MERGING)
def test_an_ambiguous_request_names_the_link_that_would_merge_two_people(entries, asked, links) -> None:
    rows = [KeyRow("R", kind, value, KeyRole.GIVEN) for kind, value in asked.items()]
    assert settled(CONTROLLER, rows, Table(entries)).merging == {"R": links}


@given(
    entries=st.lists(person, max_size=6),
    asked=st.fixed_dictionaries({}, optional={"person": st.sampled_from("12"), "phone": st.sampled_from("PQ")}),
    order=st.randoms(),
)
def test_expansion_with_its_ways_does_not_hang_on_any_order(entries, asked, order) -> None:
    rows = [KeyRow("R", kind, value, KeyRole.GIVEN) for kind, value in asked.items()]
    mixed = list(entries)
    order.shuffle(mixed)
    one, other = settled(CONTROLLER, rows, Table(entries)), settled(CONTROLLER, rows[::-1], Table(mixed))
    assert (one.paths, one.merging, one.ambiguous) == (other.paths, other.merging, other.ambiguous)


@given(entries=st.lists(person, max_size=6), key=st.sampled_from("12"), order=st.randoms())
def test_the_order_of_rows_does_not_matter_and_nobody_else_is_reached(entries, key, order) -> None:
    first = ask(entries, person=key)
    mixed = list(entries)
    order.shuffle(mixed)
    rows = [KeyRow("R", "person", key, KeyRole.GIVEN)]
    found, again = (settled(CONTROLLER, rows, Table(e)) for e in (entries, mixed))
    assert (set(found.keys), set(found.shared)) == (set(again.keys), set(again.shared))
    assert first[0] != "ask"
    other = {(k, v) for e in entries if e.get("person", key) != key for k, v in e.items() if k != "person"}
    assert other.isdisjoint({(k.kind, k.value) for k in found.keys})
