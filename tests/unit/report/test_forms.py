"""Markdown and PDF of every report: inert whatever the data holds, complete, and the same bytes for the same facts."""

from __future__ import annotations

import re
import zlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import report_facts
from delible.report.content import (
    Column,
    Table,
    groups,
    plain,
)
from delible.report.content_html import content_html
from delible.report.content_markdown import content_markdown, escaped
from delible.report.content_pdf import content_pdf
from delible.report.pdf_paper import drawn
from report_facts import small
from report_records import HOSTILE, NOW

REPORTS = ("audit", "request", "ropa", "ccpa", "dpia", "breach")
HOSTILE_TEXTS = st.text(st.sampled_from("<>&|*_`[]()#!~$:@.-+=\\\n\r\t aw1\u202e\u2066\x00\x1b\u05d0張"), max_size=40)


# -------------------------------------------------------------------------------------------------------- Markdown


def unescaped(text: str) -> str:
    """Return what a reader of Markdown sees of an inert text."""
    shown = re.sub(r"\\([\\`*_\[\]#|~$^@:.)=+-])", r"\1", text)
    return (
        shown.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#119;", "w")
        .replace("&#87;", "W")
        .replace("&amp;", "&")
    )


@pytest.mark.parametrize("report", REPORTS)
def test_markdown_of_hostile_facts_is_inert(report: str) -> None:
    text = content_markdown(report_facts.contents(report_facts.hostile())[report])
    outside = re.sub(r"```sh\n.*?\n```", "", text, flags=re.DOTALL)
    assert not re.search(r"<[a-z/!]", outside, re.IGNORECASE)
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "\\u202egnp.exe" in unescaped(text)
    for line in outside.splitlines():
        assert not re.match(r"\s*[=+@]", line)
        if line.startswith("| "):
            assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == line.count(" | ") + 2


@given(HOSTILE_TEXTS)
def test_no_text_is_markup(text: str) -> None:
    shown = escaped(text)
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)(\\\\)*[`*_\[\]#|~$^@]", re.sub(r"&#?\w+;", "", shown))
    assert not re.match(r"[-+=]|\d*[.)](\s|$)", shown)
    assert not re.search(r"www\.|(?<!\\):[A-Za-z0-9_+-]*[:/]", shown, re.IGNORECASE)
    assert not set("<>\r\x00\x1b\u202e\u2066") & set(shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=cmd|calc", "\\=cmd\\|calc"),
        ("- no list", "\\- no list"),
        ("1. no list", "1\\. no list"),
        ("0.5", "0.5"),
        ("14:05 UTC", "14:05 UTC"),
        ("http://a.example", "http\\://a.example"),
        ("www.a.example", "ww&#119;.a.example"),
        ("a_b <b>", "a\\_b &lt;b&gt;"),
    ],
)
def test_signs_are_escaped_where_they_would_act(text: str, shown: str) -> None:
    assert escaped(text) == shown
    assert unescaped(escaped(text)) == text


# ------------------------------------------------------------------------------------------------------------- PDF


def streams(pdf: bytes) -> bytes:
    """Return the PDF with its streams unpacked."""
    found = [pdf]
    for part in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            found.append(zlib.decompress(part))
        except zlib.error:
            found.append(part)
    return b"\n".join(found)


def test_the_same_facts_give_the_same_bytes_and_other_ones_do_not() -> None:
    content = small("Zażółć gęślą jaźń")
    made = content_pdf(content)
    assert made == content_pdf(content)
    assert set(re.findall(rb"20\d\d-\d\d-\d\dT[\d:]+", streams(made))) == {b"2026-03-31T14:05:00"}, "no clock is read"
    later = small("Zażółć gęślą jaźń")
    object.__setattr__(later, "made", NOW + timedelta(seconds=1))
    assert content_pdf(later) != content_pdf(content)


def test_a_pdf_has_an_outline_page_numbers_a_language_and_embedded_fonts() -> None:
    made = content_pdf(small("Übersicht", rows=120))
    assert made.startswith(b"%PDF-1.7")
    pages = len(re.findall(rb"/Type /Page\b", made))
    assert pages > 1
    assert b"/Outlines" in made
    assert b"/Lang (en)" in made
    assert b"/FontFile2" in made
    assert b"pdfaid" in streams(made)


def test_nothing_in_a_pdf_acts(caplog: pytest.LogCaptureFixture) -> None:
    raw = streams(content_pdf(small(HOSTILE)))
    (said,) = set(re.findall(rb"<x:xmpmeta.*?</x:xmpmeta>", raw, re.DOTALL))
    assert b"&lt;script&gt;" in said
    assert b"<script" not in said
    assert not caplog.records, "fpdf2 quotes characters that its fonts lack"
    for action in (
        b"/JavaScript",
        b"/JS",
        b"/Launch",
        b"/URI",
        b"/AA ",
        b"/EmbeddedFile",
        b"/AcroForm",
    ):
        assert action not in raw, action
    assert set(re.findall(rb"/OpenAction ?(.)", raw)) == {b"["}, "where reading begins, and no action"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Łódź, Αθήνα, Київ, Երևան", "Łódź, Αθήνα, Київ, Երևան"),
        ("張偉", "\\u5f35\\u5049"),
        ("\U0001f469", "\\U0001f469"),
        ("שלום", "םולש"),
        ("a\u202eb\x00", "a\\u202eb\\u0000"),
        ("lone \ud800", "lone \\ud800"),
    ],
)
def test_what_the_fonts_lack_is_spelled_out(text: str, shown: str) -> None:
    assert drawn(text) == shown


# ------------------------------------------------------------------------------------------------ the same in each


@pytest.mark.parametrize("report", REPORTS)
def test_every_form_has_every_cell(report: str) -> None:
    content = report_facts.contents(report_facts.said())[report]
    html, markdown = content_html(content), unescaped(content_markdown(content))
    for section in content.sections:
        assert f'<h2 id="{section.id}">' in html
        for table in (block for block in section.blocks if isinstance(block, Table)):
            assert html.count(f'<table id="{table.id}">') == 1
            for row in table.rows:
                assert len(row) == len(table.columns)
                assert all(plain(value) in markdown for value in row)


def test_cells_of_a_group_are_shown_once() -> None:
    table = Table("t", "c", (Column("a"),), [("x", 1), ("x", 2), ("y", 3)], grouped=True)
    assert [span for span, _ in groups(table)] == [2, 0, 1]
    assert [span for span, _ in groups(Table("t", "c", (Column("a"),), table.rows))] == [1, 1, 1]
