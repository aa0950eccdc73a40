"""Recipes with several tables: what leaves from where, what stays out, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from delible.decide.policy import check
from delible.errors import BlockedError, InputError
from delible.model.terms import LegalBasis
from delible.plan.dataset import plan_dataset
from joined_recipe import TOWNS, people, policies


def test_columns_of_joined_tables_leave_beside_the_sources() -> None:
    town = {"treatment": "generalise", "hierarchy": "towns", "to": "country", "name": "land"}
    plan = plan_dataset(policies(**people(town=town, illness="keep"), hierarchies=TOWNS), "set").plan
    assert [(s.column, s.table, s.field, s.place) for s in plan.columns] == [
        ("body", "tickets", "body", "body"),
        ("land", "people", "town", "people.town"),
        ("illness", "people", "illness", "people.illness"),
    ]
    assert plan.columns[1].mapping == (("Essen", "DE"), ("Leeds", "UK"))
    assert plan.versions == {"people": 7}
    assert plan.tables == ("people", "tickets")
    assert plan.sensitive == ("body", "illness")
    assert plan.known == ("people.email",), "who wrote a ticket is masked by what the joined table knows of them"
    assert plan.names == ("people.full_name", "people.alias"), "and by their names"
    assert "land" in plan.quasi


def test_one_source_is_a_recipe_still() -> None:
    found = plan_dataset(policies(), "set").plan
    assert (found.source, found.sources, found.joins, found.versions) == ("tickets", ("tickets",), (), {})


def test_pseudonyms_join_nowhere_unless_the_recipe_says_so() -> None:
    def domain(how: dict[str, Any]) -> str | None:
        return plan_dataset(policies(**people(email=how)), "set").plan.columns[1].domain

    assert domain({"treatment": "pseudonymise"}) == "dataset:set"
    assert domain({"treatment": "pseudonymise", "domain": "all"}) == "all"
    assert domain({"treatment": "encrypt"}) == "dataset:set"


def test_encryption_needs_the_columns_own_policy() -> None:
    planned = plan_dataset(policies(**people(email="encrypt", town="encrypt")), "set")
    assert [s.column for s in planned.plan.columns] == ["body", "email"]
    assert [(g.code, g.where) for g in planned.gaps] == [("dataset.not_reversible", "table:people.town")]


def test_a_special_category_leaves_encrypted_for_consent_only() -> None:
    found = policies(**people(illness="encrypt"))
    health = found.tables["people"].columns["illness"].model_copy(update={"reversible": True})
    table = found.tables["people"]
    table = table.model_copy(update={"columns": {**table.columns, "illness": health}})
    purpose = found.purposes["training"].model_copy(update={"legal_basis": LegalBasis.CONTRACT})
    found = found.model_copy(
        update={"tables": {**found.tables, "people": table}, "purposes": {"training": purpose}},
    )
    assert [g.code for g in plan_dataset(found, "set").gaps] == ["dataset.special_category"]


@pytest.mark.parametrize(
    ("code", "recipe"),
    [
        ("dataset.column_twice", people(town={"treatment": "keep", "name": "body"})),
        ("dataset.label", {"label": "town"}),
        ("dataset.gate_column", {"gates": {"quasi_identifiers": ["town"]}}),
        ("dataset.gate_column", {"gates": {"l_diversity": {"sensitive": "town", "l": 2}}}),
        ("dataset.gate_column", {"gates": {"residual": {"allow": {"town": ["PERSON"]}}}}),
    ],
)
def test_names_that_hide_or_miss_a_column_are_refused(code: str, recipe: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        plan_dataset(policies(**recipe), "set")
    assert caught.value.code == code


def test_a_table_that_no_policy_maps_is_not_joined() -> None:
    with pytest.raises(BlockedError) as caught:
        plan_dataset(policies(joins=[{"table": "nowhere", "keys": {"id": "id"}}]), "set")
    assert caught.value.code == "dataset.source_unmapped"


@pytest.mark.parametrize(
    "recipe",
    [
        {"joins": [{"table": "tickets", "keys": {"id": "id"}}]},
        {"joins": [{"table": "people", "keys": {}}]},
        people(town={"treatment": "generalise", "hierarchy": "towns", "to": "country"}),
        people(town={"treatment": "generalise", "hierarchy": "towns", "to": "street"}) | {"hierarchies": TOWNS},
        people(town={"treatment": "generalise", "to": "country"}),
        people(town={"treatment": "generalise"}),
        people(town={"treatment": "generalise", "to": 5, "prefix": 2}),
        people(town={"treatment": "generalise", "to": "year", "lowest": 3}),
        people(town={"treatment": "generalise", "lowest": 3, "highest": 2}),
        people(town={"treatment": "keep", "prefix": 2}),
        people(town={"treatment": "replace"}),
        people(town={"treatment": "keep", "value": "x"}),
        people(town={"treatment": "generalise", "prefix": 2, "domain": "all"}),
        {"hierarchies": {"towns": {"levels": ["county", "country"], "values": {"Leeds": ["UK"]}}}},
    ],
)
def test_what_says_nothing_or_contradicts_itself_is_refused(recipe: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        policies(**recipe)


def test_replaced_and_keyed_columns_are_not_read_again() -> None:
    how = {"email": "pseudonymise", "town": {"treatment": "replace", "value": "-"}, "id": "keep"}
    assert plan_dataset(policies(**people(**how)), "set").plan.rescanned == ("body", "id")


def test_a_check_looks_at_joined_tables_as_well() -> None:
    found = policies(joins=[{"table": "people", "keys": {"id": "code"}, "columns": {"shoe": "keep"}}])
    said = {(f.code, f.path[2:]) for f in check(found).violations}
    assert ("policy.unknown_column", ("joins", 0, "columns", "shoe")) in said
    assert ("policy.unknown_column", ("joins", 0, "keys")) in said
    goods = {"joins": [{"table": "goods", "keys": {"id": "sku"}, "columns": {"kind": "keep"}}]}
    assert {f.code for f in check(policies(**goods)).violations} == {"policy.no_special_condition"}
