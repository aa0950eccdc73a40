"""A zip archive wholly: its members, and whatever stands before, between and behind them."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, Any, cast

_LOCAL, _CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
_DESCRIPTOR = b"PK\x07\x08"
_SMALLEST_GAP = 24
"""A data descriptor has so many bytes at most; fewer hold nothing that is packed, and are searched as they are."""
_BLOCK = 64 * 1024


def zip_parts(stream: IO[bytes]) -> Iterator[tuple[str, Callable[[], IO[bytes]]]]:
    """Yield name and content of each member, then, without a name, the stretches that belong to no member.

    What was taken out of an archive's directory is often still in the file; another archive may stand before it.
    """
    with zipfile.ZipFile(stream) as archive:
        size = stream.seek(0, io.SEEK_END)
        spans = [*_directory(stream, archive.start_dir)]
        for info in archive.infolist():
            start = _content_start(stream, info.header_offset)
            spans.append((info.header_offset, start + info.compress_size))
            yield info.filename, partial(_member, archive, info, stream, start)
        for start, end in _gaps(spans, size):
            yield "", partial(_stretch, stream, start, end)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, stream: IO[bytes], start: int) -> IO[bytes]:
    opened = archive.open(info)  # refuses what is encrypted, or packed by a method that is not known
    if info.compress_type != zipfile.ZIP_DEFLATED:
        if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
            raise zipfile.BadZipFile
        return opened
    opened.close()
    return cast("IO[bytes]", _Inflated(_stretch(stream, start, start + info.compress_size), info))


def _stretch(stream: IO[bytes], start: int, end: int) -> IO[bytes]:
    return cast("IO[bytes]", io.BufferedReader(_Stretch(stream, start, end), _BLOCK))


def _content_start(stream: IO[bytes], offset: int) -> int:
    header = _at(stream, offset, 30)
    if header[:4] != _LOCAL:
        raise zipfile.BadZipFile
    name, extra = struct.unpack_from("<HH", header, 26)
    return offset + len(header) + int(name) + int(extra)


def _directory(stream: IO[bytes], place: int) -> Iterator[tuple[int, int]]:
    """Yield where the directory and its end stand, without the archive's comment."""
    start = place
    while (entry := _at(stream, place, 46))[:4] == _CENTRAL:
        place += len(entry) + sum(struct.unpack_from("<HHH", entry, 28))
    if (end := _at(stream, place, 56))[:4] == b"PK\x06\x06":
        yield start, place + 56
        start = place = place + 12 + int(struct.unpack_from("<Q", end, 4)[0])
    for mark, size in ((b"PK\x06\x07", 20), (b"PK\x05\x06", 22)):
        if _at(stream, place, size)[:4] == mark:
            place += size
    yield start, place


def _gaps(spans: list[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    end = 0
    for start, after in [*sorted(spans), (size, size)]:
        if start - end > _SMALLEST_GAP:
            yield end, start
        end = max(end, after)


def _at(stream: IO[bytes], offset: int, size: int) -> bytes:
    stream.seek(offset)
    return stream.read(size)


class _Stretch(io.RawIOBase):
    """A part of a stream that others read as well; a data descriptor at its beginning is left out."""

    def __init__(self, inner: IO[bytes], start: int, end: int) -> None:
        self._inner = inner
        self._place = start
        self._end = end
        if _at(inner, start, 4) == _DESCRIPTOR:
            self._place += 16

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = _at(self._inner, self._place, max(0, min(len(buffer), self._end - self._place)))
        self._place += len(data)
        buffer[: len(data)] = data
        return len(data)


class _Inflated(io.RawIOBase):
    """A deflated member to its last byte: `zipfile` stops where the directory says, whatever stands behind.

    Raises:
        zipfile.BadZipFile: On reading, when more or less comes out than the directory says.
    """

    def __init__(self, source: IO[bytes], info: zipfile.ZipInfo) -> None:
        self._source = source
        self._machine = zlib.decompressobj(-15)
        self._left = info.file_size
        self._sum = info.CRC
        self._crc = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._machine.eof:
            data = self._machine.unconsumed_tail or self._source.read(_BLOCK)
            out = self._machine.decompress(data, len(buffer))
            if not data and not out and not self._machine.eof:
                raise EOFError
            if out:
                self._left -= len(out)
                self._crc = zlib.crc32(out, self._crc)
                buffer[: len(out)] = out
                return len(out)
        if self._machine.unused_data or self._source.read(1) or self._left or self._crc != self._sum:
            raise zipfile.BadZipFile
        return 0
