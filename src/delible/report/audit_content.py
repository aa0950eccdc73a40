"""The audit report as people read it, from its facts: one content for page, PDF and Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from delible.decide.finding import Finding, Severity
from delible.model.terms import words
from delible.report.audit import AuditFacts
from delible.report.audit_charts import audit_charts
from delible.report.audit_sections import consent_blocks, map_blocks, release_blocks
from delible.report.bars import Chart
from delible.report.content import (
    Bars,
    Block,
    Bullets,
    Coded,
    Column,
    Commands,
    Content,
    Figure,
    Heading,
    Status,
    Table,
    Text,
    Value,
    sections_of,
)
from delible.report.erasure import TableRun
from delible.report.requests import Punctuality, RequestGroup, TimeUsed
from delible.report.run_tables import register, run_blocks, search_table
from delible.report.wording import count, day, number

_Charts = dict[str, Chart | None]
_MOST_LATE = 200
"""So many late and overdue requests are listed by themselves; the register has the rest."""


def audit_content(facts: AuditFacts) -> Content:
    """Return the report's content."""
    charts: _Charts = audit_charts(facts.request_groups, facts.consents, facts.releases, facts.pii)
    sections = (
        ("findings", "Violations and gaps", _findings(facts)),
        ("requests", "Requests of data subjects", _requests(facts, charts)),
        ("erasures", "Erasures and their proof", _erasures(facts)),
        ("retention", "Retention", _retention(facts)),
        ("consents", "Consents", consent_blocks(facts.consents, charts["consents"])),
        ("releases", "Dataset releases", release_blocks(facts.releases, charts["releases"])),
        ("map", "Map of personal data", map_blocks(facts, charts["pii"])),
        ("ledger", "Ledger check", _ledger(facts)),
    )
    return Content(
        title=f"Privacy audit report, {day(facts.start)} to {day(facts.end)}",
        owner=facts.controller,
        summary=facts.summary,
        figures=_figures(facts),
        facts=(
            ("Period begins", facts.start),
            ("Period ends", facts.end),
            ("Made at", facts.generated_at),
            ("Made by", facts.software),
            ("Contact", facts.contact),
            ("Policy fingerprint", facts.policy_fingerprint),
            ("Ledger position", f"record {number(facts.ledger.head)}"),
        ),
        sections=sections_of(sections),
        made=facts.generated_at,
        software=facts.software,
        foot="Made from the audit ledger, the register of requests, the consent ledger, column verdicts, release "
        "manifests and policies. It holds no personal data: data subjects appear only as counts.",
    )


def _figures(facts: AuditFacts) -> tuple[Figure, ...]:
    violations, gaps, ledger = len(facts.violations), len(facts.gaps), facts.ledger
    return (
        Figure("violation" if violations == 1 else "violations", violations, "bad" if violations else "ok"),
        Figure("gap" if gaps == 1 else "gaps", gaps),
        Figure("requests", sum(g.total for g in facts.request_groups)),
        Figure("rows erased on request", sum(run.rows for run in facts.erasures)),
        Figure(
            f"ledger records, {'intact' if ledger.intact else 'NOT intact'}",
            ledger.records,
            "ok" if ledger.intact else "bad",
        ),
    )


def _drawn(id: str, chart: Chart | None) -> Iterator[Block]:
    if chart is not None:
        yield Bars(id, chart)


def _findings(facts: AuditFacts) -> Iterator[Block]:
    yield Text(
        "A violation is a duty that was missed. A gap is something that cannot be judged because configuration or "
        "evidence is missing; whatever it touches is kept and left out of datasets.",
        note=True,
    )
    found = (*facts.violations, *facts.gaps)
    if not found:
        yield Text("None were found.")
        return
    columns = (Column("Where", "long"), Column("Kind"), Column("What", "long"))
    caption = "Everything found by the policy check and in the records of this period"
    yield Table("findings-table", caption, columns, [(f.where, _severity(f), Coded(f.message, f.code)) for f in found])


def _severity(finding: Finding) -> Status:
    return Status("bad" if finding.severity is Severity.VIOLATION else "warn", finding.severity)


def _requests(facts: AuditFacts, charts: _Charts) -> Iterator[Block]:
    if not facts.request_groups:
        yield Text("No request was open or answered in this period.")
        return
    yield from _drawn("requests-chart", charts["requests"])
    columns = (
        Column("Right"),
        Column("Law"),
        *(Column(title, "number") for title in ("Requests", "In time", "Late", "Open", "Overdue", "Linked")),
        Column("States"),
    )
    rows = [
        (
            *(words(g.right), g.regime.upper(), g.total, g.in_time, g.late, g.open, g.overdue, g.linked),
            ", ".join(f"{words(state)} {number(n)}" for state, n in g.states.items()),
        )
        for g in facts.request_groups
    ]
    caption = "Requests that were open or answered in the period, by right and law"
    yield Table("requests-groups", caption, columns, rows)
    if facts.standing:
        standing = ", ".join(f"{words(right)} {number(n)}" for right, n in facts.standing.items())
        yield Text(
            f"Standing today against the use of data: {standing}. They act from their receipt on, and datasets that "
            "were built before are named when they are carried out."
        )
    yield from _answers(facts, charts)
    yield Heading("The register")
    listed = "Requests, those in danger first; state and days left are those at the end of the period"
    yield register("register", listed, facts.requests)
    if facts.requests_unlisted:
        more = count(facts.requests_unlisted, "further request")
        yield Text(f"{more} with the least danger are counted above and not listed.", note=True)


def _answers(facts: AuditFacts, charts: _Charts) -> Iterator[Block]:
    yield Heading("Time to an answer")
    yield from _drawn("answers-chart", charts["answers"])
    columns = (
        Column("Right"),
        Column("Law"),
        *(Column(title, "number") for title in ("Answered", "Mean days", "Median days", "Nine of ten within")),
        Column("Longest", "number"),
        Column("Allowed for that", "number"),
    )
    rows = [_taken(g) for g in facts.request_groups]
    yield Table("answers", "Calendar days from receipt to the answer", columns, rows)
    yield from _drawn("times-chart", charts["times"])
    used = (Column("Right"), Column("Law"), *(Column(u.value.capitalize(), "number") for u in TimeUsed))
    spread = [_spread(g) for g in facts.request_groups]
    yield Table("times", "Answers by the share of the time allowed that they took", used, spread)
    missed = [x for x in facts.requests if x.punctuality in (Punctuality.LATE, Punctuality.OVERDUE)]
    if not missed:
        yield Text("No answer was late, and none is overdue.")
        return
    yield register("late", "Late and overdue requests", missed[:_MOST_LATE])
    if len(missed) > _MOST_LATE:
        yield Text(f"{count(len(missed) - _MOST_LATE, 'other')} stand in the register below.", note=True)


def _taken(g: RequestGroup) -> tuple[Value, ...]:
    days = (g.mean_days, g.median_days, g.ninth_days, g.longest_days, g.longest_allowed)
    return words(g.right), g.regime.upper(), g.in_time + g.late, *days


def _spread(g: RequestGroup) -> tuple[Value, ...]:
    return words(g.right), g.regime.upper(), *[g.used.get(u, 0) for u in TimeUsed]


def _erasures(facts: AuditFacts) -> Iterator[Block]:
    yield from _runs(facts.erasures, facts.erasures_unlisted, "erasures-table", "Erasure on request")
    if not facts.erasures:
        yield Text("Nothing was erased on request in this period.")
    if facts.searches:
        yield search_table("searches-table", facts.searches)


def _retention(facts: AuditFacts) -> Iterator[Block]:
    listed = "Rows past their retention period"
    yield from _runs(facts.retention, facts.retention_unlisted, "retention-table", listed, ruled=True)
    if not facts.retention:
        yield Text("No retention run took place in this period.")


def _runs(runs: tuple[TableRun, ...], unlisted: int, id: str, what: str, *, ruled: bool = False) -> Iterator[Block]:
    if runs:
        yield from run_blocks(id, f"{what}, by plan and table", runs, ruled=ruled)
    if unlisted:
        yield Text(f"{count(unlisted, 'earlier run')} not listed.", note=True)


def _ledger(facts: AuditFacts) -> Iterator[Block]:
    ledger = facts.ledger
    if ledger.intact:
        yield Bullets([Status("ok", "intact")])
        yield Text(
            f"All {count(ledger.records, 'record')} were read again: each carries the hash of its own content and of "
            f"the record before it, and the signed head names record {number(ledger.head)} as the last."
        )
    else:
        yield Bullets([Status("bad", "NOT intact"), *ledger.problems])
        yield Text(
            "Records have been changed, removed, inserted or reordered, or the signed head does not fit. Nothing in "
            "this report may be relied upon before that is explained."
        )
    yield Heading("How to check this report")
    yield Text(
        "The first command reads every record of the ledger again; the second writes them for somebody else to read, "
        "with hashes and signatures:"
    )
    yield Commands(["delible audit verify", "delible audit export --out ledger.jsonl"])
    yield Text("The certificate of each erasure says how it is checked against that file.")
