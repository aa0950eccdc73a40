"""The paper that PDF reports are set on: A4 with fpdf2, fonts of our own, an outline, page numbers.

The files are in fpdf2's PDF/A-2U mode: fonts embedded, every glyph with its character, nothing active.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from importlib.resources import as_file, files
from typing import Any, Literal

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import TTFFont
from markupsafe import Markup

from delible.report.pdf_tags import Element, Kind, TaggedTable, Tree
from delible.report.wording import visible

_FAMILY = "delible"
_FILES: dict[Literal["", "B"], str] = {"": "DejaVuSansCondensed.ttf", "B": "DejaVuSansCondensed-Bold.ttf"}
_XMP = Markup(
    """<x:xmpmeta xmlns:x="adobe:ns:meta/">
  <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
    xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
    <rdf:Description rdf:about="" xmp:CreatorTool="{software}" xmp:CreateDate="{made}" xmp:ModifyDate="{made}"
      xmp:MetadataDate="{made}" pdf:Producer="fpdf2">
      <pdfaid:part>2</pdfaid:part>
      <pdfaid:conformance>U</pdfaid:conformance>
      <dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
      <dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
    </rdf:Description>
  </rdf:RDF>
</x:xmpmeta>"""
)
"""What a PDF/A says of itself; whatever is put in is escaped."""
_BASIC_PLANE = 0x10000
Colour = tuple[int, int, int]
INK: Colour = (29, 31, 33)
MUTED: Colour = (86, 92, 100)
RULE: Colour = (200, 196, 186)
TRACK: Colour = (236, 233, 226)
WHITE: Colour = (255, 255, 255)


class Paper(FPDF):
    """A4, with the title and the page's number at its foot."""

    def __init__(self, title: str, *, author: str, software: str, made: datetime) -> None:
        super().__init__(enforce_compliance="PDF/A-2U")
        self.tree = Tree()
        self.struct_builder = self.tree
        self._tag: Element | None = None
        self._open: Element | None = None
        self._decorates = False
        _with_fonts(self)
        self.running = drawn(title)
        self.set_title(self.running)
        self.set_author(drawn(author))
        self.set_creator(drawn(software))
        self.set_producer("fpdf2")
        self.set_lang("en")
        self.set_creation_date(made)
        # fpdf2 would write the hour of this very run into it.
        instant = made.astimezone(UTC).isoformat(timespec="seconds")
        said = _XMP.format(title=self.running, author=drawn(author), software=drawn(software), made=instant)
        self.set_xmp_metadata(str(said))
        self.set_margins(15, 16)
        self.set_auto_page_break(True, margin=18)
        self.set_line_width(0.1)
        self.set_draw_color(*RULE)
        self.set_fill_color(*WHITE)
        self.plain()

    def plain(self, size: float = 9, style: Literal["", "B"] = "", colour: Colour = INK) -> None:
        """Set font and colour of what follows."""
        self.set_font(_FAMILY, style, size)
        self.set_text_color(*colour)

    def footer(self) -> None:
        """Write title and page number; fpdf2 calls it at each page's end."""
        with self.decoration():
            self.set_y(-12)
            self.plain(7.5, colour=MUTED)
            self.cell(0, 4, self.running[:100])
            self.set_x(self.l_margin)
            self.cell(0, 4, f"{self.page_no()} / {{nb}}", align="R")

    @contextmanager
    def tagged(
        self, kind: Kind, parent: Element | None = None, *, scope: str | None = None, said: str | None = None
    ) -> Iterator[None]:
        """Make what is written meanwhile one element of the structure; what is written outside is a paragraph each."""
        with self.inside(self.tree.add(self, kind, parent, scope=scope, said=said)):
            yield

    @contextmanager
    def inside(self, element: Element) -> Iterator[None]:
        """Add what is written meanwhile to an element."""
        before, self._tag = self._tag, element
        yield
        self._tag = before

    @contextmanager
    def figure(self, said: str) -> Iterator[None]:
        """Make what is drawn meanwhile, on one page, a figure that says in words what it shows."""
        self._begin(self.tree.add(self, "Figure", alt=said))
        yield
        self._end()

    @contextmanager
    def decoration(self) -> Iterator[None]:
        """Leave what is written meanwhile out of the structure."""
        self._out("/Artifact BMC")
        with self.measuring():
            yield
        self._out("EMC")

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Add nothing to the structure meanwhile: fpdf2 writes to measure, on pages that it throws away."""
        before, self._decorates = self._decorates, True
        yield
        self._decorates = before

    def multi_cell(self, w: float, h: float | None = None, text: str = "", *args: Any, **kwargs: Any) -> Any:
        """Write text, and tell the structure of it: whole where it is broken, since lines do not end with a space."""
        if kwargs.get("dry_run"):
            with self.measuring():
                return super().multi_cell(w, h, text, *args, **kwargs)
        with self._written() as element:
            if element is not None and " " in text and self.get_string_width(text) > w - 2:
                element.say(text)
            return super().multi_cell(w, h, text, *args, **kwargs)

    def cell(self, *args: Any, **kwargs: Any) -> Any:
        """Write text on one line, and tell the structure of it."""
        with self._written():
            return super().cell(*args, **kwargs)

    @contextmanager
    def table(self, *args: Any, said: dict[tuple[int, int], str] | None = None, **kwargs: Any) -> Iterator[TaggedTable]:
        """Draw a table.

        Args:
            said: Row and column, from zero with the headings, to what is read out in place of a cell's text.
        """
        made = TaggedTable(self, *args, said=said or {}, **kwargs)
        yield made
        made.render()

    def add_page(self, *args: Any, **kwargs: Any) -> None:
        """Begin a page; a text that goes on overleaf goes on in the structure, too."""
        going_on = self._open
        if going_on is not None:
            self._end()
        super().add_page(*args, **kwargs)
        if going_on is not None:
            self._begin(going_on)

    @contextmanager
    def _written(self) -> Iterator[Element | None]:
        if self._open is not None or self._decorates:
            yield None
            return
        element = self._tag or self.tree.add(self, "P")
        self._begin(element)
        yield element
        self._end()

    def _begin(self, element: Element) -> None:
        self._open = element
        self._out(f"{element.s} <</MCID {self.tree.mark(self, element)}>> BDC")

    def _end(self) -> None:
        self._open = None
        self._out("EMC")

    def bar(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """Fill a rectangle; what is filled later has no colour of it."""
        self.set_fill_color(*colour)
        self.rect(x, y, width, height, style="F")
        self.set_fill_color(*WHITE)

    def stroke(self, x: float, top: float, bottom: float) -> None:
        """Draw an upright line."""
        self.set_draw_color(*INK)
        self.line(x, top, x, bottom)
        self.set_draw_color(*RULE)

    def paragraph(self, text: str, height: float = 4.6, *, indent: float = 0) -> None:
        """Write a paragraph below what is there."""
        self.set_x(self.l_margin + indent)
        self.multi_cell(self.epw - indent, height, drawn(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _with_fonts(pdf: FPDF) -> None:
    for style, name in _FILES.items():
        with as_file(files("delible.report") / "fonts" / name) as path:
            pdf.add_font(_FAMILY, style, path)


@cache
def _glyphs() -> frozenset[int]:
    pdf = FPDF()
    _with_fonts(pdf)
    return frozenset.intersection(*(frozenset(f.cmap) for f in pdf.fonts.values() if isinstance(f, TTFFont)))


def drawn(text: str) -> str:
    """Return text as the fonts can draw it, on one line: what they cannot is written as `\\uXXXX`.

    Words written from right to left are put in the order in which they are seen; a PDF has no other.
    """
    # fpdf2 puts the number of pages in place of `{nb}`, whoever wrote it.
    shown = " ".join(visible(text).split()).replace("{nb}", "{n b}")
    if shown.isascii():
        return shown
    known = _glyphs()
    shown = "".join(c if ord(c) in known else _spelled(c) for c in shown)
    return _in_sight(shown) if any("\u0590" <= c <= "\u06ff" or "\ufb1d" <= c <= "\ufb4f" for c in shown) else shown


def _spelled(character: str) -> str:
    return f"\\u{ord(character):04x}" if ord(character) < _BASIC_PLANE else f"\\U{ord(character):08x}"


def _in_sight(text: str) -> str:
    from fpdf.bidi import BidiParagraph

    return BidiParagraph(text=text).get_reordered_string()
