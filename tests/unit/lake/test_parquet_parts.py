"""What a Parquet file holds besides its rows: found where no row has it, and never clean where nobody can look."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.lake.search import file as file_search
from delible.lake.search import parquet_parts
from delible.lake.search.bloom import beyond_chance, xxhash64
from delible.lake.search.thrift import read_struct
from delible.lake.search.verify import Folder, search
from delible.model.proof import Verification

GONE = "gone.person@shop.example"
STAYS = "kept.person@shop.example"
PEOPLE = [f"gone.{n:04}@shop.example" for n in range(400)]


def searched(folder: Path, content: bytes, *values: str) -> Verification:
    (folder / "part-0.parquet").write_bytes(content)
    return search([Folder("table:t", str(folder))], values or (GONE,), now=datetime.now(UTC))


def forms(found: Verification) -> set[str]:
    return {m.form for m in found.matches}


def written(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def unused_entry(**options: Any) -> bytes:
    column = pa.DictionaryArray.from_arrays(pa.array([0, 0, 1], pa.int32()), pa.array([STAYS, "b@shop.example", GONE]))
    return written(pa.table({"mail": column}), store_schema=False, **options)


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "brotli", "lz4"])
def test_an_entry_that_no_row_uses_is_found(tmp_path: Path, codec: str) -> None:
    content = unused_entry(compression=codec)
    assert GONE not in pq.read_table(io.BytesIO(content))["mail"].cast(pa.string()).to_pylist()
    assert "dictionary page, parquet value, utf-8" in forms(searched(tmp_path, content))


def test_without_the_look_into_parts_it_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_search, "search_parts", lambda *_: {})
    found = searched(tmp_path, unused_entry(compression="gzip"))
    assert found.clean


def test_an_unused_number_is_found_and_an_unscaled_decimal_is_not(tmp_path: Path) -> None:
    plain = pa.table({"phone": pa.array([0, 0], pa.int64())})
    assert searched(tmp_path, written(plain, compression="gzip"), "442079460001").clean
    stale = written(pa.table({"phone": pa.array([442079460001] * 2)}), compression="none", write_statistics=False)
    assert "parquet value, as its type" in forms(searched(tmp_path, stale, "442079460001"))
    decimal = pa.table({"amount": pa.array([10_000, 2]).cast(pa.decimal128(25, 2)).cast(pa.decimal128(18, 2))})
    assert searched(tmp_path, written(decimal, store_decimal_as_integer=True), "1000000").clean


def replaced(content: bytes, old: str, new: str, *, but: slice) -> bytes:
    """Return a file in which one text stands for another of its length, except in a stretch of it."""
    assert len(old) == len(new)
    kept = content[but]
    changed = bytearray(content.replace(old.encode(), new.encode()))
    changed[but] = kept
    return bytes(changed)


def indexed() -> tuple[bytes, slice]:
    table = pa.table({"mail": [GONE] * 3})
    content = written(table, compression="none", write_page_index=True)
    length = int.from_bytes(content[-8:-4], "little")
    chunk = read_struct(content[-8 - length : -8])[0][4][0][1][0]
    return content, slice(chunk[6], chunk[6] + chunk[7])


def test_bounds_in_a_page_index_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, index = indexed()
    stale = replaced(content, GONE, STAYS, but=index)
    assert pq.read_table(io.BytesIO(stale))["mail"].to_pylist() == [STAYS] * 3
    assert "page index, utf-8" in forms(searched(tmp_path, stale))
    monkeypatch.setattr(file_search, "search_parts", lambda *_: {})
    assert "page index, utf-8" not in forms(searched(tmp_path, stale))


def filtered(people: list[str]) -> bytes:
    options = {"mail": {"ndv": 2_000, "fpp": 0.01}}
    return written(pa.table({"mail": people}), compression="none", bloom_filter_options=options)


def test_a_filter_that_was_made_of_other_rows_is_found(tmp_path: Path) -> None:
    content = filtered(PEOPLE)
    stale = content.replace(b"gone.", b"kept.")
    assert forms(searched(tmp_path, stale, *PEOPLE)) == {"bloom filter, may hold"}
    assert searched(tmp_path, filtered([p.replace("gone", "kept") for p in PEOPLE]), *PEOPLE).clean


def test_what_chance_explains_is_no_residue() -> None:
    assert not beyond_chance([(1, 0.01)])
    assert not beyond_chance([(12, 10.0)])
    assert beyond_chance([(3, 0.001)])
    assert beyond_chance([(40, 10.0)])
    assert not beyond_chance([])


@pytest.mark.parametrize(
    ("text", "value"),
    [(b"", 0xEF46DB3751D8E999), (b"a", 0xD24EC4F1A98C6E5B), (b"abc", 0x44BC2CF5AD770999)],
)
def test_hashes_are_those_of_the_published_algorithm(text: bytes, value: int) -> None:
    assert xxhash64(text) == value


@pytest.mark.parametrize("size", [1, 8, 13, 31, 32, 33, 70])
def test_arrow_s_own_filters_know_their_values(size: int) -> None:
    texts = [str(n).rjust(size, "x") for n in range(9)]
    content = written(pa.table({"mail": texts}), bloom_filter_options={"mail": {"ndv": 100, "fpp": 0.001}})
    meta = read_struct(content[-8 - int.from_bytes(content[-8:-4], "little") : -8])[0][4][0][1][0][3]
    header, end = read_struct(content, meta[14])
    from delible.lake.search.bloom import hashes, said

    assert said(content[end : end + header[1]], hashes(t.encode() for t in texts))[0] == len(texts)


def test_bytes_that_no_part_of_the_footer_names_are_never_clean(tmp_path: Path) -> None:
    content = written(pa.table({"mail": [STAYS]}))
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    assert searched(tmp_path, content).clean
    for gap, clean in ((b"\x07" * 64, False), (bytes(64), True), (b"\x07" * 8, True)):
        found = searched(tmp_path, content[:footer] + gap + content[footer:])
        assert found.clean is clean
        assert not found.matches


def test_a_column_that_is_encrypted_is_never_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = written(pa.table({"mail": [STAYS]}))
    read = parquet_parts.read_struct

    def encrypted(data: bytes, place: int = 0) -> Any:
        found, end = read(data, place)
        for group in found.get(4, ()) if isinstance(found.get(4), list) else ():
            for chunk in group[1]:
                chunk[8] = {}
        return found, end

    monkeypatch.setattr(parquet_parts, "read_struct", encrypted)
    assert not searched(tmp_path, content).clean


def test_a_footer_states_texts_that_pyarrow_does_not_show(tmp_path: Path) -> None:
    found = searched(tmp_path, written(pa.table({"mail": [STAYS]}).replace_schema_metadata({"note": GONE})))
    assert forms(found) >= {"footer, utf-8"}


@given(st.binary(max_size=200))
def test_any_bytes_are_a_struct_or_none(data: bytes) -> None:
    try:
        _, end = read_struct(data)
    except ValueError:
        return
    assert end <= len(data)
