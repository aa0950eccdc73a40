"""`delible report`: what auditors, authorities and data protection officers ask for, as page, JSON, Markdown, PDF."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delible.cli.context import Call, current, emit

if TYPE_CHECKING:
    from delible.workflows.report_files import Report

app = typer.Typer(help="Write the audit report, records of processing, request metrics, and inputs of assessments.")


class Form(StrEnum):
    """How a report is written."""

    HTML = "html"
    JSON = "json"
    MD = "md"
    PDF = "pdf"


FormOption = Annotated[
    Form, typer.Option("--format", help="Which form to write and name: a page, JSON, Markdown or PDF.")
]
OutOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Copy the report to this file too; a PDF stands there only.")
]
Day = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of the period (UTC).")]
LastDay = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day of the period (UTC).")]


@app.command()
def audit(
    ctx: typer.Context, form: FormOption = Form.HTML, out: OutOption = None, first: Day = None, last: LastDay = None
) -> None:
    """Write the audit report: requests, erasures and their proof, retention, consents, datasets, personal data.

    Without days it covers everything up to now. Page and JSON are always kept in the workspace's reports folder. Ends
    with exit code 4 when the audit ledger, which everything rests on, is not intact.

    Example:

        delible report audit --from 2026-01-01 --to 2026-03-31 --format pdf --out ../audit.pdf
    """
    from delible.workflows.reporting import audit_report, last_instant

    start = first and first.replace(tzinfo=UTC)
    end = last and last_instant(last.replace(tzinfo=UTC))
    _answer(ctx, lambda call: audit_report(call.workspace, now=call.now, start=start, end=end), form, out)


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
    from delible.workflows.reporting import request_report

    _answer(ctx, lambda call: request_report(call.workspace, request_id, now=call.now), form, out)


@app.command()
def ropa(ctx: typer.Context, form: FormOption = Form.HTML, out: OutOption = None) -> None:
    """Write the records of processing activities (GDPR Art. 30): as controller, and on behalf of others.

    They come from the policies, beside what the ledger shows was done. What the law asks for and no policy says is
    shown as missing.

    Example:

        delible report ropa --format md --out ropa.md
    """
    from delible.workflows.records import ropa_report

    _answer(ctx, lambda call: ropa_report(call.workspace, now=call.now), form, out)


@app.command("ccpa-metrics")
def ccpa_metrics(
    ctx: typer.Context,
    year: Annotated[int | None, typer.Option(min=2018, max=2999, help="Only this calendar year.")] = None,
    consumers: Annotated[
        int | None, typer.Option(min=0, help="Consumers whose information the business handles in a calendar year.")
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--all-individuals", help="Count requests under all laws (11 CCR 7102(b)).")
    ] = False,
    form: FormOption = Form.HTML,
    out: OutOption = None,
) -> None:
    """Write the metrics of consumers' requests by calendar year (11 CCR 7102), with mean and median days to respond.

    With --consumers from 10,000,000 on, the report holds the table that has to be posted by July 1.

    Example:

        delible report ccpa-metrics --year 2025 --consumers 12000000 --format md --out metrics.md
    """
    from delible.workflows.records import ccpa_report

    def made(call: Call) -> Report[Any]:
        return ccpa_report(call.workspace, now=call.now, year=year, consumers=consumers, everybody=everybody)

    _answer(ctx, made, form, out)


@app.command()
def dpia(
    ctx: typer.Context,
    dataset: Annotated[str, typer.Argument(metavar="NAME@vN", help="The release; NAME alone is the latest.")],
    form: FormOption = Form.HTML,
    out: OutOption = None,
) -> None:
    """Write what an impact assessment of a dataset release starts from (GDPR Art. 35(7)), with its open questions.

    Example:

        delible report dpia support_training@v1 --format pdf --out ../dpia.pdf
    """
    from delible.workflows.records import dpia_report

    _answer(ctx, lambda call: dpia_report(call.workspace, dataset, now=call.now), form, out)


@app.command()
def breach(
    ctx: typer.Context,
    files: Annotated[
        list[str],
        typer.Option(
            metavar="PATH",
            help="A file, folder, or bucket's s3:// key or prefix that got lost; @LIST has one path a line.",
        ),
    ],
    aware: Annotated[
        datetime | None,
        typer.Option(
            "--aware-at",
            formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
            help="When the controller became aware (UTC); the 72 hours run from then.",
        ),
    ] = None,
    form: FormOption = Form.HTML,
    out: OutOption = None,
) -> None:
    """Write which people and data categories are in given files, for the notification of a breach (GDPR Art. 33, 34).

    Files of tables and releases are known by their place, others are looked into. The report holds counts only: no
    path, and nothing that stands in a file.

    Example:

        delible report breach --files @lost.txt --aware-at 2026-03-03T09:30 --format md --out breach.md
    """
    from delible.workflows.breach import breach_report, named_paths

    at = aware and aware.replace(tzinfo=UTC)
    _answer(ctx, lambda call: breach_report(call.workspace, named_paths(files), now=call.now, aware=at), form, out)


def _answer(ctx: typer.Context, make: Callable[[Call], Report[Any]], form: Form, out: Path | None) -> None:
    from delible.workflows.report_files import copied, refuse_place

    call = current(ctx)
    refuse_place(call.workspace, form.value, out)
    report = make(call)
    path = copied(report, form.value, out)
    document = {**report.facts.model_dump(mode="json"), "path": path, "files": report.files()}
    emit(ctx, document, text=f"{report.content.summary}\n\n{path}", failure=report.failure)
