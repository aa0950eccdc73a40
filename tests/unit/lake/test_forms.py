"""The forms in which a value survives in bytes: each is found, and other people's values are not. No JVM, no Spark."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from urllib.parse import quote

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.lake.search.arrow import search_table
from delible.lake.search.forms import Needles
from delible.lake.search.log import search_statistics
from delible.lake.search.typed_keys import TypedKeys
from delible.model.terms import Normalise

ADDRESS = "ann@shop.example"
LONG = "a-very-long-mailbox-name-of-somebody@shop.example"
EXACT = {"customer_id": TypedKeys(frozenset({"17"}), Normalise.EXACT)}


def forms(haystack: bytes, *values: str) -> dict[str, int]:
    return dict(Needles(values or (ADDRESS,)).search(haystack))


def test_the_search_loads_no_spark() -> None:
    code = "import sys; from delible.lake.search import arrow, forms, log, verify"
    code += "; print([m for m in ('pyspark', 'delta', 'py4j') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


# --- encoded forms


@pytest.mark.parametrize(
    ("form", "encoded"),
    [
        ("utf-8", ADDRESS.encode()),
        ("utf-8", ADDRESS.upper().encode()),
        ("utf-8", b"Ann@Shop.Example"),
        ("utf-16", ADDRESS.encode("utf-16-le")),
        ("utf-16", ADDRESS.encode("utf-16-be")),
        ("utf-16", ADDRESS.upper().encode("utf-16-le")),
        ("hex", ADDRESS.encode().hex().encode()),
        ("hex", ADDRESS.encode().hex().upper().encode()),
        ("url-encoded", quote(ADDRESS, safe="").encode()),
        ("url-encoded", quote(quote(ADDRESS, safe=""), safe="").encode()),
        ("base64", base64.b64encode(ADDRESS.encode())),
        ("base64", base64.b64encode(ADDRESS.upper().encode())),
    ],
)
def test_every_encoded_form_is_found(form: str, encoded: bytes) -> None:
    assert form in forms(b"\x01" + encoded + b"\x02")
    assert form in forms(b'{"v": "' + encoded + b'"}')


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz", '{"mail":"'])
@pytest.mark.parametrize("behind", ["", "!", "!!", '"}'])
def test_base64_is_found_at_every_alignment(before: str, behind: str) -> None:
    text = (before + ADDRESS + behind).encode()
    assert "base64" in forms(base64.b64encode(text))
    assert "base64" in forms(base64.urlsafe_b64encode(text))


@pytest.mark.parametrize("value", ["~~~~~~ü?ö>@shop.example", "ann??>>~~@shop.example"])
def test_base64_is_found_in_the_alphabet_for_urls_alone(value: str) -> None:
    for before in ("", "x", "xy"):
        encoded = base64.urlsafe_b64encode((before + value + "!!!").encode())
        assert encoded != base64.b64encode((before + value + "!!!").encode())
        assert "base64" in forms(encoded, value)


def test_letters_outside_ascii_are_found_in_either_case_and_escaped() -> None:
    name = "Zoë Müller-Łukasz"
    for spelling in (name, name.lower(), name.upper()):
        assert forms(spelling.encode(), name), spelling
        assert forms(json.dumps(spelling).encode(), name), spelling


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=5, max_size=40))
def test_any_value_is_found_in_what_it_was_written_as(value: str) -> None:
    needles = Needles([value])
    for encoded in (value.encode(), value.encode("utf-16-le"), value.encode().hex().encode()):
        assert needles.search(b"\x01" + encoded + b"\x02")


def test_no_values_find_nothing() -> None:
    assert Needles([]).search(ADDRESS.encode()) == {}


# --- boundaries


@pytest.mark.parametrize(
    "text",
    [
        "joann@shop.example",
        "jo.ann@shop.example",
        "jo+ann@shop.example",
        "jo_ann@shop.example",
        "ann@shop.example.org",
        "ann@shop.examples",
        "ann@shop.example-shop",
    ],
)
def test_a_longer_address_is_another_person(text: str) -> None:
    assert forms(text.encode()) == {}
    assert forms(f"<{text}>, {text}".encode()) == {}


@pytest.mark.parametrize(
    "text",
    [
        "ann@shop.example",
        "Write to ann@shop.example.",
        "ann@shop.example. She knows.",
        "<ann@shop.example>",
        "mailto:ann@shop.example?subject=hello",
        "joann@shop.example,ann@shop.example",
        'ann@shop.example"',
        "ann@shop.example...",
    ],
)
def test_the_address_itself_is_found_once(text: str) -> None:
    assert forms(text.encode()) == {"utf-8": 1}


def test_a_number_inside_a_longer_number_is_another() -> None:
    assert forms(b"call +4420794600017 now", "+4420794600017") == {"utf-8": 1}
    assert forms(b"call +44207946000179 now", "+4420794600017") == {}


# --- decoded columns


def table(**columns: pa.Array | list[object]) -> pa.Table:
    return pa.table(
        {name: column if isinstance(column, pa.Array) else pa.array(column) for name, column in columns.items()}
    )


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["joann@shop.example", f"see {ADDRESS}."]),
        pa.array([None, ADDRESS], pa.large_string()),
        pa.array([ADDRESS.encode()], pa.binary()),
        pa.array([ADDRESS, "x", ADDRESS]).dictionary_encode(),
        pa.array([["x", ADDRESS], None, []], pa.list_(pa.string())),
        pa.array([{"deep": {"mail": ADDRESS}}]),
        pa.array([[("mail", ADDRESS)]], pa.map_(pa.string(), pa.string())),
        pa.array([[(ADDRESS, "mail")]], pa.map_(pa.string(), pa.string())),
        pa.array([base64.b64encode(ADDRESS.encode()).decode()]),
        pa.array(["x", "y", f"{ADDRESS}", "z"]).slice(1, 2),
    ],
    ids=lambda c: str(c.type)[:30],
)
def test_values_are_found_in_every_kind_of_column(column: pa.Array) -> None:
    assert search_table(table(c=column), Needles([ADDRESS]), {})


def test_values_that_only_two_neighbours_make_together_are_not_found() -> None:
    found = search_table(
        table(c=["xx ann@shop", ".example", "joann@shop.example", "ann@shop.example.org"]), Needles([ADDRESS]), {}
    )
    assert not found


def test_a_value_next_to_a_word_of_another_row_is_found() -> None:
    found = search_table(table(c=["jo", ADDRESS, "org"]), Needles([ADDRESS]), {})
    assert found == {("c", "parquet value, utf-8"): 1}


def test_numbers_are_searched_as_text_when_they_are_telling() -> None:
    assert search_table(table(c=[4_000_017_983_709, 5]), Needles(["4000017983709"]), {})
    assert not search_table(table(c=[40_000_179_837_091]), Needles(["4000017983709"]), {})


@pytest.mark.parametrize("kind", [pa.int64(), pa.int32(), pa.string(), pa.decimal128(20, 0)])
def test_typed_keys_are_compared_with_whole_values(kind: pa.DataType) -> None:
    column = pa.array(["17", "170", "17", None]).cast(pa.string()).cast(kind)
    assert search_table(table(customer_id=column), Needles([]), EXACT) == {("customer_id", "parquet value"): 2}
    assert not search_table(table(other=column), Needles([]), EXACT)


# --- statistics


def commit(bounds: dict[str, object], **more: object) -> bytes:
    return json.dumps({"add": {"path": "x.parquet", "stats": json.dumps({"minValues": bounds}), **more}}).encode()


def test_keys_are_found_as_bounds_and_partition_values() -> None:
    assert search_statistics(commit({"customer_id": 17}), EXACT) == {":customer_id": 1}
    assert search_statistics(commit({}, partitionValues={"customer_id": "17"}), EXACT) == {":customer_id": 1}
    assert not search_statistics(commit({"customer_id": 170, "order_id": 17}), EXACT)
    assert not search_statistics(b'{"customer_id": 17}\nnot json {17}\n', EXACT)


def test_keys_are_found_in_nested_columns_and_in_the_checksum_of_a_version() -> None:
    typed = {"who.id": TypedKeys(frozenset({"17"}), Normalise.EXACT)}
    assert search_statistics(commit({"who": {"id": 17}}), typed)
    checksum = json.dumps({"allFiles": [json.loads(commit({"customer_id": 17}))["add"]]}).encode()
    assert search_statistics(checksum, EXACT)


def test_a_bound_that_delta_has_cut_off_is_found() -> None:
    typed = {"email": TypedKeys(frozenset({LONG}), Normalise.LOWER)}
    for bound in (LONG[:32], LONG[:32].upper(), LONG[:32] + "\ufffd"):
        assert search_statistics(commit({"email": bound}), typed), bound
    assert not search_statistics(commit({"email": LONG[:20]}), typed)


def test_stats_of_a_checkpoint_are_found_as_text_and_parsed() -> None:
    parsed = pa.array([{"stats_parsed": {"minValues": {"customer_id": 17}}, "stats": None}])
    text = pa.array([{"stats": json.dumps({"maxValues": {"customer_id": 17}})}])
    values = pa.array(
        [{"partitionValues": [("customer_id", "17")]}],
        pa.struct([("partitionValues", pa.map_(pa.string(), pa.string()))]),
    )
    for add in (parsed, text, values):
        assert search_table(table(add=add), Needles([]), EXACT), add.type


# --- escapes and spellings


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"body": f"Regards,\n{ADDRESS}"}),
        f'"\\u003c{ADDRESS}\\u003e"',
        f"?f=%22email%22%3A%22{quote(ADDRESS, safe='')}%22",
        f"mailto%3A{quote(ADDRESS, safe='')}",
        f"?to=%20{ADDRESS}%0A",
    ],
)
def test_the_letter_of_an_escape_is_no_part_of_a_word(text: str) -> None:
    assert forms(text.encode())
    assert search_table(pa.table({"payload": [text]}), Needles([ADDRESS]), {})


@pytest.mark.parametrize("text", [f"jo{ADDRESS}", f"n{ADDRESS}", f"3c{ADDRESS}", f"{ADDRESS}.org", f"\\x{ADDRESS}"])
def test_a_longer_word_is_still_another_one(text: str) -> None:
    assert not forms(text.encode())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("+44 20 7946-0001", True),
        ("0044 (20) 7946.0001", True),
        ("call 442079460001 now", True),
        ("1442079460001", False),
        ("44 20 7946 00017", False),
        ("44,20,7946,0001", False),
    ],
)
def test_numbers_are_found_in_other_spellings(text: str, found: bool) -> None:
    needles = Needles(["+442079460001"], ["+442079460001"])
    assert bool(needles.search(text.encode())) is found
    assert bool(search_table(pa.table({"note": ["x", text]}), needles, {})) is found


def test_two_cells_make_no_number_together() -> None:
    needles = Needles(["+442079460001"], ["+442079460001"])
    assert not search_table(pa.table({"note": ["+44 20 79", "46 0001"]}), needles, {})


def test_letter_case_of_a_column_does_not_matter() -> None:
    assert search_table(pa.table({"Customer_ID": [17]}), Needles([]), EXACT)
