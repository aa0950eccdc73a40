"""What a Parquet file holds besides its rows: dictionaries' unused entries, page indexes, Bloom filters, and gaps.

Rows come from pyarrow, which reads what the rows need and nothing else. A dictionary may list values that no row has
any more, an index or a filter may have been made of other rows, and between the parts that a footer names may lie
pages that no footer names.
"""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from typing import IO, Any

import numpy as np
import pyarrow as pa

from delible.lake.search.bloom import beyond_chance, said
from delible.lake.search.forms import Needles
from delible.lake.search.packed import Unopened
from delible.lake.search.thrift import Struct, read_struct, texts

_MAGIC = 4
_TAIL = 8
_BYTES, _FIXED = 6, 7
_PLAIN_NUMBERS = {1: "<i4", 2: "<i8", 4: "<f4", 5: "<f8"}
_CODECS = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}
_HADOOP_LZ4 = 5
_DICTIONARY = 2
_ENCRYPTED = 8
"""A column chunk that has this field is encrypted with a key of its own."""
_DECIMAL = 5
_HEAD = 1 << 16
_SMALLEST_GAP = 24
"""Fewer bytes hold no page; they are searched as they are, like all others."""
_BETWEEN = b"\n\0\n"

Hits = Counter[tuple[str, str]]
Search = Callable[[pa.Array], Counter[str]]


def search_parts(source: IO[bytes], needles: Needles, search: Search, known: Collection[tuple[str, str]]) -> Hits:
    """Count what stands in these parts alone, by column and form.

    Args:
        search: Counts the matches in an Arrow array, by form.
        known: Column and form of what the rows hold; their dictionaries and indexes hold it, too.

    Raises:
        Unopened: When some bytes belong to nothing that the footer names, or a part cannot be read.
    """
    return _Parts(source, needles, search, known).found()


class _Parts:
    def __init__(self, source: IO[bytes], needles: Needles, search: Search, known: Collection[tuple[str, str]]) -> None:
        self._source = source
        self._needles = needles
        self._search = search
        self._known_forms = known
        self._known = {column for column, form in known if not form.startswith("footer")}
        self._size = source.seek(0, io.SEEK_END)
        self._spans: list[tuple[int, int]] = [(0, _MAGIC)]
        self._filters: dict[str, list[tuple[int, float]]] = defaultdict(list)

    def found(self) -> Hits:
        try:
            return self._found()
        except (ValueError, KeyError, TypeError, OSError, pa.ArrowException):
            raise Unopened from None

    def _found(self) -> Hits:
        footer = self._footer()
        hits: Hits = Counter()
        chunks = [chunk for group in footer.get(4, ()) for chunk in group.get(1, ())]
        if any(_ENCRYPTED in chunk for chunk in chunks):
            raise Unopened
        for form in self._needles.search_plain(_BETWEEN.join(texts(footer))):
            if not any(known == f"footer, {form}" for _, known in self._known_forms):
                hits["", f"footer, {form}"] += 1
        leaves = [element for element in footer[2] if not element.get(5)]
        for group in footer.get(4, ()):
            for leaf, chunk in zip(leaves, group.get(1, ()), strict=True):
                column = b".".join(chunk[3][3]).decode("utf-8", "replace")
                for form, count in self._in_chunk(chunk, column, _is_decimal(leaf)).items():
                    hits[column, form] += count
        if beyond_chance([answer for answers in self._filters.values() for answer in answers]):
            for column, answers in self._filters.items():
                yes = sum(yes for yes, _ in answers)
                hits[column, "bloom filter, may hold"] += yes
        self._refuse_gaps()
        return +hits

    def _footer(self) -> Struct:
        length = int.from_bytes(self._at(self._size - _TAIL, 4), "little")
        start = self._size - _TAIL - length
        self._spans.append((start, self._size))
        return read_struct(self._at(start, length))[0]

    def _in_chunk(self, chunk: Struct, column: str, decimal: bool) -> Counter[str]:
        meta, found = chunk[3], Counter[str]()
        own = column in self._known
        dictionary = meta.get(11) or 0
        start = min(dictionary, meta[9]) if dictionary > 0 else meta[9]
        self._spans.append((start, start + meta[7]))
        entries = self._dictionary(meta, start, decimal)
        if entries is not None and not own:
            found += Counter({f"dictionary page, {f}": c for f, c in self._search(entries).items()})
        for offset, length in ((4, 5), (6, 7)):
            if chunk.get(offset) and chunk.get(length):
                self._spans.append((chunk[offset], chunk[offset] + chunk[length]))
        if chunk.get(6) and not own:
            index, _ = read_struct(self._at(chunk[6], chunk[7]))
            bounds = _BETWEEN.join((*index.get(2, ()), *index.get(3, ())))
            found += Counter({f"page index, {form}": 1 for form in self._needles.search_plain(bounds)})
        if meta.get(14):
            self._ask(meta, column, own)
        return found

    def _dictionary(self, meta: Struct, start: int, decimal: bool) -> pa.Array | None:
        head = self._at(start, min(_HEAD, meta[7]))
        header, end = read_struct(head)
        if header[1] != _DICTIONARY:
            return None
        data = self._opened(self._at(start + end, header[3]), header[2], meta[4])
        count = header[7][1]
        if meta[1] in _PLAIN_NUMBERS and not decimal:
            return pa.array(np.frombuffer(data, _PLAIN_NUMBERS[meta[1]], count))
        if meta[1] == _FIXED and count:
            width = len(data) // count
            return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), count, [None, pa.py_buffer(data)])
        if meta[1] == _BYTES and self._may_hold(data):
            return pa.array(list(_plain(data, count)), pa.large_binary())
        return None

    def _may_hold(self, data: bytes) -> bool:
        """Return whether it is worth to part the entries: the bytes of their lengths may look like letters."""
        needles = self._needles
        return any(True for _ in needles.certain(data)) or any(True for _ in needles.rest_places(data))

    def _opened(self, data: bytes, size: int, codec: int) -> bytes:
        if codec == 0:
            return data
        if codec == _HADOOP_LZ4:  # each block behind its two lengths
            return bytes(pa.decompress(data[8:], size, "lz4_raw", asbytes=True))
        return bytes(pa.decompress(data, size, _CODECS[codec], asbytes=True))

    def _ask(self, meta: Struct, column: str, own: bool) -> None:
        """Ask a column's filter; a column whose rows hold a value has a filter that says so."""
        head = self._at(meta[14], min(_HEAD, self._size - meta[14]))
        header, end = read_struct(head)
        self._spans.append((meta[14], meta[14] + end + header[1]))
        if not own and meta[1] == _BYTES:
            bits = self._at(meta[14] + end, header[1])
            self._filters[column].append(said(bits, self._needles.hashes))

    def _refuse_gaps(self) -> None:
        end = 0
        for start, after in sorted(self._spans):
            if start - end >= _SMALLEST_GAP and self._at(end, start - end).strip(b"\0"):
                raise Unopened
            end = max(end, after)

    def _at(self, place: int, size: int) -> bytes:
        if place < 0 or size < 0 or place + size > self._size:
            raise ValueError("beyond the file")
        self._source.seek(place)
        return self._source.read(size)


def _is_decimal(leaf: Struct) -> bool:
    """Return whether a column's numbers are without their point in the file."""
    return leaf.get(6) == _DECIMAL or _DECIMAL in (leaf.get(10) or ())


def _plain(data: bytes, count: int) -> Iterator[bytes]:
    place = 0
    for _ in range(count):
        size: Any = int.from_bytes(data[place : place + 4], "little")
        if place + 4 + size > len(data):
            raise ValueError("an entry beyond the page")
        yield data[place + 4 : place + 4 + size]
        place += 4 + size
