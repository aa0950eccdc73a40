"""Search one file wholly: its bytes, its decoded columns, and what is packed in it."""

from __future__ import annotations

import io
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import PurePosixPath
from typing import IO, Any, Protocol, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from delible.lake.search.arrow import in_array, is_searchable, search_table
from delible.lake.search.formats import ARCHIVES, COLUMNS, STREAMS, Format
from delible.lake.search.forms import Needles
from delible.lake.search.hidden import Hidden
from delible.lake.search.packed import UNREADABLE, Allowance, Packed, Unopened, members, unpacked
from delible.lake.search.parquet_parts import search_parts
from delible.lake.search.places import search_name
from delible.lake.search.typed_keys import TypedKeys

_CHUNK = 32 * 1024 * 1024
_OVERLAP = 16 * 1024
_BATCH = 64 * 1024
_OPAQUE = frozenset({Format.PLAIN, Format.CLOSED})
_TEXTS = frozenset({"BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"})
_AT_ONCE = max(1, min(8, os.cpu_count() or 1))
_LEVELS = 3
"""A compressed file in an archive that is compressed itself is three levels down."""


T = TypeVar("T")


class Digest(Protocol):
    """What `hashlib` makes."""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""


class FileSearch:
    """What one file holds of what is looked for.

    Args:
        size: The file's size in bytes, which bounds how much may be unpacked from it.
        digest: Is fed the file's own bytes.

    Attributes:
        found: Matches by column (or nothing) and form.
        wholly: Whether everything that is packed in it could be looked into.
    """

    def __init__(
        self, needles: Needles, typed: Mapping[str, TypedKeys], *, size: int, digest: Digest | None = None
    ) -> None:
        self.found: Counter[tuple[str, str]] = Counter()
        self.wholly = True
        self._needles = needles
        self._typed = typed
        self._digest = digest
        self._allowance = Allowance(size)

    def look(self, packed: Packed) -> None:
        """Search the file; damage at one place does not keep the rest from being searched."""
        self._look(packed, 0)

    def _look(self, packed: Packed, level: int) -> None:
        prefix = "compressed, " if level else ""
        try:
            kind, hidden = _kind(packed), Hidden()
            with packed.open() as stream:
                # Bytes that are packed read as nothing; marks between letters stand in them by chance alone.
                search = self._needles.search if kind in _OPAQUE else self._needles.search_plain
                looks: list[Callable[[bytes], object]] = [hidden.look] if kind in _OPAQUE else []
                looks += [self._digest.update] if self._digest is not None and level == 0 else []
                for form, count in search_stream(stream, self._needles, looks, search).items():
                    self.found["", prefix + form] += count
            self._look_inside(packed, Format.ZIP if hidden.zipped else kind, level, prefix)
            if hidden.packed:
                raise Unopened
        except FileNotFoundError:
            raise
        except UNREADABLE:
            self.wholly = False

    def _look_inside(self, packed: Packed, kind: Format, level: int, prefix: str) -> None:
        if kind in COLUMNS:
            for (column, form), count in _in_columns(packed, kind, self._needles, self._typed):
                self.found[column, prefix + form] += count
        elif kind is Format.CLOSED or (kind is not Format.PLAIN and level == _LEVELS):
            raise Unopened
        elif kind in STREAMS:
            self._look(unpacked(packed, kind, self._allowance), level + 1)
        elif kind in ARCHIVES:
            for member in members(packed, kind, self._allowance):
                for form, count in search_name(member.name, self._needles).items():
                    self.found["", f"compressed, file name, {form}"] += count
                self._look(member, level + 1)


def search_stream(
    stream: IO[bytes],
    needles: Needles,
    looks: Sequence[Callable[[bytes], object]] = (),
    search: Callable[[bytes], Counter[str]] | None = None,
) -> Counter[str]:
    """Search bytes in overlapping chunks; a match that straddles two chunks is seen in the overlap.

    Args:
        looks: Each sees each chunk, too.
        search: Counts the matches of a chunk; in all ways in which it may be read, unless it says otherwise.
    """
    search = search or needles.search
    found: Counter[str] = Counter()
    overlap = b""
    while chunk := stream.read(_CHUNK):
        for look in looks:
            look(chunk)
        block = overlap + chunk
        counted = search(block)
        if overlap:
            counted -= search(overlap)
        found += counted
        overlap = block[-max(_OVERLAP, needles.longest) :]
    return found


def _kind(packed: Packed) -> Format:
    kind = packed.format()
    if kind is not Format.ORC or PurePosixPath(packed.name).suffix.lower() == ".orc":
        return kind
    with packed.seekable() as source:
        # Three letters begin many a text, too, so the end must say the same.
        source.seek(max(0, source.seek(0, io.SEEK_END) - 4))
        return kind if source.read(3) == b"ORC" else Format.PLAIN


def _in_columns(
    packed: Packed, kind: Format, needles: Needles, typed: Mapping[str, TypedKeys]
) -> Iterator[tuple[tuple[str, str], int]]:
    with packed.seekable() as source:
        file = pq.ParquetFile(source) if kind is Format.PARQUET else None
        if file is not None:
            batches = file.iter_batches(batch_size=_BATCH)
        elif kind is Format.ARROW:
            batches = _sound(pa.ipc.open_file(source))
        else:
            from pyarrow import orc

            stripes = orc.ORCFile(source)
            for text in (*stripes.schema.names, *chain.from_iterable((stripes.metadata or {}).items())):
                for form in needles.search(text if isinstance(text, bytes) else text.encode()):
                    yield ("", f"footer, {form}"), 1
            batches = map(stripes.read_stripe, range(stripes.nstripes))
        kinds: set[pa.DataType] = set()
        known: set[tuple[str, str]] = set()
        for batch, found in _side_by_side(batches, partial(_in_batch, needles, typed)):
            kinds.update(batch.schema.types)
            known.update(found)
            yield from found.items()
        if file is not None:
            # Last: over some damaged footers Arrow ends the process, unless reading the rows has refused them before.
            stated = in_footer(file.metadata, needles)
            known.update(stated)
            yield from stated.items()
            yield from search_parts(source, needles, partial(in_array, needles=needles), known).items()
        if not all(is_searchable(kind) for kind in kinds):
            raise Unopened


def _in_batch(needles: Needles, typed: Mapping[str, TypedKeys], batch: Any) -> Counter[tuple[str, str]]:
    return search_table(pa.Table.from_batches([batch]), needles, typed)


def _side_by_side(batches: Iterable[Any], search: Callable[[Any], T]) -> Iterator[tuple[Any, T]]:
    """Search batches while the next ones are decoded: both leave the interpreter's lock to others most of the time."""
    waiting: deque[tuple[Any, Future[T]]] = deque()
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="search") as pool:
        for batch in batches:
            waiting.append((batch, pool.submit(search, batch)))
            if len(waiting) > _AT_ONCE:
                done, future = waiting.popleft()
                yield done, future.result()
        for done, future in waiting:
            yield done, future.result()


def _sound(reader: Any) -> Iterator[Any]:
    """Yield the batches of an Arrow file, whose offsets could point anywhere if it is damaged."""
    for number in range(reader.num_record_batches):
        batch = reader.get_batch(number)
        batch.validate(full=True)
        yield batch


def in_footer(
    metadata: Any, needles: Needles, *, passed: Callable[[str], bool] = lambda _: False
) -> Counter[tuple[str, str]]:
    """Search what a Parquet footer states: columns' names, key-value metadata, the smallest and largest texts.

    In the raw file a byte that says how long a text is stands before it, and may look like a letter of it. Bounds of
    numbers are values of the file's own rows, and Arrow ends the process over a damaged one.

    Args:
        passed: Columns whose bounds are not looked at.
    """
    found: Counter[tuple[str, str]] = Counter()
    texts = [metadata.schema.column(index).path.encode() for index in range(metadata.num_columns)]
    for text in (*texts, *chain.from_iterable((metadata.metadata or {}).items())):
        for form in needles.search(text):
            found["", f"footer, {form}"] += 1
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            column = metadata.row_group(group).column(index)
            if column.physical_type not in _TEXTS or not column.is_stats_set or not column.statistics.has_min_max:
                continue
            if passed(column.path_in_schema):
                continue
            for bound in (column.statistics.min_raw, column.statistics.max_raw):
                for form in needles.search(bound):
                    found[column.path_in_schema, f"footer, {form}"] += 1
    return found
