"""Documents in strings are opened within bounds, and their keys never give a person away."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.lake.documents import ANY, MOST_VALUES, Part, folded, parts

names = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
words = st.text(min_size=1, max_size=5)
trees = st.recursive(
    words,
    lambda below: st.lists(below, min_size=1, max_size=3) | st.dictionaries(names, below, min_size=1, max_size=3),
    max_leaves=8,
)


def strings(tree: Any) -> list[str]:
    if isinstance(tree, str):
        return [tree]
    below = tree if isinstance(tree, list) else list(tree.values())
    return [each for one in below for each in strings(one)]


@given(tree=trees)
def test_every_string_of_json_is_found_once(tree: Any) -> None:
    found = parts(json.dumps({"all": tree}))
    assert found is not None
    assert sorted(part.value for part in found) == sorted(strings(tree))
    assert all(part.path.startswith("$.all") for part in found)


@given(text=st.text() | st.text(alphabet='{}[]<>"/:,&;!?abc 1\\', max_size=60))
def test_any_text_has_an_outcome(text: str) -> None:
    found = parts(text)
    assert found is None or len(found) <= MOST_VALUES + 1


BOMB = '<!DOCTYPE a [<!ENTITY x "' + "x" * 50 + '"><!ENTITY y "&x;&x;&x;">]><a>&y;</a>'


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a>x</a>',
        "[" * 100_000,
        "<a>" * 100_000,
        "<a>" * 31 + "</a>" * 31,
        '{"a": ' + "9" * 5_000 + "}",
        '{"a": "b"',
        "<a>b</c>",
        "<b or not",
        "[note] call back",
        '"text"',
        "12",
        "",
        '{"a": "' + "x" * 200_000 + '"}',
        '{"\ud800": NaN, "a',
    ],
)
def test_what_cannot_be_opened_stays_a_text(text: str) -> None:
    assert parts(text) is None


def test_xml_is_named_by_elements_and_attributes_below_its_root() -> None:
    text = (
        '<?xml version="1.0" encoding="utf-16"?>\n<r:cv xmlns:r="u" lang="en"><r:Name><r:N.First at="1">Ann</r:N.First>'
    )
    assert parts(f"{text}</r:Name> x </r:cv>") == [
        Part("@lang", "string", "en"),
        Part("Name.`N.First`.@at", "string", "1"),
        Part("Name.`N.First`", "string", "Ann"),
        Part("cv", "string", "x"),
    ]


@pytest.mark.parametrize("key", ["ann@fennel.example", "Ann Lee", "4111111111111111", "u123", "", "ä", "x" * 49])
def test_a_key_that_is_data_is_a_value_and_no_name(key: str) -> None:
    assert parts(json.dumps({"by": {key: "x"}})) == [Part("$.by.*", "string", key), Part("$.by.*", "string", "x")]


@pytest.mark.parametrize("key", ["Anna_Lopez", "thandiwe.nkosi", "anna-lopez", "Novak:Jan"])
def test_a_key_that_is_somebodys_name_is_a_value_and_no_name(key: str) -> None:
    found = parts(json.dumps({"ratings": {key: 5}})) or []
    assert not [part for part in found if key.strip("`") in part.path]
    assert (f"$.ratings.{ANY}", key) in [(part.path, part.value) for part in found]
    as_xml = parts(f"<r><{key.replace(':', '_')}>5</{key.replace(':', '_')}></r>") or []
    assert [part.path for part in as_xml if "opez" in part.path or "nkosi" in part.path] == []


@pytest.mark.parametrize("key", ["first_name", "grant_type", "will_call", "mark_up", "rose_gold", "bill_to"])
def test_a_field_whose_words_are_names_too_keeps_its_name(key: str) -> None:
    assert [part.path for part in parts(json.dumps({key: "x"})) or []] == [f"$.{key}"]


def test_keys_that_hardly_any_document_has_are_one_path() -> None:
    paths = {"$.email": 1_000, "$.ann": 1, "$.bob.age": 2, "$.rare": 10, "Name": 9}
    assert folded(paths, 1_000) == {
        "$.email": "$.email",
        "$.ann": "$.*",
        "$.bob.age": "$.*",
        "$.rare": "$.rare",
        "Name": "*",
    }
    assert folded({"$.a": 1}, 1) == {"$.a": "$.a"}
    many = {f"$.k{i}": 5 for i in range(300)}
    assert len(set(folded(many, 5).values())) == 201


def test_a_document_of_very_many_values_is_opened_as_far_as_the_bound() -> None:
    found = parts(json.dumps(["x"] * 10_000))
    assert found is not None
    assert len(found) == MOST_VALUES + 1, "one more says that there are more"


def test_every_kind_of_value_has_its_path_and_fractions_only_say_that_they_are_some() -> None:
    text = '{"pregnant":true,"lat":52.51,"phone":5551234567.0,"ssn":219099998,"n":null,"x":NaN,"y":1e300}'
    assert parts(text) == [
        Part("$.pregnant", "boolean", "true"),
        Part("$.lat", "double", "0.5"),
        Part("$.phone", "double", "5551234567"),
        Part("$.ssn", "bigint", "219099998"),
        Part("$.x", "double", "0.5"),
        Part("$.y", "double", "0.5"),
    ]


def test_lines_of_json_and_a_mark_of_the_byte_order_are_opened() -> None:
    assert parts('{"a":"x"}\n\n{"a":"y"}\n') == [Part("$[].a", "string", "x"), Part("$[].a", "string", "y")]
    assert parts('\ufeff{"a":"x"}') == [Part("$.a", "string", "x")]
    assert parts('\ufeff<?xml version="1.0"?><r><a>x</a></r>') == [Part("a", "string", "x")]
    assert parts('{"a":"x"} and more') is None


def test_a_rare_key_whose_name_a_rule_knows_keeps_it() -> None:
    paths = {"$.email": 10_000, "$.religion": 9, "$.ann": 1}
    shown = folded(paths, 10_000, telling=lambda path: path == "$.religion")
    assert shown == {"$.email": "$.email", "$.religion": "$.religion", "$.ann": "$.*"}
