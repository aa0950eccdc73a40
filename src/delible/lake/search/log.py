"""Search for keys in the statistics and partition values of a Delta log.

A small number such as a customer id is no proof in raw text, but as minimum, maximum or partition value of its own
column it is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from delible.model.subject import normalised

if TYPE_CHECKING:
    from delible.lake.search.typed_keys import TypedKeys

_BOUNDS = ("minValues", "maxValues")
_TRUNCATED = 32
"""Delta cuts string statistics to this many characters."""


def search_statistics(data: bytes, typed: Mapping[str, TypedKeys]) -> Counter[str]:
    """Count keys among the statistics of commits, checksums or one `stats` document; by `:column`."""
    found: Counter[str] = Counter()
    for document in _documents(data):
        for column, value in _values(document):
            keys = typed.get(column.lower())
            if keys is not None and _is_key(value, keys):
                found[f":{column}"] += 1
    return found


def _documents(data: bytes) -> Iterator[Any]:
    for line in data.splitlines():
        if line.lstrip()[:1] == b"{":
            try:
                yield json.loads(line)
            except ValueError:
                continue


def _values(node: Any) -> Iterator[tuple[str, object]]:
    """Yield column and value for every bound and partition value anywhere in a log action."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in (*_BOUNDS, "partitionValues") and isinstance(value, dict):
                yield from _columns("", value)
            elif key == "stats" and isinstance(value, str):
                for document in _documents(value.encode()):
                    yield from _values(document)
            else:
                yield from _values(value)
    elif isinstance(node, list):
        for item in node:
            yield from _values(item)


def _columns(prefix: str, node: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name, value in node.items():
        path = f"{prefix}.{name}" if prefix else name
        if isinstance(value, dict):
            yield from _columns(path, value)
        else:
            yield path, value


def _is_key(value: object, keys: TypedKeys) -> bool:
    if value is None or isinstance(value, bool):
        return False
    text = normalised(str(value), keys.how)
    if text in keys.values:
        return True
    cut = text[:_TRUNCATED]
    return len(text) >= _TRUNCATED and any(len(k) > _TRUNCATED and k.startswith(cut) for k in keys.values)
