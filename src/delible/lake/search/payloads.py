"""Values that are packed themselves: gzip, zlib, zstd, LZ4 and Snappy in a column, in base64 too, and in JSON.

One level: what is packed in what was packed is not opened again.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from delible.lake.search.packed import Unopened
from delible.lake.search.snappy import FRAMED, SnappyStream, block

_LARGEST = 64 * 1024 * 1024
_SHORTEST = 8
_HEADS = {
    b"\x1f\x8b\x08": "gzip",
    b"\x28\xb5\x2f": "zstd",
    b"\x04\x22\x4d": "lz4",
    FRAMED[:3]: "snappy",
    **{bytes((0x78, level)): "zlib" for level in (0x01, 0x5E, 0x9C, 0xDA)},
}
"""How each begins."""
_SURE_IN_BASE64 = {3: 4, 2: 2}
"""So many characters of base64 tell a head of so many bytes."""
_IN_BASE64 = {
    encode(head + b"\0" * 6)[: _SURE_IN_BASE64[len(head)]]: head
    for encode in (base64.b64encode, base64.urlsafe_b64encode)
    for head in _HEADS
}
_IN_JSON = re.compile(
    rb'"((?:' + b"|".join(re.escape(head) for head in _IN_BASE64) + rb')[A-Za-z0-9+/_-]{8,}(?:={0,2}))\\*"'
)

Offsets = np.ndarray[tuple[int], np.dtype[np.int64]]


def unpacked_values(text: bytes, offsets: Offsets, *, binary: bool) -> Iterator[bytes]:
    """Yield what the packed values of a column hold; nothing of the others.

    Args:
        text: All values, end to end.
        offsets: Where each begins, and where the last ends.
        binary: The column holds bytes, so that a value without any mark may be a bare Snappy block.

    Raises:
        Unopened: When one holds more than is bearable.
    """
    starts = _long_enough(offsets)
    if not len(starts):
        return
    data = np.frombuffer(text, np.uint8)
    begin = offsets[starts]
    first = data[begin[:, None] + np.arange(4)]
    words = first.view("<u4").ravel()
    for head, shown in (*((h, h) for h in _HEADS), *_IN_BASE64.items()):
        mask = (1 << (8 * len(head))) - 1
        for row in starts[(words & np.uint32(mask)) == int.from_bytes(head, "little")]:
            value = text[int(offsets[row]) : int(offsets[row + 1])]
            packed = value if head is shown else _from_base64(value)
            yield from _opened(packed, _HEADS[shown])
    if np.isin(first[:, 0], np.frombuffer(b"{[", np.uint8)).any():
        for match in _IN_JSON.finditer(text):
            packed = _from_base64(match[1])
            for head, kind in _HEADS.items():
                if packed.startswith(head):
                    yield from _opened(packed, kind)
    if binary:
        yield from _bare(text, offsets, starts, first)


def _long_enough(offsets: Offsets) -> Any:
    return np.flatnonzero(np.diff(offsets) >= _SHORTEST)


def _bare(text: bytes, offsets: Offsets, starts: Any, first: Any) -> Iterator[bytes]:
    """Yield what bare Snappy blocks hold; a block begins with its size and a literal, which rules most values out."""
    length = np.diff(offsets)[starts]
    size = np.zeros(len(starts), np.int64)
    going, shift = np.ones(len(starts), bool), 0
    literal = np.zeros(len(starts), bool)
    for place in range(3):
        byte = first[:, place].astype(np.int64)
        size += np.where(going, (byte & 127) << shift, 0)
        ends = going & (byte < 128)  # noqa: PLR2004 - the bit that says that more follows
        literal |= ends & ((first[:, place + 1] & 3) == 0)
        going &= ~ends
        shift += 7
    likely = (literal | going) & (going | ((size * 10 >= (length - _SHORTEST) * 9) & (size <= length * 64)))
    for row in starts[likely]:
        found = block(text[int(offsets[row]) : int(offsets[row + 1])], most=_LARGEST)
        if found is not None:
            yield found


def _from_base64(value: bytes) -> bytes:
    text = re.sub(rb"\s", b"", value).rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    try:
        return base64.b64decode(text[: len(text) // 4 * 4] + _padded(text[len(text) // 4 * 4 :]), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _padded(rest: bytes) -> bytes:
    return rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""


def _opened(data: bytes, kind: str) -> Iterator[bytes]:
    """Yield what comes out, as far as it does: what only begins like something packed is searched as it is already."""
    try:
        if kind in ("gzip", "zlib"):
            machine = zlib.decompressobj(31 if kind == "gzip" else 15)
            found = machine.decompress(data, _LARGEST + 1)
        else:
            stream: Any = (
                SnappyStream(io.BytesIO(data)) if kind == "snappy" else pa.CompressedInputStream(io.BytesIO(data), kind)
            )
            found = bytes(stream.read(_LARGEST + 1) or b"")
    except (zlib.error, OSError, EOFError, pa.ArrowException):
        return
    if len(found) > _LARGEST:
        raise Unopened
    yield found
