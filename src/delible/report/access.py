"""The page of an access package (Art. 15, Art. 20): the one document that shows personal data, to whom it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from delible.model.base import Frozen
from delible.model.taxonomy import CATEGORIES
from delible.model.terms import LegalBasis, Regime, Right
from delible.report.page import count, render

MOST_ROWS = 500
"""So many rows of a table are shown on the page; the package's own files hold all of them."""
_WIDE = 6
"""Tables with more columns are shown row by row, as names and values."""


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
    """One column and its data category (Art. 15(1)(b))."""

    name: str
    category: str
    special: bool = False


class AccessTable(Frozen):
    """The data subject's rows of one table.

    Args:
        rows: Values as text, in the order of `columns`; None where there is no value. Other people's data has been
            redacted by the caller.
        total: Rows in the package's files, which may be more than those shown here.
        retention: How long the rows are kept and why, one sentence per rule (Art. 15(1)(d)); empty is a gap.
        source: Where the data comes from, when not from the data subject (Art. 15(1)(g)).
        files: The package's machine-readable files for this table, relative to the page.
        redactions: Places where another person's data was redacted (Art. 15(4)).
    """

    table: str
    description: str
    purposes: tuple[AccessPurpose, ...]
    recipients: tuple[AccessRecipient, ...]
    retention: tuple[str, ...]
    source: str | None = None
    columns: tuple[AccessColumn, ...]
    rows: tuple[tuple[str | None, ...], ...]
    total: int
    files: tuple[str, ...] = ()
    redactions: int = 0


class AccessPackage(Frozen):
    """Everything that goes to one data subject.

    Args:
        withheld: What is left out and on what ground, one sentence each.
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
    automated_decisions: str | None = None


def access_html(package: AccessPackage) -> str:
    """Return the package's index page; it shows personal data and belongs to the data subject only."""
    shown = tuple(t for t in package.tables if t.total)
    return render(
        "access.html.j2",
        {
            "package": package,
            "summary": _summary(package, shown),
            "tables": tuple((t, t.rows[:MOST_ROWS], len(t.columns) > _WIDE) for t in shown),
            "meaning": CATEGORIES,
            "empty": tuple(t.table for t in package.tables if not t.total),
        },
    )


def access_index(package: AccessPackage) -> dict[str, Any]:
    """Return the package's machine-readable index: everything but the rows, which stand in its files."""
    return package.model_dump(mode="json", exclude={"tables": {"__all__": {"rows"}}})


def _summary(package: AccessPackage, shown: Sequence[AccessTable]) -> str:
    rows = sum(t.total for t in shown)
    if not rows:
        return f"{package.controller} holds no data that the identifiers in your request lead to."
    redactions = sum(t.redactions for t in shown)
    others = f" Other people's data was redacted in {count(redactions, 'place')}." if redactions else ""
    return (
        f"{package.controller} holds {count(rows, 'record')} about you in {count(len(shown), 'table')}. "
        f"Below you find what they say, why they are kept, how long, and who receives them.{others}"
    )
