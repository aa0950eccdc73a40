"""Archives and compressed data that stand somewhere inside other bytes: behind a script, a picture, another archive."""

from __future__ import annotations

import io
import re
import zlib
from typing import Any

import pyarrow as pa

_KEPT = 64 * 1024
"""As many bytes after a mark are tried; a mark at a chunk's end is seen again, and whole, in the next."""

_ZIP_MEMBER = re.compile(rb"PK\x03\x04[\x0a-\x3f]\x00..[\x00-\x15\x5d-\x63]\x00", re.DOTALL)
_MARKS = (
    (b"\x1f\x8b\x08", re.compile(rb"\x1f\x8b\x08[\x00-\x1f].{4}[\x00\x02\x04][\x00-\x0d\xff]", re.DOTALL), "gzip"),
    (b"BZh", re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"), None),
    (b"\xfd7zXZ\0", re.compile(rb"\xfd7zXZ\0\0[\x00\x01\x04\x0a]"), None),
    (b"7z\xbc\xaf\x27\x1c", re.compile(rb"7z\xbc\xaf\x27\x1c\x00[\x00-\x04]"), None),
    (b"Rar!\x1a\x07", re.compile(rb"Rar!\x1a\x07(?:\x00|\x01\x00)"), None),
    (b"\x28\xb5\x2f\xfd", re.compile(rb"\x28\xb5\x2f\xfd"), "zstd"),
    (b"\x04\x22\x4d\x18", re.compile(rb"\x04\x22\x4d\x18[\x40-\x7f]"), "lz4"),
)
"""How each begins, exactly how, and by which codec it is tried where chance could have written so few bytes."""


class Hidden:
    """What the chunks of one stream have shown so far.

    Attributes:
        zipped: Whether a member of a zip archive begins somewhere.
        packed: Whether something else that is packed does.
    """

    def __init__(self) -> None:
        self.zipped = False
        self.packed = False
        self._tail = b""

    def look(self, chunk: bytes) -> None:
        """Look at the next bytes."""
        block = self._tail + chunk
        self.zipped = self.zipped or _begins(block, b"PK\x03\x04", _ZIP_MEMBER, None)
        self.packed = self.packed or any(_begins(block, *mark) for mark in _MARKS)
        self._tail = block[-_KEPT:]


def _begins(block: bytes, mark: bytes, whole: re.Pattern[bytes], codec: str | None) -> bool:
    place = block.find(mark)
    while place >= 0:
        if whole.match(block, place) and (codec is None or _opens(block[place : place + _KEPT], codec)):
            return True
        place = block.find(mark, place + 1)
    return False


def _opens(data: bytes, codec: str) -> bool:
    try:
        if codec == "gzip":
            zlib.decompressobj(31).decompress(data)
            return True
        stream: Any = pa.CompressedInputStream(io.BytesIO(data), codec)
        return len(stream.read(1)) > 0
    except (zlib.error, OSError, pa.ArrowException):
        return False
