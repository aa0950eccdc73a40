"""Bytes that can be opened more than once, and what is packed in them: streams, archives, and a bound on both."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, cast

import pyarrow as pa

from delible.lake.search.formats import HEAD, Format, format_of
from delible.lake.search.hidden import Hidden
from delible.lake.search.snappy import SnappyStream
from delible.lake.search.zip_members import zip_parts

_MOST_IN_MEMORY = 256 * 1024 * 1024
_LEAST_ALLOWED = 1024 * 1024 * 1024
_MOST_FOR_ONE = 1000
"""Text shrinks to a hundredth at most times; what grows a thousandfold was made to exhaust whoever opens it."""
_TARRED = {"tgz": "tar", "tbz2": "tar", "txz": "tar", "tlz": "tar", "tzst": "tar"}


class Unopened(Exception):
    """Raised for what nobody looked into: packed in an unknown way, too deep, or larger than is bearable."""


UNREADABLE = (
    Unopened,
    *(OSError, EOFError, ValueError, struct.error, pa.ArrowException),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError),
    RuntimeError,  # how zipfile says that a member is encrypted, or packed by a method that it does not know
)
"""Whatever reading damaged, encrypted or hostile bytes may raise: they are then not searched, and never clean."""


class Allowance:
    """How many bytes may still come out of one file, all that is packed in it together."""

    def __init__(self, size: int) -> None:
        self._left = max(_LEAST_ALLOWED, _MOST_FOR_ONE * size)

    def take(self, size: int) -> None:
        """Count bytes that came out.

        Raises:
            Unopened: When it was too many.
        """
        self._left -= size
        if self._left < 0:
            raise Unopened


@dataclass(frozen=True)
class Packed:
    """A file, or what is packed in one.

    Args:
        name: For its suffix only.
        open: Gives a new stream from the first byte on.
        random: Whether that stream can seek without reading everything again.
    """

    name: str
    open: Callable[[], IO[bytes]]
    random: bool = False

    def format(self) -> Format:
        """Return how to look inside."""
        with self.open() as stream:
            return format_of(stream.read(HEAD), self.name)

    def seekable(self) -> IO[bytes]:
        """Return a stream that can seek, in memory if need be.

        Raises:
            Unopened: When it is too large for that.
        """
        if self.random:
            return self.open()
        with self.open() as stream:
            return io.BytesIO(_whole(stream))


def unpacked(packed: Packed, kind: Format, allowance: Allowance) -> Packed:
    """Return the stream that a compressed one holds."""
    stem, _, suffix = packed.name.rpartition(".")
    name = f"{stem}.{_TARRED[suffix.lower()]}" if suffix.lower() in _TARRED else stem
    return Packed(name, lambda: _metered(_decompressed(packed.open(), kind), allowance))


def members(packed: Packed, kind: Format, allowance: Allowance) -> Iterator[Packed]:
    """Yield what is in an archive; each is read before the next is asked for.

    Links are empty, and so are those members of a tar archive that are not packed themselves: it leaves their bytes
    as they are, and whoever searches the archive's own bytes has seen them.
    """
    yield from _zipped(packed, allowance) if kind is Format.ZIP else _tarred(packed)


def _zipped(packed: Packed, allowance: Allowance) -> Iterator[Packed]:
    with packed.seekable() as stream:
        for name, content in zip_parts(stream):
            yield Packed(name, partial(_opened, content, allowance))


def _opened(content: Callable[[], IO[bytes]], allowance: Allowance) -> IO[bytes]:
    return _metered(content(), allowance)


def _tarred(packed: Packed) -> Iterator[Packed]:
    with packed.open() as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        for info in archive:
            content = archive.extractfile(info) if info.isreg() else None
            head = b"" if content is None else content.read(HEAD)
            if content is None:
                yield Packed(info.name, io.BytesIO)
            elif format_of(head, info.name) is Format.PLAIN:
                yield _plain_member(info.name, head, content)
            else:
                yield Packed(info.name, partial(_again, _rest(head, content)), random=True)
        end = archive.offset
    with packed.open() as stream:
        _refuse_more(stream, end)


def _plain_member(name: str, head: bytes, content: IO[bytes]) -> Packed:
    """Return a member that whoever searched the archive has seen: empty, unless something packed is hidden in it."""
    hidden, kept, size = Hidden(), [head], len(head)
    hidden.look(head)
    while chunk := content.read(1 << 20):
        hidden.look(chunk)
        size += len(chunk)
        kept = [*kept, chunk] if size <= _MOST_IN_MEMORY else []
    if not (hidden.zipped or hidden.packed):
        return Packed(name, io.BytesIO)
    return Packed(name, partial(_again, b"".join(kept) if size <= _MOST_IN_MEMORY else None), random=True)


def _rest(head: bytes, content: IO[bytes]) -> bytes | None:
    try:
        return head + _whole(content)
    except Unopened:
        return None


def _again(data: bytes | None) -> IO[bytes]:
    if data is None:
        raise Unopened
    return io.BytesIO(data)


def _refuse_more(stream: IO[bytes], end: int) -> None:
    """Refuse a tar archive behind whose end more stands: `tarfile` stops in silence at a header that it cannot read."""
    while end and (skipped := stream.read(min(end, 1 << 20))):
        end -= len(skipped)
    while chunk := stream.read(1 << 20):
        if chunk.strip(b"\0"):
            raise Unopened


def _whole(stream: IO[bytes]) -> bytes:
    data = stream.read(_MOST_IN_MEMORY + 1)
    if len(data) > _MOST_IN_MEMORY:
        raise Unopened
    return data


def _decompressed(stream: IO[bytes], kind: Format) -> IO[bytes]:
    if kind is Format.GZIP:
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
    if kind is Format.XZ:
        return cast("IO[bytes]", _XzStreams(stream))
    if kind is Format.SNAPPY:
        return cast("IO[bytes]", SnappyStream(stream))
    # Arrow's streams, unlike the standard library's, refuse what stands behind the end of the compressed data.
    return cast("IO[bytes]", pa.CompressedInputStream(stream, kind.value))


def _metered(stream: IO[bytes], allowance: Allowance) -> IO[bytes]:
    return cast("IO[bytes]", _Metered(stream, allowance))


class _Metered(io.RawIOBase):
    """A stream whose every byte counts against an allowance."""

    def __init__(self, inner: IO[bytes], allowance: Allowance) -> None:
        self._inner = inner
        self._allowance = allowance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._inner.read(len(buffer))
        self._allowance.take(len(data))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._inner.close()
        super().close()


class _XzStreams(io.RawIOBase):
    """All streams of an xz file; the standard library takes what it cannot read behind the first for its end."""

    def __init__(self, inner: IO[bytes]) -> None:
        self._inner = inner
        self._machine = lzma.LZMADecompressor()
        self._fed = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._machine.eof:
                self._fed = self._machine.unused_data.lstrip(b"\0")
                while not self._fed and (more := self._inner.read(1 << 16)):
                    self._fed = more.lstrip(b"\0")
                if not self._fed:
                    return 0
                self._machine = lzma.LZMADecompressor()
            if self._machine.needs_input and not self._fed:
                self._fed = self._inner.read(1 << 16)
                if not self._fed:
                    raise EOFError
            data = self._machine.decompress(self._fed, len(buffer))
            self._fed = b""
            if data:
                buffer[: len(data)] = data
                return len(data)

    def close(self) -> None:
        self._inner.close()
        super().close()
