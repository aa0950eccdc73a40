"""A report as one self-contained HTML page."""

from __future__ import annotations

from delible.report.content import Content
from delible.report.page import render


def content_html(content: Content) -> str:
    """Return the report as one HTML page that loads nothing and runs nothing; see `page.render`."""
    return render("content.html.j2", {"content": content})
