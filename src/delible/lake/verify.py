"""The byte search after an erasure: independent of the engine that deleted, and of what the log says.

Every object under a folder is read: data files whether or not a log mentions them, deletion-vectored rows, change data,
commits, checkpoints, checksums, sidecars, leftovers. Parquet is decoded with pyarrow. Only places come back, never
values.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from delible.lake.arrow_search import TypedKeys, search_table
from delible.lake.forms import Needles
from delible.lake.log_search import search_statistics
from delible.model.proof import Match, Verification
from delible.model.subject import normalised

_CHUNK = 32 * 1024 * 1024
_GZIP, _ZSTD, _PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"


@dataclass(frozen=True)
class Folder:
    """One folder to search.

    Args:
        name: How its places are named in the result, such as `table:orders`.
        location: Absolute path or URI.
        typed: Keys that are no proof in raw bytes, such as small numbers, by the column that they would stand in.
        skip: Subfolders, relative, that are searched on their own or are exempt.
    """

    name: str
    location: str
    typed: Mapping[str, TypedKeys] = field(default_factory=dict)
    skip: tuple[str, ...] = ()


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
        filesystem, root = pafs.FileSystem.from_uri(folder.location)
        for info in _objects(filesystem, root, folder.skip):
            place = f"{folder.name}/{PurePosixPath(info.path).relative_to(root)}"
            files += 1
            size += info.size or 0
            named = _in_name(place, needles, folder.typed)
            if named:
                place = f"{folder.name} (name of a file)"
                matches.update({(place, form): count for form, count in named.items()})
            try:
                for suffix, form, count in _in_file(filesystem, info, needles, folder.typed):
                    matches[(place + suffix, form)] += count
            except FileNotFoundError:
                continue
            except (OSError, pa.ArrowException, EOFError, zlib.error):
                unreadable.append(place)
    return Verification(
        at=now,
        files_searched=files,
        bytes_searched=size,
        values_searched=needles.count + sum(len(t.values) for f in folders for t in f.typed.values()),
        matches=tuple(Match(place=p, form=f, count=c) for (p, f), c in sorted(matches.items())),
        unreadable=tuple(unreadable),
    )


def _in_name(place: str, needles: Needles, typed: Mapping[str, TypedKeys]) -> Counter[str]:
    """Search the name of a file, and the partition folders above it, such as `customer_id=17`."""
    found = Counter[str]()
    for form, count in needles.search(place.encode("utf-8", "surrogatepass")).items():
        found[f"file name, {form}"] += count
    for folder in place.split("/")[:-1]:
        column, sign, value = unquote(folder).partition("=")
        keys = typed.get(column)
        if sign and keys is not None and normalised(value, keys.how) in keys.values:
            found["partition folder"] += 1
    return found


def _objects(filesystem: pafs.FileSystem, root: str, skip: tuple[str, ...]) -> Iterator[pafs.FileInfo]:
    selector = pafs.FileSelector(root, recursive=True, allow_not_found=True)
    skipped = tuple(f"{root.rstrip('/')}/{part.strip('/')}/" for part in skip)
    for info in sorted(filesystem.get_file_info(selector), key=lambda i: i.path):
        if info.type is pafs.FileType.File and not info.path.startswith(skipped):
            yield info


def _in_file(
    filesystem: pafs.FileSystem, info: pafs.FileInfo, needles: Needles, typed: Mapping[str, TypedKeys]
) -> Iterator[tuple[str, str, int]]:
    with filesystem.open_input_file(info.path) as source:
        head = source.read(4)
    if head == _PARQUET:
        yield from _in_parquet(filesystem, info.path, needles, typed)
    for form, count in _in_bytes(filesystem, info.path, needles).items():
        yield "", form, count
    if head[:2] == _GZIP or head == _ZSTD:
        payload = _payload(filesystem, info.path, "gzip" if head[:2] == _GZIP else "zstd")
        for form, count in needles.search(payload).items():
            yield "", f"compressed, {form}", count
    if typed and "/_delta_log/" in info.path and head != _PARQUET:
        with filesystem.open_input_stream(info.path) as stream:
            for suffix, count in search_statistics(stream.read(), typed).items():
                yield suffix, "statistics", count


def _in_bytes(filesystem: pafs.FileSystem, path: str, needles: Needles) -> Counter[str]:
    """Search the raw bytes in overlapping chunks; a match that straddles two chunks is seen in the overlap."""
    found: Counter[str] = Counter()
    overlap = b""
    keep = 16 * 1024
    with filesystem.open_input_stream(path) as stream:
        while chunk := stream.read(_CHUNK):
            block = overlap + chunk
            counted = needles.search(block)
            if overlap:
                counted -= needles.search(overlap)
            found += counted
            overlap = block[-keep:]
    return found


def _payload(filesystem: pafs.FileSystem, path: str, codec: str) -> bytes:
    with filesystem.open_input_stream(path, compression=None) as stream:
        data = stream.read()
    if codec == "gzip":
        return gzip.decompress(data)
    with pa.CompressedInputStream(pa.BufferReader(data), codec) as inside:
        return bytes(inside.read())


def _in_parquet(
    filesystem: pafs.FileSystem, path: str, needles: Needles, typed: Mapping[str, TypedKeys]
) -> Iterator[tuple[str, str, int]]:
    with filesystem.open_input_file(path) as source:
        file = pq.ParquetFile(source)
        totals: Counter[tuple[str, str]] = Counter()
        for batch in file.iter_batches(batch_size=64 * 1024):
            totals.update(search_table(pa.Table.from_batches([batch]), needles, typed))
        for group in range(file.metadata.num_row_groups):
            for index in range(file.metadata.num_columns):
                column = file.metadata.row_group(group).column(index)
                statistics = column.statistics
                if statistics is None or not statistics.has_min_max:
                    continue
                for bound in (statistics.min_raw, statistics.max_raw):
                    text = bound if isinstance(bound, bytes) else str(bound).encode()
                    for form in needles.search(text):
                        totals[(column.path_in_schema, f"footer, {form}")] += 1
        for (name, form), count in totals.items():
            yield f":{name}", form, count
