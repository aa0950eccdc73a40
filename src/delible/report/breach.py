"""Which people and data categories are in given files, for the notification of a breach (GDPR Art. 33, 34), as facts.

No path, name of a strange column or value of a file is part of them: a file is named by its place in the list and its
digest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from delible.model.base import Frozen
from delible.model.policy import ColumnPolicy, PolicySet
from delible.model.taxonomy import CATEGORIES, is_criminal, is_identifying, is_personal, is_special
from delible.report.activities import Missing

NOTIFY_WITHIN = timedelta(hours=72)
"""Art. 33(1): from the instant at which the controller became aware."""


class Belongs(StrEnum):
    """What a file is."""

    TABLE = "data file of a table"
    LOG = "log file of a table"
    RELEASE = "file of a dataset release"
    ROW_INDEX = "row index of a dataset release"
    CONTROL = "file of the workspace's own records"
    KEYS = "KEYS of the workspace"
    STRANGE = "file from elsewhere"


class FileLine(Frozen):
    """One file.

    Args:
        number: Its place in the list that was given.
        of: The table or release that it belongs to.
        rows: Rows in it; None where it has none, or cannot be read.
        current: Whether the table's newest version has it; None for other files.
        unread: Why it could not be read.
    """

    number: int
    sha256: str
    bytes: int
    belongs: Belongs
    of: str | None = None
    rows: int | None = None
    current: bool | None = None
    unread: str | None = None


class CategoryCount(Frozen):
    """One data category in the files of one table, or in strange files.

    Args:
        columns: In how many columns it stands.
        rows: Rows in which at least one of them has a value.
    """

    category: str
    title: str
    special: bool
    criminal: bool
    identifying: bool
    columns: int
    rows: int


class Exposure(Frozen):
    """What is in the files of one table or release, or in one strange file.

    Args:
        people: Identifier kind to distinct data subjects; `most` where only a bound is known.
        rows_only: Why people could not be counted, where not.
        unmapped: Columns that no policy maps.
    """

    of: str
    belongs: Belongs
    files: int
    rows: int
    people: dict[str, int]
    most: int | None = None
    rows_only: str | None = None
    categories: tuple[CategoryCount, ...]
    unmapped: int = 0


class BreachFacts(Frozen):
    """The inputs of a notification, before they have a form.

    Args:
        people: Identifier kind to distinct data subjects over all files.
        at_least, at_most: Bounds of their number. At least: of the kind that tells most apart. At most: the
            controller's own kind, with everybody whom no row ties to it, and what could only be bounded.
        aware: When the controller became aware, and the last instant for the notification.
    """

    controller: str
    contact: str
    data_protection_officer: str | None
    generated_at: datetime
    software: str
    policy_fingerprint: str
    aware: datetime | None
    notify_by: datetime | None
    files: tuple[FileLine, ...]
    files_unlisted: int
    files_total: int
    unread: int
    rows: int
    people: dict[str, int]
    at_least: int
    at_most: int
    exposures: tuple[Exposure, ...]
    recipients: tuple[str, ...]
    questions: tuple[Missing, ...]


MOST_FILES = 1_000
"""So many files are listed; all of them are counted."""


def category_counts(columns: Mapping[str, ColumnPolicy], filled: Mapping[str, int]) -> tuple[CategoryCount, ...]:
    """Return the personal data categories of the columns that are in the files.

    Args:
        columns: By name, what the policy says.
        filled: By name, rows with a value.
    """
    held: dict[str, list[str]] = {}
    for name, column in columns.items():
        if name in filled and is_personal(column.category):
            held.setdefault(column.category, []).append(name)
    return tuple(
        category_count(
            category,
            columns=len(names),
            rows=max(filled[n] for n in names),
            special=any(columns[n].special for n in names),
        )
        for category, names in sorted(held.items())
    )


def category_count(category: str, *, columns: int, rows: int, special: bool = False) -> CategoryCount:
    """Return one category with its counts."""
    return CategoryCount(
        category=category,
        title=CATEGORIES.get(category, category),
        special=special or is_special(category),
        criminal=is_criminal(category),
        identifying=is_identifying(category),
        columns=columns,
        rows=rows,
    )


def breach_facts(
    policies: PolicySet,
    files: Sequence[FileLine],
    exposures: Sequence[Exposure],
    people: Mapping[str, int],
    *,
    apart: int,
    aware: datetime | None,
    now: datetime,
    software: str,
) -> BreachFacts:
    """Return the inputs of a notification.

    Args:
        people: Identifier kind to distinct data subjects over all files together.
        apart: Of these, identifiers of other kinds that no row ties to the controller's own kind of subject.
    """
    bounded = sum(e.most or 0 for e in exposures) + sum(e.rows for e in exposures if e.rows_only)
    names = {e.of for e in exposures if e.belongs is Belongs.TABLE}
    tables = [policies.tables[name] for name in sorted(names) if name in policies.tables]
    return BreachFacts(
        controller=policies.controller.controller,
        contact=policies.controller.contact,
        data_protection_officer=policies.controller.records.data_protection_officer,
        generated_at=now,
        software=software,
        policy_fingerprint=policies.fingerprint,
        aware=aware,
        notify_by=None if aware is None else aware + NOTIFY_WITHIN,
        files=tuple(files[:MOST_FILES]),
        files_unlisted=max(0, len(files) - MOST_FILES),
        files_total=len(files),
        unread=sum(f.unread is not None for f in files),
        rows=sum(e.rows for e in exposures),
        people=dict(sorted(people.items())),
        at_least=max(people.values(), default=0),
        at_most=people.get(policies.controller.subject, 0) + apart + bounded,
        exposures=tuple(exposures),
        recipients=tuple(dict.fromkeys(r for t in tables for r in policies.recipients_of(t))),
        questions=tuple(_questions(policies, files, exposures, aware)),
    )


def _questions(
    policies: PolicySet, files: Sequence[FileLine], exposures: Sequence[Exposure], aware: datetime | None
) -> Iterator[Missing]:
    where = "breach"
    if aware is None:
        text = "When did the controller become aware? The 72 hours run from then (--aware-at)."
        yield Missing(where=where, what=text, article="Art. 33(1)")
    if any(f.belongs is Belongs.KEYS for f in files):
        text = "The workspace's keys are among the files: what they encrypt or pseudonymise is neither any more."
        yield Missing(where=where, what=text, article="Art. 34(3)(a)")
    if any(f.belongs is Belongs.ROW_INDEX for f in files):
        text = "A row index is among the files: with its release it tells which rows are one person's. Who has both?"
        yield Missing(where=where, what=text, article="Art. 33(3)(c)")
    if any(f.unread for f in files):
        text = "Files could not be read: what is in them?"
        yield Missing(where=where, what=text, article="Art. 33(3)(a)")
    if any(c.special or c.criminal for e in exposures for c in e.categories):
        text = "Special categories or criminal records are in the files: is the risk to the people high?"
        yield Missing(where=where, what=text, article="Art. 34(1)")
    if policies.controller.records.data_protection_officer is None:
        yield Missing(where=where, what="Who is the contact point for more information?", article="Art. 33(3)(b)")
    for text, article in (
        ("What happened: were the files read, copied, changed or lost, by whom, and when?", "Art. 33(3)(a)"),
        ("What are the likely consequences for the people?", "Art. 33(3)(c)"),
        ("What was done about it, and to keep harm away from the people?", "Art. 33(3)(d)"),
        ("Were the files encrypted where they were lost, with a key that was not?", "Art. 34(3)(a)"),
        ("Must the people be told, and how?", "Art. 34(1), (2)"),
    ):
        yield Missing(where=where, what=text, article=article)
