"""Values and files that are packed: opened, searched, and told from what only looks like it."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.lake.search import arrow as arrow_search
from delible.lake.search import payloads
from delible.lake.search.arrow import search_table
from delible.lake.search.forms import Needles
from delible.lake.search.packed import Unopened
from delible.lake.search.snappy import FRAMED, SnappyStream, block
from delible.lake.search.verify import Folder, search

ADDRESS = "ann@shop.example"
TEXT = (f"a line about {ADDRESS} and others; " * 3).encode()
Pack = Callable[[bytes], bytes]


def arrow_stream(codec: str) -> Pack:
    def pack(data: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as out:
            out.write(data)
        return bytes(sink.getvalue())

    return pack


def bare(data: bytes) -> bytes:
    return bytes(pa.compress(data, "snappy", asbytes=True))


def framed(data: bytes) -> bytes:
    content = b"\0\0\0\0" + bare(data)
    plain = b"\0\0\0\0" + b"in the open"
    frames = b"\x00" + len(content).to_bytes(3, "little") + content + b"\x01" + len(plain).to_bytes(3, "little") + plain
    return FRAMED + frames + b"\xfe\x03\0\0pad"


def hadoop(data: bytes) -> bytes:
    parts = [data[:40], data[40:]]
    blocks = b"".join(len(bare(p)).to_bytes(4, "big") + bare(p) for p in parts)
    return len(data).to_bytes(4, "big") + blocks


PACKS: dict[str, Pack] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "gzip with a time": lambda data: gzip.compress(data, mtime=1_700_000_000),
    "zlib": zlib.compress,
    "zlib, fast": lambda data: zlib.compress(data, 1),
    "zlib, best": lambda data: zlib.compress(data, 9),
    "zstd": arrow_stream("zstd"),
    "lz4": arrow_stream("lz4"),
    "framed snappy": framed,
}


def found(value: object, kind: pa.DataType | None = None) -> set[str]:
    table = pa.table({"c": pa.array([None, value, value[:0]], kind)})  # type: ignore[index]
    return {form for _, form in search_table(table, Needles([ADDRESS]), {})}


def held(value: object, kind: pa.DataType | None = None) -> bool:
    return any(form.startswith("compressed value, ") for form in found(value, kind))


@pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)
def test_packed_values_are_opened(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pack(TEXT)
    in_json = json.dumps({"n": 1, "payload": base64.b64encode(packed).decode()})
    cases = [packed, base64.b64encode(packed), base64.urlsafe_b64encode(packed).rstrip(b"="), in_json.encode()]
    assert [held(case, pa.binary()) for case in cases] == [True] * 4
    assert [held(case.decode(), pa.string()) for case in cases[1:]] == [True] * 3
    monkeypatch.setattr(payloads, "_HEADS", {})
    monkeypatch.setattr(payloads, "_IN_BASE64", {})
    assert not any(held(case, pa.binary()) for case in cases)


def test_a_bare_snappy_block_is_opened_in_a_column_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = bare(TEXT * 40)
    assert held(packed, pa.binary())
    monkeypatch.setattr(payloads, "block", lambda *_, **__: None)
    assert not held(packed, pa.binary())


def test_a_value_that_holds_too_much_is_never_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "_LARGEST", 50)
    with pytest.raises(Unopened):
        found(gzip.compress(TEXT), pa.binary())


def test_without_it_packed_values_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_search, "unpacked_values", lambda *_, **__: ())
    assert not found(gzip.compress(TEXT), pa.binary())


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_other_bytes_are_left_as_they_are(values: list[bytes]) -> None:
    table = pa.table({"c": pa.array(values, pa.binary())})
    assert not search_table(table, Needles([ADDRESS]), {})


@given(st.binary(max_size=300))
def test_blocks_are_opened_and_nothing_else_is(data: bytes) -> None:
    assert block(bare(data)) == (data or None)
    block(data)  # whatever it is, it raises nothing


@pytest.mark.parametrize("pack", [framed, hadoop])
def test_snappy_files_are_searched(tmp_path: Path, pack: Pack) -> None:
    (tmp_path / "part-0.snappy").write_bytes(pack(TEXT))
    result = search([Folder("table:t", str(tmp_path))], [ADDRESS], now=datetime.now(UTC))
    assert {m.form for m in result.matches} >= {"compressed, utf-8"}
    assert not result.unreadable
    (tmp_path / "part-0.snappy").write_bytes(pack(TEXT)[:-9])
    assert search([Folder("table:t", str(tmp_path))], [ADDRESS], now=datetime.now(UTC)).unreadable


def test_a_stream_of_snappy_is_read_in_any_portions() -> None:
    stream = SnappyStream(io.BytesIO(framed(TEXT)))
    assert b"".join(iter(lambda: stream.read(7), b"")).startswith(TEXT)
