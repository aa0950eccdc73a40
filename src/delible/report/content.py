"""What a report says, before it has a form: headings, paragraphs, facts, tables and charts, said once for all forms.

`report.content_html`, `report.content_markdown` and `report.content_pdf` give it one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol

from delible.report.bars import Chart
from delible.report.wording import clock, day, number, size

Kind = Literal["ok", "warn", "bad", "none"]
NOTHING = "\u2013"
"""A dash, where there is no value."""
MARKS: dict[Kind, str] = {"ok": "✓", "warn": "!", "bad": "✕", "none": NOTHING}
"""A status is a mark and a word; colour only repeats it."""


@dataclass(frozen=True, slots=True)
class Status:
    """A judgement: its kind decides mark and colour."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Coded:
    """A sentence with the stable code of what it says."""

    text: str
    code: str


@dataclass(frozen=True, slots=True)
class Bytes:
    """A number of bytes."""

    value: int


Value = str | int | float | date | datetime | Status | Coded | Bytes | None
"""What may stand in a cell or behind a label. None is shown as a dash: it is not known, or there is none."""

Look = Literal["text", "number", "code", "long"]
"""`number` stands to the right, `code` is set in one width and not broken, `long` may be broken anywhere."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading, and how its cells look."""

    title: str
    look: Look = "text"


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; a `note` is set smaller."""

    text: str
    note: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading below a section's own."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Labels with their values."""

    rows: Sequence[tuple[str, Value]]


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Commands:
    """Lines to be typed, with what they do."""

    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table. Its first column names the rows.

    Args:
        id: Unique in the report.
        grouped: Rows with the same first cell one after the other belong together, and it is shown once.
    """

    id: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Value]]
    grouped: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    """A chart; the table beside it has the same numbers."""

    id: str
    chart: Chart


Block = Text | Heading | Facts | Bullets | Commands | Table | Bars


@dataclass(frozen=True, slots=True)
class Section:
    """One section; its heading is linked to from the contents."""

    id: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the few numbers at the top."""

    label: str
    value: int
    kind: Kind = "none"


@dataclass(frozen=True, slots=True)
class Content:
    """A whole report.

    Args:
        owner: Whose report it is.
        summary: What it says, in one paragraph.
        made: When it was made.
        software: What made it.
        foot: What it was made from.
    """

    title: str
    owner: str
    summary: str
    figures: Sequence[Figure]
    facts: Sequence[tuple[str, Value]]
    sections: Sequence[Section]
    made: datetime
    software: str
    foot: str


class Made(Protocol):
    """What the facts of a report say of their making."""

    @property
    def generated_at(self) -> datetime:
        """When they were gathered."""
        ...

    @property
    def software(self) -> str:
        """What gathered them."""
        ...

    @property
    def policy_fingerprint(self) -> str:
        """The policies that they were gathered by."""
        ...


def making(facts: Made) -> tuple[tuple[str, Value], ...]:
    """Return when, by what and by which policies a report was made, as its head says it last."""
    return (
        ("Made at", facts.generated_at),
        ("Made by", facts.software),
        ("Policy fingerprint", facts.policy_fingerprint),
    )


def sections_of(parts: Iterable[tuple[str, str, Iterable[Block]]]) -> tuple[Section, ...]:
    """Return sections from their ids, titles and blocks."""
    return tuple(Section(id, title, tuple(blocks)) for id, title, blocks in parts)


def plain(value: Value) -> str:
    """Return a value as plain text."""
    match value:
        case bool():
            text = "yes" if value else "no"
        case int() | float():
            text = number(value)
        case datetime():
            text = f"{day(value)} {clock(value)}"
        case date():
            text = day(value)
        case Status():
            text = f"{MARKS[value.kind]} {value.text}"
        case Coded():
            text = f"{value.text} [{value.code}]"
        case Bytes():
            text = size(value.value)
        case _:
            text = value or NOTHING
    return text


def groups(table: Table) -> list[tuple[int, Sequence[Value]]]:
    """Return each row with the number of rows that its first cell stands for; 0 where an earlier one has it."""
    if not table.grouped:
        return [(1, row) for row in table.rows]
    found: list[tuple[int, Sequence[Value]]] = []
    start = 0
    for index, row in enumerate(table.rows):
        if index and row[0] == table.rows[start][0]:
            found.append((0, row))
            found[start] = (found[start][0] + 1, table.rows[start])
        else:
            start = index
            found.append((1, row))
    return found


def kind(part: Value | Block) -> str:
    """Return what a value or block is, as templates ask for it."""
    if isinstance(part, datetime):
        return "moment"
    return "day" if isinstance(part, date) else type(part).__name__.lower()
