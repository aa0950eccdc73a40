"""Files in a table's folder that its log does not name: of failed writes, of writes under way, and Hadoop's own.

VACUUM removes data files that no version names, by their age alone, and looks at nothing whose name begins with a dot
or an underscore. What failed writes leave under such names is removed here; folders that other programs keep there,
such as a stream's checkpoint, are nobody's leftovers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import unquote

import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from delible.lake.commits import log_of
from delible.lake.deletion_vectors import vector_file
from delible.lake.search.listing import objects

UNDER_WAY = timedelta(hours=1)
"""A file that no log entry names, and that is younger, may be of a write that has not come to its commit."""
_LOG, _TEMPORARY = "_delta_log", "_temporary"
_SEEN_BY_VACUUM = frozenset({"_change_data", "_delta_index"})
_FILES = (b'{"add"', b'{"remo', b'{"cdc"')
_PATH_FIRST = re.compile(rb'\{"(?:add|remove|cdc)"\s*:\s*\{\s*"path"\s*:\s*"([^"\\]+)"')
_VECTOR = ("storageType", "pathOrInlineDv")


class Kind(StrEnum):
    """What is left: a data file that no log entry names, a temporary file, the checksum of a file that is gone."""

    UNNAMED = "unnamed"
    TEMPORARY = "temporary"
    CHECKSUM = "checksum"


@dataclass(frozen=True)
class Leftover:
    """One file, by its path in the table's folder."""

    path: str
    bytes: int
    modified: datetime
    kind: Kind


def leftovers(location: str) -> tuple[Leftover, ...]:
    """Return what a table's log does not name.

    The folder is listed before the log is read: what is committed in between is named, and not the other way round.
    """
    filesystem, root = _folder(location)
    listed = [info for info in objects(filesystem, root, ()) if info.type is pafs.FileType.File]
    names = {info.path.removeprefix(f"{root}/"): info for info in listed}
    named = frozenset(_named(filesystem, root))
    found = ((path, info, _kind(path, names.keys(), named)) for path, info in names.items())
    return tuple(Leftover(path, info.size or 0, info.mtime, kind) for path, info, kind in found if kind is not None)


def remove_leftovers(location: str, found: Iterable[Leftover], *, older_than: datetime | None) -> int:
    """Remove temporary files and checksums last written before an instant, or all of them; return how many.

    Data files are left to VACUUM, which knows which of them a version needs.
    """
    filesystem, root = _folder(location)
    removed = 0
    for each in found:
        if each.kind is not Kind.UNNAMED and (older_than is None or each.modified < older_than):
            try:
                filesystem.delete_file(f"{root}/{each.path}")
            except FileNotFoundError:
                continue
            removed += 1
    return removed


def _folder(location: str) -> tuple[pafs.FileSystem, str]:
    filesystem, log = log_of(location)
    return filesystem, log.removesuffix(f"/{_LOG}")


def is_anothers(path: str) -> bool:
    """Return whether a file is another program's, such as a stream's checkpoint: by its name no table's, no leftover.

    Args:
        path: Relative to the table's folder.
    """
    *folders, name = path.split("/")
    if folders[:1] == [_LOG] or _is_temporary(folders):
        return False
    return any(map(_hidden, _visible(folders))) or (_hidden(name) and not _is_checksum(name))


def _kind(path: str, there: Iterable[str], named: frozenset[str]) -> Kind | None:
    *folders, name = path.split("/")
    if folders[:1] == [_LOG]:
        temporary = name.removesuffix(".crc").endswith(".tmp") or _TEMPORARY in folders
        return Kind.TEMPORARY if temporary else None
    if _is_temporary(folders):
        return Kind.TEMPORARY
    if is_anothers(path):
        return None
    if _is_checksum(name):
        return None if "/".join((*folders, name[1:-4])) in there else Kind.CHECKSUM
    return None if path in named else Kind.UNNAMED


def _visible(folders: Iterable[str]) -> list[str]:
    """Return the folders of a path by whose names VACUUM may pass a file over."""
    return [f for f in folders if f not in _SEEN_BY_VACUUM and "=" not in f]


def _is_temporary(folders: Iterable[str]) -> bool:
    visible = _visible(folders)
    return _TEMPORARY in visible and not any(map(_hidden, visible[: visible.index(_TEMPORARY)]))


def _is_checksum(name: str) -> bool:
    return name.startswith(".") and name.endswith(".crc")


def _hidden(name: str) -> bool:
    return name.startswith(("_", "."))


def _named(filesystem: pafs.FileSystem, root: str) -> Iterator[str]:
    """Yield every path that a commit or a checkpoint in the log names, live or removed, vectors and change data too."""
    for info in objects(filesystem, f"{root}/{_LOG}", ()):
        if info.base_name.startswith("."):
            continue
        try:
            if info.base_name.endswith(".json"):
                yield from _of_commit(filesystem, info.path, root)
            elif info.base_name.endswith(".parquet"):
                yield from _of_checkpoint(filesystem, info.path, root)
        except FileNotFoundError:  # expired by its writer's own clean-up
            continue


def _of_commit(filesystem: pafs.FileSystem, path: str, root: str) -> Iterator[str]:
    with filesystem.open_input_stream(path) as stream:
        for line in stream.read().splitlines():
            if line[:6] not in _FILES:
                continue
            plain = _PATH_FIRST.match(line)
            if plain is not None and b'"deletionVector"' not in line:
                # Most of a line are statistics, which nobody need parse for it.
                yield _relative(plain[1].decode(), root)
                continue
            [body] = json.loads(line).values()
            yield _relative(body["path"], root)
            if (vector := body.get("deletionVector")) is not None:
                yield from _vector(vector["storageType"], vector["pathOrInlineDv"])


def _of_checkpoint(filesystem: pafs.FileSystem, path: str, root: str) -> Iterator[str]:
    with filesystem.open_input_file(path) as source:
        file = pq.ParquetFile(source)
        for action in ("add", "remove"):
            if action not in file.schema_arrow.names:
                continue
            wanted = [
                f"{action}.path",
                f"{action}.deletionVector.storageType",
                f"{action}.deletionVector.pathOrInlineDv",
            ]
            bodies = file.read(columns=wanted).column(action).combine_chunks()
            bodies = bodies.filter(pc.is_valid(bodies))
            yield from (_relative(each, root) for each in pc.struct_field(bodies, "path").to_pylist() if each)
            if any(field.name == "deletionVector" for field in bodies.type):
                kinds, places = (pc.struct_field(bodies, ["deletionVector", name]) for name in _VECTOR)
                own = pc.equal(kinds, "u")
                for place in set(places.filter(own).to_pylist()):
                    yield from _vector("u", place)


def _vector(kind: str, where: str) -> Iterator[str]:
    if kind == "u":
        name = vector_file({"storageType": kind, "pathOrInlineDv": where})
        if name is not None:
            yield name


def _relative(path: str, root: str) -> str:
    """Return a path of the log as the folder has it; a whole path inside of the folder counts as well."""
    plain = unquote(path)
    for prefix in (f"file://{root}/", f"file:{root}/", f"{root}/"):
        if plain.startswith(prefix):
            return plain.removeprefix(prefix)
    return plain
