"""Inputs of a breach notification as people read them."""

from __future__ import annotations

from collections.abc import Iterator

from delible.report.breach import BreachFacts, CategoryCount, Exposure, FileLine
from delible.report.content import (
    Block,
    Bullets,
    Bytes,
    Column,
    Content,
    Figure,
    Status,
    Table,
    Text,
    Value,
    making,
    sections_of,
)
from delible.report.ropa_content import MISSING
from delible.report.wording import count, number


def breach_content(facts: BreachFacts) -> Content:
    """Return the inputs' content."""
    sections = (
        ("questions", "Open questions", _questions(facts)),
        ("people", "Data subjects and records (Art. 33(3)(a))", _people(facts)),
        ("categories", "Categories of personal data", _categories(facts)),
        ("files", "The files", _files(facts)),
    )
    kinds = [c for e in facts.exposures for c in e.categories]
    special = {c.title for c in kinds if c.special or c.criminal}
    return Content(
        title="Inputs for a breach notification (GDPR Art. 33, 34)",
        owner=facts.controller,
        summary=(
            f"In {count(facts.files_total, 'file')} there are {count(facts.rows, 'record')} about {_bounds(facts)}, of "
            f"{count(len({c.category for c in kinds}), 'data category', 'data categories')}, "
            f"{number(len(special))} of them special or criminal records."
            + (f" {count(facts.unread, 'file')} could not be read." if facts.unread else "")
        ),
        figures=(
            Figure("files", facts.files_total),
            Figure("records", facts.rows),
            Figure("data subjects at least", facts.at_least),
            Figure("data subjects at most" + (", in what was read" if facts.unread else ""), facts.at_most),
            Figure("special categories", len(special), "bad" if special else "ok"),
        ),
        facts=(
            ("Contact", facts.contact),
            ("Data protection officer", facts.data_protection_officer or MISSING),
            ("Aware at", facts.aware or MISSING),
            ("Notification due (Art. 33(1))", facts.notify_by),
            *making(facts),
        ),
        sections=sections_of(sections),
        made=facts.generated_at,
        software=facts.software,
        foot="Made from the files themselves, read as they are whatever a table's log says of them, and from policies. "
        "It holds no personal data: files appear as numbers and digests, people as counts.",
    )


def _bounds(facts: BreachFacts) -> str:
    if facts.unread:
        return f"at least {count(facts.at_least, 'data subject')}"
    if facts.at_least == facts.at_most:
        return count(facts.at_most, "data subject")
    return f"{number(facts.at_least)} to {count(facts.at_most, 'data subject')}"


def _questions(facts: BreachFacts) -> Iterator[Block]:
    columns = (Column("Question", "long"), Column("Asked for by"))
    yield Table(
        "questions-table", "What only people can answer", columns, [(q.what, q.article) for q in facts.questions]
    )


def _people(facts: BreachFacts) -> Iterator[Block]:
    kinds = (Column("Known by"), Column("Distinct data subjects", "number"))
    if facts.people:
        yield Table("people-table", "Over all files together", kinds, list(facts.people.items()))
        yield Text(
            "A person who is known by two kinds of identifier counts under both. People are at least as many as the "
            "largest of these. They are at most those of the controller's own kind of subject, with everybody whom no "
            "row ties to one, and one per record where people cannot be counted.",
            note=True,
        )
    columns = (
        *(Column("In"), Column("What it is"), Column("Files", "number"), Column("Records", "number")),
        *(Column("Data subjects"), Column("Columns without policy", "number")),
    )
    yield Table(
        "exposure-table", "By table, release and strange file", columns, [_exposure(e) for e in facts.exposures]
    )
    if facts.recipients:
        yield Text("Recipients of the tables' data, who may have to be told, too:")
        yield Bullets(facts.recipients)


def _exposure(e: Exposure) -> tuple[Value, ...]:
    people: Value = ", ".join(f"{number(n)} by {kind}" for kind, n in e.people.items())
    if e.rows_only is not None:
        people = Status("warn", f"not counted, at most one per record: {e.rows_only}")
    elif e.most is not None:
        people = f"at most {number(e.most)}"
    return e.of, e.belongs.value, e.files, e.rows, people, e.unmapped


def _categories(facts: BreachFacts) -> Iterator[Block]:
    columns = (
        *(Column("In"), Column("Category"), Column("Kind"), Column("Columns", "number")),
        Column("Records with a value", "number"),
    )
    rows = [_category(e.of, c) for e in facts.exposures for c in e.categories]
    if rows:
        yield Table("categories-table", "Data categories in the files", columns, rows, grouped=True)
    else:
        yield Text("No column of the files is known to hold personal data.")


def _category(of: str, c: CategoryCount) -> tuple[Value, ...]:
    kind: Value = "identifies" if c.identifying else None
    if c.special:
        kind = Status("bad", "special category (Art. 9)")
    elif c.criminal:
        kind = Status("bad", "criminal convictions (Art. 10)")
    return of, f"{c.title} ({c.category})", kind, c.columns, c.rows


def _files(facts: BreachFacts) -> Iterator[Block]:
    columns = (
        *(Column("File", "number"), Column("What it is"), Column("Of"), Column("Records", "number")),
        *(Column("Size", "number"), Column("In the newest version"), Column("SHA-256", "long"), Column("Not read")),
    )
    yield Table("files-table", "Files by their place in the list", columns, [_file(f) for f in facts.files])
    if facts.files_unlisted:
        yield Text(f"{count(facts.files_unlisted, 'further file')} are counted above and not listed.", note=True)


def _file(f: FileLine) -> tuple[Value, ...]:
    current: Value = None if f.current is None else "yes" if f.current else "no, an old one"
    return f.number, f.belongs.value, f.of, f.rows, Bytes(f.bytes), current, f.sha256, f.unread
