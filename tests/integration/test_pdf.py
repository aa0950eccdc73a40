"""PDFs of texts that could take for ever, or that no page is large enough for."""

from __future__ import annotations

import pytest

from delible.report.content_pdf import content_pdf
from report_facts import small


@pytest.mark.parametrize("text", ["x" * 5_000, "字" * 900, "\ud800" * 50, " ", "{nb}"])
def test_no_text_breaks_a_pdf(text: str) -> None:
    assert content_pdf(small(text)).startswith(b"%PDF")
