"""The page of an access package (Art. 15, Art. 20): the one document that shows personal data, to whom it belongs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from delible.model.base import Frozen
from delible.model.duration import Duration
from delible.model.taxonomy import CATEGORIES, is_personal, is_special
from delible.model.terms import LegalBasis, Regime, Right
from delible.report.page import render
from delible.report.wording import count, number

MOST_ROWS = 200
"""So many rows of a table are shown on the page; the package's own files hold all of them."""
_LONGEST_VALUE = 4_000
_WIDE = 6
"""Tables with more columns are shown row by row, as names and values."""

BASES: dict[LegalBasis, str] = {
    LegalBasis.CONSENT: "your consent, which you may withdraw at any time (GDPR Art. 6(1)(a))",
    LegalBasis.CONTRACT: "a contract with you, or steps before one (GDPR Art. 6(1)(b))",
    LegalBasis.LEGAL_OBLIGATION: "a duty that the law lays down (GDPR Art. 6(1)(c))",
    LegalBasis.VITAL_INTERESTS: "somebody's vital interests (GDPR Art. 6(1)(d))",
    LegalBasis.PUBLIC_TASK: "a task in the public interest; you may object (GDPR Art. 6(1)(e))",
    LegalBasis.LEGITIMATE_INTERESTS: "legitimate interests; you may object (GDPR Art. 6(1)(f))",
}
"""What each legal basis means to the data subject."""

_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.\d+)?(Z|[+-]\d{2}:\d{2})?")
_PERIODS = (("Y", "year"), ("M", "month"), ("W", "week"), ("D", "day"))


class AccessPurpose(Frozen):
    """Why data is processed, and on what ground (Art. 15(1)(a))."""

    purpose: str
    description: str
    legal_basis: LegalBasis | None


class AccessRecipient(Frozen):
    """To whom data is disclosed (Art. 15(1)(c))."""

    recipient: str
    description: str
    role: str
    contact: str


class AccessColumn(Frozen):
    """One column and its data category (Art. 15(1)(b)); for parts of nested columns, the path as policies spell it."""

    name: str
    category: str
    special: bool = False


class AccessTable(Frozen):
    """The data subject's rows of one table.

    Args:
        columns: What policies map, for the categories.
        shown: The columns of `rows`; empty for those of `columns`.
        rows: The first rows, as text; None where there is no value. Other people's data has been redacted.
        total: Rows in the package's files, which may be more than those shown here.
        retention: How long the rows are kept and why, one sentence per rule (Art. 15(1)(d)); empty is a gap.
        source: Where the data comes from, when not from the data subject (Art. 15(1)(g)).
        files: The package's machine-readable files for this table, relative to the page.
        redactions: Places where another person's data was redacted (Art. 15(4)).
        unmapped: Columns, or parts of nested ones, that are left out because no policy says what they hold.
    """

    table: str
    description: str
    purposes: tuple[AccessPurpose, ...]
    recipients: tuple[AccessRecipient, ...]
    retention: tuple[str, ...]
    source: str | None = None
    columns: tuple[AccessColumn, ...]
    shown: tuple[str, ...] = ()
    rows: tuple[tuple[str | None, ...], ...]
    total: int
    files: tuple[str, ...] = ()
    redactions: int = 0
    unmapped: tuple[str, ...] = ()

    @property
    def headings(self) -> tuple[str, ...]:
        """The names of the columns of `rows`."""
        return self.shown or tuple(c.name for c in self.columns)


class AccessPackage(Frozen):
    """Everything that goes to one data subject.

    Args:
        withheld: What is left out and on what ground, one sentence each.
        standing: Objections, opt-outs and limits of the data subject's that stand, one sentence each.
        automated_decisions: The statement on profiling and automated decisions (Art. 15(1)(h)).
    """

    request: str
    right: Right
    regime: Regime
    received: date
    due: date
    generated_at: datetime
    controller: str
    contact: str
    policy_fingerprint: str
    tables: tuple[AccessTable, ...]
    withheld: tuple[str, ...] = ()
    standing: tuple[str, ...] = ()
    automated_decisions: str | None = None


def access_html(package: AccessPackage) -> str:
    """Return the package's index page; it shows personal data and belongs to the data subject only."""
    shown = tuple(t for t in package.tables if t.total)
    return render(
        "access.html.j2",
        {
            "package": package,
            "summary": _summary(package, shown),
            "tables": tuple((t, t.rows[:MOST_ROWS], len(t.headings) > _WIDE) for t in shown),
            "categories": {t.table: _categories(t) for t in shown},
            "bases": {basis.value: text for basis, text in BASES.items()},
            "redactions": sum(t.redactions for t in shown),
            "unmapped": tuple((t.table, t.unmapped) for t in shown if t.unmapped),
            "empty": tuple(t.table for t in package.tables if not t.total),
        },
    )


def access_index(package: AccessPackage) -> dict[str, Any]:
    """Return the package's machine-readable index: everything but the rows, which stand in its files."""
    return package.model_dump(mode="json", exclude={"tables": {"__all__": {"rows"}}})


def readable(text: str | None, *, nested: bool = False) -> str | None:
    """Return a value as the page shows it; the files hold it whole and exactly.

    Args:
        nested: The text is JSON; it is laid out as one line per part.
    """
    if text is None:
        return None
    said = "\n".join(_lines(json.loads(text), "")) if nested else _said(text)
    if len(said) <= _LONGEST_VALUE:
        return said
    return f"{said[:_LONGEST_VALUE]} … ({number(len(said) - _LONGEST_VALUE)} more characters in the files)"


def period(keep: Duration) -> str:
    """Return a period in words: `P13M` is "13 months"."""
    parts = re.findall(r"(\d+)([YMWD])", keep)
    return " and ".join(count(int(n), dict(_PERIODS)[unit]) for n, unit in parts if int(n))


def _said(text: str) -> str:
    instant = _INSTANT.fullmatch(text)
    if instant is None:
        return text
    zone = {"Z": " UTC", None: ""}.get(instant[3], f" {instant[3]}")
    return f"{instant[1]} {instant[2]}{zone}"


def _lines(value: Any, path: str) -> Iterator[str]:
    """Yield the parts of a nested value, one line each; parts without a value are left out."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _lines(part, f"{path}, {name}" if path else name)
    elif isinstance(value, list):
        for place, part in enumerate(value, 1):
            yield from _lines(part, f"{path} {place}".lstrip())
    elif value is not None:
        said = str(value).lower() if isinstance(value, bool) else _said(str(value))
        yield f"{path}: {said}" if path else said


def _categories(table: AccessTable) -> tuple[str, ...]:
    """Return the categories of a table's personal data, each once."""
    titles = dict[str, None]()
    for column in table.columns:
        if is_personal(column.category):
            special = " (special category)" if column.special or is_special(column.category) else ""
            titles[CATEGORIES.get(column.category, column.category) + special] = None
    return tuple(titles)


def _summary(package: AccessPackage, shown: Sequence[AccessTable]) -> str:
    rows = sum(t.total for t in shown)
    if not rows:
        # What is left out may be about the person: then "no data" alone would be untrue.
        alone = " to you alone; what is left out is named below" if package.withheld else ""
        return f"{package.controller} holds no data that the identifiers in your request lead{alone or ' to'}."
    redactions = sum(t.redactions for t in shown)
    others = f" Other people's data was redacted in {count(redactions, 'place')}." if redactions else ""
    return (
        f"{package.controller} holds {count(rows, 'record')} about you in {count(len(shown), 'table')}. "
        f"Below you find what they say, why they are kept, how long, and who receives them.{others}"
    )
