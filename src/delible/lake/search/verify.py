"""The byte search after an erasure: independent of the engine that deleted, and of what the log says.

Every object under a folder is read: data files whether or not a log mentions them, deletion-vectored rows, change data,
commits, checkpoints, checksums, sidecars, leftovers. Parquet, ORC and Arrow files are decoded with pyarrow; archives
and compressed files are opened. Only places come back, never values.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from pathlib import PurePosixPath
from typing import IO, Any

import pyarrow.fs as pafs

from delible.lake.search.file import Digest, FileSearch
from delible.lake.search.formats import Format
from delible.lake.search.forms import Needles
from delible.lake.search.kept import KeptValues
from delible.lake.search.listing import objects, opened
from delible.lake.search.log import search_statistics
from delible.lake.search.packed import UNREADABLE, Packed
from delible.lake.search.places import HIDDEN, Names, search_name
from delible.lake.search.sample_bytes import taken
from delible.lake.search.typed_keys import TypedKeys
from delible.model.proof import FileDigest, Match, Verification

_MANY = 100
"""From so many values on it pays to know what the tables hold."""
MOST_AT_ONCE = 100_000
"""Values that one pass looks for: making their windows takes half a gigabyte (measured: 1.1 GB for twice as many)."""


@dataclass(frozen=True)
class Beside:
    """An object that a listing of its folder does not show: an old version, or a part of an unfinished upload.

    Args:
        path: Relative to the folder.
        what: How to tell it from the object that stands there now, such as `recoverable: version`.
        open: Gives its bytes from the first one on; None where nobody can have them.
    """

    path: str
    what: str
    size: int
    open: Callable[[], IO[bytes]] | None


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
        beside: What the store holds besides what a listing shows.
    """

    name: str
    location: str
    typed: Mapping[str, TypedKeys] = field(default_factory=dict)
    skip: tuple[str, ...] = ()
    kept: tuple[KeptValues, ...] = ()
    kept_typed: Mapping[str, TypedKeys] = field(default_factory=dict)
    live: frozenset[str] = frozenset()
    beside: tuple[Beside, ...] = ()


def search(
    folders: Sequence[Folder],
    values: Sequence[str],
    *,
    now: datetime,
    numbers: Sequence[str] = (),
    digests: list[FileDigest] | None = None,
    in_folder: InFolder | None = None,
) -> Verification:
    """Search every byte of the folders for the values in all their forms.

    Memory does not grow with the number of values: of more than `MOST_AT_ONCE`, so many are looked for at a time.

    Args:
        values: Distinctive values; they are also looked for inside texts, file names and encoded payloads.
        now: The instant that the result carries.
        numbers: Those of the values that are digits, and may stand in other spellings.
        digests: Takes the digest of every file that was read to its end.
        in_folder: How one folder is searched, such as `lake.search.spread` does it; here and now unless it is given.
    """
    outcome = Outcome()
    ordered = sorted(set(values))
    portions = [ordered[start : start + MOST_AT_ONCE] for start in range(0, max(1, len(ordered)), MOST_AT_ONCE)]
    sample = b"" if in_folder is not None or len(ordered) < _MANY else taken(f.location for f in folders)
    in_folder = in_folder or search_folder
    for number, portion in enumerate(portions):
        sought = Sought.of(portion, numbers, first=number == 0, sample=sample)
        for folder in folders:
            outcome.add(in_folder(folder, sought, digests if sought.first else None), first=sought.first)
        if number:
            outcome.hide(sought.needles, digests)
    # A place that a later pass told may spell what an earlier one looked for.
    for portion in portions[:-1]:
        outcome.hide(Sought.of(portion, numbers).needles, digests)
    in_columns = {value for folder in folders for keys in folder.typed.values() for value in keys.values}
    return outcome.verification(now, len(ordered), len(in_columns.difference(ordered)))


@dataclass(frozen=True)
class Sought:
    """What one pass looks for.

    Args:
        first: The pass that looks for typed keys, too, and for kept ones.
        sample: Some of what will be searched.
    """

    values: tuple[str, ...] = field(repr=False)
    numbers: tuple[str, ...] = field(repr=False)
    first: bool = True
    sample: bytes = field(default=b"", repr=False)

    @staticmethod
    def of(values: Sequence[str], numbers: Sequence[str], *, first: bool = True, sample: bytes = b"") -> Sought:
        """Return what one pass looks for, with those of the numbers that are among its values."""
        chosen = frozenset(values)
        return Sought(tuple(values), tuple(n for n in numbers if n in chosen), first, sample)

    @cached_property
    def needles(self) -> Needles:
        """The values, ready to be searched for."""
        return Needles(self.values, self.numbers, sample=self.sample)


@dataclass
class Outcome:
    """What has been found so far.

    Attributes:
        matches: Counts by place and form.
        unreadable: Places that could not be searched wholly.
    """

    matches: Counter[tuple[str, str]] = field(default_factory=Counter)
    unreadable: dict[str, None] = field(default_factory=dict)
    files: int = 0
    size: int = 0

    def add(self, other: Outcome, *, first: bool = True) -> None:
        """Take in what another search found; its files count once, however many passes read them."""
        self.matches += other.matches
        self.unreadable |= other.unreadable
        if first:
            self.files += other.files
            self.size += other.size

    def hide(self, needles: Needles, digests: list[FileDigest] | None) -> None:
        """Hide places that spell a value of another pass than the one that told them."""

        def shown(place: str) -> str:
            return f"{place.partition('/')[0]}/{HIDDEN}" if search_name(place, needles) else place

        matches: Counter[tuple[str, str]] = Counter()
        for (place, form), count in self.matches.items():
            matches[shown(place), form] += count
        self.matches = matches
        self.unreadable = {shown(place): None for place in self.unreadable}
        for index, digest in enumerate(digests or ()):
            digests[index] = digest.model_copy(update={"file": shown(digest.file)})  # type: ignore[index]

    def told(self) -> dict[str, Any]:
        """Return it as JSON has it, for another process; `of` reads it."""
        matches = [[*at, count] for at, count in self.matches.items()]
        return {"matches": matches, "unreadable": [*self.unreadable], "files": self.files, "size": self.size}

    @staticmethod
    def of(told: Mapping[str, Any]) -> Outcome:
        """Return what another process has told."""
        matches = Counter({(place, form): count for place, form, count in told["matches"]})
        return Outcome(matches, dict.fromkeys(told["unreadable"]), told["files"], told["size"])

    def verification(self, now: datetime, everywhere: int, in_columns: int) -> Verification:
        """Return it as the proof that it is.

        Args:
            everywhere: Values that were looked for in every form.
            in_columns: Others, that were compared with the values of their own columns.
        """
        return Verification(
            at=now,
            files_searched=self.files,
            bytes_searched=self.size,
            values_searched=everywhere + in_columns,
            values_in_columns=in_columns,
            matches=tuple(Match(place=p, form=f, count=c) for (p, f), c in sorted(self.matches.items())),
            unreadable=tuple(self.unreadable),
        )


InFolder = Callable[[Folder, Sought, list[FileDigest] | None], Outcome]


def search_folder(folder: Folder, sought: Sought, digests: list[FileDigest] | None) -> Outcome:
    """Search one folder in this process."""
    outcome = Outcome()
    looking = FolderSearch(folder, sought)
    for info in listed(folder, outcome):
        looking.look(info, outcome, digests)
    for beside in folder.beside:
        looking.look_beside(beside, outcome)
    return outcome


def listed(folder: Folder, outcome: Outcome) -> list[pafs.FileInfo]:
    """Return what lies in a folder; one that cannot be listed is noted as unreadable."""
    try:
        return objects(*opened(folder.location), folder.skip)
    except (OSError, UnicodeError):
        outcome.unreadable[f"{folder.name}/ (a folder that may not be listed, or a name that is not UTF-8)"] = None
        return []


class FolderSearch:
    """One pass over the objects of one folder."""

    def __init__(self, folder: Folder, sought: Sought) -> None:
        self._folder = folder
        self._filesystem, self._root = opened(folder.location)
        self._needles = sought.needles
        # Spark does not tell letter case apart in names of columns.
        self._typed = {column.lower(): keys for column, keys in folder.typed.items()} if sought.first else {}
        self._names = Names(self._needles, self._typed)
        self._rest = _Rest.of(folder, sought) if folder.kept else None

    def place(self, path: str) -> str:
        """Return how an object is named in the result."""
        return f"{self._folder.name}/{self._names.shown(str(PurePosixPath(path).relative_to(self._root)))}"

    def look_at(self, path: str, outcome: Outcome, digests: list[FileDigest] | None = None) -> None:
        """Search the object of a path; one that is gone by now holds nothing."""
        info = self._filesystem.get_file_info(path)
        if info.type is not pafs.FileType.NotFound or self._links(path):
            self.look(info, outcome, digests)

    def _links(self, path: str) -> bool:
        """Return whether a path is a link; its target says something even when it is not there."""
        return isinstance(self._filesystem, pafs.LocalFileSystem) and os.path.islink(path)

    def look(self, info: pafs.FileInfo, outcome: Outcome, digests: list[FileDigest] | None = None) -> None:
        """Search one object, its name included."""
        path = str(PurePosixPath(info.path).relative_to(self._root))
        place = f"{self._folder.name}/{self._names.shown(path)}"
        for form, count in _name_matches(self._filesystem, info, path, self._names).items():
            outcome.matches[place, form] += count
        if info.type is not pafs.FileType.File:
            return
        digest = hashlib.sha256() if digests is not None else None
        try:
            if self._rest is not None and self._rest.concerns(self._folder, path):
                file = self._rest.searched(self._filesystem, info, self._folder.kept, digest)
            else:
                file = _searched(self._filesystem, info, self._needles, self._typed, digest)
        except FileNotFoundError:
            return
        self._count(file, place, info.size or 0, outcome)
        if digests is not None and digest is not None and file.wholly:
            digests.append(FileDigest(file=place, sha256=digest.hexdigest(), size=info.size or 0))

    def look_beside(self, beside: Beside, outcome: Outcome) -> None:
        """Search what a store still holds under a name, although no listing of the folder shows it."""
        place = f"{self._folder.name}/{self._names.shown(beside.path)} ({beside.what})"
        for form, count in self._names.matches(beside.path).items():
            outcome.matches[place, form] += count
        if beside.open is None:
            outcome.unreadable[place] = None
            return
        file = FileSearch(self._needles, self._typed, size=beside.size)
        file.look(Packed(PurePosixPath(beside.path).name, beside.open, random=True))
        self._count(file, place, beside.size, outcome)

    def _count(self, file: FileSearch, place: str, size: int, outcome: Outcome) -> None:
        for (column, form), count in file.found.items():
            outcome.matches[f"{place}:{self._names.column(column)}" if column else place, form] += count
        if file.wholly:
            outcome.files += 1
            outcome.size += size
        else:
            outcome.unreadable[place] = None


@dataclass(frozen=True)
class _Rest:
    """What may stand nowhere in a table in which exceptions keep something."""

    needles: Needles
    typed: Mapping[str, TypedKeys]
    first: bool

    @staticmethod
    def of(folder: Folder, sought: Sought) -> _Rest:
        kept = frozenset().union(*(k.values for k in folder.kept))
        needles = Needles([v for v in sought.values if v not in kept], [n for n in sought.numbers if n not in kept])
        typed = {column.lower(): keys for column, keys in folder.kept_typed.items()} if sought.first else {}
        return _Rest(needles, typed, sought.first)

    def concerns(self, folder: Folder, path: str) -> bool:
        """Return whether kept values may stand in a file: live data, or an entry of the log."""
        name = PurePosixPath(path).name
        if path.startswith("_delta_log/"):
            return name.endswith((".json", ".crc", ".parquet")) and not name.startswith(".")
        return name in folder.live and not path.startswith("_change_data/")

    def searched(
        self, filesystem: pafs.FileSystem, info: pafs.FileInfo, kept: Sequence[KeptValues], digest: Digest | None
    ) -> FileSearch:
        """Search a file wholly for everything else, and for kept values outside of their places."""
        search = _searched(filesystem, info, self.needles, self.typed, digest)
        in_log, parquet = "/_delta_log/" in info.path, info.base_name.endswith(".parquet")
        for values in kept if self.first else ():
            with filesystem.open_input_file(info.path) as stream:
                try:
                    found = values.in_log(stream, parquet=parquet) if in_log else values.in_data(stream)
                except UNREADABLE:
                    search.wholly = False
                else:
                    search.found.update(found)
        return search


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
    filesystem: pafs.FileSystem,
    info: pafs.FileInfo,
    needles: Needles,
    typed: Mapping[str, TypedKeys],
    digest: Digest | None = None,
) -> FileSearch:
    file = Packed(info.base_name, partial(filesystem.open_input_file, info.path), random=True)
    search = FileSearch(needles, typed, size=info.size or 0, digest=digest)
    search.look(file)
    if typed and "/_delta_log/" in info.path and search.wholly and file.format() is not Format.PARQUET:
        with file.open() as stream:
            for column, count in search_statistics(stream.read(), typed).items():
                search.found[column.removeprefix(":"), "statistics"] += count
    return search
