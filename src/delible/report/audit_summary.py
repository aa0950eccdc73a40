"""The audit report's first paragraph: what happened, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from delible.decide.finding import Finding, Severity
from delible.report.datasets import Release
from delible.report.erasure import ProofState, TableRun
from delible.report.findings import LedgerState
from delible.report.requests import Punctuality, RequestLine
from delible.report.wording import count, day, number


def summary(
    start: datetime,
    end: datetime,
    lines: Sequence[RequestLine],
    erasures: Sequence[TableRun],
    retention: Sequence[TableRun],
    cut: Sequence[Release],
    *,
    found: Sequence[Finding],
    ledger: LedgerState,
) -> str:
    """Return the paragraph; subjects without anything to say are left out, save the requests and the ledger."""
    parts = (
        _requests_said(lines),
        _erasures_said(erasures),
        _retention_said(retention),
        _releases_said(cut),
        _findings_said(found),
        f"the ledger of {count(ledger.records, 'record')} is intact"
        if ledger.intact
        else f"THE LEDGER IS NOT INTACT ({count(len(ledger.problems), 'problem')})",
    )
    return f"Between {day(start)} and {day(end)}: " + "; ".join(part for part in parts if part) + "."


def _findings_said(found: Sequence[Finding]) -> str:
    if not found:
        return "no violation and no gap was found"
    violations = sum(f.severity is Severity.VIOLATION for f in found)
    listed = f"{count(violations, 'violation')} and {count(len(found) - violations, 'gap')}"
    return f"{listed} {'is' if len(found) == 1 else 'are'} listed below"


def _requests_said(lines: Sequence[RequestLine]) -> str:
    if not lines:
        return "no data subject's request was open"
    times = {p: sum(line.punctuality is p for line in lines) for p in Punctuality}
    answered = times[Punctuality.IN_TIME] + times[Punctuality.LATE]
    said = count(len(lines), "request")
    if answered == len(lines) and not times[Punctuality.LATE]:
        return f"{said}, {'answered' if answered == 1 else 'all answered'} in time"
    words = {
        Punctuality.IN_TIME: "answered in time",
        Punctuality.LATE: "answered late",
        Punctuality.OPEN: "open and within the deadline",
        Punctuality.OVERDUE: "overdue",
        Punctuality.LINKED: "linked to an earlier one",
    }
    parts = [f"{number(times[p])} {word}" for p, word in words.items() if times[p]]
    return f"{said}, of which " + ", ".join(parts)


def _erasures_said(runs: Sequence[TableRun]) -> str:
    if not runs:
        return ""
    rows = sum(r.rows for r in runs)
    worked = [r for r in runs if r.proof is not ProofState.KEPT]
    proven = sum(r.proof is ProofState.PROVEN for r in worked)
    said = f"{count(rows, 'row')} erased from {count(len({r.table for r in worked}), 'table')}"
    if any(r.proof is ProofState.RESIDUE for r in runs):
        return f"{said}, with residue found in {count(sum(r.matches > 0 for r in runs), 'table run')}"
    if proven == len(worked):
        return f"{said}, every file searched afterwards and nothing found"
    return f"{said}, proven by byte search for {proven} of {len(worked)} table runs"


def _retention_said(runs: Sequence[TableRun]) -> str:
    if not runs:
        return ""
    return f"{count(sum(r.rows for r in runs), 'row')} past their retention period removed"


def _releases_said(cut: Sequence[Release]) -> str:
    if not cut:
        return ""
    newest = {r.dataset: r for r in sorted(cut, key=lambda r: r.version)}.values()  # versions hold the same rows
    kept, rows = sum(r.rows_out for r in newest), sum(r.rows_in for r in newest)
    unmeasured = sum(not r.gates for r in cut)
    gates = f" ({count(unmeasured, 'release')} measured by no gate)" if unmeasured else ""
    of = f" of {count(len(newest), 'dataset')}, the newest" if len(newest) < len(cut) else ""
    return f"{count(len(cut), 'dataset release')}{of} with {kept:,} of {count(rows, 'row')}{gates}"
