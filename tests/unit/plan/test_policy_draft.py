"""What a draft says of each column: verdicts, keys of people and of other things, times, and what is left open."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from delible.decide.subject_ways import subject_ways
from delible.model.policy import TablePolicy
from delible.model.record import TagFinding
from delible.model.taxonomy import CATEGORIES as KNOWN
from delible.model.taxonomy import is_quasi_identifier
from delible.model.terms import TagState
from delible.plan.draft_columns import Facts, quasi_identifiers
from delible.plan.policy_draft import draft
from measured import lakehouse, tags
from strange_lakehouse import CATEGORIES, tables


@pytest.fixture(scope="module")
def drafts():
    seen = lakehouse(tables(), CATEGORIES)
    ways = subject_ways(seen)
    return {
        name: draft(
            Facts(name, f"warehouse/{name}", 0, {c: kind(seen, name, c) for c in columns}, tags(seen, name), 7),
            ways[name], seen, ways,
        )
        for name, columns in tables().items()
    }  # fmt: skip


def kind(seen, table, column):
    return next(p.kind for at, p in seen.profiles.items() if at == (table, column))


@pytest.mark.parametrize(
    ("table", "column", "entry"),
    [
        ("customers", "id", "user.unique_id"),
        ("customers", "email", {"category": "user.contact.email", "searched": True}),
        ("customers", "phone", {"category": "user.contact.phone_number", "searched": True}),  # shared, so no way
        ("customers", "name", "user.name"),
        ("customers", "customer_no", "user.unique_id"),  # a second key of the same people
        ("customers", "country_id", "system.operations"),
        ("customers", "account_manager_id", None),
        ("orders", "customer_id", "user.unique_id"),
        ("orders", "loaded_at", "system.operations"),
        ("orders", "ordered_at", None),
        ("orders", "id", None),  # other tables lead to people by it
        ("order_items", "id", "system.operations"),
        ("addresses", "id", "user.contact.address"),  # stands for what its row holds
        ("customer_addresses", "address_id", "user.contact.address"),
        (
            "wallets",
            "card_id",
            "user.financial.credit_card",
        ),  # not another number of the person
        ("tickets", "body", {"category": "user.content", "free_text": True}),
        ("tickets", "owner_id", None),
        ("events", "event_id", None),
    ],
)
def test_columns(drafts, table, column, entry):
    assert drafts[table].policy["columns"].get(column) == entry
    if entry is None:
        assert any(line.startswith(f"open: {column}: ") for lines in drafts[table].asked.values() for line in lines)


def test_every_draft_is_a_policy_with_questions(drafts):
    for made in drafts.values():
        TablePolicy.model_validate(made.policy)
        assert len(made.questions) >= 3


def test_clocks_and_copies_are_asked_about(drafts):
    words = "\n".join(line for lines in drafts["orders"].asked.values() for line in lines)
    assert re.search(r"ordered_at \(event time, about 1,\d\d\d different in 1,500 rows\)", words)
    assert "loaded_at (load time" in words
    assert "upstream: [customers]? Copies: email is in customers.email to 100% (n=" in words


def finding(category, *, kind="string", hits=100, state=TagState.PROPOSED, evidence=("values",)):
    return kind, TagFinding(
        table="notes", column="x", category=category, entity="PERSON", confidence=0.9, sampled=100, hits=hits,
        bound=0.0, evidence=evidence, state=state, version=0, at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "entry"),
    [
        (finding("user.name", hits=20), {"category": "user.content.private", "free_text": True}),
        (finding("user.name", hits=20, evidence=("values", "name")), "user.name"),
        (finding("user.health_and_medical"), {"category": "user.health_and_medical", "special": True}),
        (finding("user.device.cookie_id", kind="long"), {"category": "user.device.cookie_id", "searched": True}),
        (finding("user.contact.address.street"), "user.contact.address.street"),
        (finding("user.demographic.date_of_birth", kind="date"), "user.demographic.date_of_birth"),
        (finding("user.contact.email", state=TagState.REJECTED), None),
    ],
)  # fmt: skip
def test_verdicts(found, entry):
    kind, tag = found
    seen = lakehouse({"notes": {"x": ["a", "b", "b"]}}, {})
    ways = subject_ways(seen)
    made = draft(Facts("notes", "warehouse/notes", 0, {"x": kind}, {"x": tag}), ways["notes"], seen, ways)
    assert made.policy["columns"].get("x") == entry


def test_fields_of_structs_have_flags_too():
    _, tag = finding("user.contact.email")
    seen = lakehouse({"notes": {"n": [1, 2]}}, {})
    ways = subject_ways(seen)
    made = draft(Facts("notes", "p", 0, {"s.x": "string"}, {"s.x": tag}), ways["notes"], seen, ways)
    assert made.policy["columns"] == {"s.x": {"category": "user.contact.email", "searched": True}}


@pytest.mark.parametrize("category", sorted(KNOWN))
def test_quasi_identifiers_are_those_of_the_taxonomy(category):
    _, tag = finding(category)
    assert quasi_identifiers({"x": tag}) == (["x"] if tag.quasi else [])
    seen = lakehouse({"notes": {"x": ["a", "b", "b"]}}, {})
    ways = subject_ways(seen)
    made = draft(Facts("notes", "p", 0, {"x": "string"}, {"x": tag}), ways["notes"], seen, ways)
    noted = "quasi-identifier" in " ".join(made.notes.values())
    assert noted is is_quasi_identifier(category)


def test_a_rejected_verdict_is_no_quasi_identifier():
    _, tag = finding("user.job_title", state=TagState.REJECTED)
    assert quasi_identifiers({"x": tag}) == []
