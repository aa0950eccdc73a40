"""What a PDF says of its own structure: paragraphs, headings, tables with their cells, drawings in words.

fpdf2 has a structure tree and puts nothing but images and links into it. Here it gets the rest (PDF 1.7, 14.7 and
14.8): each text is a marked sequence of its page, and belongs to an element. The lines of tables are not marked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

from fpdf.structure_tree import StructElem, StructureTreeBuilder
from fpdf.syntax import PDFObject, PDFString
from fpdf.table import Cell, Table

Kind = Literal["P", "H1", "H2", "H3", "Table", "TR", "TH", "TD", "Figure", "Span"]
_SCOPES = {"column": "<</O /Table /Scope /Column>>", "row": "<</O /Table /Scope /Row>>"}

_MOST_ROWS = 300
"""A longer table is a paragraph per row: each cell of its own costs 135 bytes, and reports stay under 5 MB."""


class Element(StructElem):
    """One element of the structure; its attributes are the PDF's own keys.

    Args:
        said: What is read out in place of its content.
        scope: Of a heading of a table: what it is the heading of.
    """

    __slots__ = ("a", "actual_text")

    def __init__(
        self, kind: Kind, parent: PDFObject, page: int, *, alt: str | None, said: str | None, scope: str | None
    ) -> None:
        super().__init__(f"/{kind}", parent, [], page_number=page, alt=alt)
        # It may be left out, and a long table has thousands of them.
        self.type = None  # type: ignore[assignment]
        self.actual_text = None if said is None else PDFString(said)
        self.a = None if scope is None else _SCOPES[scope]

    def say(self, text: str) -> None:
        """Have this read out in place of the content, unless something else is."""
        if self.actual_text is None:
            self.actual_text = PDFString(text)


class Tree(StructureTreeBuilder):
    """The structure of one PDF."""

    def __init__(self) -> None:
        super().__init__()
        self._elements: list[Element] = []
        self._marks: Counter[int] = Counter()

    def add(
        self,
        pdf: Any,
        kind: Kind,
        parent: Element | None = None,
        *,
        alt: str | None = None,
        said: str | None = None,
        scope: str | None = None,
    ) -> Element:
        """Add an element that begins on the PDF's page, at the end of its parent."""
        above = parent or self.doc_struct_elem
        made = Element(kind, above, pdf.page, alt=alt, said=said, scope=scope)
        made.pg = pdf.pages[pdf.page]
        above.k.append(made)
        self._elements.append(made)
        return made

    def mark(self, pdf: Any, element: Element) -> int:
        """Return the number of a new marked sequence on the PDF's page, as content of the element."""
        page = pdf.page
        # A number is one of the element's own page; what goes on overleaf needs an element of that page.
        holder = element if element.page_number() == page else self.add(pdf, "Span", element)
        number = self._marks[page]
        self._marks[page] += 1
        holder.k.append(number)
        of_page = self.spid_per_page_number.setdefault(page, len(self.spid_per_page_number))
        self.struct_tree_root.parent_tree.nums[of_page].append(holder)
        pdf.pages[page].struct_parents = of_page
        return number

    def __iter__(self) -> Iterator[PDFObject]:
        """Yield all objects of the tree, its root first."""
        yield self.struct_tree_root
        yield self.doc_struct_elem
        yield self.struct_tree_root.parent_tree
        yield from self._elements


class TaggedTable(Table):
    """A table whose cells are elements of rows; headings that are repeated on a new page are decoration there."""

    def __init__(self, pdf: Any, *args: Any, said: dict[tuple[int, int], str], **kwargs: Any) -> None:
        super().__init__(pdf, *args, **kwargs)
        self._said = said
        self._element: Element | None = None
        self._tagged_rows: dict[int, Element] = {}
        self._seen: set[tuple[int, int]] = set()

    def _render_table_cell(self, i: int, j: int, cell: Cell, *args: Any, **kwargs: Any) -> Any:
        pdf: Any = self._fpdf
        if kwargs.get("cell_height_info") is None:
            with pdf.measuring():
                return super()._render_table_cell(i, j, cell, *args, **kwargs)
        if (i, j) in self._seen:
            with pdf.decoration():
                return super()._render_table_cell(i, j, cell, *args, **kwargs)
        self._seen.add((i, j))
        if len(self.rows) > _MOST_ROWS:
            if i not in self._tagged_rows:
                self._tagged_rows[i] = pdf.tree.add(pdf, "P")
            with pdf.inside(self._tagged_rows[i]):
                return super()._render_table_cell(i, j, cell, *args, **kwargs)
        if self._element is None:
            self._element = pdf.tree.add(pdf, "Table")
        if i not in self._tagged_rows:
            self._tagged_rows[i] = pdf.tree.add(pdf, "TR", self._element)
        scope = "column" if i == 0 else "row" if j == 0 else None
        kind: Kind = "TD" if scope is None else "TH"
        with pdf.tagged(kind, self._tagged_rows[i], scope=scope, said=self._said.get((i, j))):
            return super()._render_table_cell(i, j, cell, *args, **kwargs)
