"""What stands behind, before and between what a file seems to be: searched, or the file is not clean."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import orc

from delible.lake.search import file as file_search
from delible.lake.search import hidden
from delible.lake.search.hidden import Hidden
from delible.lake.search.verify import Folder, search
from delible.model.proof import Verification

ADDRESS = "ann@shop.example"
TEXT = f"a line about {ADDRESS} and others\n".encode() * 3
NOBODY = b"a line about nobody\n" * 3
NOISE = random.Random(1).randbytes(3000)
Change = Callable[[bytes], bytes]


def searched(folder: Path, content: bytes, name: str = "x") -> Verification:
    (folder / name).write_bytes(content)
    return search([Folder("table:t", str(folder))], [ADDRESS], now=datetime.now(UTC))


def zipped(data: bytes, *, comment: bytes = b"") -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("first.txt", NOBODY)
        archive.writestr("second.txt", data)
        archive.comment = comment
    return sink.getvalue()


def streamed(data: bytes) -> bytes:
    """Return a zip whose writer could not go back: sizes stand behind each member."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

        def tell(self) -> int:
            raise io.UnsupportedOperation

    sink = Pipe()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("first.txt", data)
        archive.writestr("second.txt", data)
    return sink.getvalue()


def without_first_entry(archive: bytes) -> bytes:
    """Return a zip whose directory has forgotten its first member, whose bytes are still there."""
    start = archive.index(b"PK\x01\x02")
    second = archive.index(b"PK\x01\x02", start + 4)
    end = archive.index(b"PK\x05\x06")
    left = archive[second:end]
    return archive[:start] + left + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(left), start, 0)


def with_more_in_a_member(first: bytes, more: bytes) -> bytes:
    """Return a zip whose member goes on behind the end of its deflated data."""
    whole = zipped(first)
    compressed = zipfile.ZipFile(io.BytesIO(whole)).infolist()[1].compress_size
    start = whole.index(b"PK\x01\x02")
    changed = bytearray(whole[:start] + more + whole[start:])
    local = changed.index(b"PK\x03\x04", 4)
    central = changed.index(b"PK\x01\x02", start + len(more) + 4)
    for place in (local + 18, central + 20):
        struct.pack_into("<L", changed, place, compressed + len(more))
    struct.pack_into("<L", changed, changed.index(b"PK\x05\x06") + 16, start + len(more))
    return bytes(changed)


def tarred(*contents: bytes) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for number, content in enumerate(contents):
            info = tarfile.TarInfo(f"{number}.txt")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return sink.getvalue()


def arrow_stream(codec: str) -> Change:
    def pack(data: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as out:
            out.write(data)
        return bytes(sink.getvalue())

    return pack


FOUND: dict[str, Change] = {
    "zip behind a script": lambda data: b"#!/bin/sh\nexec true\n" + zipped(data),
    "zip behind noise": lambda data: NOISE + zipped(data),
    "zip behind a picture": lambda data: b"\x89PNG\r\n\x1a\n" + NOISE + zipped(data),
    "zip before another": lambda data: zipped(data) + zipped(NOBODY),
    "zip behind another": lambda data: zipped(NOBODY) + zipped(data),
    "zip before noise and another": lambda data: zipped(data) + NOISE + zipped(NOBODY),
    "zip in the comment of another": lambda data: zipped(NOBODY, comment=zipped(data)),
    "gzip in the comment of a zip": lambda data: zipped(NOBODY, comment=gzip.compress(data)),
    "zip that was streamed": streamed,
    "zip behind a script, in a tar": lambda data: tarred(NOBODY, b"#!/bin/sh\n" * 99 + zipped(data)),
    "zip behind a script, in a gzip": lambda data: gzip.compress(b"#!/bin/sh\n" + zipped(data)),
    "gzip of two members": lambda data: gzip.compress(NOBODY) + gzip.compress(data),
    "gzip of two members with padding": lambda data: gzip.compress(NOBODY) + b"\0" * 512 + gzip.compress(data),
    "bz2 of two streams": lambda data: bz2.compress(NOBODY) + bz2.compress(data),
    "xz of two streams": lambda data: lzma.compress(NOBODY) + lzma.compress(data),
    "xz of two streams with padding": lambda data: lzma.compress(NOBODY) + b"\0" * 100_000 + lzma.compress(data),
    "zstd of two frames": lambda data: arrow_stream("zstd")(NOBODY) + arrow_stream("zstd")(data),
    "lz4 of two frames": lambda data: arrow_stream("lz4")(NOBODY) + arrow_stream("lz4")(data),
}
NOT_CLEAN: dict[str, Change] = {
    "zip before noise": lambda data: zipped(data) + NOISE * 30,
    "zip in the middle": lambda data: NOISE + zipped(data) + NOISE * 30,
    "zip whose directory forgot a member": lambda data: without_first_entry(zipped(data)),
    "zip with gzip behind a member": lambda data: with_more_in_a_member(NOBODY, gzip.compress(data)),
    "bz2 of two streams with padding": lambda data: bz2.compress(NOBODY) + b"\0" * 512 + bz2.compress(data),
    "bz2 before gzip": lambda data: bz2.compress(NOBODY) + gzip.compress(data),
    "gzip before bz2": lambda data: gzip.compress(NOBODY) + bz2.compress(data),
    "gzip before zip": lambda data: gzip.compress(NOBODY) + zipped(data),
    "xz before gzip": lambda data: lzma.compress(NOBODY) + gzip.compress(data),
    "lzma before gzip": lambda data: lzma.compress(NOBODY, lzma.FORMAT_ALONE) + gzip.compress(data),
    "zstd before gzip": lambda data: arrow_stream("zstd")(NOBODY) + gzip.compress(data),
    "lz4 before gzip": lambda data: arrow_stream("lz4")(NOBODY) + gzip.compress(data),
    "tar before gzip": lambda data: tarred(NOBODY) + gzip.compress(data),
    "tar before tar": lambda data: tarred(NOBODY) + tarred(gzip.compress(data)),
    "gzip behind a script": lambda data: b"#!/bin/sh\nexec true\n" + gzip.compress(data),
    "bz2 behind a script": lambda data: b"#!/bin/sh\nexec true\n" + bz2.compress(data),
    "xz behind a script": lambda data: b"#!/bin/sh\nexec true\n" + lzma.compress(data),
    "zstd behind a script": lambda data: b"#!/bin/sh\nexec true\n" + arrow_stream("zstd")(data),
    "lz4 behind a script": lambda data: b"#!/bin/sh\nexec true\n" + arrow_stream("lz4")(data),
    "gzip behind a script, in a tar": lambda data: tarred(NOBODY, b"#!/bin/sh\n" * 99 + gzip.compress(data)),
    "gzip behind letters that ORC begins with": lambda data: b"ORCHIDS\n" + gzip.compress(data),
}


@pytest.mark.parametrize("name", FOUND)
def test_hidden_content_is_searched(tmp_path: Path, name: str) -> None:
    found = searched(tmp_path, FOUND[name](TEXT))
    assert "compressed, utf-8" in {m.form for m in found.matches}
    assert found.unreadable == ()
    assert searched(tmp_path, FOUND[name](NOBODY)).clean


@pytest.mark.parametrize("name", NOT_CLEAN)
def test_hidden_content_that_is_not_searched_is_not_clean(tmp_path: Path, name: str) -> None:
    suffix = ".lzma" if name.startswith("lzma") else ""
    assert searched(tmp_path, NOT_CLEAN[name](TEXT), f"x{suffix}").unreadable == (f"table:t/x{suffix}",)


@pytest.mark.parametrize("suffix", ["zip", "jar", "docx"])
def test_a_zip_behind_a_script_is_opened_under_its_name_too(tmp_path: Path, suffix: str) -> None:
    found = searched(tmp_path, b"#!/bin/sh\nexec true\n" + zipped(TEXT), f"x.{suffix}")
    assert found.matches
    assert found.unreadable == ()


def test_what_was_put_behind_a_folder_of_a_zip_is_searched(tmp_path: Path) -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/", TEXT)
    assert "compressed, utf-8" in {m.form for m in searched(tmp_path, sink.getvalue()).matches}


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 is how a zip begins, \x1f\x8b\x08 a gzip, BZh9 a bz2, \xfd7zXZ\0 an xz, (\xb5/\xfd a zstd",
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + NOISE,
        NOISE * 10,
    ],
    ids=["marks alone", "a gzip's head before noise", "noise"],
)
def test_bytes_that_only_resemble_a_beginning_are_clean(tmp_path: Path, content: bytes) -> None:
    assert searched(tmp_path, b"text " + content).clean


@pytest.mark.parametrize("pack", [gzip.compress, zipped, bz2.compress, lzma.compress])
def test_a_beginning_that_straddles_two_chunks_is_seen(pack: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hidden, "_KEPT", 1000)
    content = b"#!/bin/sh\n" + pack(TEXT) + NOISE
    for size in (11, 13, 17):
        seen = Hidden()
        for place in range(0, len(content), size):
            seen.look(content[place : place + size])
        assert seen.zipped or seen.packed


def test_matches_that_straddle_two_chunks_are_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_search, "_CHUNK", 64)
    for shift in range(70):
        found = searched(tmp_path, b" " * shift + TEXT)
        assert [(m.form, m.count) for m in found.matches] == [("utf-8", 3)], shift


LONG = "a-very-long-mailbox-name-of-somebody-else@shop.example"
"""Its length, written in one byte before it, is the digit 6 to whoever reads the raw footer: no word begins there."""


def parquet_matches(folder: Path, table: pa.Table) -> set[tuple[str, str]]:
    pq.write_table(table, folder / "x.parquet", compression="gzip", use_dictionary=False)
    found = search([Folder("t", str(folder))], [LONG], now=datetime.now(UTC))
    return {(m.place, m.form) for m in found.matches}


def test_the_bounds_in_a_parquet_footer_are_searched(tmp_path: Path) -> None:
    assert ("t/x.parquet:c", "footer, utf-8") in parquet_matches(tmp_path, pa.table({"c": [LONG, "z"]}))


def test_bounds_of_fixed_size_are_searched(tmp_path: Path) -> None:
    column = pa.array([LONG.encode()], pa.binary(len(LONG)))
    assert ("t/x.parquet:c", "footer, utf-8") in parquet_matches(tmp_path, pa.table({"c": column}))


def test_the_metadata_of_a_parquet_footer_is_searched(tmp_path: Path) -> None:
    assert len(LONG) == ord("6")
    for metadata in ({"last": LONG}, {LONG: "last"}):
        table = pa.table({"c": [1]}).replace_schema_metadata(metadata)
        assert ("t/x.parquet", "footer, utf-8") in parquet_matches(tmp_path, table)


def test_the_names_of_parquet_columns_are_searched(tmp_path: Path) -> None:
    assert ("t/x.parquet", "footer, utf-8") in parquet_matches(tmp_path, pa.table({LONG: [1]}))


def test_the_names_of_orc_columns_are_searched(tmp_path: Path) -> None:
    orc.write_table(pa.table({LONG: [1]}), tmp_path / "x.orc", compression="zlib")
    found = search([Folder("t", str(tmp_path))], [LONG], now=datetime.now(UTC))
    assert ("t/x.orc", "footer, utf-8") in {(m.place, m.form) for m in found.matches}
