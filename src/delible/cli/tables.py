"""Tables on a terminal: an id, a code or a reason is never cut, and no word is broken in its midst.

A person copies from them. Where columns do not fit beside each other, long texts go on below; where not even their
longest words fit, nor the parts of dotted names, each row becomes a paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.table import Table

_GAP = 2
BREAKABLE: Final = "fold"
"""The `overflow` of a column whose long names may go on below, behind a point or an underscore, before rows become
paragraphs."""
_PIECE = re.compile(r"[^._]*[._]+|[^._]+")


def fitted(table: Table, width: int) -> list[str] | None:
    """Give a table's columns widths at which they are read whole; return its rows as lines where there are none such.

    A figure, such as `3 of 4`, is one word: columns that stand to the right are never broken.

    Args:
        table: Without a box, of strings.
        width: Columns of the terminal.
    """
    columns = [[str(column.header), *map(str, column.cells)] for column in table.columns]
    room = width - _GAP * (len(columns) - 1)
    whole = [max(map(_longest_line, cells)) for cells in columns]
    if sum(whole) <= room:
        return None
    words = [
        max(map(_longest_line if column.justify == "right" else _longest_word, cells[1:]), default=0)
        for column, cells in zip(table.columns, columns, strict=True)
    ]
    words = [max(most, _longest_word(cells[0])) for most, cells in zip(words, columns, strict=True)]
    if sum(words) > room:
        words = [
            max(map(_longest_piece, cells)) if column.overflow == BREAKABLE else least
            for column, cells, least in zip(table.columns, columns, words, strict=True)
        ]
        if sum(words) > room:
            return _paragraphs(columns)
    for column, given in zip(table.columns, _shared(words, whole, room), strict=True):
        column.width = given
        if column.overflow == BREAKABLE:
            column._cells = [_broken(str(cell), given) for cell in column.cells]
    return None


def _shared(least: Sequence[int], most: Sequence[int], room: int) -> list[int]:
    """Return widths of at least `least`, with what is left of the room in proportion to what is missing to `most`."""
    missing = [m - n for m, n in zip(most, least, strict=True)]
    left = room - sum(least)
    return [n + left * m // sum(missing) for n, m in zip(least, missing, strict=True)]


def _paragraphs(columns: Sequence[Sequence[str]]) -> list[str]:
    lines: list[str] = []
    names = [cells[0] for cells in columns]
    for first, *others in zip(*(cells[1:] for cells in columns), strict=True):
        lines += [
            first,
            *(f"  {name}: {x}" if name else f"  {x}" for name, x in zip(names[1:], others, strict=True) if x),
        ]
    return lines


def _longest_piece(cell: str) -> int:
    from rich.cells import cell_len

    return max((cell_len(piece) for word in cell.split() for piece in _PIECE.findall(word)), default=0)


def _broken(cell: str, width: int) -> str:
    """Return a cell with line ends behind points and underscores where a word is wider than its column."""
    from rich.cells import cell_len

    lines: list[str] = []
    for line in cell.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        words = []
        for word in line.split():
            rows = [""]
            for piece in _PIECE.findall(word) if cell_len(indent + word) > width else [word]:
                if rows[-1] and cell_len(rows[-1] + piece) > width - len(indent):
                    rows.append("")
                rows[-1] += piece
            words.append(f"\n{indent}".join(rows))
        lines.append(indent + " ".join(words))
    return "\n".join(lines)


def _longest_line(cell: str) -> int:
    from rich.cells import cell_len

    return max((cell_len(line) for line in cell.split("\n")), default=0)


def _longest_word(cell: str) -> int:
    from rich.cells import cell_len

    return max((cell_len(word) for word in cell.split()), default=0)
