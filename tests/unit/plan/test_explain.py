"""A table's policy in words and as JSON."""

from __future__ import annotations

import json

import pytest

from delible.errors import InputError
from delible.plan.explain import as_json, explain, lines
from delible.store.policies import load_policies, read_policies
from policy_files import SOUND, TABLE, write_policies

CARD = """\
table: card
path: warehouse/card
description: Cards.
purposes: [support]
subject:
  - {column: card_id, through: customers, matches: id}
columns:
  card_id: user.financial.credit_card
  a_very_long_column_name_that_leaves_no_room_beside_it:
    category: user.government_id.national_identification_number
    free_text: true
    searched: true
    special: true
upstream: [customers]
"""
HOLD = "hold: dispute\nreason: Dispute.\nowner: legal\ntables: [card]\nstarts: 2026-01-01\n"
SET = "dataset: d\ndescription: d\npurpose: support\nsource: card\ncolumns: {card_id: drop}\n"


@pytest.fixture
def policies(tmp_path):
    more = {"tables/card.yaml": CARD, "legal_holds/dispute.yaml": HOLD, "datasets/d.yaml": SET}
    return load_policies(write_policies(tmp_path / "policies", {**SOUND, **more}))


def test_text(policies):
    text = "\n".join(lines(explain(policies, "customers")))
    assert "Table        customers\n             Customers.\n" in text
    assert "Subject      customers.id → customer_id\n             customers.email → email\n" in text
    assert "Purposes     support (contract)\n" in text
    assert "two_years: deleted P2Y after made_at. Law." in text
    assert "Source of    card\n" in text
    assert "Legal holds" not in text
    assert "email    user.contact.email  searched" in text


def test_hops_holds_and_datasets(policies):
    explanation = explain(policies, "card")
    assert explanation.paths == (
        ("card.card_id = customers.id", "customers.id", "customer_id"),
        ("card.card_id = customers.id", "customers.email", "email"),
    )
    text = "\n".join(lines(explanation))
    assert "dispute, from 2026-01-01 to its release: Dispute." in text
    assert "no rule: rows are kept for ever (gap)" in text
    assert "dataset d for support" in text
    assert "Made from    customers" in text


def test_no_line_is_wider_than_100(policies):
    assert max(len(line) for table in policies.tables for line in lines(explain(policies, table))) <= 100


def test_notes_without_room_beside_stand_below(policies):
    text = "\n".join(lines(explain(policies, "card")))
    assert "\n    special category, free text, searched" in text


def test_json_is_plain(policies):
    document = json.loads(json.dumps(as_json(explain(policies, "card"))))
    assert document["table"] == "card"
    assert document["erasure"] == "delete_row"
    assert document["columns"][0]["title"] == "payment card"
    assert document["datasets"] == [{"dataset": "d", "purpose": "support"}]


def test_special_categories_show_without_a_flag(tmp_path):
    changed = {**SOUND, "tables/customers.yaml": TABLE.replace("user.account", "user.health_and_medical.genetic")}
    policies = load_policies(write_policies(tmp_path / "policies", changed))
    assert [c.column for c in explain(policies, "customers").columns if c.special] == ["made_at"]


def test_a_circle_is_cut(tmp_path):
    circle = CARD.replace("through: customers, matches: id", "through: card, matches: card_id")
    loaded = read_policies(write_policies(tmp_path / "policies", {**SOUND, "tables/card.yaml": circle}))
    explanation = explain(loaded.policies, "card")
    assert explanation.paths == ()
    assert any("NOT REACHED" in line for line in lines(explanation))


def test_unknown_table(policies):
    with pytest.raises(InputError, match="Did you mean 'customers'") as caught:
        explain(policies, "customer")
    assert caught.value.code == "policy.unknown_table"


def test_what_is_looked_for_is_explained_without_words_of_dictionaries(tmp_path):
    files = {
        "controller.yaml": SOUND["controller.yaml"] + "national_identifiers: [FR, NL]\n",
        "detection/a.yaml": "recognizer: projects\ndescription: Projects.\ncategory: user.content\ndictionary: p.txt\n",
        "detection/b.yaml": "recognizer: orders\ndescription: Orders.\nharmless: true\npatterns: [{regex: O\\d}]\n",
        "detection/p.txt": "canary\n",
    }
    explained = explain(load_policies(write_policies(tmp_path / "policies", {**SOUND, **files})), "customers")
    assert explained.detection == (
        "national identifiers of FR, NL",
        "orders (about nobody): Orders.",
        "projects (user.content as PROJECTS): Projects.",
    )
    assert "Detection    national identifiers of FR, NL" in "\n".join(lines(explained))
    assert "canary" not in json.dumps(as_json(explained))
