"""`delible request`: take in data subjects' requests, approve or refuse them, carry them out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from delible.cli import lifecycle
from delible.cli.context import current, emit, progress
from delible.cli.options import AcceptNoMatch, Immediate
from delible.cli.request_lines import Id, at_length, line, shown, table
from delible.model.restriction import RestrictionGround
from delible.model.terms import Regime, Right

app = typer.Typer(help="Take in data subjects' requests and carry them out.")


@app.command()
def submit(
    ctx: typer.Context,
    right: Annotated[Right, typer.Option(help="What is asked for.")],
    regime: Annotated[Regime, typer.Option(help="Whose clock runs; one of the controller's regimes.")],
    identifiers: Annotated[str, typer.Option(metavar="FILE", help="JSON lines, one person each; - for stdin.")],
    received: Annotated[datetime | None, typer.Option(help="When it came in (UTC), if not now.")] = None,
    agent: Annotated[bool, typer.Option("--agent", help="An authorised agent asks for them.")] = False,
    ground: Annotated[
        RestrictionGround | None, typer.Option(help="Of restrictions, the ground of Art. 18(1), if it was said.")
    ] = None,
    corrections: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="For rectification: JSON lines, each person's corrections in the same order, such as "
            '{"customers.city": "Lyon", "customers.name": {"from": "Wrogn", "to": "Wrong"}}.',
        ),
    ] = None,
) -> None:
    """Register a request for each person in a file as one batch, and print the ids and due dates.

    A line may give a time of receipt of its own, as "received"; whoever has an open request that says the same is
    linked to it as a duplicate, and awaits approval when that one is refused, withdrawn or expires.

    Example:

        echo '{"email": "ann@shop.example"}' | delible request submit --right erasure --regime gdpr --identifiers -
    """
    from delible.workflows.lifecycle import standings_of
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
        agent=agent,
        restriction=ground,
        corrections=corrections,
        progress=progress,
    )
    found = standings_of(call.workspace, made, call.now)
    lines = [line(s) for s in found]
    emit(ctx, {"request": lines[0], "requests": lines}, text=table(found))


@app.command("list")
def list_(
    ctx: typer.Context,
    open_only: Annotated[bool, typer.Option("--open", help="Only requests that have not ended.")] = False,
    due_within: Annotated[
        int | None,
        typer.Option(min=0, max=3650, metavar="DAYS", help="Only deadlines so near; exit code 3 when one is broken."),
    ] = None,
) -> None:
    """List requests, the most endangered on top, with the days that are left.

    Example:

        delible request list --due-within 7
    """
    from delible.report.wording import count
    from delible.workflows.lifecycle import overview

    call = current(ctx)
    found = overview(call.workspace, now=call.now, open_only=open_only, within=due_within)
    document = {"requests": [line(s) for s in found.standings]} if call.json else {}
    none = "No request is open." if open_only else "No requests."
    if due_within is not None:
        none = f"No open request has a deadline within {count(due_within, 'day')}."
    emit(ctx, document, text="" if call.json else table(found.standings, none), failure=found.failure)


@app.command()
def show(ctx: typer.Context, request_id: Id) -> None:
    """Show one request, by which links its identifiers were reached, and what has happened to it.

    Example:

        delible request show R-20260131-ABC234
    """
    from delible.workflows.lifecycle import standings_of
    from delible.workflows.requests import show_request

    call = current(ctx)
    request, history = show_request(call.workspace, request_id)
    [standing] = standings_of(call.workspace, [request], call.now)
    emit(
        ctx,
        {"request": {**line(standing), **at_length(request)}, "history": history},
        text=shown(standing, history),
    )


@app.command()
def approve(
    ctx: typer.Context,
    request_ids: Annotated[list[str], typer.Argument(metavar="ID", help="Several are approved all or none.")],
) -> None:
    """Approve requests, so that `fulfil` carries them out.

    Where `controller.yaml` says `two_person_approval: true`, somebody else than the submitter must approve. Who acts is
    the account's name, or DELIBLE_ACTOR where a desk shares an account.

    Example:

        delible request approve R-20260131-ABC234
    """
    from delible.workflows.requests import approve_requests

    call = current(ctx)
    lifecycle.answer(ctx, *approve_requests(call.workspace, request_ids, actor=call.actor, now=call.now))


for step in (
    lifecycle.verify,
    lifecycle.confirm,
    lifecycle.extend,
    lifecycle.refuse,
    lifecycle.withdraw,
    lifecycle.expire,
    lifecycle.lift,
):
    app.command()(step)


@app.command()
def fulfil(
    ctx: typer.Context,
    request_ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="All approved ones if none.")] = None,
    immediate: Immediate = False,
    accept_no_match: AcceptNoMatch = False,
) -> None:
    """Carry out approved requests: restrictions, objections, access packages, corrections, then erasures.

    What exceptions keep of an erasure is carried out by itself when they end.

    Example:

        delible request fulfil --immediate
    """
    from delible.cli.erasure import applied_text, table_lines
    from delible.workflows.fulfilment import fulfil_requests

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
        "tables": [line for run in done.runs for line in table_lines(run.tables, run.compared)],
        "packages": dict(done.packages),
        "letters": dict(done.letters),
        "releases": list(done.releases),
    }
    beside = [c for run in done.runs for c in run.compared]
    text = applied_text(done.requests, done.tables, document["releases"], beside)
    emit(ctx, document, text=text, failure=done.failure)
