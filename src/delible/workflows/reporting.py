"""Reports: read the stores, let `report` make the documents, write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from delible import __version__
from delible.errors import DelibleError, InputError, TamperError
from delible.report.audit import AuditFacts, AuditSources, audit_document, audit_facts, audit_html
from delible.report.findings import LedgerState
from delible.report.request import RequestFacts, request_document, request_facts, request_html
from delible.store.consents import Consents
from delible.store.files import private_write
from delible.store.manifests import Manifests
from delible.store.tags import Tags
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.policies import check_policies
from delible.workflows.verdicts import list_combinations

Form = Literal["html", "json"]


@dataclass(frozen=True)
class AuditReport:
    """The audit report as facts, and the two files that say the same."""

    facts: AuditFacts
    html: Path
    json: Path

    @property
    def failure(self) -> DelibleError | None:
        """The error that the report ends with when the ledger it rests on is broken; None when it is intact."""
        if self.facts.ledger.intact:
            return None
        return TamperError(
            "ledger.broken",
            "the audit ledger is not what was written; the report says so and rests on what can still be read.",
            fix="Run: delible audit verify",
        )


@dataclass(frozen=True)
class RequestReport:
    """The report on one request as facts, and the two files that say the same."""

    facts: RequestFacts
    html: Path
    json: Path


def audit_report(
    workspace: Workspace, *, now: datetime, start: datetime | None = None, end: datetime | None = None
) -> AuditReport:
    """Write the audit report on a period into the reports folder, as HTML and as JSON.

    Args:
        start: First instant of the period; the day of the first ledger record when not given.
        end: Last instant of the period; `now` when not given or still to come.

    Raises:
        InputError: `report.period` when the period ends before it starts.
        PolicyError: When the policy files cannot be read.
    """
    control = Control(workspace)
    ledger = control.ledger.verify()
    records = control.ledger.records()
    last = min(end or now, now)
    first = start or (min(records[0].at, last) if records else last).replace(hour=0, minute=0, second=0, microsecond=0)
    if first > last:
        raise InputError("report.period", "the period ends before it starts.", fix="Give --from a day before --to.")
    sources = AuditSources(
        policies=control.policies,
        requests=control.requests.all(),
        records=records,
        consents=Consents(workspace).all(),
        tags=Tags(workspace).latest(),
        manifests=Manifests(workspace).all(),
        combinations=list_combinations(workspace),
        check=check_policies(workspace),
        ledger=LedgerState(
            records=ledger.records,
            head=ledger.head,
            intact=ledger.intact,
            problems=tuple(f"{p.where}: {p.message}" if p.where else p.message for p in ledger.problems),
        ),
    )
    facts = audit_facts(sources, start=first, end=last, now=now, software=f"delible {__version__}")
    name = f"audit-{first:%Y%m%d}-{last:%Y%m%d}"
    html, document = _written(workspace, name, audit_html(facts), audit_document(facts))
    return AuditReport(facts, html, document)


def request_report(workspace: Workspace, request_id: str, *, now: datetime) -> RequestReport:
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
    )
    html, document = _written(workspace, f"request-{request.id}", request_html(facts), request_document(facts))
    return RequestReport(facts, html, document)


def last_instant(day: datetime) -> datetime:
    """Return the last instant of a day, so that a period may be given by whole days, both included."""
    return day + timedelta(days=1) - timedelta(microseconds=1)


def copied(report: AuditReport | RequestReport, form: Form, out: Path | None) -> Path:
    """Return where the report stands in this form, after copying it to `out` when that is given.

    Raises:
        InputError: `output.unwritable`.
    """
    made = report.html if form == "html" else report.json
    if out is None:
        return made
    _write(out, made.read_bytes())
    return out


def _written(workspace: Workspace, name: str, html: str, document: Mapping[str, Any]) -> tuple[Path, Path]:
    folder = workspace.path(workspace.config.reports)
    folder.mkdir(parents=True, exist_ok=True)
    page, data = folder / f"{name}.html", folder / f"{name}.json"
    _write(page, html.encode("utf-8", "backslashreplace"))
    _write(data, json.dumps(document, indent=2).encode() + b"\n")
    return page, data


def _write(path: Path, data: bytes) -> None:
    try:
        private_write(path, data)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file's name"
        raise InputError("output.unwritable", f"cannot be written: {reason}.", where=str(path)) from None
