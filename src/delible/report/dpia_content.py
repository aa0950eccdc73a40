"""Inputs of a data protection impact assessment as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from delible.model.terms import words
from delible.report.activities import Missing
from delible.report.audit_sections import GATE_COLUMNS, gate_rows
from delible.report.content import (
    Block,
    Bullets,
    Column,
    Content,
    Facts,
    Figure,
    Heading,
    Status,
    Table,
    Text,
    Value,
    making,
    sections_of,
)
from delible.report.dpia import DpiaColumn, DpiaFacts
from delible.report.ropa_content import MISSING, activity_facts, missing_blocks, recipients_table
from delible.report.wording import count, number


def dpia_content(facts: DpiaFacts) -> Content:
    """Return the inputs' content."""
    r = facts.release
    sections = (
        ("questions", "Open questions", _questions(facts.questions)),
        ("missing", "What the policies do not say", missing_blocks(facts.missing)),
        ("description", "Description of the processing (Art. 35(7)(a))", _description(facts)),
        ("necessity", "Necessity and proportionality (Art. 35(7)(b))", _necessity(facts)),
        ("data", "Data and treatments", _data(facts)),
        ("people", "Data subjects and their choices", _people(facts)),
        ("risk", "Gates and residual risk (Art. 35(7)(c))", _risk(facts)),
        ("recipients", "Recipients and storage", _recipients(facts)),
        ("versions", "Versions of the dataset", _versions(facts)),
    )
    return Content(
        title=f"Inputs for an impact assessment: {r.name}",
        owner=facts.controller,
        summary=(
            f"What is on record of {r.name} for a data protection impact assessment (GDPR Art. 35): "
            f"{count(r.rows_out, 'row')} about {count(r.members, 'data subject')} in "
            f"{count(len(facts.columns), 'column')}, {sum(c.special for c in facts.columns)} of them special. "
            f"{count(len(facts.questions), 'question')} can be answered by people only."
        ),
        figures=(
            Figure("rows released", r.rows_out),
            Figure("data subjects", r.members),
            Figure("columns", len(facts.columns)),
            Figure("open questions", len(facts.questions), "warn" if facts.questions else "ok"),
        ),
        facts=(
            ("Dataset", r.name),
            ("Contact", facts.contact),
            ("Data protection officer", facts.data_protection_officer or MISSING),
            *making(facts),
        ),
        sections=sections_of(sections),
        made=facts.generated_at,
        software=facts.software,
        foot="Made from the release's manifest, policies, column verdicts, consents and requests. It holds no personal "
        "data, and is no assessment: that is the controller's.",
    )


def _questions(questions: Sequence[Missing]) -> Iterator[Block]:
    columns = (Column("About"), Column("Question", "long"), Column("Asked for by"))
    yield Table(
        "questions-table", "What only people can judge", columns, [(q.where, q.what, q.article) for q in questions]
    )


def _description(facts: DpiaFacts) -> Iterator[Block]:
    r = facts.release
    recipe: Value = Status("ok", "the one in the policies")
    if facts.recipe_changed is None:
        recipe = Status("warn", "not in the policies any more")
    elif facts.recipe_changed:
        recipe = Status("warn", "changed since")
    yield Facts(
        [
            ("Dataset", facts.description or MISSING),
            ("Cut at", r.created_at),
            *([("Retired at", r.retired_at)] if r.retired_at is not None else []),
            ("Consents known at", r.known_at),
            ("Sources", ", ".join(f"{name}@v{version}" for name, version in r.sources.items())),
            ("Condition on rows", facts.where),
            ("Recipe", recipe),
            ("Policies", Status("warn", "changed since") if facts.policies_changed else Status("ok", "the same")),
        ]
    )
    if facts.activity is not None:
        yield Heading("Its purpose")
        yield activity_facts(facts.activity)


def _necessity(facts: DpiaFacts) -> Iterator[Block]:
    said = facts.activity.necessity if facts.activity is not None else None
    yield Text(said) if said else Bullets([Status("warn", "no policy says why the purpose needs this data")])
    r = facts.release
    yield Text(
        f"Of {count(r.rows_in, 'row')}, {number(r.rows_out)} were released. Left out by the recipe: "
        f"{', '.join(facts.dropped) if facts.dropped else 'no column by name; columns that it does not name'}."
    )


def _data(facts: DpiaFacts) -> Iterator[Block]:
    if not facts.columns:
        yield Bullets(
            [Status("warn", "the manifest has no columns, and without its recipe nobody can say which were released")]
        )
        return
    columns = (
        *(Column("Column"), Column("Data category"), Column("Treatment"), Column("Kind of data")),
        Column("Found by scans in the source", "long"),
    )
    yield Table(
        "columns-table", "Columns released, and what was done to each", columns, [_column(c) for c in facts.columns]
    )


def _column(c: DpiaColumn) -> tuple[Value, ...]:
    kinds = {
        "special category (Art. 9)": c.special,
        "identifies": c.identifying,
        "quasi-identifier": c.quasi,
        "free text": c.free_text,
    }
    said = ", ".join(name for name, true in kinds.items() if true)
    return c.column, c.category or MISSING, c.treatment, said or None, ", ".join(c.findings)


def _people(facts: DpiaFacts) -> Iterator[Block]:
    r = facts.release
    columns = (Column("Reason"), Column("Rows left out", "number"))
    rows = [(words(reason), n) for reason, n in r.excluded.items()] or [("none left out", 0)]
    yield Table("excluded-table", "Rows left out, by the first reason that applies", columns, rows)
    c = facts.consents
    if c is not None:
        yield Facts(
            [
                ("Consent records of the purpose", c.records),
                ("References with a record, of which a person may have several", c.asked),
                ("Consents in force today", c.in_force),
                ("People whom the purpose may use today", c.permitted),
                ("Withdrawn", c.withdrawn),
            ]
        )
    if facts.objections:
        standing = [(words(right), n) for right, n in facts.objections.items()]
        asked = (Column("Right"), Column("Standing against the purpose today", "number"))
        yield Table("objections-table", "Requests that stand against it", asked, standing)
    else:
        yield Text("No request stands against its purpose today.")


def _risk(facts: DpiaFacts) -> Iterator[Block]:
    if facts.release.gates:
        caption = "Gates that the release had to pass"
        yield Table("gates-table", caption, GATE_COLUMNS, list(gate_rows(facts.release)))
    else:
        yield Bullets([Status("warn", "no gate measured this release")])
    if facts.residual:
        columns = (
            Column("Source"),
            Column("Columns together", "long"),
            Column("Unique rows"),
            Column("Smallest group", "number"),
        )
        rows = [
            (
                c.table,
                " + ".join(c.columns),
                f"{number(c.unique)} of {number(c.rows)} ({100 * c.share:.1f} %)",
                c.smallest,
            )
            for c in facts.residual
        ]
        yield Table("residual-table", "How unique combinations are in the sources, before treatment", columns, rows)
    if facts.splits:
        splits = (Column("Split"), Column("Rows or share", "number"))
        yield Table("splits-table", "Splits; no data subject stands in two", splits, list(facts.splits.items()))


def _recipients(facts: DpiaFacts) -> Iterator[Block]:
    found = facts.activity.recipients if facts.activity is not None else ()
    if found:
        yield recipients_table("recipients-table", "Recipients of data for the purpose", found)
    else:
        yield Text("No recipient is named for the purpose.")
    yield Text("Time limits of the sources:")
    yield Bullets(facts.limits or [MISSING])


def _versions(facts: DpiaFacts) -> Iterator[Block]:
    columns = (
        *(Column("Version"), Column("Cut at"), Column("Rows in", "number"), Column("Rows out", "number")),
        *(Column("Data subjects", "number"), Column("Retired")),
    )
    rows = [(r.name, r.created_at, r.rows_in, r.rows_out, r.members, r.retired_at) for r in facts.versions]
    yield Table("versions-table", "All versions", columns, rows)
