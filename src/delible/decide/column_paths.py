"""Paths to columns inside of columns: names joined by dots, in backticks where a name has a dot itself."""

from __future__ import annotations

import re
from collections.abc import Container

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
