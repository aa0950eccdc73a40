"""The byte search after an erasure: independent of the engine that deleted, and of what the log says.

Every object under a folder is read: data files whether or not a log mentions them, deletion-vectored rows, change data,
commits, checkpoints, checksums, sidecars, leftovers. Parquet, ORC and Arrow files are decoded with pyarrow; archives
and compressed files are opened. Only places come back, never values.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath

import pyarrow.fs as pafs

from delible.lake.file_search import FileSearch
from delible.lake.formats import Format
from delible.lake.forms import Needles
from delible.lake.kept_search import KeptValues
from delible.lake.log_search import search_statistics
from delible.lake.packed import UNREADABLE, Packed
from delible.lake.places import Names
from delible.lake.typed_keys import TypedKeys
from delible.model.proof import Match, Verification


@dataclass(frozen=True)
class Folder:
    """One folder to search.

    Args:
        name: How its places are named in the result, such as `table:orders`.
        location: Absolute path or URI.
        typed: Keys that are no proof in raw bytes, such as small numbers, by the column that they would stand in.
        skip: Subfolders, relative, that are searched on their own or are exempt.
        kept: Values that exceptions keep there, and where.
        kept_typed: What remains of `typed` where the kept keys may stand in their columns.
        live: Names of the data files of the table's newest version; only there, and in the log, may kept values stand.
    """

    name: str
    location: str
    typed: Mapping[str, TypedKeys] = field(default_factory=dict)
    skip: tuple[str, ...] = ()
    kept: tuple[KeptValues, ...] = ()
    kept_typed: Mapping[str, TypedKeys] = field(default_factory=dict)
    live: frozenset[str] = frozenset()


def search(
    folders: Sequence[Folder], values: Sequence[str], *, now: datetime, numbers: Sequence[str] = ()
) -> Verification:
    """Search every byte of the folders for the values in all their forms.

    Args:
        values: Distinctive values; they are also looked for inside texts, file names and encoded payloads.
        now: The instant that the result carries.
        numbers: Those of the values that are digits, and may stand in other spellings.
    """
    needles = Needles(values, numbers)
    matches: Counter[tuple[str, str]] = Counter()
    unreadable: list[str] = []
    files = size = 0
    for folder in folders:
        # Spark does not tell letter case apart in names of columns.
        typed = {column.lower(): keys for column, keys in folder.typed.items()}
        names = Names(needles, typed)
        rest = _Rest.of(folder, values, numbers) if folder.kept else None
        filesystem, root = pafs.FileSystem.from_uri(folder.location)
        try:
            objects = _objects(filesystem, root, folder.skip)
        except (OSError, UnicodeError):
            unreadable.append(f"{folder.name}/ (a folder that may not be listed, or a name that is not UTF-8)")
            continue
        for info in objects:
            path = str(PurePosixPath(info.path).relative_to(root))
            place = f"{folder.name}/{names.shown(path)}"
            for form, count in _name_matches(filesystem, info, path, names).items():
                matches[place, form] += count
            if info.type is not pafs.FileType.File:
                continue
            try:
                if rest is not None and rest.concerns(folder, path):
                    file = rest.searched(filesystem, info, folder.kept)
                else:
                    file = _searched(filesystem, info, needles, typed)
            except FileNotFoundError:
                continue
            for (column, form), count in file.found.items():
                matches[f"{place}:{names.column(column)}" if column else place, form] += count
            if file.wholly:
                files += 1
                size += info.size or 0
            else:
                unreadable.append(place)
    return Verification(
        at=now,
        files_searched=files,
        bytes_searched=size,
        values_searched=needles.count + sum(len(t.values) for f in folders for t in f.typed.values()),
        matches=tuple(Match(place=p, form=f, count=c) for (p, f), c in sorted(matches.items())),
        unreadable=tuple(unreadable),
    )


@dataclass(frozen=True)
class _Rest:
    """What may stand nowhere in a table in which exceptions keep something."""

    needles: Needles
    typed: Mapping[str, TypedKeys]

    @staticmethod
    def of(folder: Folder, values: Sequence[str], numbers: Sequence[str]) -> _Rest:
        kept = frozenset().union(*(k.values for k in folder.kept))
        needles = Needles([v for v in values if v not in kept], [n for n in numbers if n not in kept])
        return _Rest(needles, {column.lower(): keys for column, keys in folder.kept_typed.items()})

    def concerns(self, folder: Folder, path: str) -> bool:
        """Return whether kept values may stand in a file: live data, or an entry of the log."""
        name = PurePosixPath(path).name
        if path.startswith("_delta_log/"):
            return name.endswith((".json", ".crc", ".parquet")) and not name.startswith(".")
        return name in folder.live and not path.startswith("_change_data/")

    def searched(self, filesystem: pafs.FileSystem, info: pafs.FileInfo, kept: Sequence[KeptValues]) -> FileSearch:
        """Search a file wholly for everything else, and for kept values outside of their places."""
        search = _searched(filesystem, info, self.needles, self.typed)
        in_log, parquet = "/_delta_log/" in info.path, info.base_name.endswith(".parquet")
        for values in kept:
            with filesystem.open_input_file(info.path) as stream:
                try:
                    found = values.in_log(stream, parquet=parquet) if in_log else values.in_data(stream)
                except UNREADABLE:
                    search.wholly = False
                else:
                    search.found.update(found)
        return search


def _objects(filesystem: pafs.FileSystem, root: str, skip: tuple[str, ...]) -> list[pafs.FileInfo]:
    """Return what lies under a folder; of folders, only those whose names no file below them has in its path."""
    skipped = tuple(f"{root.rstrip('/')}/{part.strip('/')}/" for part in skip)
    if isinstance(filesystem, pafs.LocalFileSystem):
        found = filesystem.get_file_info(list(_local_paths(root, skipped)))
    else:
        found = filesystem.get_file_info(pafs.FileSelector(root, recursive=True, allow_not_found=True))
    found = [i for i in found if not f"{i.path}/".startswith(skipped)]
    above = {str(parent) for i in found for parent in PurePosixPath(i.path).parents}
    return sorted((i for i in found if i.path not in above), key=lambda i: i.path)


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


def _name_matches(filesystem: pafs.FileSystem, info: pafs.FileInfo, path: str, names: Names) -> Counter[str]:
    """Count the matches in a path and, where it is a link, in what it points to, be that there or not."""
    found = names.matches(f"{path}/" if info.type is pafs.FileType.Directory else path)
    if isinstance(filesystem, pafs.LocalFileSystem):
        parts = PurePosixPath(path).parts
        root = info.path.removesuffix(path)
        for depth in range(1, len(parts) + 1):
            link = os.path.join(root, *parts[:depth])
            if os.path.islink(link):
                for form, count in names.matches(f"{os.readlink(link)}/").items():
                    found[f"link target, {form.removeprefix('file name, ')}"] += count
    return found


def _searched(
    filesystem: pafs.FileSystem, info: pafs.FileInfo, needles: Needles, typed: Mapping[str, TypedKeys]
) -> FileSearch:
    file = Packed(info.base_name, partial(filesystem.open_input_file, info.path), random=True)
    search = FileSearch(needles, typed, size=info.size or 0)
    search.look(file)
    if typed and "/_delta_log/" in info.path and search.wholly and file.format() is not Format.PARQUET:
        with file.open() as stream:
            for column, count in search_statistics(stream.read(), typed).items():
                search.found[column.removeprefix(":"), "statistics"] += count
    return search
