"""The end of a table's old log entries, behind a checkpoint that needs none of them.

VACUUM leaves commits, checksums, compacted commits, checkpoints with their sidecars, and the `.crc` files that Hadoop
lays beside each. All hold statistics; and whatever lists removed files names them, with the values of their partitions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from delible.errors import ConflictError
from delible.lake.commits import CHECKPOINT, log_of

_VERSIONED = re.compile(r"^\.*(\d{20})\.")
_SUMMARY = re.compile(r"^(\d{20})\.(?:checkpoint\..*|\d{20}\.compacted\.json)$")
"""What sums up entries before it: a checkpoint, in whichever form, or compacted commits."""


def expire_log(
    location: str, *, below: int, older_than: datetime | None, finished_before: datetime | None = None
) -> int:
    """Remove log files that describe only versions below a checkpoint; return how many.

    A younger summary goes as well where it still tells of removed files by values, such as those of their partitions:
    others have made it during the window, from entries that are older. The newest version does not need it.

    Args:
        below: Version of a checkpoint: it and everything after it stays.
        older_than: Only files last written before this instant; None for all.
        finished_before: Sidecars that no checkpoint points to may be of one under way, unless last written before this
            instant; None where nobody else writes.

    Raises:
        ConflictError: `table.no_checkpoint` when no whole, readable checkpoint of that version is there. Delta makes it
            after the commit and swallows a failure; without it the table could not be read any more.
    """
    filesystem, log = log_of(location)
    _refuse_without_checkpoint(filesystem, log, below)
    files = [
        f for f in filesystem.get_file_info(pafs.FileSelector(log, recursive=True)) if f.type is pafs.FileType.File
    ]

    def aged(info: pafs.FileInfo, instant: datetime | None) -> bool:
        return instant is None or info.mtime < instant

    summaries = _Summaries(filesystem, log, files)
    going = {
        name
        for name, info in summaries.files.items()
        if summaries.version(name) < below and (aged(info, older_than) or summaries.tells(name))
    }
    kept = {each for name in summaries.files.keys() - going for each in summaries.sidecars(name)}
    gone = {each for name in going for each in summaries.sidecars(name)} - kept

    def goes(info: pafs.FileInfo) -> bool:
        name = _beside(info.base_name)
        if "/_sidecars/" in info.path:
            return name in gone or (name not in kept and aged(info, finished_before))
        versioned = _VERSIONED.match(info.base_name)
        return name in going or (versioned is not None and int(versioned[1]) < below and aged(info, older_than))

    # Sidecars first: a run that dies in between still finds the checkpoint that says whose they are.
    removed = sorted(filter(goes, files), key=lambda info: "/_sidecars/" not in info.path)
    for info in removed:
        filesystem.delete_file(info.path)
    return len(removed)


def _beside(name: str) -> str:
    """Return the file that Hadoop's checksum is of; the name itself for any other."""
    return name.lstrip(".").removesuffix(".crc") if name.startswith(".") else name


_TYPES = {"path": pa.string(), "partitionValues": pa.map_(pa.string(), pa.string()), "stats": pa.string()}
_TELLING = tuple(_TYPES)


class _Summaries:
    """The checkpoints and compacted commits of a log.

    Attributes:
        files: By name.
    """

    def __init__(self, filesystem: pafs.FileSystem, log: str, files: list[pafs.FileInfo]) -> None:
        self._filesystem, self._log = filesystem, log
        self.files = {f.base_name: f for f in files if f.path == f"{log}/{f.base_name}" and _SUMMARY.match(f.base_name)}
        self._found: dict[str, tuple[str, ...]] = {}

    @staticmethod
    def version(name: str) -> int:
        """Return the version that a summary is of, or begins with."""
        return int(name[:20])

    def sidecars(self, name: str) -> tuple[str, ...]:
        """Return the names of the sidecars that a checkpoint points to."""
        if name not in self._found:
            found = (pc.struct_field(b, "path").to_pylist() for b in self._bodies(name, "sidecar", ("path",)))
            self._found[name] = tuple(str(path).rsplit("/", 1)[-1] for paths in found for path in paths)
        return self._found[name]

    def tells(self, name: str) -> bool:
        """Return whether a summary, or a sidecar of it, tells more of a removed file than its random name."""
        files = [name, *(f"_sidecars/{each}" for each in self.sidecars(name))]
        return any(_tell(bodies) for file in files for bodies in self._bodies(file, "remove", _TELLING))

    def _bodies(self, file: str, action: str, fields: Sequence[str]) -> Iterator[pa.StructArray]:
        """Yield fields of all actions of a name; a file that is cut short, or gone, is read by nobody."""
        path = f"{self._log}/{file}"
        try:
            with self._filesystem.open_input_file(path) as source:
                if file.endswith(".json"):
                    lines = [line for line in source.read().splitlines() if line.startswith(f'{{"{action}"'.encode())]
                    found = [json.loads(line)[action] for line in lines]
                    if found:
                        made = {f: pa.array([_as_arrow(each.get(f)) for each in found], _TYPES[f]) for f in fields}
                        yield pa.StructArray.from_arrays([*made.values()], [*made])
                    return
                parquet = pq.ParquetFile(source)
                if action in parquet.schema_arrow.names:
                    for batch in parquet.iter_batches(columns=[f"{action}.{f}" for f in fields]):
                        bodies = batch.column(0)
                        yield bodies.filter(pc.is_valid(bodies))
        except (FileNotFoundError, ValueError):  # Arrow's and JSON's own among them
            return


def _as_arrow(value: object) -> object:
    return list(value.items()) if isinstance(value, dict) else value


def _tell(removed: pa.StructArray) -> bool:
    """Return whether removed files are told by values: of their partitions, in their paths, in their statistics."""
    fields = {field.name: pc.struct_field(removed, field.name) for field in removed.type}
    return bool(
        pc.any(pc.match_substring(fields["path"], "=")).as_py()
        or ("partitionValues" in fields and len(fields["partitionValues"].keys))
        or ("stats" in fields and fields["stats"].null_count < len(removed))
    )


def _refuse_without_checkpoint(filesystem: pafs.FileSystem, log: str, version: int) -> None:
    parts: dict[int, set[int]] = {}
    for info in filesystem.get_file_info(pafs.FileSelector(log)):
        found = CHECKPOINT.match(info.base_name)
        if found is None or int(found[1]) != version or not _readable(filesystem, info):
            continue
        if found[2] is None:
            return
        parts.setdefault(int(found[3]), set()).add(int(found[2]))
    if any(len(numbers) == total for total, numbers in parts.items()):
        return
    raise ConflictError(
        "table.no_checkpoint",
        f"there is no whole checkpoint of version {version}, so older log entries were left in place.",
        where=log,
        fix="Another writer may have come between; run the command again.",
    )


def _readable(filesystem: pafs.FileSystem, info: pafs.FileInfo) -> bool:
    if info.base_name.endswith(".json"):
        return bool(info.size)
    try:
        with filesystem.open_input_file(info.path) as source:
            return bool(pq.ParquetFile(source).metadata.num_rows)
    except (OSError, pa.ArrowException):
        return False
