"""What a release tells of its columns: each has the data category of the table that it comes from."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from delible.decide.impact import heeded
from delible.model.release import Cause, ReleasedColumn
from delible.plan.dataset import plan_dataset
from delible.plan.release import released_columns, surviving
from delible.report.card import card
from joined_recipe import TOWNS, people, policies
from report_records import manifest, request


def columns(**recipe: Any) -> dict[str, ReleasedColumn]:
    known = policies(**recipe)
    plan = plan_dataset(known, "set").plan
    return {c.name: c for c in released_columns(plan, known, {s.column: "string" for s in plan.columns})}


@pytest.mark.parametrize(
    ("law", "recipe", "name", "category"),
    [
        ("the source's", {}, "body", "user.content.private"),
        ("a joined table's", people(illness="keep"), "illness", "user.health_and_medical"),
        ("a renamed one's", {"columns": {"body": {"treatment": "mask", "name": "text"}}}, "text",
         "user.content.private"),
        ("a joined and renamed one's",
         people(town={"treatment": "generalise", "hierarchy": "towns", "to": "country", "name": "land"})
         | {"hierarchies": TOWNS}, "land", "user.contact.address.city"),
        ("a joined one's that is called like one of the source",
         people(illness={"treatment": "keep", "name": "id"}), "id", "user.health_and_medical"),
    ],
)  # fmt: skip
def test_a_column_has_the_category_of_where_it_comes_from(
    law: str, recipe: dict[str, Any], name: str, category: str
) -> None:
    assert columns(**recipe)[name].category == category, law


@pytest.mark.parametrize(
    ("treatment", "category", "left"),
    [
        ("keep", "user.contact.email", "user.contact.email"),
        ("generalise to year", "user.demographic.date_of_birth", "user.demographic.date_of_birth"),
        ("pseudonymise", "user.contact.email", "user.unique_id.pseudonymous"),
        ("mask (EMAIL_ADDRESS hash; otherwise placeholder)", "user.content", "user.content"),
        ("replace", "user.name", None),
        ("keep", None, None),
    ],
)
def test_what_a_treatment_leaves_of_a_category(treatment: str, category: str | None, left: str | None) -> None:
    assert surviving(ReleasedColumn(name="c", type="string", treatment=treatment, category=category)) == left


def test_what_no_step_names_has_no_category() -> None:
    known = policies()
    (made,) = released_columns(plan_dataset(known, "set").plan, known, {"id": "int"})
    assert (made.treatment, made.category) == ("made by the recipe", None)


def test_a_limit_on_sensitive_data_reaches_a_release_whose_joined_table_holds_it() -> None:
    asked = request("R-1", "limit", datetime(2026, 3, 20, tzinfo=UTC), date(2026, 4, 10), "completed")
    with_it, without = (
        manifest(columns=tuple(columns(columns={"id": "pseudonymise"}, **people(**joined)).values()))
        for joined in ({"illness": "keep"}, {"town": "keep"})
    )
    assert "medical" in card(with_it, contact="privacy@fennel.example")
    assert not heeded(asked, Cause.LIMIT, with_it)
    assert heeded(asked, Cause.LIMIT, without), "it has nothing that the limit is about"
