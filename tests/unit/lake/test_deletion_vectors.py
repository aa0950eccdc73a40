"""Deletion vectors: what the protocol's own example says, and what is written is read again."""

from __future__ import annotations

import struct
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.lake.deletion_vectors import read_vector, vector_file, vector_id, without_rows, write_vector

INLINE = {
    "storageType": "i",
    "pathOrInlineDv": "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L",
    "sizeInBytes": 40,
    "cardinality": 6,
}
BY_PATH = {"storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^", "offset": 4, "sizeInBytes": 40}
ROWS = st.sets(st.integers(0, 200_000) | st.integers(0, 300) | st.integers(1 << 32, (1 << 32) + 5), max_size=60)


def positions(rows: set[int] | list[int]) -> np.ndarray:
    return np.array(sorted(rows), np.uint64)


def test_the_examples_of_the_protocol() -> None:
    assert read_vector(Path(), INLINE).tolist() == [3, 4, 7, 11, 18, 29]
    assert vector_file(INLINE) is None
    assert vector_file(BY_PATH) == "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"
    assert vector_id(BY_PATH) == "uab^-aqEH.-t@S}K{vb[*k^@4"


def test_a_vector_by_absolute_path_is_another_tables() -> None:
    with pytest.raises(ValueError, match="absolute"):
        vector_file({"storageType": "p", "pathOrInlineDv": "s3://elsewhere/vector.bin", "sizeInBytes": 40})


@given(ROWS)
def test_what_is_written_is_read_again(rows: set[int]) -> None:
    with TemporaryDirectory() as folder:
        written = write_vector(Path(folder), positions(rows), uuid.uuid4())
        if not rows:
            assert written is None
            return
        assert written is not None
        assert written["cardinality"] == len(rows)
        assert read_vector(Path(folder), written).tolist() == sorted(rows)


@pytest.mark.parametrize("rows", [range(60_000), range(0, 130_000, 3)], ids=["dense", "two containers"])
def test_large_vectors(rows: range, tmp_path: Path) -> None:
    written = write_vector(tmp_path, positions(list(rows)), uuid.uuid4())
    assert written is not None
    assert read_vector(tmp_path, written).tolist() == list(rows)


def test_runs_are_read(tmp_path: Path) -> None:
    """Other writers compress runs; ours does not, and must read them."""
    body = struct.pack("<IB", 12347, 1) + struct.pack("<HH", 0, 6) + struct.pack("<HHHHH", 2, 5, 2, 100, 3)
    data = struct.pack("<iqI", 1681511377, 1, 0) + body
    from zlib import crc32

    name = uuid.uuid4()
    written = write_vector(tmp_path, positions([1]), name)
    assert written is not None
    file = tmp_path / f"deletion_vector_{name}.bin"
    file.write_bytes(b"\x01" + struct.pack(">i", len(data)) + data + struct.pack(">I", crc32(data)))
    assert read_vector(tmp_path, written).tolist() == [5, 6, 7, 100, 101, 102, 103]
    file.write_bytes(file.read_bytes()[:-1] + b"\x00")
    with pytest.raises(ValueError, match="checksum"):
        read_vector(tmp_path, written)


@given(deleted=st.sets(st.integers(0, 40)), removed=st.sets(st.integers(0, 40)))
def test_the_same_rows_are_deleted_in_the_file_without_the_removed_ones(deleted: set[int], removed: set[int]) -> None:
    left = [row for row in range(41) if row not in removed]
    moved = without_rows(positions(deleted), positions(removed)).tolist()
    assert [left[row] for row in moved] == sorted(deleted - removed)
