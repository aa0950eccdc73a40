"""`delible erasure`: plan, apply, verify, certify."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delible.cli.context import current, emit, progress
from delible.cli.estimates import brief_text, compared_lines, compared_text, estimate_text
from delible.cli.options import DryRun, Immediate, KeepHistory, NoRead, PlanOut, is_dry, keep_plan
from delible.errors import BlockedError, ResidueError
from delible.model.terms import words

if TYPE_CHECKING:
    from rich.console import Group, RenderableType

    from delible.model.cost import TableComparison
    from delible.model.plan import ErasurePlan
    from delible.model.proof import Verification
    from delible.model.request import Request
    from delible.workflows.erasure import Erased
    from delible.workflows.rectification import Rectified
    from delible.workflows.treated import Treated

app = typer.Typer(help="Plan, apply and verify erasure; print certificates.")


@app.command()
def plan(
    ctx: typer.Context,
    out: PlanOut = None,
    immediate: Immediate = False,
    keep_history: KeepHistory = False,
    keep_history_of: Annotated[
        list[str] | None,
        typer.Option("--keep-history-of", metavar="TABLE", help="The same for this table only; may be repeated."),
    ] = None,
    accept_no_match: Annotated[
        bool, typer.Option("--accept-no-match", help="Plan requests that reach no row, too.")
    ] = False,
    dry_run: DryRun = False,
    no_read: NoRead = False,
) -> None:
    """Find what the approved erasure requests reach, and say what would be done; change nothing.

    With --dry-run it shows the cost as a whole: files, bytes and time per
    table, in which order and after which windows, whether each request is
    answered in time, and whether waiting for more requests pays. A span such
    as 0-12 is a bound; a single number is known. --json has the same under
    "estimate": {"low": 0, "high": 12} is known where both are equal.

    Example:

        delible erasure plan --immediate --out erasure.json

        delible erasure plan --dry-run --json

        {"estimate": {"basis": "rows", "seconds": {"low": 20, "high": 300},
        "tables": [{"table": "orders", "wave": 2, "candidates": 14,
        "files": {"low": 12, "high": 12}}], "risks": [{"risk": "safe"}]}}
    """
    from delible.workflows.erasure_plan import plan_due_erasures

    call = current(ctx)
    dry = is_dry(out, dry_run=dry_run, no_read=no_read)
    if no_read:
        from delible.workflows.forecast import forecast_erasures

        told = forecast_erasures(call.workspace, now=call.now, immediate=immediate)
        failure = BlockedError.of(told.left_out) if told.left_out else None
        document = {"requests": list(told.requests), "estimate": told.estimate, "out": None}
        emit(ctx, document, text=estimate_text(told.estimate), failure=failure)
        return
    planned = plan_due_erasures(
        call.workspace,
        now=call.now,
        immediate=immediate,
        accept_no_match=accept_no_match,
        keep_history=() if keep_history else keep_history_of or None,
        progress=progress,
    )
    where = "" if dry else keep_plan(planned.plan, out)
    failure = BlockedError.of(planned.left_out) if planned.left_out else None
    document = {**planned.plan.model_dump(mode="json"), "out": out}
    emit(ctx, document, text=_planned(planned.plan, where, whole=dry), failure=failure)


@app.command()
def apply(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan that `erasure plan --out` wrote.")],
    immediate: Immediate = False,
    keep_history: KeepHistory = False,
) -> None:
    """Carry out a plan, or go on with it after a crash or a retention window.

    Example:

        delible erasure apply erasure.json
    """
    from delible.model.plan import ErasurePlan
    from delible.workflows.erasure import apply_erasure
    from delible.workflows.plans import load_request_plan, refuse_forgetting

    call = current(ctx)
    loaded = load_request_plan(call.workspace, file, ErasurePlan, immediate=immediate)
    if keep_history:
        refuse_forgetting(loaded)
    done = apply_erasure(call.workspace, loaded, actor=call.actor, now=call.now, progress=progress)
    document = {**applied_document(done), "letters": dict(done.letters)}
    emit(ctx, document, text=applied_text(done.requests, done.tables, done.releases, done.compared))


@app.command()
def verify(
    ctx: typer.Context,
    request_id: Annotated[str | None, typer.Argument(metavar="ID", help="A request that has not ended.")] = None,
    identifiers: Annotated[str | None, typer.Option(metavar="FILE", help="JSON lines; - for stdin.")] = None,
) -> None:
    """Search every byte of all tables and of the workspace for a person's identifiers.

    Example:

        delible erasure verify --identifiers erased.jsonl
    """
    from delible.workflows.verification import verify_people

    call = current(ctx)
    found = verify_people(
        call.workspace, request_id=request_id, identifiers=identifiers, actor=call.actor, now=call.now
    )
    failure = None
    if not found.clean:
        count = sum(m.count for m in found.matches)
        failure = ResidueError(
            "erasure.residue",
            f"{count} match(es) at {len(found.matches)} place(s); {len(found.unreadable)} file(s) could not be read.",
            fix="The places are listed in the answer.",
        )
    document = {
        "files_searched": found.files_searched,
        "bytes_searched": found.bytes_searched,
        "values_searched": found.values_searched,
        "values_in_columns": found.values_in_columns,
        "matches": [m.model_dump() for m in found.matches],
        "unreadable": list(found.unreadable),
    }
    emit(ctx, document, text=_verified(found), failure=failure)


@app.command()
def certificate(
    ctx: typer.Context, request_id: Annotated[str, typer.Argument(metavar="ID", help="A completed erasure request.")]
) -> None:
    """Print a request's signed certificate, and where its page is.

    Example:

        delible erasure certificate R-20260131-ABC234
    """
    from delible.report.certificate import certificate_document, statement
    from delible.workflows.certificates import read_certificate

    call = current(ctx)
    found, path = read_certificate(call.workspace, request_id)
    text = "\n".join([f"Certificate {found.certificate} for request {found.request}", *statement(found), f"{path}"])
    emit(ctx, {**certificate_document(found), "path": path, "page": path.with_suffix(".html")}, text=text)


def applied_document(done: Erased | Rectified) -> dict[str, Any]:
    """Return what `fulfil` and `apply` promise as JSON."""
    return {
        "requests": [{"id": r.id, "state": r.state} for r in done.requests],
        "tables": table_lines(done.tables, done.compared),
        "releases": list(done.releases),
    }


def table_lines(tables: Sequence[Treated], compared: Sequence[TableComparison] = ()) -> list[dict[str, Any]]:
    """Return what was done to tables as JSON answers say it."""
    beside = compared_lines(compared)
    return [
        {
            "table": t.step.table,
            "rows": t.rows,
            "files_rewritten": t.files_rewritten,
            "bytes_rewritten": t.bytes_rewritten,
            "files_removed": t.files_removed,
            "log_files_removed": t.log_files_removed,
            "leftovers_removed": t.leftovers_removed,
            "unnamed_left": t.unnamed_left,
            "shared_rows": t.step.shared_rows,
            "kept_rows": t.step.kept_rows,
            "kept": [part.model_dump(mode="json") for part in t.step.kept],
            "mentions": t.mentions,
            "waiting_until": t.waiting_until,
            "history": t.history.model_dump() if t.history is not None else None,
            "state": t.state,
            "estimated": beside.get((t.step.table, None), {}),
        }
        for t in tables
    ]


def applied_text(
    requests: Sequence[Request],
    tables: Sequence[Treated],
    releases: Sequence[str] = (),
    compared: Sequence[TableComparison] = (),
) -> Group:
    """Return the same for a person."""
    from rich.console import Group
    from rich.table import Table

    people = Table(box=None, pad_edge=False)
    people.add_column("request")
    people.add_column("right")
    people.add_column("state")
    for request in requests:
        people.add_row(request.id, request.right, words(request.state))
    from delible.report.certificate import kept_sentence

    rows = Table(box=None, pad_edge=False)
    rows.add_column("table")
    for name in ("rows", "kept (shared)", "mentions masked", "files rewritten", "files removed"):
        rows.add_column(name, justify="right")
    rows.add_column("state")
    for t in tables:
        counts = (t.rows, t.step.shared_rows, t.mentions, t.files_rewritten, t.files_removed + t.log_files_removed)
        until = f" until {t.waiting_until:%Y-%m-%d %H:%M}" if t.waiting_until else ""
        rows.add_row(t.step.table, *(f"{c:,}" for c in counts), t.state + until)
    parts: list[RenderableType] = [people, "", rows] if tables else [people]
    parts += compared_text(compared)
    kept = [kept_sentence(part) for t in tables for part in t.step.kept]
    parts += ["", *kept] if kept else []
    past = [f"History kept of {t.step.table}: {t.history.versions} versions compared" for t in tables if t.history]
    parts += ["", *past] if past else []
    if releases:
        parts += ["", f"Dataset releases that hold them still: {', '.join(releases)} (see the certificate)"]
    return Group(*parts)


def _planned(made: ErasurePlan, where: str, *, whole: bool) -> Group:
    from rich.console import Group
    from rich.table import Table

    from delible.report.certificate import kept_sentence
    from delible.report.wording import count

    table = Table(box=None, pad_edge=False)
    table.add_column("table")
    table.add_column("what happens")
    for name in ("rows", "kept", "shared", "mentions", "files", "MB", "wait (days)"):
        table.add_column(name, justify="right")
    for step in made.tables:
        table.add_row(
            step.table,
            words(step.action),
            *(f"{n:,}" for n in (step.rows, step.kept_rows, step.shared_rows, step.mentions, step.files)),
            f"{step.bytes / 1e6:,.1f}",
            f"{step.wait_hours / 24:g}",
        )
    head = f"Plan {made.id}: {count(len(made.requests), 'request')}, {count(len(made.tables), 'table')}"
    kept = [kept_sentence(part) for step in made.tables for part in step.kept]
    kept += [
        f"The history of {s.table} is kept from version {s.history.first} to {s.history.last}; "
        f"{s.history.rows:,} rows go from its files."
        for s in made.tables
        if s.history is not None
    ]
    if whole and made.estimate is not None:
        return Group(head, "", table, *(["", *kept] if kept else []), "", estimate_text(made.estimate))
    brief = brief_text(made.estimate) if made.estimate is not None else []
    return Group(head, "", table, "", *kept, *brief, where)


def _verified(found: Verification) -> str:
    from delible.report.wording import count

    lines = [
        f"{count(found.files_searched, 'file')}, {found.bytes_searched / 1e6:,.1f} MB searched for "
        f"{count(found.values_searched, 'value')}."
    ]
    if len(found.matches) > 1:
        lines.append("One row may be found in several ways: as a column's value, in statistics, in a file's bytes.")
    lines += [f"FOUND {m.count} x {m.form}: {m.place}" for m in found.matches]
    lines += [f"UNREADABLE {place}" for place in found.unreadable]
    return "\n".join(lines if not found.clean else [*lines, "No match."])
