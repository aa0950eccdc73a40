"""What a PDF tells those who hear it: headings, tables with headings of rows and columns, bars in words."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from dataclasses import replace

import pytest

import report_facts
from delible.report.bars import Bar, Chart
from delible.report.content import Bars, Block, Column, Section, Table
from delible.report.content_pdf import content_pdf

COLUMNS = (Column("Table"), Column("Rows", "number"))
GROUPED = Table("t", "Rows by table", COLUMNS, [("events", 1), ("events", 2), ("orders", 3)], grouped=True)


def pdf_of(*blocks: Block) -> bytes:
    return content_pdf(replace(report_facts.small("x"), sections=(Section("s", "Section", tuple(blocks)),)))


def kinds(pdf: bytes) -> Counter[str]:
    """Count the structure's elements by kind."""
    return Counter(kind.decode() for kind in re.findall(rb"^/S /(\w+)$", pdf, re.MULTILINE))


def spoken(pdf: bytes, key: str) -> list[str]:
    """Return the plain texts that stand under a key of the structure."""
    return [text.decode() for text in re.findall(rf"/{key} \(([^()]*)\)".encode(), pdf)]


def streams(pdf: bytes) -> list[bytes]:
    """Return the pages' contents."""
    packed = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    texts = []
    for each in packed:
        try:
            texts.append(zlib.decompress(each))
        except zlib.error:
            continue
    return [text for text in texts if b" BDC" in text]


def test_a_table_is_told_by_rows_and_cells_with_their_headings() -> None:
    pdf = pdf_of(GROUPED)
    found = kinds(pdf)
    assert (found["Table"], found["TR"], found["TH"], found["TD"]) == (1, 4, 2 + 3, 3)
    assert (pdf.count(b"/Scope /Column"), pdf.count(b"/Scope /Row")) == (2, 3)
    assert spoken(pdf, "ActualText") == ["events"], "the second row's first cell is empty, and means the group"


def test_headings_have_their_ranks_and_bars_their_words() -> None:
    chart = Chart(title="Bars", bars=(Bar(label="access, GDPR", value="1 in time", segments=(), mark=None),), legend=())
    pdf = pdf_of(Bars("b", chart))
    assert (kinds(pdf)["H1"], kinds(pdf)["H2"]) == (1, 1)
    assert spoken(pdf, "Alt") == ["access, GDPR: 1 in time"]
    assert b"/Marked true" in pdf


@pytest.mark.parametrize("rows", [3, 90, 400])
def test_every_mark_of_a_page_is_one_and_closed(rows: int) -> None:
    table = Table("t", "Caption", COLUMNS, [("a long name of a table " * 9, n) for n in range(rows)])
    pages = streams(pdf_of(table))
    assert len(pages) > rows // 90
    for page in pages:
        numbers = [int(n) for n in re.findall(rb"/MCID (\d+)>> BDC", page)]
        assert numbers == list(range(len(numbers)))
        assert len(numbers) + page.count(b"/Artifact BMC") == len(re.findall(rb"^EMC$", page, re.MULTILINE))


def test_a_long_table_costs_an_element_per_row_and_no_more() -> None:
    table = Table("t", "Caption", COLUMNS, [("name", n) for n in range(400)])
    found = kinds(pdf_of(table))
    assert found["TD"] == 0
    assert 400 < sum(found.values()) < 430


def test_a_text_that_goes_on_overleaf_is_one_and_said_whole() -> None:
    text = "word " * 3_000
    pdf = content_pdf(replace(report_facts.small("x"), summary=text, sections=()))
    assert kinds(pdf)["Span"] >= 1
    assert text.strip() in spoken(pdf, "ActualText")
