"""Drafts as files: odd names survive, nothing is executed or shortened, and a controller's lines stay as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.subject_ways import subject_ways
from delible.model.policy import NOT_YET_SAID, TablePolicy
from delible.model.subject import IdentifierKind
from delible.plan.draft_columns import Facts
from delible.plan.policy_draft import draft
from delible.store.yaml_file import read_yaml
from delible.workflows.draft_yaml import table_yaml, with_kinds
from measured import lakehouse, tags

ODD = ("no", "null", "a: b", "# c", "it's", '"', "ключ", "1", "- x", "{", "@", "%", "*a", "&a", "!t", "tab\there")


def text_of(columns, categories, table="things"):
    seen = lakehouse({table: columns}, {f"{table}.{c}": k for c, k in categories.items()})
    ways = subject_ways(seen)
    kinds = {at.column: p.kind for at, p in seen.profiles.items()}
    made = draft(Facts(table, f"warehouse/{table}", 3, kinds, tags(seen, table)), ways[table], seen, ways)
    return table_yaml(made), made


@given(st.dictionaries(st.sampled_from(ODD), st.sampled_from(["user.contact.email", "user.name", None])))
def test_columns_of_any_name_are_read_back(categories):
    held = {c: k for c, k in categories.items() if k}
    columns = {c: [f"x{n}" for n in range(4)] for c in categories} | {"id": [1, 2, 3, 4]}
    text, made = text_of(columns, held)
    read = TablePolicy.model_validate(read_yaml(text.encode()).value)
    assert set(held) <= set(read.columns)
    assert read == TablePolicy.model_validate(made.policy)


def test_nothing_is_permitted():
    text, made = text_of({"id": list(range(40)), "email": [f"p{n}@pond.example" for n in range(40)]},
                         {"email": "user.contact.email"})  # fmt: skip
    policy = TablePolicy.model_validate(read_yaml(text.encode()).value)
    assert (policy.purposes, policy.recipients, policy.erasure.action) == ((), (), "keep")
    assert policy.description.startswith(NOT_YET_SAID)
    assert (policy.erasure.reason or "").startswith(NOT_YET_SAID)
    assert policy.columns["email"].searched
    assert "pond" not in text
    assert any("how long may rows" in q for q in made.questions)


def test_a_table_without_rows_or_personal_data_is_asked_about():
    text, made = text_of({"flag": []}, {})
    policy = TablePolicy.model_validate(read_yaml(text.encode()).value)
    assert (policy.no_subject or "").startswith(NOT_YET_SAID)
    assert "# open: flag:" in text
    assert any("about nobody?" in q for q in made.questions)


CONTROLLER = """\
controller: A   # who
identifiers:    # all of them
    email:
        normalise: lower
    # the last of ours

# who is who
subject: email
"""


def test_kinds_are_added_and_every_line_stays():
    added = with_kinds(CONTROLLER, {"staff_id": IdentifierKind(distinctive=False)}, {"staff_id": "staff.id"})
    new = "    staff_id:   # drafted: staff.id\n      normalise: exact\n      distinctive: false\n"
    assert added == CONTROLLER.replace("\n# who is who", new + "\n# who is who")
    value = read_yaml(added.encode()).value
    assert value["identifiers"]["staff_id"] == {"normalise": "exact", "distinctive": False}


@pytest.mark.parametrize("text", ["identifiers: {email: {}}\nsubject: email\n", "subject: email\n"])
def test_kinds_on_one_line_are_left_alone(text):
    assert with_kinds(text, {"staff_id": IdentifierKind()}, {}) is None
