"""Digests of a file's blocks: who reads a little of a large file checks what is read, and nothing else has to be."""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 1 << 20
_KEPT = 8
"""So many blocks are held, for columns whose parts lie beside each other."""


class OtherBlockError(OSError):
    """Raised when a block, or the list of digests, is not the one that was registered."""


def block_digests(path: Path) -> str:
    """Return the SHA-256 of each mebibyte of a file, one a line, as `split -b 1M` and `sha256sum` would tell them."""
    lines = []
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            lines.append(hashlib.sha256(block).hexdigest() + "\n")
    return "".join(lines)


class CheckedFile(io.RawIOBase):
    """A file that gives out no byte of a block whose digest is another: what was checked is what is read.

    Args:
        path: The file.
        digests: As `block_digests` made them, from where nobody else could write.
        size: Its registered size in bytes.

    Raises:
        OtherBlockError: Of reads as well.
    """

    def __init__(self, path: Path, digests: str, size: int) -> None:
        self._digests = digests.split()
        if len(self._digests) != -(-size // BLOCK) or path.stat().st_size != size:
            raise OtherBlockError("another size")
        self._size, self._at = size, 0
        self._held: OrderedDict[int, bytes] = OrderedDict()
        self._file = path.open("rb", buffering=0)

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be read from anywhere."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, and return it."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """Return where the next byte is read."""
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill a buffer as far as the file reaches, and return with how many bytes."""
        target = memoryview(buffer).cast("B")
        wanted = max(0, min(len(target), self._size - self._at))
        done = 0
        while done < wanted:
            number, within = divmod(self._at, BLOCK)
            part = memoryview(self._block(number))[within : within + wanted - done]
            target[done : done + len(part)] = part
            done += len(part)
            self._at += len(part)
        return done

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _block(self, number: int) -> bytes:
        if number in self._held:
            self._held.move_to_end(number)
            return self._held[number]
        self._file.seek(number * BLOCK)
        block = b""
        while part := self._file.read(BLOCK - len(block)):
            block += part
        if hashlib.sha256(block).hexdigest() != self._digests[number]:
            raise OtherBlockError("another block")
        self._held[number] = block
        if len(self._held) > _KEPT:
            self._held.popitem(last=False)
        return block
