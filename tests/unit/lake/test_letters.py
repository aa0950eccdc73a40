"""Letters outside ASCII are found in either case, composed or not, in every encoding; and with them, nobody else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Literal
from unicodedata import normalize
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delible.lake.search.arrow import search_table
from delible.lake.search.forms import Needles
from delible.lake.search.letters import ENCODINGS, wholes
from delible.lake.search.verify import Folder, search
from delible.model.spelling import always_spelled_so, letter_spellings, value_pattern

ENCODED: dict[str, Callable[[str], bytes]] = {
    "utf-8": lambda text: text.encode(),
    "utf-16-le": lambda text: text.encode("utf-16-le"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
    "url": lambda text: quote(text, safe="").encode(),
    "url twice": lambda text: quote(quote(text, safe=""), safe="").encode(),
    "json": lambda text: json.dumps(text)[1:-1].encode(),
}
Form = Literal["NFC", "NFD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD")
SAME = [
    ("René.Étienne@shop.example", "RENé.éTIENNE@Shop.Example"),
    ("rené.étienne@shop.example", "René.Étienne@shop.example"),
    ("rené.étienne@shop.example", "RENÉ.éTienne@shop.example"),
    ("Jürgen Weiß", "JÜRGEN WEISS"),
    ("Jürgen Weiß", "jüRgen WEIẞ"),
    ("Jürgen Weiß", "jürgen weiss"),
    ("JÜRGEN WEISS", "Jürgen Weiss"),
    ("İbrahim Y\u0131lmaz", "ibrahim y\u0131lmaz"),
    ("İbrahim Y\u0131lmaz", "IBRAHIM YILMAZ"),
    ("İbrahim Y\u0131lmaz", "İBRAHİM YILMAZ"),
    ("İbrahim Y\u0131lmaz", "i\u0307brahim yilmaz"),
    ("Σίσυφος Παππάς", "ΣΊΣΥΦΟΣ ΠΑΠΠΆΣ"),
    ("Фёдор Достоевский", "фёДор ДОСТОЕВСКИЙ"),
    ("Nguyễn Văn Điệp", "NGUYỄN văn đIỆP"),
    ("Łukasz Żółć", "łUKASZ żÓŁĆ"),
    ("渡辺 太郎さん", "渡辺 太郎さん"),
    ("\ufa1d精さん一郎", "\ufa1d精さん一郎"),
]


@cache
def needles(value: str) -> Needles:
    """Return what finds a value, built once: it takes longer than all searches for it."""
    return Needles([value])


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("value", "text"), SAME)
def test_a_name_is_found_in_every_spelling(value: str, text: str, form: Form, encoding: str) -> None:
    for key in (value, normalize("NFC", value), normalize("NFD", value)):
        haystack = b"\0<" + ENCODED[encoding](normalize(form, text)) + b">\0"
        assert needles(key).search(haystack), (key, text)


@pytest.mark.parametrize(("value", "text"), SAME)
def test_a_name_is_found_in_columns_and_once(value: str, text: str) -> None:
    for form in FORMS:
        column = pa.table({"c": ["x", f"of {normalize(form, text)}, today", "x"]})
        assert set(search_table(column, needles(value), {}).values()) == {1}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("ibrahim@shop.example", "İBRAHİM@SHOP.EXAMPLE"),
        ("ibrahim@shop.example", "\u0131brah\u0131m@shop.example"),
        ("IBRAHIM@SHOP.EXAMPLE", "i\u0307brahi\u0307m@shop.example"),
        ("ismail kilic", "İsmail Kilic"),
        ("STRASSER", "Straßer"),
    ],
)
def test_an_ascii_name_is_found_where_other_languages_changed_its_case(value: str, text: str) -> None:
    assert Needles([value]).search(f"<{text}>".encode()) == {"utf-8": 1}


@pytest.mark.parametrize(
    "text", ["Renee Etienne", "René Etienne", "Rene\u0301e Étienne", "xRené Étienne", "René Étiennes"]
)
def test_another_name_is_not_found(text: str) -> None:
    assert not Needles(["René Étienne"]).search(text.encode())


def test_one_byte_encodings_of_the_west_are_searched() -> None:
    assert Needles(["Zoë Müller"]).search("ZOË mÜller".encode("cp1252")) == {"latin-1": 1}


def test_names_are_found_in_file_bytes_and_names(tmp_path: Path) -> None:
    text = normalize("NFD", "RENÉ.éTIENNE@shop.example")
    (tmp_path / "x.csv").write_text(f"1,{text},2\n", encoding="utf-8")
    (tmp_path / f"email={text}").mkdir()
    pq.write_table(pa.table({"c": [text]}), tmp_path / "x.parquet", compression="gzip", use_dictionary=False)
    found = search([Folder("t", str(tmp_path))], ["rené.étienne@shop.example"], now=datetime.now(UTC))
    assert {(m.place, m.form) for m in found.matches} >= {
        ("t/x.csv", "utf-8"),
        ("t/email=…", "file name, utf-8"),
        ("t/x.parquet:c", "parquet value, utf-8"),
    }


LETTERS = st.text(st.sampled_from("aiszéÉßẞİ\u0131øØñÑçÇ\u03c3ςΣёЁйЙ중例 .@"), min_size=5, max_size=30)


@settings(max_examples=2 * settings().max_examples)
@given(value=LETTERS, cased=st.lists(st.integers(0, 20), min_size=30, max_size=30))
def test_any_mixture_of_spellings_is_found(value: str, cased: list[int]) -> None:
    if value.isascii():
        return
    letters = [letter_spellings(letter) for letter in normalize("NFC", value)]
    mixed = "".join(each[which % len(each)] for each, which in zip(letters, cased, strict=False))
    assert Needles([value]).search(f"\0{mixed}\0".encode())


def test_a_long_name_takes_a_bounded_number_of_patterns() -> None:
    for encoding in ENCODINGS[:3]:
        whole = wholes("Йё" * 400, encoding)
        assert whole is not None
        assert len(whole.stretches) <= 12


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("value", "text"), [*SAME, ("ibrahim@shop.example", "İBRAHİM@SHOP.EXAMPLE")])
def test_what_masks_a_name_knows_its_spellings(value: str, text: str, form: Form) -> None:
    spelled = normalize(form, text)
    assert re.fullmatch(value_pattern(value), spelled, re.IGNORECASE)
    assert always_spelled_so(value) in spelled.lower()


def test_what_masks_a_name_takes_signs_as_they_are() -> None:
    value = "a.b+c|d(e)[f]*g?\\Q$h ^i{2}-j&&k#l"
    assert re.fullmatch(value_pattern(value), value, re.IGNORECASE)
    assert not re.fullmatch(value_pattern(value), value.replace(".", "x"), re.IGNORECASE)
    assert always_spelled_so("ann@shop.example") == "ann@shop.example"
