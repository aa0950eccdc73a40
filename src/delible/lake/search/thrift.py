"""Thrift's compact protocol, as far as Parquet's footers, page headers and indexes need it: reading, nothing else.

pyarrow shows a footer's contents and not where the indexes, filters and dictionaries of a file stand.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_DEEPEST = 32
_LONG_LIST = 15

Struct = dict[int, Any]
"""Values by the numbers of their fields."""


def read_struct(data: bytes, place: int = 0) -> tuple[Struct, int]:
    """Return the struct that begins at a place, and where it ends.

    Raises:
        ValueError: When the bytes are no struct.
    """
    try:
        return _struct(data, place, 0)
    except (IndexError, struct.error, RecursionError):
        raise ValueError("no Thrift struct") from None


def texts(node: Any) -> Iterator[bytes]:
    """Yield every text and every byte string anywhere in a struct."""
    if isinstance(node, bytes):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)


def _struct(data: bytes, place: int, depth: int) -> tuple[Struct, int]:
    found: Struct = {}
    field = 0
    while (head := data[place]) != 0:
        place += 1
        if head >> 4:
            field += head >> 4
        else:
            field, place = _integer(data, place)
        kind = head & 15
        if kind in (_TRUE, _FALSE):
            found[field] = kind == _TRUE
        else:
            found[field], place = _value(data, place, kind, depth + 1)
    return found, place + 1


def _value(data: bytes, place: int, kind: int, depth: int) -> tuple[Any, int]:  # noqa: PLR0911 - one for each kind
    if depth > _DEEPEST:
        raise ValueError("too deep")
    if kind in (_TRUE, _FALSE, _BYTE):  # in lists, a truth value has a byte of its own
        return data[place], place + 1
    if kind == _DOUBLE:
        return struct.unpack_from("<d", data, place)[0], place + 8
    if kind == _BINARY:
        size, place = _varint(data, place)
        if place + size > len(data):
            raise ValueError("a text beyond the end")
        return data[place : place + size], place + size
    if kind in (_LIST, _SET):
        head = data[place]
        size, place = (head >> 4, place + 1) if head >> 4 < _LONG_LIST else _varint(data, place + 1)
        if size > len(data) - place:
            raise ValueError("a list beyond the end")
        return _many(data, place, [head & 15] * size, depth)
    if kind == _MAP:
        size, place = _varint(data, place)
        if size == 0:
            return [], place
        if size > len(data) - place:
            raise ValueError("a map beyond the end")
        return _many(data, place + 1, [data[place] >> 4, data[place] & 15] * size, depth)
    if kind == _STRUCT:
        return _struct(data, place, depth)
    return _integer(data, place)


def _many(data: bytes, place: int, kinds: list[int], depth: int) -> tuple[list[Any], int]:
    found = []
    for kind in kinds:
        value, place = _value(data, place, kind, depth + 1)
        found.append(value)
    return found, place


def _integer(data: bytes, place: int) -> tuple[int, int]:
    value, place = _varint(data, place)
    return (value >> 1) ^ -(value & 1), place


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004 - the bit that says that more follows
            return value, place
        shift += 7
        if shift > 63:  # noqa: PLR2004
            raise ValueError("a number of more than 64 bits")
