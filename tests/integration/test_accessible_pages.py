"""Every page for people in a real browser: no violation that axe-core finds, on a phone and a desk, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import report_facts
from browser import PROGRAMS, Browser, axe_source, browser
from delible.report.access import access_html
from delible.report.certificate import certificate_html
from delible.report.content_html import content_html
from delible.report.lineage import ColumnSource, DatasetPoint, RunLine
from delible.report.lineage_graph import Registered, lineage_graph
from delible.report.lineage_svg import lineage_svg
from report_records import access_package, certificate, residue

REPORTS = ("audit", "request", "ropa", "ccpa", "dpia", "breach")
NAMES = (
    *REPORTS,
    *(f"{name} of hostile facts" for name in REPORTS),
    "certificate",
    "certificate with residue",
    "access",
    "lineage",
)
SOURCES = ("profiles", "tickets")
FLOWS = (("profiles", "email", "person", "pseudonymise"), ("tickets", "body", "body", "mask"))
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ABSENT = sorted(name for name, path in PROGRAMS.items() if path is None)
AXE = axe_source()

pytestmark = [
    pytest.mark.skipif(bool(ABSENT), reason=f"{' and '.join(ABSENT)} not found: Debian has chromium and its driver."),
    pytest.mark.skipif(AXE is None, reason="axe-core is not installed: pip install axe-playwright-python brings it."),
]


def drawn() -> str:
    """Return a lineage picture as a page has it."""
    runs = [
        RunLine(
            run="1",
            job="dataset.build",
            at="2026-01-01",
            outcome="COMPLETE",
            inputs=tuple(DatasetPoint(name=n, namespace="file", location=f"/w/{n}", version="3") for n in SOURCES),
            outputs=(DatasetPoint(name="training", namespace="file", location="/w/training/1", version="1"),),
            columns=tuple(
                ColumnSource(output="training", column=c, source=s, field=f, treatment=t, masking=True)
                for s, f, c, t in FLOWS
            ),
            purpose="model_training",
        )
    ]
    graph = lineage_graph(runs, "training", registered=[Registered("training@v1", "model:router")])
    assert graph is not None
    return f'<!DOCTYPE html><html lang="en"><title>Lineage</title><main><h1>Lineage</h1>{lineage_svg(graph)}</main>'


@cache
def pages() -> dict[str, str]:
    usual, odd = (report_facts.contents(known) for known in (report_facts.said(), report_facts.hostile()))
    return {
        **{name: content_html(content) for name, content in usual.items()},
        **{f"{name} of hostile facts": content_html(content) for name, content in odd.items()},
        "certificate": certificate_html(certificate()),
        "certificate with residue": certificate_html(certificate(verification=residue())),
        "access": access_html(access_package()),
        "lineage": drawn(),
    }


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280], ids=["phone", "desk"])
@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing(name: str, width: int, dark: bool, window: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(pages()[name], encoding="utf-8")
    window.show(page, width=width, dark=dark)
    assert violations(window) == []
    wider = window.run("return document.documentElement.scrollWidth - window.innerWidth")
    assert wider <= 0 or name == "lineage", "tables scroll by themselves; a picture is as wide as it is"


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ('<p style="color:#bbb;background:#fff">pale</p>', "color-contrast"),
        ("<table><tr><th></th><td>1</td></tr></table>", "empty-table-header"),
        ('<img src="data:,">', "image-alt"),
    ],
)
def test_what_looks_can_find_something(broken: str, rule: str, window: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(pages()["audit"].replace("</main>", f"{broken}</main>"), encoding="utf-8")
    window.show(page, width=1280, dark=False)
    assert [found.split(":")[0] for found in violations(window)] == [rule]


def violations(window: Browser) -> list[str]:
    window.run(str(AXE))
    asked = "const done = arguments[1]; axe.run({runOnly: {type: 'tag', values: arguments[0]}}).then(done)"
    found: list[dict[str, Any]] = window.wait_for(asked, RULES)["violations"]
    return [f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:200]}" for v in found]
