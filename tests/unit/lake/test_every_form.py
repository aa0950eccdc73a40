"""Each form is planted in a folder and caught; with that form taken out of the search, it is not."""

from __future__ import annotations

import base64
import html
import json
import quopri
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from urllib.parse import quote, quote_plus

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delible.lake.search import arrow as arrow_search
from delible.lake.search import forms, grams, loosened
from delible.lake.search.forms import Needles
from delible.lake.search.grams import Grams
from delible.lake.search.verify import Folder, search
from delible.lake.search.written import FORMS

ADDRESS = "anna.berg@shop.example"
NAME = "Zoë Müller-Łukasz"
IRISH = "Siobhan O'Brien"
ESCAPED = (
    (IRISH, "'", "\\u0027"),
    (IRISH, "'", "\\\\u0027"),
    (IRISH, "'", "\\'"),
    ("ann+news@shop.example", "+", "\\u002B"),
    ("Smith & Sons Ltd", "&", "\\u0026"),
    (ADDRESS, "@", "\\x40"),
    ("a/b@shop.example", "/", "\\/"),
    ("Jörg O'Neill", "'", "\\u0027"),
)
Plant = Callable[[str], bytes]


def escaped(value: str) -> bytes:
    return "".join(f"\\u{ord(letter):04x}" for letter in value).encode()


def entities(value: str) -> bytes:
    return "".join(f"&#{ord(letter)};" if not letter.isalnum() else html.escape(letter) for letter in value).encode()


def wrapped(value: str, width: int, end: bytes = b"\n") -> bytes:
    text = base64.b64encode(b"so many words before it stands here at last, " + value.encode() + b", and more behind it")
    return end.join(text[place : place + width] for place in range(0, len(text), width))


def dumped(value: str, between: str) -> bytes:
    return between.join(f"{byte:02X}" for byte in value.encode()).encode()


PLANTS: list[tuple[str, str, str, Plant]] = [
    ("utf-8", "utf-8", ADDRESS, str.encode),
    ("utf-8, capitals", "utf-8", ADDRESS, lambda v: v.upper().encode()),
    ("utf-16-le", "utf-16", ADDRESS, lambda v: v.encode("utf-16-le")),
    ("utf-16-be", "utf-16", ADDRESS, lambda v: v.encode("utf-16-be")),
    ("url", "url-encoded", ADDRESS, lambda v: quote(v, safe="").encode()),
    ("url, twice", "url-encoded", ADDRESS, lambda v: quote(quote(v, safe=""), safe="").encode()),
    ("url, a name", "url-encoded", NAME, lambda v: quote(v, safe="").encode()),
    ("json, a name", "json-escaped", NAME, lambda v: json.dumps(v).encode()),
    ("latin-1, a name", "latin-1", "Zoë Müller", lambda v: v.encode("cp1252")),
    *((f"hex {b!r}", "hex", ADDRESS, lambda v, b=b: dumped(v, b)) for b in ("", " ", ":", "-", "%", "\\x")),  # type: ignore[misc]
    ("json, every letter", "hex", ADDRESS, escaped),
    ("base64", "base64", ADDRESS, lambda v: base64.b64encode(v.encode())),
    ("base64, capitals", "base64", ADDRESS, lambda v: base64.b64encode(v.upper().encode())),
    ("base64 for urls", "base64", "a??b>>c~~@shop.example", lambda v: base64.urlsafe_b64encode(v.encode())),
    *((f"base64 by {w}", "base64, in lines", ADDRESS, lambda v, w=w: wrapped(v, w)) for w in (64, 76)),  # type: ignore[misc]
    ("base64 of mail", "base64, in lines", ADDRESS, lambda v: wrapped(v, 64, b"\r\n")),
    ("base64 in json", "base64, in lines", ADDRESS, lambda v: json.dumps(wrapped(v, 64).decode()).encode()),
    ("html", "html entities", ADDRESS, entities),
    ("html, named", "html entities", ADDRESS, lambda v: v.replace("@", "&commat;").encode()),
    ("html, Irish", "html entities", IRISH, lambda v: html.escape(v).encode()),
    ("typographic", "utf-8", IRISH, lambda v: v.replace("'", "\u2019").encode()),
    ("typographic, for Windows", "latin-1", IRISH, lambda v: v.replace("'", "\u2019").encode("cp1252")),
    ("typographic, in json", "json-escaped", IRISH, lambda v: json.dumps(v.replace("'", "\u2019")).encode()),
    ("typographic, in base64", "base64", IRISH, lambda v: base64.b64encode(v.replace("'", "\u2019").encode())),
    ("doubled for SQL", "utf-8", IRISH, lambda v: v.replace("'", "''").encode()),
    ("doubled for CSV", "utf-8", 'Ann "Lee" Smith', lambda v: v.replace('"', '""').encode()),
    ("a query", "url-encoded", IRISH, lambda v: quote_plus(v).encode()),
    ("a query, of a browser", "url-encoded", "Siobhan Murphy", lambda v: v.replace(" ", "+").encode()),
    *((f"escaped as {e}", "backslash escapes", v, lambda w, a=a, e=e: w.replace(a, e).encode()) for v, a, e in ESCAPED),  # type: ignore[misc]
    ("mail", "quoted-printable", NAME, lambda v: quopri.encodestring(v.encode())),
    ("mail, a soft end", "quoted-printable", ADDRESS, lambda v: f"{v[:9]}=\r\n{v[9:]}".encode()),
]


def found(content: bytes, value: str) -> set[str]:
    return set(Needles([value]).search(content))


def in_column(content: bytes, value: str) -> set[str]:
    table = pa.table({"c": pa.array([b"before", content, b"behind"], pa.binary())})
    return {form.removeprefix("parquet value, ") for _, form in arrow_search.search_table(table, Needles([value]), {})}


@pytest.mark.parametrize(("form", "value", "plant"), [p[1:] for p in PLANTS], ids=[p[0] for p in PLANTS])
def test_a_form_is_caught_and_without_it_is_not(
    form: str, value: str, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = plant(value)
    around = b'{"n": 1, "v": "' + content + b'", "m": 2}'
    assert form in found(content, value)
    assert form in found(around, value)
    assert form in in_column(content, value)
    monkeypatch.setattr(forms, "FORMS", tuple(f for f in FORMS if f.name != form))
    out = {form, *(["backslash escapes"] if form in ("hex", "json-escaped") else [])}  # which reads these, too
    less = tuple(loose for loose in loosened.LOOSE if loose.name not in out)
    monkeypatch.setattr(loosened, "LOOSE", less)
    monkeypatch.setattr(arrow_search, "LOOSE", less)
    assert form not in found(content, value) | in_column(content, value)
    if form != "utf-8":  # which json's and html's escapes of ASCII read as, too
        assert not found(content, value)


def test_every_form_has_a_plant() -> None:
    named = {form.name for form in FORMS} | {loose.name for loose in loosened.LOOSE}
    assert {form for _, form, _, _ in PLANTS} == named


@pytest.mark.parametrize("line", ["&lt;p&gt;", "?id=42&x=1", "a=\nb", "A" * 70 + "\n" + "B" * 70])
def test_marks_alone_are_nothing(line: str) -> None:
    assert not found(line.encode(), ADDRESS)


def test_a_value_that_stands_as_it_is_counts_once() -> None:
    assert Needles([ADDRESS]).search(f"{ADDRESS} &amp; =40 &#64; \\u0040 a\\/b".encode()) == {"utf-8": 1}
    assert Needles([NAME]).search(json.dumps(NAME).encode()) == {"json-escaped": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (rb"jo\u0061nna.berg@shop.example", ADDRESS),
        (b"Siobhan + Murphy", "Siobhan Murphy"),
        (b"Siobhan+Murphy+Jones", "Siobhan Murphy"),
        (b"Siobhan O Brien, Siobhan OBrien", IRISH),
        (rb"Siobhan O\\Brien", IRISH),
    ],
)
def test_other_peoples_spellings_are_nothing(text: bytes, value: str) -> None:
    assert not found(text, value)


@given(st.lists(st.sampled_from([ADDRESS, "anna.berg\\u0040shop.example", "x" * 1100, "\\/", "\\'", " "]), max_size=30))
@settings(max_examples=30)
def test_what_is_read_again_around_marks_is_what_the_whole_would_tell(parts: list[str]) -> None:
    text = " ".join(parts).encode()
    needles = Needles([ADDRESS])
    [escapes] = [loose for loose in loosened.LOOSE if loose.near]
    whole = needles.search_plain(escapes.without(text)) - needles.search_plain(text)
    assert needles.search(text)["backslash escapes"] == whole.total()


# --- windows


@given(
    st.lists(st.binary(min_size=8, max_size=40), min_size=1, max_size=30, unique=True),
    st.binary(max_size=30),
    st.integers(0, 2**32),
)
@settings(max_examples=200)
def test_windows_find_what_stands_there(patterns: list[bytes], between: bytes, seed: int) -> None:
    order = Random(seed).sample(range(len(patterns)), len(patterns))
    text, places = between, set()
    for member in order:
        places.add((0, member, len(text), len(text) + len(patterns[member])))
        text += patterns[member] + between
    hits = set(Grams([[(range(len(patterns)), patterns)]]).hits(text))
    assert places <= hits
    for _, member, start, end in hits:
        assert end - start == len(patterns[member])
        assert (text[start] | 32, text[end - 1] | 32) == (patterns[member][0] | 32, patterns[member][-1] | 32)


@pytest.mark.parametrize("few", [0, 1_000_000])
def test_all_of_many_values_are_found_at_every_place(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grams, "_FEW", few)
    values = [f"person.{n}@shop.example" for n in range(500)]
    text = b"".join(b"x" * (n % 9) + b" " + v.encode() + b"," for n, v in enumerate(values))
    assert Needles(values).search(text)["utf-8"] == len(values)
    others = " ".join(f"person.{n}@shop.example" for n in range(500, 3_000)).encode()
    assert not Needles(values).search(others)


def test_many_values_are_searched_in_portions_with_one_outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from delible.lake.search import verify

    values = [f"person.{n}@shop.example" for n in range(50)]
    pq.write_table(pa.table({"mail": values[::7], "n": list(range(8))}), tmp_path / "a.parquet", compression="zstd")
    (tmp_path / "b.txt").write_text(" ".join(values[::5]))
    (tmp_path / "c.gz").write_bytes(b"\x1f\x8b\x08 damaged")
    now = datetime.now(UTC)
    whole = search([Folder("table:t", str(tmp_path))], values, now=now)
    monkeypatch.setattr(verify, "MOST_AT_ONCE", 7)
    assert search([Folder("table:t", str(tmp_path))], values, now=now) == whole
    assert sum(m.count for m in whole.matches) >= 18
    assert len(whole.unreadable) == 1
