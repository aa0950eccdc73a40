"""A report as Markdown (GitHub's dialect, for its tables)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from delible.report.content import Bars, Block, Bullets, Commands, Content, Facts, Heading, Table, Text, Value, plain
from delible.report.wording import visible

_SIGNS = re.compile(r"[\\`*_\[\]#|~$^@]|:(?=[A-Za-z0-9_+/-]*[:/])")
"""Inline signs; a colon where it could begin an emoji's name or belong to a web address."""
_BEGINNING = re.compile(r"^(?:\d*[.)](?=\s|$)|[-+=])")
"""What would begin a list, a line under a heading, or in a spreadsheet a formula."""
_LINKED = re.compile(r"\bww(w)(?=\.)", re.IGNORECASE)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def content_markdown(content: Content) -> str:
    """Return the report as Markdown.

    Every value is one line in which nothing is markup: signs of Markdown are escaped, `&`, `<` and `>` are entities,
    control and bidirectional characters are shown as escapes, and no web address becomes a link.
    """
    return "\n".join(_lines(content)) + "\n"


def escaped(value: Value) -> str:
    """Return a value as Markdown that shows it and does nothing else."""
    text = " ".join(visible(plain(value)).split())
    text = re.sub("[&<>]", lambda found: _ENTITIES[found[0]], text)
    text = _SIGNS.sub(r"\\\g<0>", text)
    # An entity inside the word: no dialect takes it for an address, and it reads the same.
    text = _LINKED.sub(lambda found: f"{found[0][:2]}&#{ord(found[1])};", text)
    return _BEGINNING.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", text)


def _lines(content: Content) -> Iterator[str]:
    yield f"# {escaped(content.title)}"
    yield from ("", f"**{escaped(content.owner)}**", "", escaped(content.summary), "")
    for figure in content.figures:
        yield f"- {escaped(figure.label)}: **{escaped(figure.value)}**"
    yield ""
    yield from _facts(content.facts)
    for section in content.sections:
        yield from ("", f"## {escaped(section.title)}")
        for block in section.blocks:
            yield ""
            yield from _block(block)
    yield from ("", "---", "", escaped(content.foot))


def _block(block: Block) -> Iterator[str]:
    match block:
        case Text():
            yield escaped(block.text)
        case Heading():
            yield f"### {escaped(block.text)}"
        case Facts():
            yield from _facts(block.rows)
        case Bullets():
            yield from (f"- {escaped(item)}" for item in block.items)
        case Commands():
            yield from ("```sh", *block.lines, "```")
        case Table():
            yield from _table(block)
        case Bars():  # The table beside it has the numbers.
            yield f"*{escaped(block.chart.title)}: the numbers are in the table below.*"


def _facts(rows: Sequence[tuple[str, Value]]) -> Iterator[str]:
    for label, value in rows:
        yield f"- {escaped(label)}: {escaped(value)}"


def _table(table: Table) -> Iterator[str]:
    yield from (f"**{escaped(table.caption)}**", "")
    yield f"| {' | '.join(escaped(column.title) for column in table.columns)} |"
    yield f"|{'|'.join(' ---: ' if column.look == 'number' else ' --- ' for column in table.columns)}|"
    for row in table.rows:
        yield f"| {' | '.join(escaped(value) for value in row)} |"
