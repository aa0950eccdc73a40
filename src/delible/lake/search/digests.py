"""Digests of the files that a VACUUM is about to remove, while they can still be read."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath

import pyarrow.fs as pafs

from delible.lake.search.forms import Needles
from delible.lake.search.listing import opened
from delible.lake.search.places import Names
from delible.model.proof import FileDigest

_CHUNK = 8 * 1024 * 1024


def old_files(name: str, location: str, live: Collection[str]) -> Iterator[FileDigest]:
    """Yield the files below a table, its log apart, that its newest version is not made of.

    Args:
        name: How the table is named in places, such as `table:orders`.
        live: Names of the newest version's data files, without their folders.
    """
    filesystem, root = opened(location)
    names = Names(Needles(()), {})
    found = filesystem.get_file_info(pafs.FileSelector(root, recursive=True, allow_not_found=True))
    for info in sorted(found, key=lambda i: i.path):
        path = PurePosixPath(info.path).relative_to(root)
        if info.type is not pafs.FileType.File or path.parts[0] == "_delta_log" or path.name in live:
            continue
        digest, size = hashlib.sha256(), 0
        try:
            with filesystem.open_input_file(info.path) as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
        except FileNotFoundError:  # another VACUUM was quicker
            continue
        yield FileDigest(file=f"{name}/{names.shown(str(path))}", sha256=digest.hexdigest(), size=size)
