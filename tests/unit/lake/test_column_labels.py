"""Labels written with SQL: the statements, and when the catalog's tags are not tried."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from delible.errors import InputError, SetupError
from delible.lake.column_labels import set_column_tags, set_properties

LABELS = {
    "email": {"category": "user.contact.email", "state": "accepted"},
    "`o'dd ``n.ame``\\`": {"category": "user.name", "state": "review"},
    "s.ward": {"category": "user.health", "state": "accepted", "special": "true"},
    "s.x": {"category": "user.name", "state": "accepted"},
    "code": {"category": "none", "state": "rejected"},
}


class Catalog:
    """Remembers statements, and answers the question for a table's tags."""

    def __init__(self, *tags: tuple[str, str, str]) -> None:
        self.ran: list[str] = []
        self.tags = tags

    def __call__(self, statement: str) -> Any:
        if statement.startswith("SELECT"):
            return SimpleNamespace(collect=lambda: list(self.tags))
        self.ran.append(statement.removeprefix("ALTER TABLE `main`.`crm`.`people` ALTER COLUMN "))
        return None


def test_the_catalogs_tags_are_set_column_by_column_and_a_struct_has_its_special_parts() -> None:
    catalog = Catalog()
    assert set_column_tags(catalog, "main.crm.people", LABELS, supported=True) == 3
    assert catalog.ran == [
        "`email` SET TAGS ('delible_category' = 'user.contact.email', 'delible_state' = 'accepted')",
        "`o'dd ``n.ame``\\` SET TAGS ('delible_category' = 'user.name', 'delible_state' = 'review')",
        "`s` SET TAGS ('delible_category' = 'user.health', 'delible_state' = 'accepted', 'delible_special' = 'true')",
    ]


def test_tags_of_a_column_that_is_personal_no_more_are_taken_away_and_equal_ones_left_alone() -> None:
    catalog = Catalog(
        ("email", "delible_category", "user.contact.email"),
        ("email", "delible_state", "accepted"),
        ("code", "delible_category", "user.government_id"),
        ("code", "delible_special", "true"),
    )
    wanted = {column: LABELS[column] for column in ("email", "code")}
    assert set_column_tags(catalog, "main.crm.people", wanted, supported=True) == 1
    assert catalog.ran == ["`code` UNSET TAGS ('delible_category', 'delible_special')"]


@pytest.mark.parametrize(
    ("name", "supported", "code"),
    [
        ("crm.people", True, "tags.catalog_name"),
        ("a..b", True, "tags.catalog_name"),
        ("a.b.c", False, "tags.no_catalog"),
    ],
)
def test_nothing_runs_where_the_catalog_has_no_tags(name: str, supported: bool, code: str) -> None:
    ran: list[str] = []
    with pytest.raises((InputError, SetupError)) as caught:
        set_column_tags(ran.append, name, LABELS, supported=supported)
    assert (caught.value.code, ran) == (code, [])


def test_properties_are_set_in_one_statement_with_names_quoted() -> None:
    ran: list[str] = []
    set_properties(ran.append, "/w/people", {"delible.tag.o'dd\\": "user.name", "delible.tag.b": "none"})
    set_properties(ran.append, "/w/people", {})
    assert ran == [
        "ALTER TABLE delta.`/w/people` SET TBLPROPERTIES "
        "('delible.tag.o\\'dd\\\\' = 'user.name', 'delible.tag.b' = 'none')"
    ]
