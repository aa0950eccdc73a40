"""Sections of the audit report on consents, dataset releases, and the map of personal data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from delible.model.terms import words
from delible.report.audit import AuditFacts
from delible.report.bars import Chart
from delible.report.consent import PurposeConsents
from delible.report.content import Bars, Block, Column, Status, Table, Text, Value
from delible.report.datasets import Release
from delible.report.tags import CategoryTrend, CategoryUse, ScannedTable
from delible.report.wording import number

_FUNNEL = ("Records", "Valid", "Permitted", "Asked", "Ever given", "In force")
_ENDED = ("Withdrawn", "Expired", "Refused", "Pending", "Given in the period", "Withdrawn in the period")
_SMALL = 0.001
"""Shares below it are said so: 0.0 % would say none."""


def _numbers(*titles: str) -> tuple[Column, ...]:
    return tuple(Column(title, "number") for title in titles)


def consent_blocks(consents: Sequence[PurposeConsents], chart: Chart | None) -> Iterator[Block]:
    """Yield the consent funnel per purpose."""
    if not consents:
        yield Text("The consent ledger holds no record up to the end of this period.")
        return
    if chart is not None:
        yield Bars("consents-chart", chart)
    yield Table(
        "funnel",
        "From records to people whom a purpose may use, as known at the end of the period",
        (Column("Purpose"), *_numbers(*_FUNNEL)),
        [(words(c.purpose), c.records, c.valid, c.permitted, c.asked, c.ever_given, c.in_force) for c in consents],
    )
    yield Text(
        "Records and valid ones are statements; the other numbers are subject references. Valid: it states something, "
        "and has not ended. In force: the last statement is a consent. Permitted: the purpose's own legal basis allows "
        "it, and no erasure, restriction, objection or opt-out stands against it.",
        note=True,
    )
    yield Table(
        "consents-table",
        "Where the others stand, by subject reference",
        (Column("Purpose"), *_numbers(*_ENDED)),
        [
            (
                *(words(c.purpose), c.withdrawn, c.expired, c.refused, c.pending),
                *(c.given_in_period, c.withdrawn_in_period),
            )
            for c in consents
        ],
    )


def release_blocks(releases: Sequence[Release], chart: Chart | None) -> Iterator[Block]:
    """Yield the releases, what was left out of each, and what its gates measured."""
    if not releases:
        yield Text("No dataset was released in this period.")
        return
    if chart is not None:
        yield Bars("releases-chart", chart)
    columns = (
        Column("Release"),
        Column("Purpose"),
        *_numbers("Rows in", "Rows out", "Data subjects"),
        *(Column("Sources"), Column("Consents known at"), Column("Adds up"), Column("Retired")),
    )
    rows = [
        (
            *(r.name, words(r.purpose), r.rows_in, r.rows_out, r.members),
            ", ".join(f"{name}@v{version}" for name, version in r.sources.items()),
            r.known_at,
            Status("ok", "yes") if r.adds_up else Status("bad", "NO"),
            r.retired_at,
        )
        for r in releases
    ]
    yield Table("releases-table", "Releases of this period", columns, rows)
    left_out = "Rows left out of each release; every row counts under the first reason that applies"
    columns = (Column("Release"), Column("Reason"), *_numbers("Rows", "Share of rows in"))
    excluded = [line for r in releases for line in _exclusions(r)]
    yield Table("exclusions", left_out, columns, excluded, grouped=True)
    gated = [line for r in releases for line in (gate_rows(r) if r.gates else [_unmeasured(r)])]
    yield Table("gates", "Gates that the releases had to pass", GATE_COLUMNS, gated, grouped=True)


def _exclusions(release: Release) -> Iterator[tuple[Value, ...]]:
    for reason, rows in release.excluded.items():
        yield release.name, words(reason), rows, _share(rows, release.rows_in)
    if not release.excluded:
        yield release.name, "none left out", 0, _share(0, release.rows_in)


def _share(part: int, whole: int) -> str | None:
    if not whole:
        return None
    return "below 0.1 %" if 0 < part / whole < _SMALL else f"{100 * part / whole:.1f} %"


GATE_COLUMNS = (
    *(Column("Release"), Column("Gate"), Column("About"), Column("Measured"), Column("Bound")),
    *(Column("Passed"), Column("Counted", "long")),
)


def gate_rows(release: Release) -> Iterator[tuple[Value, ...]]:
    """Yield one row per gate: what was measured, and the bound."""
    for gate in release.gates:
        measured = "could not be measured" if gate.measured is None else gate.measured
        bound = f"{gate.rule} {gate.bound}".strip()
        passed = Status("ok", "yes") if gate.passed else Status("bad", "NO")
        yield release.name, words(gate.gate), gate.about, measured, bound, passed, gate.note


def _unmeasured(release: Release) -> tuple[Value, ...]:
    if release.recut_of is None:
        why = "its recipe had no gate, or it was cut before gates were recorded"
        return release.name, Status("warn", "none"), "", "nothing", "", Status("warn", "no gate"), why
    why = (
        f"a recut of version {release.recut_of}, whose numbers do not hold for it: with fewer people in it, groups "
        "that are alike are smaller"
    )
    return release.name, Status("warn", "none"), "", "not measured", "", Status("warn", "not known"), why


def map_blocks(facts: AuditFacts, chart: Chart | None) -> Iterator[Block]:
    """Yield the map of personal data, its trend, and how much was scanned."""
    if chart is not None:
        yield Bars("map-chart", chart)
    if facts.pii:
        yield _map(facts.pii)
        yield Text(
            "Both: policy and scan agree. Declared: only the policy says so, which a scan cannot always see. Found, "
            "filed otherwise: the policy files the column under another category. Not declared: no policy maps the "
            "column.",
            note=True,
        )
    else:
        yield Text("No table is declared, and no scan has found personal data.")
    if facts.trend:
        yield _trend(facts.trend)
    if facts.scans:
        yield _scans(facts.scans)
        yield Text(
            "At most still possible: rows with personal data in a column that was found clean, by the weakest of these "
            "columns. 100 %: its values were chosen rather than drawn, so nothing is ruled out for those that nobody "
            "read; a scan of drawn rows, or of all, gives a bound.",
            note=True,
        )
    if facts.combinations:
        columns = (Column("Table"), Column("Columns together", "long"), *_numbers("Rows counted", "Unique"))
        rows = [
            (c.table, " + ".join(c.columns), c.rows, f"{number(c.unique)} ({100 * c.share:.1f} %)", c.smallest)
            for c in facts.combinations
        ]
        caption = "Quasi-identifiers: how many rows their combinations make unique"
        yield Table("combinations-table", caption, (*columns, *_numbers("Smallest group")), rows)


def _map(uses: Sequence[CategoryUse]) -> Table:
    columns = (
        *(Column("Table"), Column("Category"), Column("Declared columns", "long"), Column("Found by scan", "long")),
        *(Column("Entities", "long"), Column("Agreement")),
    )
    rows = [
        (
            *(use.table, f"{use.category} (special category, Art. 9)" if use.special else use.category),
            *(", ".join(use.declared), ", ".join(use.found), ", ".join(use.entities), _agreement(use)),
        )
        for use in uses
    ]
    caption = "Data categories by table: what the policies declare beside what scans found"
    return Table("map-table", caption, columns, rows, grouped=True)


def _agreement(use: CategoryUse) -> Status:
    if use.undeclared:
        return Status("warn", "not declared")
    if use.declared and use.found:
        return Status("ok", "both")
    return Status("none", "declared" if use.declared else "found, filed otherwise")


def _trend(trend: Sequence[CategoryTrend]) -> Table:
    columns = (
        *(Column("Category"), *_numbers("At the beginning", "At the end", "Change")),
        *(Column("Came", "long"), Column("Went", "long")),
    )
    rows = [
        (t.category, t.before, t.after, f"{t.after - t.before:+,}", ", ".join(t.came), ", ".join(t.went)) for t in trend
    ]
    return Table("trend-table", "Trend: columns that hold each category by scans and reviews", columns, rows)


def _scans(scans: Sequence[ScannedTable]) -> Table:
    columns = (
        *(Column("Table"), Column("Last scan")),
        *_numbers("Delta version", "Columns", "With personal data", "Clean"),
        *_numbers("Disregarded: some values look personal", "Rejected by a person", "Waiting for a person"),
        *_numbers("At most still possible"),
    )
    rows = [
        (
            *(s.table, s.scanned_at or Status("warn", "never"), s.version, s.columns, s.with_findings, s.clean),
            *(s.disregarded, s.rejected, s.waiting),
            None if s.worst_bound is None else f"{100 * s.worst_bound:.3g} %",
        )
        for s in scans
    ]
    caption = "Scans: columns looked at, and what a clean verdict leaves possible (rows, at the confidence of the scan)"
    return Table("scans-table", caption, columns, rows)
