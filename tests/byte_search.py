"""A byte search written apart from the product's own, for tests that must not believe what they test.

Nothing of `delible` is imported. It is slow and simple: every file is read whole, Parquet is turned into Python values,
and each value is looked at.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

_LEFT, _RIGHT = rb"(?<![a-z0-9._%+\-])", rb"(?![a-z0-9_%+\-@]|\.[a-z0-9])"
"""`anna.ann@shop.example` and `ann@shop.example.org` are other people's addresses."""
_BOUNDS = ("minValues", "maxValues", "partitionValues", "partitionValues_parsed")


def places(
    *folders: Path, texts: Iterable[str] = (), keys: Mapping[str, Collection[object]] | None = None
) -> list[str]:
    """Return the places in all files below the folders at which a text or a key stands.

    Args:
        texts: Looked for everywhere: raw, in encodings, decoded, decompressed, and in names of files.
        keys: Per column, values that prove nothing in raw bytes; looked for where the column's own values stand.
    """
    texts, wanted = list(texts), {c: {str(v).lower() for v in values} for c, values in (keys or {}).items()}
    patterns = [pattern for text in texts for pattern in _patterns(text)]
    found = []
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            found += [f"{path}: {where}" for where in _in_file(path, path.relative_to(folder), patterns, wanted)]
    return found


def _patterns(text: str) -> Iterator[tuple[str, re.Pattern[bytes]]]:
    plain = text.encode()
    yield "text", re.compile(_LEFT + re.escape(plain.lower()) + _RIGHT, re.IGNORECASE)
    for codec in ("utf-16-le", "utf-16-be"):
        yield codec, re.compile(re.escape(text.encode(codec)), re.IGNORECASE)
    yield "hex", re.compile(plain.hex().encode(), re.IGNORECASE)
    for spelling in {plain, plain.lower(), plain.upper()}:
        for shift in range(3):
            inner = base64.b64encode(b"x" * shift + spelling)[(0, 2, 3)[shift] : (shift + len(spelling)) * 4 // 3]
            yield "base64", re.compile(re.escape(inner))


def _in_file(
    path: Path, name: Path, patterns: list[tuple[str, re.Pattern[bytes]]], keys: Mapping[str, set[str]]
) -> Iterator[str]:
    data = path.read_bytes()
    for payload, how in _payloads(data):
        for form, pattern in patterns:
            if pattern.search(payload):
                yield f"{how}{form}"
        if b"{" in payload:
            for line in payload.splitlines():
                yield from _in_json(line, keys)
    if data[:4] == b"PAR1" == data[-4:]:
        yield from _in_parquet(path, patterns, keys)
    spelled = unquote(str(name))
    if any(pattern.search(spelled.encode()) for _, pattern in patterns):
        yield "name of the file"
    for part in spelled.split("/"):
        column, sign, value = part.partition("=")
        if sign and value.lower() in keys.get(column, ()):
            yield f"name of the folder: {column}"


def _payloads(data: bytes) -> Iterator[tuple[bytes, str]]:
    yield data, ""
    if data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data), "gzip, "
    if data[:4] == b"\x28\xb5\x2f\xfd":
        with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
            yield stream.read(), "zstd, "


def _in_parquet(
    path: Path, patterns: list[tuple[str, re.Pattern[bytes]]], keys: Mapping[str, set[str]]
) -> Iterator[str]:
    for row in pq.ParquetFile(path).read().to_pylist():
        for column, value in _leaves("", row):
            text = value if isinstance(value, bytes) else str(value).encode()
            if any(pattern.search(text) for _, pattern in patterns):
                yield f"decoded: {column}"
            if str(value).strip().lower() in keys.get(column.rsplit(".", 1)[-1], ()):
                yield f"decoded key: {column}"
            if text[:1] == b"{":
                yield from (f"{column}: {where}" for where in _in_json(text, keys))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}", inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            if isinstance(inner, tuple) and len(inner) == 2:  # an entry of a map: its key is the column's name
                yield f"{path}.key", inner[0]
                yield from _leaves(f"{path}.{inner[0]}", inner[1])
            else:
                yield from _leaves(path, inner)
    elif value is not None:
        yield path, value


def _in_json(line: bytes, keys: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield the columns whose key is a bound or a partition value of a Delta log action."""
    try:
        document = json.loads(line)
    except ValueError:
        return
    yield from _bounds(document, keys, inside=False)


def _bounds(node: Any, keys: Mapping[str, set[str]], *, inside: bool) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _bounds(item, keys, inside=inside)
    elif isinstance(node, dict):
        for name, value in node.items():
            if isinstance(value, dict | list):
                yield from _bounds(value, keys, inside=inside or name in _BOUNDS)
            elif name == "stats" and isinstance(value, str):
                yield from _in_json(value.encode(), keys)
            elif inside and str(value).strip().lower() in keys.get(name, ()):
                yield f"statistics: {name}"
