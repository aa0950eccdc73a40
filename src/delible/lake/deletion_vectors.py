"""Deletion vectors of Delta: which rows of a data file are deleted, read and written without a JVM.

The format is the protocol's "Deletion Vector Format": a 64-bit Roaring bitmap in its portable serialisation, behind a
magic number, inside a commit (base85) or in a `.bin` file with its length and CRC-32.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.uint64]
"""Row numbers in a data file, ascending, from 0."""

_MAGIC, _OLD_MAGIC = 1681511377, 1681511376
"""The second is of the form that Delta wrote before: big-endian, one bitmap for each value of the high bits."""
_RUNS, _NO_RUNS = 12347, 12346
_FEWEST_WITH_OFFSETS = 4
_LARGEST_ARRAY = 4096
_BITMAP = 8192
_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_DIGITS = {character: index for index, character in enumerate(_Z85)}
_UUID_CHARACTERS = 20
_FORMAT_VERSION = b"\x01"

Descriptor = Mapping[str, Any]
"""The `deletionVector` of an `add` or `remove` action."""


def vector_id(descriptor: Descriptor | None) -> str | None:
    """Return the id that tells two deletion vectors of one data file apart, as the protocol derives it."""
    if descriptor is None:
        return None
    offset = descriptor.get("offset")
    return f"{descriptor['storageType']}{descriptor['pathOrInlineDv']}" + (f"@{offset}" if offset is not None else "")


def vector_file(descriptor: Descriptor) -> str | None:
    """Return the path of the file that holds a vector, relative to the table; None for one inside the log.

    Raises:
        ValueError: For a vector by absolute path: it belongs to another table, too.
    """
    kind, where = descriptor["storageType"], descriptor["pathOrInlineDv"]
    if kind == "i":
        return None
    if kind != "u":
        raise ValueError("a deletion vector is stored by absolute path")
    prefix, encoded = where[:-_UUID_CHARACTERS], where[-_UUID_CHARACTERS:]
    name = f"deletion_vector_{uuid.UUID(bytes=_from_z85(encoded))}.bin"
    return f"{prefix}/{name}" if prefix else name


def read_vector(table: Path, descriptor: Descriptor) -> Positions:
    """Return the deleted rows.

    Raises:
        ValueError: For a vector in a form that the protocol does not have, or with another checksum than its own.
    """
    file = vector_file(descriptor)
    if file is None:
        return _decoded(_from_z85(descriptor["pathOrInlineDv"])[: descriptor["sizeInBytes"]])
    with (table / file).open("rb") as stream:
        stream.seek(descriptor.get("offset") or 0)
        (size,) = struct.unpack(">i", stream.read(4))
        data = stream.read(size)
        (checksum,) = struct.unpack(">I", stream.read(4))
    if checksum != zlib.crc32(data):
        raise ValueError("a deletion vector's checksum is not its own")
    return _decoded(data)


def write_vector(table: Path, positions: Positions, name: uuid.UUID) -> dict[str, Any] | None:
    """Write deleted rows into a file of their own, and return its descriptor; None when there are none."""
    if not len(positions):
        return None
    data = _encoded(positions)
    body = _FORMAT_VERSION + struct.pack(">i", len(data)) + data + struct.pack(">I", zlib.crc32(data))
    (table / f"deletion_vector_{name}.bin").write_bytes(body)
    return {
        "storageType": "u",
        "pathOrInlineDv": _to_z85(name.bytes),
        "offset": len(_FORMAT_VERSION),
        "sizeInBytes": len(data),
        "cardinality": len(positions),
    }


def without_rows(deleted: Positions, removed: Positions) -> Positions:
    """Return which rows are deleted in a copy of the file that lacks the removed ones: all rows behind them move up."""
    left = np.setdiff1d(deleted, removed, assume_unique=True)
    return left - np.searchsorted(removed, left).astype(np.uint64)


def _decoded(data: bytes) -> Positions:
    parts = [np.empty(0, np.uint64)]
    if struct.unpack_from(">i", data)[0] == _OLD_MAGIC:
        (count,), at = struct.unpack_from(">i", data, 4), 8
        for high in range(count):
            (size,) = struct.unpack_from(">i", data, at)
            parts.append(_bitmap32(data, at + 4)[1].astype(np.uint64) + np.uint64(high << 32))
            at += 4 + size
        return np.concatenate(parts)
    magic, count = struct.unpack_from("<iq", data)
    if magic != _MAGIC:
        raise ValueError("a deletion vector is in no form that the protocol has")
    at = 12
    for _ in range(count):
        (high,) = struct.unpack_from("<I", data, at)
        at, low = _bitmap32(data, at + 4)
        parts.append(low.astype(np.uint64) + np.uint64(high << 32))
    return np.concatenate(parts)


def _bitmap32(data: bytes, at: int) -> tuple[int, npt.NDArray[np.uint32]]:
    (cookie,) = struct.unpack_from("<I", data, at)
    at += 4
    runs = np.zeros(0, np.uint8)
    if cookie & 0xFFFF == _RUNS:
        size = (cookie >> 16) + 1
        flags = (size + 7) // 8
        runs = np.unpackbits(np.frombuffer(data, np.uint8, flags, at), bitorder="little")
        at += flags
    elif cookie == _NO_RUNS:
        (size,) = struct.unpack_from("<I", data, at)
        at += 4
    else:
        raise ValueError("a deletion vector holds no Roaring bitmap")
    headers = np.frombuffer(data, "<u2", 2 * size, at).reshape(size, 2).astype(np.uint32)
    at += 4 * size
    if not len(runs) or size >= _FEWEST_WITH_OFFSETS:
        at += 4 * size
    parts = [np.empty(0, np.uint32)]
    for index, (key, fewer) in enumerate(headers):
        if len(runs) and runs[index]:
            (count,) = struct.unpack_from("<H", data, at)
            pairs = np.frombuffer(data, "<u2", 2 * count, at + 2).reshape(count, 2).astype(np.uint32)
            low = np.concatenate([np.arange(start, start + length + 1, dtype=np.uint32) for start, length in pairs])
            at += 2 + 4 * count
        elif fewer + 1 <= _LARGEST_ARRAY:
            low = np.frombuffer(data, "<u2", fewer + 1, at).astype(np.uint32)
            at += 2 * (int(fewer) + 1)
        else:
            bits = np.unpackbits(np.frombuffer(data, np.uint8, _BITMAP, at), bitorder="little")
            low = np.flatnonzero(bits).astype(np.uint32)
            at += _BITMAP
        parts.append(low + (key << np.uint32(16)))
    return at, np.concatenate(parts)


def _encoded(positions: Positions) -> bytes:
    highs = np.unique(positions >> np.uint64(32))
    parts = [struct.pack("<iq", _MAGIC, len(highs))]
    for high in highs:
        low = positions[positions >> np.uint64(32) == high].astype(np.uint32)
        parts += [struct.pack("<I", int(high)), _encoded32(low)]
    return b"".join(parts)


def _encoded32(low: npt.NDArray[np.uint32]) -> bytes:
    keys, starts = np.unique(low >> np.uint32(16), return_index=True)
    containers = np.split((low & np.uint32(0xFFFF)).astype("<u2"), starts[1:])
    bodies = [_container(each) for each in containers]
    at = 8 + 8 * len(keys)
    headers, offsets = [], []
    for key, container, body in zip(keys, containers, bodies, strict=True):
        headers.append(struct.pack("<HH", int(key), len(container) - 1))
        offsets.append(struct.pack("<I", at))
        at += len(body)
    return b"".join([struct.pack("<II", _NO_RUNS, len(keys)), *headers, *offsets, *bodies])


def _container(low: npt.NDArray[np.uint16]) -> bytes:
    if len(low) <= _LARGEST_ARRAY:
        return low.tobytes()
    bits = np.zeros(1 << 16, np.uint8)
    bits[low] = 1
    return np.packbits(bits, bitorder="little").tobytes()


def _from_z85(text: str) -> bytes:
    words = []
    for start in range(0, len(text), 5):
        value = 0
        for character in text[start : start + 5]:
            value = value * 85 + _DIGITS[character]
        words.append(struct.pack(">I", value))
    return b"".join(words)


def _to_z85(data: bytes) -> str:
    characters: list[str] = []
    for (value,) in struct.iter_unpack(">I", data):
        rest, word = value, []
        for _ in range(5):
            rest, digit = divmod(rest, 85)
            word.append(_Z85[digit])
        characters += reversed(word)
    return "".join(characters)
