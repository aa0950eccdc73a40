"""Snappy as files and values hold it: its own frames, Hadoop's blocks, the bare block; pyarrow opens the last alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa

FRAMED = b"\xff\x06\x00\x00sNaPpY"
_PACKED, _PLAIN, _LEAST_SKIPPED = 0, 1, 0x80
_LARGEST = 256 * 1024 * 1024
_MOST_FOR_ONE = 64
"""Snappy copies at most 64 bytes for three."""


class SnappyStream(io.RawIOBase):
    """What a Snappy file holds.

    Raises:
        OSError: On reading, for what is neither framed nor in Hadoop's blocks, or is cut off.
    """

    def __init__(self, inner: IO[bytes]) -> None:
        self._inner = inner
        self._parts = _parts(inner)
        self._left = b""

    def readable(self) -> bool:
        """Say that this stream is read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes into a buffer."""
        while not self._left:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._left = part
        data, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the packed stream, too."""
        self._inner.close()
        super().close()


def block(data: bytes, *, most: int = _LARGEST) -> bytes | None:
    """Return what a bare block holds; None for what is none."""
    size, place = _size(data)
    if size is None or not 0 < size <= min(most, _MOST_FOR_ONE * len(data)) or place >= len(data) or data[place] & 3:
        return None
    try:
        return bytes(pa.decompress(data, size, "snappy", asbytes=True))
    except (OSError, pa.ArrowException):
        return None


def _size(data: bytes) -> tuple[int | None, int]:
    size = 0
    for place, byte in enumerate(data[:5]):
        size |= (byte & 127) << (7 * place)
        if byte < 128:  # noqa: PLR2004 - the bit that says that more follows
            return size, place + 1
    return None, 0


def _parts(stream: IO[bytes]) -> Iterator[bytes]:
    head = stream.read(len(FRAMED))
    if head == FRAMED:
        yield from _frames(stream)
    elif head:
        yield from _hadoop(_Rejoined(head, stream))


def _frames(stream: IO[bytes]) -> Iterator[bytes]:
    while head := stream.read(4):
        kind, size = head[0], int.from_bytes(head[1:4], "little")
        data = _exactly(stream, size)
        if kind in (_PACKED, _PLAIN):
            yield _opened(data[4:]) if kind == _PACKED else data[4:]
        elif kind < _LEAST_SKIPPED:
            raise OSError("an unknown frame")
        else:
            yield data  # padding and frames of others may hold anything


def _hadoop(stream: _Rejoined) -> Iterator[bytes]:
    while head := stream.read(4):
        left = int.from_bytes(head, "big")
        while left > 0:
            size = int.from_bytes(_exactly(stream, 4), "big")
            data = _opened(_exactly(stream, size))
            left -= len(data)
            yield data


class _Rejoined:
    """A stream of which the first bytes were read already."""

    def __init__(self, head: bytes, stream: IO[bytes]) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int) -> bytes:
        data, self._head = self._head[:size], self._head[size:]
        return data + self._stream.read(size - len(data)) if len(data) < size else data


def _exactly(stream: IO[bytes] | _Rejoined, size: int) -> bytes:
    data = stream.read(size) if size <= _LARGEST else b""
    if len(data) != size:
        raise OSError("cut off, or no Snappy")
    return data


def _opened(data: bytes) -> bytes:
    found = block(data)
    if found is None:
        raise OSError("no Snappy block")
    return found
