"""Every page: self-contained, readable by machines and people, and inert whatever the data holds."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise

import pytest

import report_facts
from delible.model.duration import Duration
from delible.model.record import TagFinding
from delible.model.request import Request
from delible.model.terms import LegalBasis
from delible.report.access import (
    BASES,
    MOST_ROWS,
    AccessPurpose,
    access_html,
    access_index,
    period,
    readable,
)
from delible.report.audit import AuditFacts, audit_facts
from delible.report.audit_content import audit_content
from delible.report.certificate import certificate_html
from delible.report.content import Column, Section, Table
from delible.report.content_html import content_html
from delible.report.erasure import PROOF_MEANING, ProofState
from delible.report.request import request_facts
from delible.report.request_content import request_content
from delible.report.wording import count, number, size, visible
from report_records import (
    HOSTILE,
    NOW,
    Book,
    access_package,
    at,
    certificate,
    facts,
    finding,
    manifest,
    policies,
    quarter,
    residue,
)

VOID = {"meta", "br", "rect", "line", "wbr"}
EXECUTES = {"script", "iframe", "object", "embed", "form", "img", "link", "base", "input"}


def audit_html(report: AuditFacts) -> str:
    return content_html(audit_content(report))


class Page(HTMLParser):
    """Reads a page and keeps what the tests ask about."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag in names]


def one_request() -> str:
    sources = quarter()
    chosen: Request = next(r for r in sources.requests if r.id == "R-1")
    book = Book()
    book.records = list(sources.records)
    book.add(at(3, 12), "erasure.certify", "plan:E-0/request:R-1", "done")
    book.add(at(3, 12), "erasure.certify", "plan:E-1/request:R-1", "done")
    made = request_facts(chosen, book.records, controller="Fennel & Co", policy_fingerprint="d" * 64, now=NOW)
    assert {run.table for run in made.tables} == {"customers", "tickets"}
    assert [search.about for search in made.searches] == ["plan:E-0", "request:R-1"]
    return content_html(request_content(made))


PAGES = {
    "audit": lambda: audit_html(facts()),
    "certificate": lambda: certificate_html(certificate()),
    "residue": lambda: certificate_html(certificate(verification=residue())),
    "access": lambda: access_html(access_package()),
    "request": one_request,
}
PAGES |= {
    name: lambda name=name: content_html(report_facts.contents(report_facts.said())[name])
    for name in ("ropa", "ccpa", "dpia", "breach")
}
every_page = pytest.mark.parametrize("page", PAGES)


@every_page
def test_nothing_comes_from_outside_and_nothing_runs(page: str) -> None:
    html = PAGES[page]()
    read = Page(html)
    assert not read.open
    assert not [tag for tag, _ in read.tags if tag in EXECUTES]
    for _, attrs in read.tags:
        assert not [name for name in attrs if name.startswith("on") or name in ("style", "src", "srcset", "action")]
        assert (attrs.get("href") or "#").startswith("#")
    assert "@import" not in html
    assert not re.search(r"url\(|//[a-z]", html)


@every_page
def test_the_policy_admits_the_page_s_own_style_and_nothing_else(page: str) -> None:
    html = PAGES[page]()
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    token = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    (csp,) = [a["content"] for a in Page(html).all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert csp == f"default-src 'none'; style-src 'sha256-{token}'; base-uri 'none'; form-action 'none'"


@every_page
def test_a_screen_reader_finds_its_way(page: str) -> None:
    read = Page(PAGES[page]())
    assert read.all("html")[0]["lang"] == "en"
    assert len(read.all("h1")) == 1
    levels = [int(tag[1]) for tag, _ in read.tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(th.get("scope") in ("col", "row", "rowgroup") for th in read.all("th"))
    assert len(read.all("table")) == len(read.all("caption"))
    ids = [attrs["id"] for _, attrs in read.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    named = [i for _, a in read.tags for key in ("aria-labelledby",) if a.get(key) for i in str(a[key]).split()]
    named += [str(a["href"])[1:] for a in read.all("a")]
    assert set(named) <= set(ids)
    for svg in read.all("svg"):
        assert svg.get("aria-hidden") == "true" or (svg["role"] == "img" and svg["aria-labelledby"])


@every_page
def test_tables_have_as_many_cells_as_headings(page: str) -> None:
    for body in re.findall(r"<table.*?</table>", PAGES[page](), re.DOTALL):
        head = re.search(r"<thead>.*?</thead>", body, re.DOTALL)
        assert head is not None
        columns, spanned = head[0].count("<th "), 0
        for row in re.findall(r"<tr>(.*?)</tr>", body[head.end() :], re.DOTALL):
            cells = len(re.findall(r"<t[hd][ >]", row))
            assert cells + (1 if spanned else 0) == columns, row
            spanned = max(0, spanned - 1)
            span = re.search(r'rowspan="(\d+)"', row)
            spanned = int(span[1]) - 1 if span else spanned


def test_a_status_is_a_word_and_a_mark_and_never_a_colour_alone() -> None:
    html = audit_html(facts())
    statuses = re.findall(
        r'<span class="status \w+"><span class="mark" aria-hidden="true">(.)</span>([^<]*)</span>', html
    )
    assert len(statuses) == html.count('class="status ')
    assert all(mark.strip() and word.strip() for mark, word in statuses)
    assert {word for _, word in statuses} >= {"overdue", "late", "in time", "proven", "residue", "violation", "gap"}


def test_every_proof_state_has_its_meaning() -> None:
    assert set(PROOF_MEANING) == set(ProofState)


# ------------------------------------------------------------------------------------------------- hostile values


def hostile_pages() -> dict[str, str]:
    named = policies()
    controller = named.controller.model_copy(update={"controller": HOSTILE, "contact": HOSTILE})
    tags: list[TagFinding] = [finding("customers", HOSTILE, HOSTILE, entity=HOSTILE)]
    book = Book()
    book.stages("erasure", HOSTILE.replace("/", ""), HOSTILE.replace("/", ""), at(3, 12), merge={"rows": 1})
    sources = quarter(
        policies=named.model_copy(update={"controller": controller}),
        records=book.records,
        tags=tags,
        manifests=[manifest(dataset=HOSTILE, purpose=HOSTILE, sources={HOSTILE: 1}, excluded={HOSTILE: 40})],
    )
    report = audit_facts(sources, start=at(3, 1), end=NOW, now=NOW, software=HOSTILE)
    chosen = next(iter(sources.requests)).model_copy(update={"submitted_by": HOSTILE, "duplicate_of": HOSTILE})
    about = request_facts(chosen, book.records, controller=HOSTILE, policy_fingerprint=HOSTILE, now=NOW)
    proof = certificate().tables[0].model_copy(update={"table": HOSTILE, "reason": HOSTILE})
    match = residue().matches[0].model_copy(update={"place": HOSTILE, "form": HOSTILE})
    search = residue().model_copy(update={"matches": (match,), "unreadable": (HOSTILE,)})
    broken = certificate(certificate=HOSTILE, controller=HOSTILE, tables=(proof,), verification=search, refs=(HOSTILE,))
    broken = broken.model_copy(update={"releases": (HOSTILE,), "releases_unknown": (HOSTILE,)})
    hostile = {
        f"{name} of it all": content_html(made) for name, made in report_facts.contents(report_facts.hostile()).items()
    }
    return {
        **{name: html for name, html in hostile.items() if not name.startswith("ccpa")},
        "audit": audit_html(report),
        "request": content_html(request_content(about)),
        "certificate": certificate_html(broken),
        "access": access_html(access_package(HOSTILE, contact=HOSTILE, withheld=(HOSTILE,))),
    }


def test_hostile_values_are_shown_and_do_nothing() -> None:
    for name, html in hostile_pages().items():
        read = Page(html)
        assert not read.open, name
        assert not [tag for tag, _ in read.tags if tag in EXECUTES], name
        assert not [attr for _, attrs in read.tags for attr in attrs if attr.startswith("on")], name
        said = "".join(read.text)
        assert "<script>alert(1)</script>" in said, name
        assert "{{ 7*7 }}" in said, name
        assert "49 }" not in said
        for reordering in ("\u202e", "\x1b"):
            assert reordering not in html, name
        assert "\\u202egnp.exe" in said, name


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines", "two\nlines"),
        ("dos\r\nlines", "dos\nlines"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u2066b", "a\\u2066b"),
        ("a\x00b", "a\\u0000b"),
        ("lone \ud800", "lone \\ud800"),
        ("نام", "نام"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("no\u00a0break", "no\u00a0break"),
    ],
)
def test_what_could_reorder_or_hide_text_is_spelled_out(given: str, shown: str) -> None:
    assert visible(given) == shown
    shown.encode()


# ------------------------------------------------------------------------------------------------------------ access


def test_an_access_page_shows_the_data_and_its_index_does_not() -> None:
    made = access_package("Hello,\nAna López")
    assert "Ana López" in access_html(made)
    assert "Ana López" not in repr(access_index(made))
    assert access_index(made)["tables"][0]["total"] == 1


def test_an_access_page_says_when_it_shows_only_a_part() -> None:
    whole = access_package().tables[0]
    many = whole.model_copy(update={"rows": (("1", "x"),) * (MOST_ROWS + 5), "total": MOST_ROWS + 5})
    html = access_html(access_package(tables=(many,)))
    assert f"{MOST_ROWS} of {MOST_ROWS + 5} records are shown here" in html
    assert html.count('<td class="data">x</td>') == MOST_ROWS


def test_an_access_page_without_data_says_so() -> None:
    empty = access_package().tables[0].model_copy(update={"rows": (), "total": 0})
    assert "holds no data that the identifiers in your request lead to." in access_html(access_package(tables=(empty,)))
    partly = access_html(access_package(tables=(empty,), withheld=("A shared number.",)))
    assert "lead to you alone; what is left out is named below." in partly


def test_an_access_page_and_its_index_say_what_is_left_out() -> None:
    gaps = access_package().tables[0].model_copy(update={"unmapped": ("mood", "profile.secret"), "redactions": 3})
    made = access_package(tables=(gaps,), withheld=("A record of somebody else.",))
    said = "".join(Page(access_html(made)).text)
    assert "Left out: mood, profile.secret." in said
    assert "No policy of Fennel & Co says what these columns hold" in said
    assert "A record of somebody else." in said
    assert "redacted in 3 places" in said
    assert access_index(made)["tables"][0]["unmapped"] == ["mood", "profile.secret"]


@pytest.mark.parametrize("basis", LegalBasis)
def test_an_access_page_says_each_legal_basis_in_words(basis: LegalBasis) -> None:
    purpose = AccessPurpose(purpose="support", description="Answer questions.", legal_basis=basis)
    table = access_package().tables[0].model_copy(update={"purposes": (purpose,)})
    assert f"Legal basis: {BASES[basis]}." in unescape(access_html(access_package(tables=(table,))))
    assert "Legal basis: " + basis.replace("_", " ") in access_html(access_package(tables=(table,), regime="ccpa"))


@pytest.mark.parametrize(("regime", "whom"), [("gdpr", "supervisory authority"), ("ccpa", "Attorney General")])
def test_an_access_page_says_where_to_complain(regime: str, whom: str) -> None:
    assert whom in access_html(access_package(regime=regime))


@pytest.mark.parametrize(
    ("given", "nested", "shown"),
    [
        (None, False, None),
        ("plain", False, "plain"),
        ("2026-03-06T12:00:00.123456Z", False, "2026-03-06 12:00:00 UTC"),
        ("2026-03-06T12:00:00.123456+02:00", False, "2026-03-06 12:00:00 +02:00"),
        ("at 2026-03-06T12:00:00Z", False, "at 2026-03-06T12:00:00Z"),
        ('{"city": "Bonn", "tags": ["a", {"b": true}], "none": null}', True, "city: Bonn\ntags 1: a\ntags 2, b: true"),
        ("[]", True, ""),
    ],
)
def test_values_are_shown_so_that_people_can_read_them(given: str | None, nested: bool, shown: str | None) -> None:
    assert readable(given, nested=nested) == shown


def test_a_very_long_value_is_cut_on_the_page_and_says_so() -> None:
    said = readable("x" * 10_000)
    assert said is not None
    assert len(said) < 5_000
    assert said.endswith("(6,000 more characters in the files)")


@pytest.mark.parametrize(
    ("keep", "said"), [("P13M", "13 months"), ("P1Y", "1 year"), ("P2Y6M1D", "2 years and 6 months and 1 day")]
)
def test_periods_are_said_in_words(keep: str, said: str) -> None:
    assert period(Duration(keep)) == said


# ------------------------------------------------------------------------------------------------------------- style

ON_PAPER = ("ink", "muted", "link", "ok", "warn", "bad")
DRAWN = ("bar", "bar-ok", "bar-warn", "bar-bad")


def schemes() -> list[dict[str, str]]:
    text = files("delible.report").joinpath("templates/style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    assert len(blocks) == 3, "light, dark, print"
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", block)) for block in blocks]


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", schemes(), ids=["light", "dark", "print"])
def test_contrast_reaches_aa(scheme: dict[str, str]) -> None:
    """WCAG 2.2: text 4.5 to 1 (1.4.3), parts of a chart 3 to 1 (1.4.11; `faint` is what is left over)."""
    for name in ON_PAPER:
        assert contrast(scheme[name], scheme["paper"]) >= 4.5, name
    for name in DRAWN:
        assert contrast(scheme[name], scheme["paper"]) >= 3, name


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (number(1234567), "1,234,567"),
        (number(3.0), "3.0"),
        (size(0), "0 bytes"),
        (size(999), "999 bytes"),
        (size(1_500), "1.5 kB"),
        (size(48_213_993), "48 MB"),
        (count(1, "row"), "1 row"),
        (count(0, "row"), "0 rows"),
    ],
)
def test_numbers_read_well(given: str, shown: str) -> None:
    assert given == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("policies/tables/a_b.yaml:1", "policies/<wbr>tables/<wbr>a_<wbr>b.yaml:1"),
        ("no path_here", "no path_here"),
        ('a/<b>"', "a/<wbr>&lt;b&gt;&#34;"),
        ("a/\u202eb", "a/<wbr>\\u202eb"),
    ],
)
def test_paths_may_break_behind_their_parts_and_stay_inert(value: str, shown: str) -> None:
    table = Table("t", "Caption", (Column("Where"), Column("What")), [("x", value)])
    assert f"<td>{shown}</td>" in content_html(
        replace(report_facts.small("x"), sections=(Section("s", "S", (table,)),))
    )
