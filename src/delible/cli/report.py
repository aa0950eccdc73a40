"""`delible report`: the audit report, and the report on one request."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from delible.cli.context import current, emit

app = typer.Typer(help="Write the audit report and reports on single requests.")


class Form(StrEnum):
    """How a report is written."""

    HTML = "html"
    JSON = "json"
    MD = "md"
    PDF = "pdf"


FormOption = Annotated[
    Form, typer.Option("--format", help="Which form to write and name: a page, JSON, Markdown or PDF.")
]
OutOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Copy the report to this file too.")]
Day = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of the period (UTC).")]
LastDay = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day of the period (UTC).")]


@app.command()
def audit(
    ctx: typer.Context, form: FormOption = Form.HTML, out: OutOption = None, first: Day = None, last: LastDay = None
) -> None:
    """Write the audit report: requests, erasures and their proof, retention, consents, datasets, personal data.

    Without days it covers everything up to now. Page and JSON are always kept in the reports folder. Ends with exit
    code 4 when the audit ledger, which everything rests on, is not intact.

    Example:

        delible report audit --from 2026-01-01 --to 2026-03-31 --format html --out audit.html
    """
    from delible.report.audit import audit_document
    from delible.workflows.report_files import copied
    from delible.workflows.reporting import audit_report, last_instant

    call = current(ctx)
    report = audit_report(
        call.workspace,
        now=call.now,
        start=first and first.replace(tzinfo=UTC),
        end=last and last_instant(last.replace(tzinfo=UTC)),
    )
    path = copied(report, form.value, out)
    document = {**audit_document(report.facts), "path": path, "files": report.files()}
    emit(ctx, document, text=f"{report.facts.summary}\n\n{path}", failure=report.failure)


@app.command()
def request(
    ctx: typer.Context,
    request_id: Annotated[str, typer.Argument(metavar="ID", help="The request.")],
    form: FormOption = Form.HTML,
    out: OutOption = None,
) -> None:
    """Write the report on one request: where it stands, its history, and what was done to which table.

    Example:

        delible report request R-20260303-K7QM2A
    """
    from delible.report.request import request_document
    from delible.workflows.report_files import copied
    from delible.workflows.reporting import request_report

    call = current(ctx)
    report = request_report(call.workspace, request_id, now=call.now)
    path = copied(report, form.value, out)
    document = {**request_document(report.facts), "path": path, "files": report.files()}
    emit(ctx, document, text=f"{report.facts.summary}\n\n{path}")
