"""Every object under a folder or prefix, whatever a log says."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pyarrow.fs as pafs


def opened(location: str) -> tuple[pafs.FileSystem, str]:
    """Return the file system of a path or URI, and the root there; Spark's spellings of Amazon's scheme are known."""
    filesystem, root = pafs.FileSystem.from_uri(re.sub(r"\As3[an]://", "s3://", location))
    return filesystem, root


def objects(filesystem: pafs.FileSystem, root: str, skip: tuple[str, ...]) -> list[pafs.FileInfo]:
    """Return what lies under a folder; of folders, only those whose names no file below them has in its path.

    In a bucket an object and a prefix may have one name: the object has bytes of its own.
    """
    skipped = tuple(f"{root.rstrip('/')}/{part.strip('/')}/" for part in skip)
    if isinstance(filesystem, pafs.LocalFileSystem):
        found = filesystem.get_file_info(list(_local_paths(root, skipped)))
    else:
        found = filesystem.get_file_info(pafs.FileSelector(root, recursive=True, allow_not_found=True))
    found = [i for i in found if not f"{i.path}/".startswith(skipped)]
    above = {str(parent) for i in found for parent in PurePosixPath(i.path).parents}
    return sorted((i for i in found if i.type is pafs.FileType.File or i.path not in above), key=lambda i: i.path)


def _local_paths(root: str, skipped: tuple[str, ...]) -> Iterator[str]:
    """Yield every path under a local folder; a folder that is linked to twice, or to itself, is entered once.

    Raises:
        UnicodeError: When a name is not UTF-8.
    """
    entered = {os.path.realpath(root)}
    waiting = [root.rstrip("/") or "/"] if os.path.isdir(root) else []
    while waiting:
        for entry in os.scandir(waiting.pop()):
            entry.path.encode()
            yield entry.path
            real = os.path.realpath(entry.path)
            inside = entry.is_symlink() and Path(real).is_relative_to(os.path.realpath(root))
            if entry.is_dir() and real not in entered and not inside and not f"{entry.path}/".startswith(skipped):
                entered.add(real)
                waiting.append(entry.path)
