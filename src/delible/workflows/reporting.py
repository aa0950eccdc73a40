"""The audit report and the report on one request: read the stores, let `report` say it, write it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from delible import __version__
from delible.decide.finding import gap
from delible.errors import InputError, TamperError
from delible.report.audit import AuditFacts, AuditSources, audit_document, audit_facts
from delible.report.audit_content import audit_content
from delible.report.findings import LedgerState
from delible.report.request import RequestFacts, request_document, request_facts
from delible.report.request_content import request_content
from delible.store.consents import Consents
from delible.store.manifests import Manifests
from delible.store.tags import Tags
from delible.store.workspace import Workspace
from delible.workflows.consent_quarantine import quarantine_gaps
from delible.workflows.control import Control
from delible.workflows.policies import check_policies
from delible.workflows.report_files import F, Report, stem_of
from delible.workflows.verdicts import list_combinations


def audit_report(
    workspace: Workspace, *, now: datetime, start: datetime | None = None, end: datetime | None = None
) -> Report[AuditFacts]:
    """Write the audit report on a period into the reports folder, as HTML and as JSON.

    Args:
        start: First instant of the period; the day of the first ledger record when not given.
        end: Last instant of the period; `now` when not given or still to come.

    Raises:
        InputError: `report.period` when the period ends before it starts.
        PolicyError: When the policy files cannot be read.
    """
    with _uncollected():
        sources = _sources(workspace, now)
        last = min(end or now, now)
        began = min(sources.records[0].at, last) if sources.records else last
        first = start or began.replace(hour=0, minute=0, second=0, microsecond=0)
        if first > last:
            raise InputError("report.period", "the period ends before it starts.", fix="Give --from a day before --to.")
        facts = audit_facts(sources, start=first, end=last, now=now, software=f"delible {__version__}")
    return _kept(
        Report(
            facts=facts,
            content=audit_content(facts),
            document=audit_document(facts),
            stem=stem_of(workspace, f"audit-{first:%Y%m%d}-{last:%Y%m%d}"),
            failure=None if facts.ledger.intact else _broken(),
        )
    )


def _sources(workspace: Workspace, now: datetime) -> AuditSources:
    control = Control(workspace)
    check = check_policies(workspace)
    waiting = [
        replace(gap(p.code, p.message, "consents"), where=p.where)
        for p in quarantine_gaps(workspace, control.keys, now=now)
    ]
    ledger = control.ledger.verify()
    return AuditSources(
        policies=control.policies,
        requests=control.requests.all(),
        records=control.ledger.records(),
        consents=Consents(workspace).all(),
        tags=Tags(workspace).latest(),
        manifests=Manifests(workspace).all(),
        combinations=list_combinations(workspace),
        tag_history=Tags(workspace).history(),
        suppressed=[(ref, at) for ref, _, at in control.suppression.rows()],
        check=replace(check, gaps=(*check.gaps, *waiting)),
        ledger=LedgerState(
            records=ledger.records,
            head=ledger.head,
            intact=ledger.intact,
            problems=tuple(f"{p.where}: {p.message}" if p.where else p.message for p in ledger.problems),
        ),
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Leave cyclic garbage until afterwards: a million records have none, and looking for it takes long."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def request_report(workspace: Workspace, request_id: str, *, now: datetime) -> Report[RequestFacts]:
    """Write the report on one request into the reports folder, as HTML and as JSON.

    Raises:
        InputError: `request.unknown`.
    """
    control = Control(workspace)
    request = control.requests.get(request_id)
    facts = request_facts(
        request,
        control.ledger.records(),
        controller=control.policies.controller.controller,
        policy_fingerprint=control.policies.fingerprint,
        now=now,
        first=control.requests.get(request.duplicate_of) if request.duplicate_of else None,
    )
    return _kept(
        Report(
            facts=facts,
            content=request_content(facts),
            document=request_document(facts),
            stem=stem_of(workspace, f"request-{request.id}"),
        )
    )


def last_instant(day: datetime) -> datetime:
    """Return the last instant of a day, so that a period may be given by whole days, both included."""
    return day + timedelta(days=1) - timedelta(microseconds=1)


def _kept(report: Report[F]) -> Report[F]:
    report.written("html")
    report.written("json")
    return report


def _broken() -> TamperError:
    return TamperError(
        "ledger.broken",
        "the audit ledger is not what was written; the report says so and rests on what can still be read.",
        fix="Run: delible audit verify",
    )
