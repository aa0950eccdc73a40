"""A report as PDF, from the same content as the page. The same content gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fpdf.enums import TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace

from delible.report.bars import Bar, Chart
from delible.report.content import (
    Bars,
    Block,
    Bullets,
    Column,
    Commands,
    Content,
    Facts,
    Heading,
    Status,
    Table,
    Text,
    Value,
    groups,
    plain,
)
from delible.report.pdf_paper import INK, MUTED, TRACK, Paper, drawn
from delible.report.wording import number

_LONGEST = 400
"""Characters of one cell: a row must fit on a page. What is cut says so, and JSON has it all."""
_MOST_WORD, _MOST_TEXT, _MEASURED = 40.0, 62.0, 200
"""Millimetres that a column may ask for by its longest word and its longest text; rows that are looked at for it."""
_COLOURS = {
    "ok": (28, 102, 58),
    "warn": (128, 80, 0),
    "bad": (157, 34, 30),
    "none": INK,
    "bar-ok": (79, 143, 104),
    "bar-late": (181, 122, 26),
    "bar-bad": (181, 64, 59),
    "bar-plain": (74, 127, 165),
    "bar-faint": (207, 202, 189),
}
_PADDING, _APART = (0.7, 0.8, 0.7, 0.8), (0.7, 3.2, 0.7, 0.8)
"""Millimetres around a cell's text: usually, and right of a number that a text follows."""
_LONGEST_LABEL = 120
"""Characters that are measured for a place of one line."""
_TOGETHER = 8
"""So many bars of a chart stand on one page."""
_LABEL, _VALUE = 55.0, 55.0
"""Millimetres beside a bar for its label, and for its value."""


def content_pdf(content: Content) -> bytes:
    """Return the report as a PDF. Characters that its fonts lack are written as `\\uXXXX`; JSON and HTML hold them."""
    pdf = Paper(content.title, author=content.owner, software=content.software, made=content.made)
    pdf.add_page()
    _head(pdf, content)
    for section in content.sections:
        _heading(pdf, section.title, level=0, before=section.blocks)
        for index, block in enumerate(section.blocks):
            if isinstance(block, Heading):
                _heading(pdf, block.text, level=1, before=section.blocks[index + 1 :])
            else:
                _block(pdf, block)
    _note(pdf, content.foot)
    return bytes(pdf.output())


def _head(pdf: Paper, content: Content) -> None:
    pdf.plain(20, "B")
    with pdf.tagged("H1"):
        pdf.paragraph(content.title, 9)
    pdf.plain(9.5, colour=MUTED)
    pdf.paragraph(content.owner, 6)
    pdf.ln(2)
    pdf.plain(10.5)
    pdf.paragraph(content.summary, 5.4)
    pdf.ln(3)
    _figures(pdf, content)
    _facts(pdf, content.facts)


def _figures(pdf: Paper, content: Content) -> None:
    if not content.figures:
        return
    width, top = pdf.epw / len(content.figures), pdf.get_y()
    for index, figure in enumerate(content.figures):
        left = pdf.l_margin + index * width
        pdf.set_xy(left, top)
        pdf.plain(16, colour=_COLOURS[figure.kind])
        pdf.cell(width - 3, 8, number(figure.value))
        pdf.set_xy(left, top + 8)
        pdf.plain(7.5, colour=MUTED)
        pdf.multi_cell(width - 3, 3.4, drawn(figure.label), align="L")
    pdf.set_y(top + 17)


def _heading(pdf: Paper, text: str, *, level: int, before: Sequence[Block]) -> None:
    """Write a heading on the page on which what it is about begins."""
    pdf.ln(5 if level == 0 else 3)
    if pdf.will_page_break(14 + sum(_least(block) for block in before[:2])):
        pdf.add_page()
    pdf.start_section(drawn(text), level)
    pdf.plain(14 if level == 0 else 11, "B")
    with pdf.tagged("H2" if level == 0 else "H3"):
        pdf.paragraph(text, 7 if level == 0 else 6)
    pdf.ln(1)
    pdf.plain()


def _least(block: Block) -> float:
    if isinstance(block, Bars):
        return min(len(block.chart.bars), _TOGETHER) * 4.8 + 14
    return 26 if isinstance(block, Table | Heading) else 10


def _block(pdf: Paper, block: Block) -> None:
    match block:
        case Text() if block.note:
            _note(pdf, block.text)
        case Text():
            pdf.plain()
            pdf.paragraph(block.text)
            pdf.ln(1.5)
        case Facts():
            _facts(pdf, block.rows)
        case Bullets():
            pdf.plain()
            for item in block.items:
                pdf.paragraph(f"• {plain(item)}", indent=2)
            pdf.ln(1.5)
        case Commands():
            pdf.plain(8.5)
            for line in block.lines:
                pdf.paragraph(line, indent=4)
            pdf.ln(1.5)
        case Table():
            _table(pdf, block)
        case Bars():
            _bars(pdf, block.chart)


def _note(pdf: Paper, text: str) -> None:
    pdf.plain(8, colour=MUTED)
    pdf.paragraph(text, 4)
    pdf.ln(1.5)
    pdf.plain()


def _facts(pdf: Paper, rows: Sequence[tuple[str, Value]]) -> None:
    for label, value in rows:
        top, page = pdf.get_y(), pdf.page_no()
        pdf.plain(8.5, colour=MUTED)
        if pdf.will_page_break(10):
            pdf.add_page()
            top, page = pdf.get_y(), pdf.page_no()
        pdf.multi_cell(42, 4.6, drawn(label), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        below = pdf.get_y()
        pdf.set_xy(pdf.l_margin + 45, top)
        pdf.plain(8.5, colour=_COLOURS[value.kind] if isinstance(value, Status) else INK)
        pdf.multi_cell(pdf.epw - 45, 4.6, drawn(plain(value)), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        if pdf.page_no() == page:
            pdf.set_y(max(below, pdf.get_y()))
    pdf.ln(2)
    pdf.plain()


def _table(pdf: Paper, table: Table) -> None:
    if pdf.will_page_break(24):
        pdf.add_page()
    pdf.plain(8, colour=MUTED)
    pdf.paragraph(table.caption, 4)
    cells = [[_cut(drawn(plain(value))) for value in row] for _, row in groups(table)]
    pdf.plain(7)
    styles = {kind: FontFace(color=_COLOURS[kind]) for kind in ("ok", "warn", "bad", "none")}
    # A number stands at its column's right end, and a text at its own left end: between the two there must be room.
    beside = [c.look == "number" and n is not None and n.look != "number" for c, n in _neighbours(table)]
    with pdf.table(
        col_widths=_widths(pdf, [drawn(column.title) for column in table.columns], cells),
        text_align=tuple("RIGHT" if column.look == "number" else "LEFT" for column in table.columns),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=FontFace(emphasis="B", color=MUTED),
        line_height=3.4,
        padding=_PADDING,
        v_align="T",
        said=_continued(table),
    ) as made:
        heads = made.row()
        for column, apart in zip(table.columns, beside, strict=True):
            heads.cell(drawn(column.title), padding=_APART if apart else None)
        for (span, values), texts in zip(groups(table), cells, strict=True):
            row = made.row()
            for index, (value, text) in enumerate(zip(values, texts, strict=True)):
                shown = "" if index == 0 and not span else text
                style = styles[value.kind] if isinstance(value, Status) else None
                row.cell(shown, style=style, padding=_APART if beside[index] else None)
    pdf.ln(3)
    pdf.plain()


def _continued(table: Table) -> dict[tuple[int, int], str]:
    """Return what the empty first cells of a group's later rows mean, for those who hear the table."""
    rows = enumerate(groups(table), 1)
    return {(number, 0): drawn(plain(values[0])) for number, (span, values) in rows if not span}


def _neighbours(table: Table) -> Iterator[tuple[Column, Column | None]]:
    return zip(table.columns, [*table.columns[1:], None], strict=True)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text) - _LONGEST} more characters)"


def _widths(pdf: Paper, titles: Sequence[str], cells: Sequence[Sequence[str]]) -> tuple[float, ...]:
    """Return columns' widths: words stay whole where they can, and what is left goes to long texts."""
    least, wanted = [], []
    for index, title in enumerate(titles):
        texts = [row[index] for row in cells[:_MEASURED]]
        words = max((pdf.get_string_width(w) for text in texts for w in text.split()), default=0)
        pdf.plain(7, "B")
        head = max((pdf.get_string_width(w) for w in title.split()), default=0)
        pdf.plain(7)
        least.append(min(_MOST_WORD, max(words, head)) + 4)
        longest = max((pdf.get_string_width(text) for text in texts), default=0)
        wanted.append(max(least[-1], min(_MOST_TEXT, longest + 3)))
    spare, asked = pdf.epw - sum(least), sum(wanted) - sum(least)
    if spare <= 0 or asked <= 0:
        return tuple(wanted)
    return tuple(low + (high - low) * min(1.0, spare / asked) for low, high in zip(least, wanted, strict=True))


def _bars(pdf: Paper, chart: Chart) -> None:
    if pdf.will_page_break(min(len(chart.bars), _TOGETHER) * 4.8 + 14):
        pdf.add_page()
    pdf.plain(8, colour=MUTED)
    pdf.paragraph(chart.title, 5)
    for bar in chart.bars:
        if pdf.will_page_break(5):
            pdf.add_page()
        with pdf.figure(drawn(f"{bar.label}: {bar.value}")):
            _bar(pdf, bar)
    if chart.legend:
        pdf.plain(7, colour=MUTED)
        pdf.ln(0.5)
        for kind, meaning in chart.legend:
            _key(pdf, kind, meaning)
        pdf.ln(5)
    pdf.ln(2)
    pdf.plain()


def _bar(pdf: Paper, bar: Bar) -> None:
    top, left = pdf.get_y(), pdf.l_margin + _LABEL
    width = pdf.epw - _LABEL - _VALUE
    pdf.plain(7.5)
    pdf.cell(_LABEL - 2, 4.6, _fitting(pdf, bar.label, _LABEL - 4))
    pdf.bar(left, top + 0.9, width, 2.8, TRACK)
    for part in bar.segments:
        colour = _COLOURS[f"bar-{part.kind}"]
        pdf.bar(left + part.x * width / 100, top + 0.9, part.width * width / 100, 2.8, colour)
    if bar.mark is not None:
        pdf.stroke(left + bar.mark * width / 100, top + 0.3, top + 4.3)
    pdf.set_xy(left + width + 2, top)
    pdf.plain(7.5, colour=MUTED)
    pdf.cell(_VALUE - 2, 4.6, _fitting(pdf, bar.value, _VALUE - 4))
    pdf.set_y(top + 4.8)


def _key(pdf: Paper, kind: str, meaning: str) -> None:
    top = pdf.get_y()
    if kind == "tick":
        pdf.stroke(pdf.get_x() + 1, top + 0.6, top + 3.4)
    else:
        pdf.bar(pdf.get_x(), top + 0.9, 2.2, 2.2, _COLOURS[f"bar-{kind}"])
    pdf.set_x(pdf.get_x() + 3)
    shown = _fitting(pdf, meaning, pdf.epw / 3)
    pdf.cell(pdf.get_string_width(shown) + 5, 4, shown)


def _fitting(pdf: Paper, text: str, width: float) -> str:
    shown = drawn(text)
    if pdf.get_string_width(shown[:_LONGEST_LABEL]) <= width and len(shown) <= _LONGEST_LABEL:
        return shown
    shown = shown[:_LONGEST_LABEL]
    while shown and pdf.get_string_width(f"{shown}…") > width:
        shown = shown[:-1]
    return f"{shown}…"
