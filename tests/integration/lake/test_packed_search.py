"""What is packed is opened and searched; what nobody can open is never clean."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import orc

from delible.lake.search import packed
from delible.lake.search.formats import HEAD, Format, format_of
from delible.lake.search.typed_keys import TypedKeys
from delible.lake.search.verify import Folder, search
from delible.model.proof import Verification
from delible.model.terms import Normalise

ADDRESS = "ann@shop.example"
TEXT = f"a line about {ADDRESS} and others\n".encode() * 3
ROWS = pa.table({"customer_id": [17, 4], "mail": [ADDRESS, "bob@shop.example"]})
EXACT = {"customer_id": TypedKeys(frozenset({"17"}), Normalise.EXACT)}
Pack = Callable[[bytes], bytes]


def gz(data: bytes) -> bytes:
    """Return gzip without the time of day, which would stand in the tests' names."""
    return gzip.compress(data, mtime=0)


def searched(folder: Path, name: str, content: bytes) -> Verification:
    (folder / name).write_bytes(content)
    return search([Folder("table:t", str(folder), EXACT)], [ADDRESS], now=datetime.now(UTC))


def forms(found: Verification) -> set[tuple[str, str]]:
    return {(m.place.removeprefix("table:t/"), m.form) for m in found.matches}


def arrow_stream(codec: str) -> Pack:
    def pack(data: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as out:
            out.write(data)
        return bytes(sink.getvalue())

    return pack


def zipped(data: bytes, method: int = zipfile.ZIP_DEFLATED, name: str = "inside") -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        archive.mkdir("folder")
        archive.writestr("first.txt", "nobody")
        archive.writestr(f"folder/{name}", data)
    return sink.getvalue()


def tarred(data: bytes, name: str = "inside", kind: int = tarfile.PAX_FORMAT) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=kind) as archive:
        for each, content in (("first.txt", b"nobody"), (name, data)):
            info = tarfile.TarInfo(each)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return sink.getvalue()


def encrypted_zip() -> bytes:
    """Return a stored zip whose flags say that its members are encrypted; nothing can be read without a password."""
    data = bytearray(zipped(b"\x07" * 40, zipfile.ZIP_STORED))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(mark)
        while place >= 0:
            data[place + offset] |= 1
            place = data.find(mark, place + 4)
    return bytes(data)


def columns(write: Callable[[pa.Table, io.BytesIO], object]) -> bytes:
    sink = io.BytesIO()
    write(ROWS, sink)
    return sink.getvalue()


def ipc(table: pa.Table, sink: io.BytesIO) -> None:
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table)


PARQUET = columns(lambda table, sink: pq.write_table(table, sink, compression="gzip", use_dictionary=False))
ORC = columns(lambda table, sink: orc.write_table(table, sink, compression="zlib"))
ARROW = columns(ipc)
STREAMS: dict[str, Pack] = {
    "gz": gz,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "zst": arrow_stream("zstd"),
    "lz4": arrow_stream("lz4"),
    "br": arrow_stream("brotli"),
}


# --- looked into


@pytest.mark.parametrize("suffix", STREAMS)
def test_compressed_files_are_searched(tmp_path: Path, suffix: str) -> None:
    content = STREAMS[suffix](TEXT)
    assert ADDRESS.encode() not in content or suffix in ("br", "lz4", "zst")
    found = searched(tmp_path, f"x.csv.{suffix}", content)
    assert ("x.csv." + suffix, "compressed, utf-8") in forms(found)
    assert found.unreadable == ()
    nobody = searched(tmp_path, f"x.csv.{suffix}", STREAMS[suffix](b"nobody here\n" * 3))
    assert nobody.clean
    assert nobody.files_searched == 1


@pytest.mark.parametrize("suffix", sorted(STREAMS.keys() - {"br", "lzma"}))
def test_compressed_files_are_known_without_a_name_and_in_several_parts(tmp_path: Path, suffix: str) -> None:
    pack = STREAMS[suffix]
    found = searched(tmp_path, "dump", pack(b"nobody\n") + pack(TEXT))
    assert ("dump", "compressed, utf-8") in forms(found)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_archives_are_searched(tmp_path: Path, method: int) -> None:
    assert ("x.zip", "compressed, utf-8") in forms(searched(tmp_path, "x.zip", zipped(TEXT, method)))
    assert searched(tmp_path, "x.zip", zipped(b"nobody", method)).clean


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar_archives_are_searched(tmp_path: Path, kind: int) -> None:
    assert forms(searched(tmp_path, "x.tar", tarred(TEXT, kind=kind))) == {("x.tar", "utf-8")}
    packed_inside = searched(tmp_path, "x.tar", tarred(gz(TEXT), "é" * 49, kind=kind))
    assert forms(packed_inside) == {("x.tar", "compressed, utf-8")}
    assert searched(tmp_path, "x.tar", tarred(b"nobody", kind=kind)).clean


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.tar.gz", gz(tarred(TEXT))),
        ("x.tgz", gz(tarred(gz(TEXT)))),
        ("x.tar.xz", lzma.compress(tarred(zipped(TEXT)))),
        ("x.zip", zipped(zipped(TEXT))),
        ("x.zip", zipped(tarred(bz2.compress(TEXT)))),
        ("x.gz", gz(gz(gz(TEXT)))),
        ("name in an archive.zip", zipped(b"nobody", name=f"{ADDRESS}.txt")),
        ("name in an archive.tgz", gz(tarred(b"nobody", name=f"{ADDRESS}.txt"))),
    ],
)
def test_archives_in_archives_are_searched(tmp_path: Path, name: str, content: bytes) -> None:
    found = searched(tmp_path, name, content)
    assert forms(found) & {(name, "compressed, utf-8"), (name, "compressed, file name, utf-8")}
    assert found.unreadable == ()


@pytest.mark.parametrize("content", [PARQUET, ORC, ARROW], ids=["parquet", "orc", "arrow"])
@pytest.mark.parametrize("pack", [bytes, zipped, tarred, gz], ids=["bare", "zip", "tar", "gz"])
def test_columns_are_decoded_wherever_they_are_packed(tmp_path: Path, content: bytes, pack: Pack) -> None:
    found = searched(tmp_path, "x", pack(content))
    prefix = "" if pack is bytes else "compressed, "
    assert {
        ("x:mail", f"{prefix}parquet value, utf-8"),
        ("x:customer_id", f"{prefix}parquet value"),
    } <= forms(found)
    assert found.unreadable == ()


# --- not looked into


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.avro", b"Obj\x01 blocks"),
        ("x", b"Obj\x01 blocks"),
        ("x.snappy", b"\x10 raw"),
        ("x", b"\xff\x06\x00\x00sNaPpY\x00\x10\x00\x00"),
        ("x", b"LZ4Block\x25"),
        ("x", b"7z\xbc\xaf\x27\x1c"),
        ("x", b"Rar!\x1a\x07\x01"),
        ("x", b"PARE"),
        ("x.pdf", b"%PDF-1.7"),
        ("x.gpg", b"\x85\x02"),
        ("x.deflate", b"\x78\x9c"),
        ("x.zip", encrypted_zip()),
        ("x.zip", zipped(encrypted_zip())),
        ("x.zip", zipped(TEXT)[:-30]),
        ("x.gz", gz(TEXT)[:-9]),
        ("x.gz", gz(b"nobody") + b"behind the end"),
        ("x.bz2", bz2.compress(b"nobody") + b"behind the end"),
        ("x.xz", lzma.compress(TEXT)[:-9]),
        ("x.br", arrow_stream("brotli")(TEXT)[:-3]),
        ("x.gz", b"no gzip at all"),
        ("x.parquet", b"no parquet at all"),
        ("x.orc", b"ORC and no end"),
        ("x.tar", b"no tar at all"),
        ("x.tar", tarred(b"nobody") + gz(TEXT)),
        ("x.tar", tarred(gz(TEXT))[:-10_000]),
        ("x.gz", gz(gz(gz(gz(TEXT))))),
        ("x", gz(b"Obj\x01 blocks")),
    ],
)
def test_what_cannot_be_opened_is_not_searched_and_not_clean(tmp_path: Path, name: str, content: bytes) -> None:
    found = searched(tmp_path, name, content)
    assert found.unreadable == (f"table:t/{name}",)
    assert (found.files_searched, found.bytes_searched) == (0, 0)
    assert not found.clean


def test_one_member_that_cannot_be_opened_does_not_hide_the_others(tmp_path: Path) -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("first.7z", b"7z\xbc\xaf\x27\x1c")
        archive.writestr("second.txt.gz", gz(TEXT))
    found = searched(tmp_path, "x.zip", sink.getvalue())
    assert forms(found) == {("x.zip", "compressed, utf-8")}
    assert found.unreadable == ("table:t/x.zip",)


@pytest.mark.parametrize(
    ("name", "content"),
    [("empty.gz", b""), ("empty.parquet", b""), ("x.txt", b"ORCHIDS;PKs\n"), ("x.bin", b"\x1f\x8b"), ("x", b"BZhello")],
)
def test_texts_that_only_look_packed_are_texts(tmp_path: Path, name: str, content: bytes) -> None:
    assert searched(tmp_path, name, content).clean


@pytest.mark.parametrize("pack", [gz, bz2.compress, lzma.compress, zipped, lambda d: zipped(gz(d))])
def test_a_bomb_is_given_up_and_is_not_clean(tmp_path: Path, pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "_LEAST_ALLOWED", 1 << 20)
    monkeypatch.setattr(packed, "_MOST_FOR_ONE", 1)
    found = searched(tmp_path, "bomb", pack(bytes(40 << 20)))
    assert found.unreadable == ("table:t/bomb",)


def test_members_share_one_allowance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "_LEAST_ALLOWED", 1 << 20)
    monkeypatch.setattr(packed, "_MOST_FOR_ONE", 1)
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"{number}.txt", b"x" * 100_000)
    assert not searched(tmp_path, "many.zip", sink.getvalue()).clean


def test_what_is_too_large_for_memory_is_not_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The part that fits is a whole file by itself, and holds nobody."""
    first = gz(random.Random(1).randbytes(2000))
    content = tarred(first + gz(TEXT))
    assert searched(tmp_path, "x", content).matches
    monkeypatch.setattr(packed, "_MOST_IN_MEMORY", len(first) - HEAD - 1)
    assert not searched(tmp_path, "x", content).clean


WHOLE = {
    "x.zip": zipped(zipped(TEXT)),
    "x.tar": tarred(gz(TEXT)),
    "x.gz": gz(tarred(zipped(TEXT))),
    "x.parquet": PARQUET,
    "x.orc": ORC,
    "x.arrow": ARROW,
    **{f"x.{suffix}": pack(TEXT) for suffix, pack in STREAMS.items()},
}


@settings(max_examples=3 * settings().max_examples, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(WHOLE)), where=st.floats(0, 1, exclude_max=True), what=st.binary(max_size=6))
def test_damage_never_ends_the_search(tmp_path: Path, name: str, where: float, what: bytes) -> None:
    content = bytearray(WHOLE[name])
    place = int(where * len(content))
    content[place : place + len(what)] = what
    found = searched(tmp_path, name, bytes(content))
    (tmp_path / name).unlink()
    assert found.files_searched + len(found.unreadable) == 1


def test_formats_are_told_by_their_first_bytes_before_their_names() -> None:
    assert format_of(gz(b""), "x.zip") is Format.GZIP
    assert format_of(b"text", "x.csv") is Format.PLAIN
    assert format_of(b"text", "x.CSV.GZ") is Format.CLOSED
