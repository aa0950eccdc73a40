"""Paths to columns inside of columns: names joined by dots, in backticks where a name has a dot itself."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

_PART = re.compile(r"`((?:[^`]|``)+)`|([^.`]+)")


def path_part(name: str) -> str:
    """Return a name as it stands in a path."""
    return f"`{name.replace('`', '``')}`" if "." in name or "`" in name else name


def path_parts(path: str) -> list[str]:
    """Return the names on a path, as the table has them: ``a.`b.c` `` has `a` and `b.c`."""
    return [quoted.replace("``", "`") if quoted else plain for quoted, plain in _PART.findall(path)]


def is_among(path: str, columns: Container[str]) -> bool:
    """Return whether a column, or the column of the table that it is part of, is one of `columns`."""
    return path in columns or next(iter(path_parts(path)), path) in columns


def leaf_columns(fields: Iterable[Mapping[str, Any]], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield columns of Delta's schema with their types; the fields of structs under their dotted path."""
    for field in fields:
        kind, name = field["type"], above + path_part(field["name"])
        if isinstance(kind, str):
            yield name, kind
        elif kind["type"] == "struct":
            yield from leaf_columns(kind["fields"], f"{name}.")
        else:
            yield name, kind["type"]


def says_of(named: Iterable[str], path: str) -> bool:
    """Return whether a column, a struct around it, or something in it is named: arrays and maps have no leaves."""
    return any(path == each or path.startswith(f"{each}.") or each.startswith(f"{path}.") for each in named)
