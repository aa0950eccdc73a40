"""Tables on a terminal: an id, a code or a reason is never cut, and no word is broken in its midst.

A person copies from them. Where columns do not fit beside each other, long texts go on below; where not even their
longest words fit, each row becomes a paragraph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

_GAP = 2


def fitted(table: Table, width: int) -> list[str] | None:
    """Give a table's columns widths at which they are read whole; return its rows as lines where there are none such.

    Args:
        table: Without a box, of strings.
        width: Columns of the terminal.
    """
    columns = [[str(column.header), *map(str, column.cells)] for column in table.columns]
    room = width - _GAP * (len(columns) - 1)
    whole = [max(map(_longest_line, cells)) for cells in columns]
    if sum(whole) <= room:
        return None
    words = [max(map(_longest_word, cells)) for cells in columns]
    if sum(words) > room:
        return _paragraphs(columns)
    for column, given in zip(table.columns, _shared(words, whole, room), strict=True):
        column.width = given
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


def _longest_line(cell: str) -> int:
    from rich.cells import cell_len

    return max((cell_len(line) for line in cell.split("\n")), default=0)


def _longest_word(cell: str) -> int:
    from rich.cells import cell_len

    return max((cell_len(word) for word in cell.split()), default=0)
