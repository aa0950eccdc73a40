"""What some bytes are packed as, told by how they begin and, where that says nothing, by the name of their file."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import PurePosixPath

HEAD = 512
"""As many first bytes tell all formats apart; a tar archive says what it is at byte 257."""


class Format(StrEnum):
    """How to look inside; `CLOSED` is what nobody here can open: encrypted, or packed in a way that is not known."""

    PLAIN = "plain"
    PARQUET = "parquet"
    ORC = "orc"
    ARROW = "arrow"
    ZIP = "zip"
    TAR = "tar"
    GZIP = "gzip"
    BZIP2 = "bz2"
    XZ = "xz"
    ZSTD = "zstd"
    LZ4 = "lz4"
    BROTLI = "brotli"
    SNAPPY = "snappy"
    CLOSED = "closed"


COLUMNS = frozenset({Format.PARQUET, Format.ORC, Format.ARROW})
ARCHIVES = frozenset({Format.ZIP, Format.TAR})
STREAMS = frozenset({Format.GZIP, Format.BZIP2, Format.XZ, Format.ZSTD, Format.LZ4, Format.BROTLI, Format.SNAPPY})

_MAGIC = tuple(
    (re.compile(pattern, re.DOTALL), kind)
    for pattern, kind in (
        (rb"PAR1", Format.PARQUET),
        (rb"ORC", Format.ORC),
        (rb"ARROW1\0\0", Format.ARROW),
        (rb"PK(\x03\x04|\x05\x06|\x07\x08)", Format.ZIP),
        (rb".{257}ustar", Format.TAR),
        (rb"\x1f\x8b\x08", Format.GZIP),
        (rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", Format.BZIP2),
        (rb"\xfd7zXZ\0", Format.XZ),
        (rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", Format.ZSTD),
        (rb"\x04\x22\x4d\x18", Format.LZ4),
        (rb"Obj\x01", Format.CLOSED),  # Avro
        (rb"PARE", Format.CLOSED),  # Parquet with an encrypted footer
        (rb"\xff\x06\0\0sNaPpY", Format.SNAPPY),
        (rb"LZ4Block|\x02\x21\x4c\x18", Format.CLOSED),  # Spark's shuffle blocks; LZ4 before it had frames
        (rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|MSCF\0\0\0\0", Format.CLOSED),
        (rb"LZIP|\x89LZO\0\r\n\x1a\n|\x1f\x9d", Format.CLOSED),
        (rb"%PDF-", Format.CLOSED),  # its texts are deflated, and spelled in glyphs
        (rb"\x89HDF\r\n\x1a\n", Format.CLOSED),
        (rb"Salted__|age-encryption\.org/|-----BEGIN (PGP MESSAGE|AGE ENCRYPTED FILE)-----", Format.CLOSED),
    )
)

_SUFFIXES = {
    **dict.fromkeys(("parquet", "orc", "arrow", "feather", "avro", "pdf"), Format.CLOSED),
    **dict.fromkeys(("gz", "tgz", "bz2", "tbz2", "xz", "txz", "zst", "tzst", "lz4"), Format.CLOSED),
    **dict.fromkeys(("zip", "jar", "docx", "xlsx", "pptx", "odt", "ods", "odp", "npz"), Format.CLOSED),
    **dict.fromkeys(("deflate", "lzo", "7z", "rar", "cab", "gpg", "pgp", "age"), Format.CLOSED),
    **dict.fromkeys(("lzma", "tlz"), Format.XZ),
    "br": Format.BROTLI,
    **dict.fromkeys(("snappy", "sz"), Format.SNAPPY),
    "tar": Format.TAR,
}
"""What names promise that the first bytes did not confirm; four formats have no sure mark, so their names count."""


def format_of(head: bytes, name: str) -> Format:
    """Return how to look into a file that begins so and is named so; an empty file is plain."""
    if not head:
        return Format.PLAIN
    for pattern, kind in _MAGIC:
        if pattern.match(head):
            return kind
    return _SUFFIXES.get(PurePosixPath(name).suffix.lower().removeprefix("."), Format.PLAIN)
