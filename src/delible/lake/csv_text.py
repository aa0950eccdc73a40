"""CSV files checked line by line before Spark reads them: one header, whole rows, UTF-8. No cell is ever repeated."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from delible.errors import InputError

_FORBIDDEN = re.compile(r"[ ,;{}()\n\t=]")
"""Delta refuses these in the names of columns."""
_LOOKS_LIKE_DATA = re.compile(r"[+-]?[\d.,]+|\d{4}-\d{2}-\d{2}.*|[^@\s]+@[^@\s]+\.[^@\s]+")
_LONGEST_NAME = 255
_LONGEST_CELL = 64 * 1024 * 1024


def checked(files: Sequence[Path]) -> tuple[list[str], int]:
    """Return the columns that all files have, and the number of rows, after reading every file to its end.

    Raises:
        InputError: `load.header`, `load.row` or `load.encoding`, with file and line. The header is not repeated
            either: where it is missing, the first line holds a person's data.
    """
    header: list[str] | None = None
    total = 0
    for file in files:
        own, rows = _read_through(file)
        if header is not None and own != header:
            raise InputError("load.header", "its header is not that of the first file.", where=f"{file}:1")
        header = own
        total += rows
    return header or [], total


def _read_through(file: Path) -> tuple[list[str], int]:
    csv.field_size_limit(_LONGEST_CELL)
    reader = None
    rows = 0
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, strict=True)
            header = _header(next(reader, []), file)
            start = reader.line_num + 1
            for row in reader:
                if row and len(row) != len(header):
                    raise InputError(
                        "load.row",
                        f"a row has {len(row)} cells, the header has {len(header)}.",
                        where=f"{file}:{start}",
                        fix="Correct the line, or quote the cell that holds a comma, a quote or a line break.",
                    )
                start = reader.line_num + 1
                rows += bool(row)
    except UnicodeDecodeError:
        raise InputError(
            "load.encoding", "the file is not UTF-8 text.", where=str(file), fix="Convert it to UTF-8 first."
        ) from None
    except csv.Error:
        line = reader.line_num if reader is not None else 1
        raise InputError("load.row", "a quoted cell is not closed or not valid.", where=f"{file}:{line}") from None
    return header, rows


def _header(names: list[str], file: Path) -> list[str]:
    where = f"{file}:1"
    if not names:
        raise InputError("load.header", "the file has no header line.", where=where)
    for place, name in enumerate(names, 1):
        if not name.strip() or _LOOKS_LIKE_DATA.fullmatch(name.strip()):
            raise InputError(
                "load.header",
                f"cell {place} of the first line is no column name.",
                where=where,
                fix="Put a header line first.",
            )
        if _FORBIDDEN.search(name) or len(name) > _LONGEST_NAME or not name.isprintable():
            raise InputError(
                "load.header",
                f"the name of column {place} holds a character that a Delta table cannot have, or is too long.",
                where=where,
                fix="Rename it: no spaces, commas, semicolons, brackets or equals signs.",
            )
    if len({name.casefold() for name in names}) != len(names):
        raise InputError("load.header", "two columns have the same name.", where=where)
    return names
