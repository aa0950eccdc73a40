"""Policy tests of recipes that join tables: which rows become of one, and why each may leave or not."""

from __future__ import annotations

from typing import Any

import pytest

from delible.decide.policy_case import Outcome, run_case
from delible.model.policy_case import PolicyCase
from joined_recipe import policies

TICKET, GOODS = {"table": "people", "keys": {"id": "id"}}, {"table": "goods", "keys": {"people.town": "kind"}}
ANN, BEN = {"id": "1", "email": "ann@x.example"}, {"id": "1", "email": "ben@x.example"}


def decided(joins: list[dict[str, Any]], agreed: tuple[str, ...] = ("1",), **rows: Any) -> str:
    case = {
        "test": "t",
        "now": "2026-03-01T12:00:00Z",
        "rows": {"tickets": [{"id": "1", "body": "x"}], **rows},
        "consents": [
            {"who": {"id": who}, "purpose": "training", "status": "given", "valid_from": "2026-01-01"} for who in agreed
        ],
        "expect": {"release": [{"dataset": "set", "row": 1, "released": True}]},
    }
    known = policies(joins=joins)
    outcome: Outcome
    [outcome] = run_case(known, PolicyCase.model_validate(case))
    return outcome.found


@pytest.mark.parametrize(
    ("name", "more", "people", "found"),
    [
        ("one match", {}, [ANN], "released"),
        ("no match is kept", {}, [], "released"),
        ("no match is left out", {"unmatched": "exclude"}, [], "left out: no_match"),
        ("another's row is none", {"unmatched": "exclude"}, [{"id": "2"}], "left out: no_match"),
        ("an empty key finds nothing", {"unmatched": "exclude"}, [{"id": " "}, {}], "left out: no_match"),
        ("several stop a build", {}, [ANN, BEN], "undecidable without Spark"),
        ("several are wanted", {"many": True}, [ANN, ANN], "released"),
    ],
)
def test_a_row_takes_along_what_its_keys_find(name: str, more: Any, people: list[Any], found: str) -> None:
    assert decided([TICKET | more], people=people).startswith(found)


@pytest.mark.parametrize(
    ("agreed", "owner", "found"),
    [
        (("1",), "1", "released"),
        (("1",), "2", "left out: no_consent"),
        (("1", "2"), "2", "released"),
        (("1",), None, "left out: no_subject"),
    ],
)
def test_everybody_in_a_joined_row_has_to_agree(agreed: tuple[str, ...], owner: str | None, found: str) -> None:
    """By `body`, which two tables happen to share; a joined row that is about nobody leaves with nobody's consent."""
    join = {"table": "people", "keys": {"body": "town"}}
    assert decided([join], agreed, people=[{"id": owner, "town": "x"}]) == found


def test_of_several_rows_one_that_is_left_out_decides() -> None:
    join = {"table": "people", "keys": {"body": "town"}, "many": True}
    people = [{"id": "1", "town": "x"}, {"id": "2", "town": "x"}]
    assert decided([join], ("1", "2"), people=people) == "released"
    assert decided([join], ("1",), people=people) == "left out: no_consent"


@pytest.mark.parametrize(("kind", "found"), [("Leeds", "released"), ("Essen", "left out: no_match")])
def test_keys_of_a_table_that_was_joined_before(kind: str, found: str) -> None:
    joins = [TICKET, GOODS | {"unmatched": "exclude"}]
    assert decided(joins, people=[{"id": "1", "town": "Leeds"}], goods=[{"kind": kind}]) == found


def test_what_a_join_did_not_find_finds_nothing_either() -> None:
    assert decided([TICKET, GOODS | {"unmatched": "exclude"}], people=[], goods=[{}]) == "left out: no_match"
