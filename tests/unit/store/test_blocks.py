"""No byte of a file is given out whose block is not the registered one, wherever it is read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.store import blocks
from delible.store.blocks import CheckedFile, OtherBlockError, block_digests

READS = st.lists(st.tuples(st.integers(0, 120), st.integers(0, 40)), max_size=6)


@pytest.fixture(autouse=True, scope="module")
def _small_blocks() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", 16)
        patch.setattr(blocks, "_KEPT", 2)
        yield


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("blocks") / "file"


@given(st.binary(max_size=100), READS)
def test_what_is_read_is_what_stands_there(path: Path, data: bytes, reads: list[tuple[int, int]]) -> None:
    path.write_bytes(data)
    with CheckedFile(path, block_digests(path), len(data)) as file:
        for at, count in reads:
            assert file.seek(at) == at
            assert file.read(count) == data[at : at + count]
        file.seek(-min(5, len(data)), 2)
        assert file.read() == data[-5:]


@given(st.binary(min_size=1, max_size=100), READS, st.data())
def test_no_byte_is_given_out_that_is_another(
    path: Path, data: bytes, reads: list[tuple[int, int]], drawn: st.DataObject
) -> None:
    path.write_bytes(data)
    digests = block_digests(path)
    place = drawn.draw(st.integers(0, len(data) - 1))
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    with CheckedFile(path, digests, len(data)) as file:
        for at, count in reads:
            file.seek(at)
            try:
                assert file.read(count) == data[at : at + count]
            except OtherBlockError:
                assert at // 16 <= place // 16 <= (at + count) // 16


def test_what_changes_while_it_is_read_is_not_given_out(path: Path) -> None:
    path.write_bytes(bytes(64))
    with CheckedFile(path, block_digests(path), 64) as file:
        assert file.read(8) == bytes(8)
        path.write_bytes(b"x" * 64)
        assert file.read(8) == bytes(8)  # of the block that was checked
        with pytest.raises(OtherBlockError):
            file.read(8)


@pytest.mark.parametrize(("data", "size"), [(bytes(48), 64), (bytes(63), 64), (bytes(64), 63), (b"", 16)])
def test_a_file_of_another_size_is_not_opened(path: Path, data: bytes, size: int) -> None:
    path.write_bytes(bytes(64))
    digests = block_digests(path)
    path.write_bytes(data)
    with pytest.raises(OtherBlockError):
        CheckedFile(path, digests, size)


def test_the_digests_are_those_of_any_other_tool(path: Path) -> None:
    path.write_bytes(b"a" * 20)
    assert block_digests(path).split() == [hashlib.sha256(part).hexdigest() for part in (b"a" * 16, b"a" * 4)]
