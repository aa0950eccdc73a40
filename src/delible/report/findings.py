"""Gaps and violations that the records themselves show; those of the policies are found by `decide.policy`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

from delible.decide.finding import Finding, gap, violation
from delible.model.base import Frozen
from delible.report.datasets import Release
from delible.report.erasure import ProofState, TableRun
from delible.report.requests import Punctuality, RequestLine
from delible.report.tags import CategoryUse, ScannedTable
from delible.report.wording import count

_NAMED = 20
"""So many overdue requests are named in one finding; the register lists the rest."""


class LedgerState(Frozen):
    """The outcome of checking the audit ledger's hash chain and signed head."""

    records: int
    head: int
    intact: bool
    problems: tuple[str, ...] = ()


def request_findings(lines: Sequence[RequestLine]) -> Iterator[Finding]:
    """Yield requests that passed their deadline (GDPR Art. 12(3), CCPA §1798.130(a)(2))."""
    for punctuality, code, said in (
        (Punctuality.OVERDUE, "request.overdue", "not answered and past the deadline"),
        (Punctuality.LATE, "request.late", "answered after the deadline"),
    ):
        ids = [line.id for line in lines if line.punctuality is punctuality]
        if ids:
            more = f" and {count(len(ids) - _NAMED, 'other')}" if len(ids) > _NAMED else ""
            message = f"{count(len(ids), 'request')} {said}: {', '.join(ids[:_NAMED])}{more}."
            yield replace(violation(code, message, "requests"), where="requests")


def run_findings(noun: Literal["erasure", "retention"], runs: Iterable[TableRun]) -> Iterator[Finding]:
    """Yield runs whose bytes are not gone, or not shown to be gone."""
    for run in runs:
        found: Finding | None = None
        match run.proof:
            case ProofState.RESIDUE:
                message = f"the byte search found {count(run.matches, 'match', 'matches')} of the identifiers."
                found = violation(f"{noun}.residue", message, "plans", run.plan, run.table)
            case ProofState.FAILED:
                stage = next(name for name, outcome in run.stages.items() if outcome == "failed")
                message = f"stage '{stage}' failed and has not been repeated."
                found = violation(f"{noun}.failed", message, "plans", run.plan, run.table)
            case ProofState.INCOMPLETE:
                message = "the byte search could not read every file, so absence is not proven."
                found = gap(f"{noun}.search_incomplete", message, "plans", run.plan, run.table)
        if found is not None:
            yield replace(found, where=f"table {run.table}, plan {run.plan}")


def release_findings(releases: Iterable[Release]) -> Iterator[Finding]:
    """Yield releases whose numbers do not add up."""
    for release in releases:
        if not release.adds_up:
            lost = release.rows_in - release.rows_out - sum(release.excluded.values())
            message = f"rows in differ from rows out and exclusions together by {count(abs(lost), 'row')}."
            found = violation("dataset.unbalanced", message, "releases", release.dataset, release.version)
            yield replace(found, where=f"dataset {release.name}")


def ledger_findings(ledger: LedgerState) -> Iterator[Finding]:
    """Yield that the ledger is broken (Art. 5(2))."""
    if not ledger.intact:
        message = f"the audit ledger is not intact: {count(len(ledger.problems), 'problem')}."
        yield replace(violation("ledger.broken", message, "ledger"), where="ledger")


def map_findings(uses: Iterable[CategoryUse], tables: Iterable[ScannedTable]) -> Iterator[Finding]:
    """Yield what the map of personal data leaves open."""
    for table in tables:
        if table.scanned_at is None:
            found = gap("tags.never_scanned", "never scanned for personal data.", "tables", table.table)
            yield replace(found, where=f"table {table.table}")
    for use in uses:
        for column in use.undeclared:
            message = f"holds {use.category} by its values, and no policy maps it."
            found = gap("tags.undeclared", message, "tables", use.table, "columns", column)
            yield replace(found, where=f"{use.table}.{column}")
