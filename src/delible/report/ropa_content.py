"""Records of processing activities as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from delible.model.terms import words
from delible.report.activities import Activity, Disclosure, Missing
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
from delible.report.ropa import EngagementLine, RopaFacts
from delible.report.wording import count

MISSING = Status("warn", "missing")


def ropa_content(facts: RopaFacts) -> Content:
    """Return the records' content."""
    sections = (
        ("missing", "What is missing", missing_blocks(facts.missing)),
        ("controller", "Controller", _controller(facts)),
        ("activities", "Processing as controller (Art. 30(1))", _activities(facts)),
        ("processor", "Processing on behalf of others (Art. 30(2))", _processor(facts)),
        ("measures", "Technical and organisational measures", _measures(facts)),
        ("done", "What was done", _done(facts)),
    )
    return Content(
        title="Records of processing activities (GDPR Art. 30)",
        owner=facts.controller,
        summary=_summary(facts),
        figures=(
            Figure("processing purposes", len(facts.activities)),
            Figure("controllers acted for", len(facts.acts_for)),
            Figure("points missing", len(facts.missing), "warn" if facts.missing else "ok"),
        ),
        facts=(
            ("Contact", facts.contact),
            *making(facts),
        ),
        sections=sections_of(sections),
        made=facts.generated_at,
        software=facts.software,
        foot="Made from the policies, the audit ledger and the manifests of releases. It holds no personal data of "
        "data subjects.",
    )


def missing_blocks(missing: Sequence[Missing]) -> Iterator[Block]:
    """Yield what no policy says, or that nothing is missing."""
    if not missing:
        yield Text("Nothing that these records ask for is missing in the policies.")
        return
    yield Text("The law asks for these, and no policy says them. They are missing here until one does.", note=True)
    columns = (Column("About"), Column("What"), Column("Asked for by"))
    rows = [(m.where, m.what, m.article) for m in missing]
    yield Table("missing-table", "Points that are missing", columns, rows)


def recipients_table(id: str, caption: str, recipients: Iterable[Disclosure]) -> Table:
    """Return recipients with their countries, and what transfers rest on."""
    columns = (
        *(Column("Recipient"), Column("What for", "long"), Column("Role"), Column("Contact", "long")),
        *(Column("Country"), Column("Transfer to a third country"), Column("Safeguards", "long")),
    )
    return Table(id, caption, columns, [_recipient(r) for r in recipients])


def _recipient(r: Disclosure) -> tuple[Value, ...]:
    transfer: Value = MISSING if r.country is None else "yes" if r.transfer else "no"
    safeguards: Value = r.safeguards or (MISSING if r.transfer else None)
    return r.recipient, r.description, r.role, r.contact, r.country or MISSING, transfer, safeguards


def listed(items: Sequence[str]) -> Value:
    """Return words as a list, or that they are missing."""
    return ", ".join(items) if items else MISSING


def activity_facts(a: Activity) -> Facts:
    """Return what a purpose processes, as labels and values."""
    special = ", ".join(a.special) if a.special else "none"
    allowed: Value = words(a.special_condition) if a.special_condition else MISSING if a.special else None
    rows: list[tuple[str, Value]] = [
        ("Purpose", a.description),
        ("Legal basis (Art. 6)", words(a.legal_basis) if a.legal_basis else MISSING),
        ("Categories of data subjects", listed(a.data_subjects)),
        ("Categories of personal data", ", ".join(a.categories) if a.categories else "none"),
        ("Special categories (Art. 9)", special),
        ("Allowed by (Art. 9(2))", allowed),
        *([("Criminal convictions (Art. 10)", ", ".join(a.criminal))] if a.criminal else []),
        ("Tables", listed(a.tables)),
    ]
    return Facts(rows)


def _summary(facts: RopaFacts) -> str:
    are = "is" if len(facts.missing) == 1 else "are"
    missing = f"{count(len(facts.missing), 'point')} {are} missing" if facts.missing else "nothing is missing"
    return (
        f"{facts.controller} processes personal data for {count(len(facts.activities), 'purpose')} of its own, and on "
        f"behalf of {count(len(facts.acts_for), 'other controller')}. Of what Art. 30 asks for, {missing}."
    )


def _controller(facts: RopaFacts) -> Iterator[Block]:
    joint = "; ".join(facts.joint_controllers) if facts.joint_controllers else "none named"
    rows: list[tuple[str, Value]] = [
        ("Name", facts.controller),
        ("Contact", facts.contact),
        ("Jurisdiction", facts.jurisdiction),
        ("Joint controllers (Art. 26)", joint),
        ("Representative (Art. 27)", facts.representative),
        ("Data protection officer (Art. 37)", facts.data_protection_officer or MISSING),
    ]
    yield Facts(rows)


def _activities(facts: RopaFacts) -> Iterator[Block]:
    if not facts.activities:
        yield Text("No purpose is declared.")
    for number, a in enumerate(facts.activities, 1):
        yield Heading(f"{number}. {words(a.purpose)}")
        yield activity_facts(a)
        if a.recipients:
            yield recipients_table(f"recipients-{number}", f"Recipients of data for {words(a.purpose)}", a.recipients)
        else:
            yield Text("No recipient is named for it.")
        if a.limits:
            yield Text("Time limits for erasure:")
            yield Bullets(a.limits)
        else:
            yield Bullets([Status("warn", "time limits for erasure are missing")])
    if facts.without_purpose:
        yield Heading("Tables about people for no purpose")
        yield Bullets(facts.without_purpose)


def _processor(facts: RopaFacts) -> Iterator[Block]:
    if not facts.acts_for:
        yield Text("The policies name no controller on whose behalf data is processed ('records: acts_for').")
    for number, line in enumerate(facts.acts_for, 1):
        yield from _engagement(number, line)


def _engagement(number: int, line: EngagementLine) -> Iterator[Block]:
    e = line.engagement
    yield Heading(f"{number}. {e.controller}")
    yield Facts(
        [
            ("Contact", e.contact),
            ("Representative", e.representative),
            ("Data protection officer", e.data_protection_officer),
            ("Categories of processing", "; ".join(e.processing)),
        ]
    )
    if line.recipients:
        yield recipients_table(f"acts-{number}", "Recipients, such as other processors", line.recipients)


def _measures(facts: RopaFacts) -> Iterator[Block]:
    yield Text("As the controller declares them (Art. 32(1)):")
    yield Bullets(facts.measures or [MISSING])
    yield Text("As this workspace's own records show them:")
    yield Bullets(facts.shown)


def _done(facts: RopaFacts) -> Iterator[Block]:
    columns = (
        *(Column("Table"), Column("Last retention run"), Column("Rows past their period removed", "number")),
        *(Column("Last erasure"), Column("Rows erased", "number"), Column("Runs proven by byte search", "number")),
    )
    rows = [(t.table, t.retention_at, t.retention_rows, t.erasure_at, t.erasure_rows, t.proven) for t in facts.tables]
    yield Table("done-table", "Retention and erasure by table, as the ledger records them", columns, rows)
    if facts.releases:
        counted = [(words(purpose), n) for purpose, n in facts.releases.items()]
        released = (Column("Purpose"), Column("Dataset releases", "number"))
        yield Table("releases-table", "Training datasets that were released", released, counted)
