"""Labels written with SQL: the statements, and when the catalog's tags are not tried."""

from __future__ import annotations

import pytest

from delible.errors import InputError, SetupError
from delible.lake.column_labels import set_column_tags, set_properties

LABELS = {
    "email": {"category": "user.contact.email", "state": "accepted"},
    "o'dd `name`\\": {"category": "user.name", "state": "review"},
    "s.x": {"category": "user.name", "state": "accepted"},
}


def test_the_catalogs_tags_are_set_column_by_column() -> None:
    ran: list[str] = []
    assert set_column_tags(ran.append, "main.crm.people", LABELS, supported=True) == 2
    assert ran == [
        "ALTER TABLE `main`.`crm`.`people` ALTER COLUMN `email` SET TAGS "
        "('delible_category' = 'user.contact.email', 'delible_state' = 'accepted')",
        "ALTER TABLE `main`.`crm`.`people` ALTER COLUMN `o'dd ``name``\\` SET TAGS "
        "('delible_category' = 'user.name', 'delible_state' = 'review')",
    ]


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
