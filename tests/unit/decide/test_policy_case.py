"""Policy tests: given rows, expected decisions, and a failure that says what was decided instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.people import People
from delible.decide.policy_case import run_case
from delible.model.policy_case import PolicyCase
from delible.store.policies import load_policies
from delible.store.policy_cases import read_cases

SHOP = Path(__file__).parents[3] / "policies" / "shop"
POLICIES = load_policies(SHOP)
CASES = read_cases(SHOP)
NOW = "2026-03-01T12:00:00Z"


def case(**changes) -> PolicyCase:
    return PolicyCase.model_validate({"test": "t", "now": NOW, "rows": {}, "expect": {}, **changes})


@pytest.mark.parametrize("name", CASES)
def test_the_shops_own_tests_pass(name):
    assert [o for o in run_case(POLICIES, CASES[name]) if not o.passed] == []
    assert run_case(POLICIES, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_each_of_them_can_fail(name):
    """Every expectation turned round fails: none of them passes whatever is decided."""
    turned = {"delete_row": "stay", "stay": "delete_row", "treat_columns": "keep", "shared": "keep", "held": "keep",
              "not_theirs": "keep"}  # fmt: skip
    document = CASES[name].model_dump()
    for part, wanted in document["expect"].items():
        for each in wanted:
            if part == "release":
                each["released"] = not each["released"]
            elif part == "erasure":
                each["action"] = turned[each["action"]] if each["action"] != "delete_row" else "keep"
            else:
                each["action"] = turned[each["action"]]
    assert [o for o in run_case(POLICIES, PolicyCase.model_validate(document)) if o.passed] == []


@pytest.mark.parametrize(
    ("what", "changes", "words"),
    [
        ("unknown table", {"expect": {"retention": [{"table": "x", "row": 1, "action": "stay"}]}}, "no table 'x'"),
        ("unknown row", {"expect": {"retention": [{"table": "tickets", "row": 2, "action": "stay"}]}}, "no row 2"),
        ("unknown kind", {"rows": {"tickets": [{"customer_id": 1}]}, "held": [{"name": "x"}],
         "expect": {"retention": [{"table": "tickets", "row": 1, "action": "stay"}]}}, "no identifier kind 'name'"),
        ("unknown dataset", {"expect": {"release": [{"dataset": "x", "row": 1, "released": True}]}}, "no dataset 'x'"),
        ("a clock that is no time", {"rows": {"tickets": [{"created_at": "soon"}]},
         "expect": {"retention": [{"table": "tickets", "row": 1, "action": "stay"}]}}, "no time in ISO 8601"),
    ],
)  # fmt: skip
def test_what_cannot_be_decided_fails_and_says_why(what, changes, words):
    [outcome] = run_case(POLICIES, case(**changes))
    assert not outcome.passed
    assert words in outcome.found


def test_a_row_past_its_period_is_left_out_whatever_keeps_it():
    row = {"customer_id": 1, "created_at": "2023-02-28T12:00:00Z"}
    consent = {"who": {"customer_id": 1}, "purpose": "model_training", "status": "given", "valid_from": NOW}
    wanted = {"release": [{"dataset": "support_training", "row": 1, "released": False, "reason": "past_period"}]}
    asked = {"rows": {"tickets": [row]}, "consents": [consent], "held": [{"customer_id": 1}]}
    [outcome] = run_case(POLICIES, case(**asked, expect=wanted))
    assert outcome.passed, outcome
    asked["rows"]["tickets"][0]["created_at"] = "2023-03-02T12:00:00Z"
    [outcome] = run_case(POLICIES, case(**asked, expect=wanted))
    assert outcome.found == "released"


def test_a_condition_that_needs_spark_is_never_guessed():
    rule = POLICIES.retention["tickets_3_years"].model_copy(update={"where": "soundex(body) = 'X'"})
    policies = POLICIES.model_copy(update={"retention": {"tickets_3_years": rule}})
    given_rows = {"tickets": [{"customer_id": 1, "created_at": "2001-01-01T00:00:00Z"}]}
    expect = {"retention": [{"table": "tickets", "row": 1, "action": "stay"}]}
    [outcome] = run_case(policies, case(rows=given_rows, expect=expect))
    assert "undecidable without Spark: the function SOUNDEX" in outcome.found


@pytest.mark.parametrize("right", ["access", "portability", "restriction"])
def test_article_15_and_18_an_open_request_keeps_rows(right):
    changes = {
        "rows": {
            "customers": [{"customer_id": 1, "email": "a@people.example"}],
            "tickets": [{"customer_id": 1, "created_at": "2001-01-01T00:00:00Z"}],
        },
        "requests": [{"who": {"email": "A@people.example"}, "right": right}],
        "expect": {"retention": [{"table": "tickets", "row": 1, "action": "stay", "because": "held"}]},
    }
    assert [o.found for o in run_case(POLICIES, case(**changes)) if not o.passed] == []


LINKS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "customer_id": st.integers(1, 4),
            "email": st.sampled_from(["a@p.example", "B@p.example", "b@p.example"]),
            "phone": st.sampled_from(["+1 1", "+11", "2"]),
        },
    ),
    max_size=6,
)


@given(LINKS, st.randoms())
def test_law_people_do_not_depend_on_the_order_of_rows(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    one, other = (People(POLICIES, {"customers": r}) for r in (rows, shuffled))
    for row in rows:
        assert one.owners("customers", row) == other.owners("customers", row)
        keys = one.keys_in("customers", row)
        assert one.linked(keys) == other.linked(keys)


@given(LINKS)
def test_law_two_subjects_never_become_one(rows):
    people = People(POLICIES, {"customers": rows})
    for number in range(1, 5):
        assert people.of(("customer_id", str(number))) == {("customer_id", str(number))}
