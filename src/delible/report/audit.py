"""The audit report: the records of a period as facts; `report.audit_content` says them for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from delible.decide.finding import Finding, Severity
from delible.decide.policy import PolicyCheck
from delible.model.base import Frozen
from delible.model.consent import ConsentRecord
from delible.model.policy import PolicySet
from delible.model.record import AuditRecord, Manifest, TagFinding
from delible.model.request import Request
from delible.model.subject import SubjectRef
from delible.model.terms import Right
from delible.model.uniqueness import Combination
from delible.report.audit_summary import summary
from delible.report.consent import PurposeConsents, consent_funnel
from delible.report.datasets import Release, releases
from delible.report.erasure import ByteSearch, TableRun, byte_searches, table_runs
from delible.report.findings import (
    LedgerState,
    ledger_findings,
    map_findings,
    release_findings,
    request_findings,
    run_findings,
)
from delible.report.requests import RequestGroup, RequestLine, request_groups, request_lines, standing_counts
from delible.report.tags import CategoryTrend, CategoryUse, ScannedTable, category_trend, pii_map, scanned_tables

MOST_LISTED = 1_000
"""So many requests and table runs are listed one by one; all of them are counted."""


@dataclass(frozen=True, kw_only=True)
class AuditSources:
    """Everything that the report is made from, as the stores hold it.

    Args:
        records: All audit records, in sequence; the report needs those before the period for states at its end.
        check: What the policy check found.
        ledger: What the check of the ledger said.
        tag_history: All column verdicts as they were recorded, for the trend.
        suppressed: References of people who were erased, each with the time.
    """

    policies: PolicySet
    requests: Iterable[Request]
    records: Sequence[AuditRecord]
    consents: Iterable[ConsentRecord]
    tags: Sequence[TagFinding]
    manifests: Iterable[Manifest]
    check: PolicyCheck
    ledger: LedgerState
    combinations: Sequence[Combination] = ()
    tag_history: Sequence[TagFinding] = ()
    suppressed: Iterable[tuple[SubjectRef, datetime]] = ()


class AuditFacts(Frozen):
    """What the report says, before it has a form. Holds counts, names and codes, and no personal data."""

    controller: str
    contact: str
    start: datetime
    end: datetime
    generated_at: datetime
    software: str
    policy_fingerprint: str
    summary: str
    request_groups: tuple[RequestGroup, ...]
    requests: tuple[RequestLine, ...]
    requests_unlisted: int
    standing: dict[Right, int] = {}
    erasures: tuple[TableRun, ...]
    erasures_unlisted: int
    searches: tuple[ByteSearch, ...]
    retention: tuple[TableRun, ...]
    retention_unlisted: int
    consents: tuple[PurposeConsents, ...]
    releases: tuple[Release, ...]
    pii: tuple[CategoryUse, ...]
    scans: tuple[ScannedTable, ...]
    combinations: tuple[Combination, ...] = ()
    trend: tuple[CategoryTrend, ...] = ()
    violations: tuple[Finding, ...]
    gaps: tuple[Finding, ...]
    ledger: LedgerState


def audit_facts(sources: AuditSources, *, start: datetime, end: datetime, now: datetime, software: str) -> AuditFacts:
    """Return the facts of the period from `start` to `end`, both included.

    Args:
        now: When the report is made; stated in it.
        software: Name and version of the program, stated in it.
    """
    controller = sources.policies.controller
    register = tuple(sources.requests)
    lines = request_lines(register, sources.records, start=start, end=end)
    erasures = table_runs(sources.records, "erasure", start=start, end=end)
    retention = table_runs(sources.records, "retention", start=start, end=end)
    retired = {
        r.object.removeprefix("dataset:"): r.at for r in sources.records if r.action == "dataset.retire" and r.at <= end
    }
    cut = releases(sources.manifests, start=start, end=end, retired=retired)
    uses = pii_map(sources.policies.tables, sources.tags)
    scans = scanned_tables(sources.policies.tables, sources.tags)
    found = (
        *sources.check.violations,
        *sources.check.gaps,
        *ledger_findings(sources.ledger),
        *request_findings(lines),
        *run_findings("erasure", erasures),
        *run_findings("retention", retention),
        *release_findings(cut),
        *map_findings(uses, scans),
    )
    violations = tuple(f for f in found if f.severity is Severity.VIOLATION)
    gaps = tuple(f for f in found if f.severity is Severity.GAP)
    return AuditFacts(
        controller=controller.controller,
        contact=controller.contact,
        start=start,
        end=end,
        generated_at=now,
        software=software,
        policy_fingerprint=sources.policies.fingerprint,
        summary=summary(start, end, lines, erasures, retention, cut, found=found, ledger=sources.ledger),
        request_groups=request_groups(lines),
        requests=lines[:MOST_LISTED],
        requests_unlisted=max(0, len(lines) - MOST_LISTED),
        standing=standing_counts(register),
        erasures=erasures[-MOST_LISTED:],
        erasures_unlisted=max(0, len(erasures) - MOST_LISTED),
        searches=byte_searches(sources.records, start=start, end=end)[-MOST_LISTED:],
        retention=retention[-MOST_LISTED:],
        retention_unlisted=max(0, len(retention) - MOST_LISTED),
        consents=consent_funnel(
            sources.consents,
            start=start,
            end=end,
            purposes=sources.policies.purposes,
            requests=register,
            suppressed=(ref for ref, at in sources.suppressed if at <= end),
        ),
        releases=cut,
        pii=uses,
        scans=scans,
        combinations=tuple(sources.combinations),
        trend=category_trend(sources.tag_history, start=start, end=end),
        violations=violations,
        gaps=gaps,
        ledger=sources.ledger,
    )


def audit_document(facts: AuditFacts) -> dict[str, Any]:
    """Return the facts as a JSON document; times are ISO 8601 in UTC."""
    return facts.model_dump(mode="json")
