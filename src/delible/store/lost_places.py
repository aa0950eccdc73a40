"""Where files that got lost lie: on a disk, or as objects in a bucket that speaks Amazon's API."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from delible.errors import InputError
from delible.store.versions import is_bucket


@dataclass(frozen=True)
class LostObject:
    """An object of a bucket, as the bucket lists it: not an old version of one."""

    place: PurePath
    size: int
    filesystem: Any = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The last part of its key."""
        return self.place.name

    @property
    def suffix(self) -> str:
        """What its key ends with, such as `.parquet`."""
        return self.place.suffix


Lost = Path | LostObject


def place_in(uri: str) -> PurePosixPath:
    """Return a bucket's URI as a path, whichever of its schemes it is written with; no file's path is like it."""
    parts = urlsplit(uri)
    # Not `parts.path`: a key may hold what begins a query or a fragment of a URI.
    key = uri.partition("://")[2].removeprefix(parts.netloc)
    return PurePosixPath(f"s3:{parts.netloc}", key.strip("/"))


def listed(paths: Iterable[Path | str]) -> Iterator[Lost]:
    """Yield the files and objects that are named, and all in folders that are, each once, in order.

    Raises:
        InputError: `breach.file_missing`, `breach.bucket_unreadable`, with the place in the list and not the name,
            which may hold personal data.
    """
    seen: set[PurePath] = set()
    for number, path in enumerate(paths, 1):
        for each in _objects(path, number) if isinstance(path, str) else _files(path, number):
            place = each.place if isinstance(each, LostObject) else each
            if place not in seen:
                seen.add(place)
                yield each


def _files(path: Path, number: int) -> Iterator[Path]:
    if not path.exists():
        raise _missing(number)
    for each in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
        yield each.resolve()


def _objects(uri: str, number: int) -> Iterator[LostObject]:
    import pyarrow.fs as pafs

    bucket, key = urlsplit(uri).netloc, "/".join(place_in(uri).parts[1:])
    if not bucket or not is_bucket(uri):
        raise _missing(number)
    try:
        # The bucket alone goes into a URI: of a key it would decode what stands for other letters.
        filesystem, root = pafs.FileSystem.from_uri(f"s3://{bucket}")
        asked = f"{root}/{key}" if key else root
        [named] = filesystem.get_file_info([asked])
        found = [named]
        if named.type is pafs.FileType.Directory:
            found = filesystem.get_file_info(pafs.FileSelector(asked, recursive=True))
    except (OSError, ValueError):
        raise InputError(
            "breach.bucket_unreadable",
            "the bucket cannot be listed.",
            where=f"file {number}",
            fix="Name its endpoint, region and keys in the environment (AWS_ENDPOINT_URL, AWS_REGION and so on).",
        ) from None
    if named.type is pafs.FileType.NotFound:
        raise _missing(number)
    for info in sorted((i for i in found if i.type is pafs.FileType.File), key=lambda i: i.path):
        inside = info.path.partition("/")[2]
        yield LostObject(PurePosixPath(f"s3:{bucket}", inside), int(info.size), filesystem)


def _missing(number: int) -> InputError:
    return InputError(
        "breach.file_missing",
        "there is no such file or folder.",
        where=f"file {number}",
        fix="Give files and folders as they can be read here, or s3:// and a bucket with a key or prefix.",
    )


def opened(lost: Lost) -> AbstractContextManager[Any]:
    """Open a file or an object for reading.

    Raises:
        OSError: When it cannot be read, or is no regular file: a pipe has no end.
    """
    if isinstance(lost, LostObject):
        stream: AbstractContextManager[Any] = lost.filesystem.open_input_file("/".join(lost.place.parts)[3:])
        return stream
    if not lost.is_file():
        raise OSError("no regular file")
    return lost.open("rb")


def sha256(lost: Lost) -> str:
    """Return a file's or an object's digest.

    Raises:
        OSError: As `opened`.
    """
    with opened(lost) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_of(lost: Lost) -> int:
    """Return the bytes of a file or an object."""
    return lost.size if isinstance(lost, LostObject) else lost.stat().st_size
