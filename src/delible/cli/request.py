"""`delible request`: take in data subjects' requests, approve or refuse them, carry them out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delible.cli.context import current, emit, progress
from delible.cli.options import Immediate
from delible.model.request import ENDED
from delible.model.terms import Regime, Right

if TYPE_CHECKING:
    from datetime import date

    from rich.table import Table

    from delible.model.request import Request

app = typer.Typer(help="Take in data subjects' requests and carry them out.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The request's id, such as R-20260131-ABC234.")]


@app.command()
def submit(
    ctx: typer.Context,
    right: Annotated[Right, typer.Option(help="What is asked for.")],
    regime: Annotated[Regime, typer.Option(help="Whose clock runs.")],
    identifiers: Annotated[str, typer.Option(metavar="FILE", help="JSON lines, one person each; - for stdin.")],
    received: Annotated[datetime | None, typer.Option(help="When it came in (UTC), if not now.")] = None,
) -> None:
    """Register a request for each person in a file, and print the ids and due dates.

    Example:

        echo '{"email": "ann@shop.example"}' | delible request submit --right erasure --regime gdpr --identifiers -
    """
    from delible.workflows.requests import submit_requests

    call = current(ctx)
    made = submit_requests(
        call.workspace,
        right=right,
        regime=regime,
        identifiers=identifiers,
        actor=call.actor,
        now=call.now,
        received=received.replace(tzinfo=received.tzinfo or UTC) if received else None,
    )
    lines = [_line(r, call.now) for r in made]
    emit(ctx, {"request": lines[0], "requests": lines}, text=_table(made, call.now))


@app.command("list")
def list_(
    ctx: typer.Context,
    open_only: Annotated[bool, typer.Option("--open", help="Only requests that have not ended.")] = False,
) -> None:
    """List requests, what is due first on top.

    Example:

        delible request list --open
    """
    from delible.workflows.requests import list_requests

    call = current(ctx)
    requests = list_requests(call.workspace, open_only=open_only)
    emit(ctx, {"requests": [_line(r, call.now) for r in requests]}, text=_table(requests, call.now))


@app.command()
def show(ctx: typer.Context, request_id: Id) -> None:
    """Show one request and what has happened to it.

    Example:

        delible request show R-20260131-ABC234
    """
    from delible.workflows.requests import show_request

    call = current(ctx)
    request, history = show_request(call.workspace, request_id)
    emit(
        ctx,
        {"request": {**_line(request, call.now), "refs": list(request.refs)}, "history": history},
        text=_shown(request, history, call.now),
    )


@app.command()
def approve(ctx: typer.Context, request_id: Id) -> None:
    """Approve a request, so that `fulfil` carries it out.

    Example:

        delible request approve R-20260131-ABC234
    """
    from delible.workflows.requests import approve_request

    call = current(ctx)
    request = approve_request(call.workspace, request_id, actor=call.actor, now=call.now)
    emit(ctx, {"request": _line(request, call.now)}, text=_table([request], call.now))


@app.command()
def refuse(
    ctx: typer.Context,
    request_id: Id,
    reason: Annotated[str, typer.Option(help="The ground, naming no person (Art. 12(4)).")],
) -> None:
    """Refuse a request, with the reason.

    Example:

        delible request refuse R-20260131-ABC234 --reason "identity could not be confirmed"
    """
    from delible.workflows.requests import refuse_request

    call = current(ctx)
    request = refuse_request(call.workspace, request_id, reason=reason, actor=call.actor, now=call.now)
    emit(ctx, {"request": _line(request, call.now)}, text=_table([request], call.now))


@app.command()
def fulfil(
    ctx: typer.Context,
    request_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="All approved ones if none.")
    ] = None,
    immediate: Immediate = False,
    accept_no_match: Annotated[
        bool, typer.Option("--accept-no-match", help="Complete erasures that reach no row, too.")
    ] = False,
) -> None:
    """Carry out approved requests: access packages first, then all erasures in one run.

    Example:

        delible request fulfil --immediate
    """
    from delible.cli.erasure import applied_document, applied_text
    from delible.workflows.requests import fulfil_requests

    call = current(ctx)
    done = fulfil_requests(
        call.workspace,
        request_ids or (),
        immediate=immediate,
        accept_no_match=accept_no_match,
        actor=call.actor,
        now=call.now,
        progress=progress,
    )
    document: dict[str, Any] = {
        "requests": [{"id": r.id, "state": r.state} for r in done.requests],
        "tables": [line for e in done.erasures for line in applied_document(e)["tables"]],
        "packages": dict(done.packages),
        "releases": sorted({name for e in done.erasures for name in e.releases}),
    }
    tables = [t for e in done.erasures for t in e.tables]
    emit(ctx, document, text=applied_text(done.requests, tables, document["releases"]), failure=done.failure)


def days_left(due: date, now: datetime) -> int:
    """Return the days until a due date; negative when it has passed."""
    from delible.decide.deadline import days_left as left

    return left(due, now)


def _line(request: Request, now: datetime) -> dict[str, Any]:
    return {
        "id": request.id,
        "right": request.right,
        "regime": request.regime,
        "state": request.state,
        "received": request.received,
        "due": request.due,
        "days_left": None if request.state in ENDED else days_left(request.due, now),
        "duplicate_of": request.duplicate_of,
    }


def _table(requests: list[Request], now: datetime) -> Table | str:
    from rich.table import Table

    if not requests:
        return "No requests."
    table = Table(box=None, pad_edge=False)
    for name in ("request", "right", "regime", "state", "received", "due"):
        table.add_column(name)
    table.add_column("days left", justify="right")
    for request in requests:
        left = "" if request.state in ENDED else str(days_left(request.due, now))
        table.add_row(
            request.id,
            request.right,
            request.regime,
            request.state.replace("_", " "),
            f"{request.received:%Y-%m-%d}",
            request.due.isoformat(),
            left,
        )
    return table


def _shown(request: Request, history: list[dict[str, Any]], now: datetime) -> str:
    lines = [
        f"{request.id}  {request.right} under {request.regime}, {request.state.replace('_', ' ')}",
        f"received {request.received:%Y-%m-%d}, due {request.due}"
        + ("" if request.state in ENDED else f" ({days_left(request.due, now)} days left)"),
    ]
    lines += [f"duplicate of {request.duplicate_of}"] if request.duplicate_of else []
    lines += [f"reason: {request.reason}"] if request.reason else []
    lines += ["", *(f"{h['at']:%Y-%m-%d %H:%M:%S}  {h['outcome']:<22} {h['actor']}" for h in history)]
    return "\n".join(lines)
