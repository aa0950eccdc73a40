"""Structs, arrays and maps in access packages: which parts leave, and which are redacted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pyspark.sql import types as T

from delible.lake.nested import OTHER, Shape, redacted_json, shape_of
from delible.model.policy import ColumnPolicy

TEXT = ColumnPolicy(category="user.content.private", free_text=True)
PLAIN = ColumnPolicy(category="user.behavior")
EMAIL = ColumnPolicy(category="user.contact.email")

CONTACT = T.StructType().add("email", T.StringType()).add("label", T.StringType())
PROFILE = T.StructField(
    "profile",
    T.StructType()
    .add("note", T.StringType())
    .add("score", T.DecimalType(38, 2))
    .add("contacts", T.ArrayType(CONTACT))
    .add("answers", T.MapType(T.StringType(), T.StringType()))
    .add("odd.name", T.StringType()),
)
VALUE = {
    "note": "Write to bob@people.example, not to ann@people.example.",
    "score": 12345678901234567890123456789012.34,
    "contacts": [
        {"email": "bob@people.example", "label": "Bob"},
        {"email": "ANN@people.example ", "label": None},
        None,
    ],
    "answers": {"bob@people.example": "yes", "carol@people.example": "no"},
    "odd.name": "x",
}
DIGITS = '"score": 12345678901234567890123456789012.34'


def redact(columns: dict[str, ColumnPolicy], *, shared: bool = True, field: T.StructField = PROFILE) -> Any:
    text = json.dumps(VALUE).replace('"score": 1.2345678901234567e+31', DIGITS)
    own = ["ann@people.example"]
    shape = shape_of(field, columns)
    return json.loads(redacted_json(text, shape, keep=own, names=own, shared=shared) or "null")


def unmapped(shape: Shape) -> list[str]:
    return [leaf.path for leaf in shape.leaves() if not leaf.mapped]


def test_a_policy_for_the_whole_covers_every_part() -> None:
    found = redact({"profile": PLAIN})
    assert found == {**VALUE, "score": "12345678901234567890123456789012.34"}
    assert not unmapped(shape_of(PROFILE, {"profile": PLAIN}))


def test_free_text_below_the_whole_is_redacted_at_any_depth_and_keeps_the_person_s_own() -> None:
    found = redact({"profile": TEXT}, shared=False)
    assert found["note"] == "Write to <EMAIL_ADDRESS_1>, not to ann@people.example."
    assert [c and c["email"].strip() for c in found["contacts"]] == ["<EMAIL_ADDRESS_1>", "ANN@people.example", None]
    assert found["answers"] == [
        {"key": "<EMAIL_ADDRESS_1>", "value": "yes"},
        {"key": "<EMAIL_ADDRESS_1>", "value": "no"},
    ]


def test_what_no_policy_maps_does_not_leave() -> None:
    columns = {"profile.note": PLAIN, "profile.contacts.element.label": PLAIN, "profile.`odd.name`": PLAIN}
    assert redact(columns) == {
        "note": VALUE["note"],
        "contacts": [{"label": "Bob"}, {"label": None}, None],
        "odd.name": "x",
    }
    assert unmapped(shape_of(PROFILE, columns)) == [
        "profile.score",
        "profile.contacts.element.email",
        "profile.answers.key",
        "profile.answers.value",
    ]
    assert not shape_of(PROFILE, {"other": PLAIN}).mapped


@pytest.mark.parametrize(
    ("columns", "left"),
    [({"profile.answers.value": PLAIN}, ["yes", "no"]), ({"profile.answers.key": PLAIN}, list(VALUE["answers"]))],
)
def test_of_a_map_only_the_mapped_half_leaves(columns: dict[str, ColumnPolicy], left: list[str]) -> None:
    assert redact(columns) == {"answers": left}


@pytest.mark.parametrize("path", ["profile.contacts.element.email", "profile.contacts.email"])
def test_in_a_row_that_is_somebody_else_s_too_only_the_person_s_own_identifiers_stay(path: str) -> None:
    assert [c and c["email"] for c in redact({path: EMAIL})["contacts"]] == [OTHER, "ANN@people.example ", None]
    alone = redact({path: EMAIL}, shared=False)["contacts"]
    assert [c and c["email"] for c in alone] == [c and c["email"] for c in VALUE["contacts"]]


def test_no_value_stays_no_value() -> None:
    shape = shape_of(PROFILE, {"profile": TEXT})
    assert redacted_json(None, shape, keep=None, names=None, shared=True) is None
