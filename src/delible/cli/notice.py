"""`delible notice`: tell recipients what was carried out, and keep track of their answers (Art. 19)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delible.cli.context import current, emit, progress
from delible.decide.notices import overdue
from delible.errors import BlockedError

if TYPE_CHECKING:
    from datetime import datetime

    from rich.table import Table

    from delible.model.notice import Notice

app = typer.Typer(help="Tell recipients of erasures, rectifications and restrictions, and list who has not answered.")


@app.command("list")
def list_(
    ctx: typer.Context,
    overdue_only: Annotated[
        bool, typer.Option("--overdue", help="Only those that should have been answered; exit code 3 if any.")
    ] = False,
    request: Annotated[str | None, typer.Option(metavar="ID", help="Only the notices of one request.")] = None,
) -> None:
    """List notices to recipients, what is due first on top.

    Example:

        delible notice list --overdue
    """
    from delible.workflows.notices import list_notices

    call = current(ctx)
    found = list_notices(call.workspace, actor=call.actor, now=call.now, overdue_only=overdue_only, request=request)
    failure = None
    if overdue_only and found.overdue:
        failure = BlockedError(
            "notice.overdue",
            f"{len(found.overdue)} notice(s) should have been acknowledged by now.",
            fix="Ask the recipients, and record their answers with `delible notice ack`.",
        )
    document = {
        "notices": [_line(x, call.now) for x in found.notices],
        "overdue": len(found.overdue),
        "gaps": [x.as_json() for x in found.gaps],
    }
    emit(ctx, document, text=_table(found.notices, call.now), failure=failure)


@app.command()
def send(
    ctx: typer.Context,
    notice_ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="All that have not arrived if none.")
    ] = None,
) -> None:
    """Send notices that have not arrived, or those named, also once more.

    Example:

        delible notice send
    """
    from delible.workflows.notices import send_notices

    call = current(ctx)
    done = send_notices(call.workspace, notice_ids or (), actor=call.actor, now=call.now, progress=progress)
    document = {
        "notices": [_line(x, call.now) for x in done.notices],
        "sent": sum(x.failure is None for x in done.notices),
        "gaps": [x.as_json() for x in done.gaps],
    }
    emit(ctx, document, text=_table(done.notices, call.now), failure=done.failure)


@app.command()
def ack(
    ctx: typer.Context,
    notice_id: Annotated[str, typer.Argument(metavar="ID", help="The notice.")],
    by: Annotated[str, typer.Option(help="Who answered, such as a department; it stays out of the audit ledger.")],
    by_hand: Annotated[
        bool, typer.Option("--by-hand", help="The recipient was told in another way than its policy says.")
    ] = False,
) -> None:
    """Record that a recipient has acted on a notice.

    A notice that was never sent is refused without --by-hand: once acknowledged it is not sent any more.

    Example:

        delible notice ack N-20260131-ABC234-parcel_carrier --by "carrier's privacy desk"
    """
    from delible.workflows.notices import acknowledge_notice

    call = current(ctx)
    notice = acknowledge_notice(call.workspace, notice_id, by=by, by_hand=by_hand, actor=call.actor, now=call.now)
    emit(ctx, {"notice": _line(notice, call.now)}, text=_table([notice], call.now))


@app.command()
def key(
    ctx: typer.Context,
    recipient: Annotated[str, typer.Argument(metavar="RECIPIENT", help="Its name in the policies.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Write the key here, as base64; never overwritten.")],
) -> None:
    """Write the secret key by which a recipient checks the signatures of its notices.

    Hand it over by a way that nobody else can read. It is of use for this recipient only.

    Example:

        delible notice key parcel_carrier --out carrier.key
    """
    from delible.workflows.notices import export_notice_key

    call = current(ctx)
    written = export_notice_key(call.workspace, recipient, out, actor=call.actor, now=call.now)
    emit(ctx, {"recipient": recipient, "out": written}, text=f"Written to {written}, readable by its owner only.")


def _line(notice: Notice, now: datetime) -> dict[str, Any]:
    return {
        "id": notice.id,
        "request": notice.request,
        "recipient": notice.recipient,
        "right": notice.right,
        "state": notice.state,
        "tables": list(notice.tables),
        "acknowledge_by": notice.acknowledge_by,
        "overdue": overdue(notice, now),
        "attempts": notice.attempts,
        "failure": notice.failure,
        "acknowledged_by": notice.acknowledged_by,
    }


def _table(notices: Sequence[Notice], now: datetime) -> Table | str:
    from rich.table import Table

    if not notices:
        return "No notices."
    table = Table("notice", "recipient", "right", "state", "answer due", "", box=None, pad_edge=False)
    for x in notices:
        due = f"{x.acknowledge_by:%Y-%m-%d}" if x.acknowledge_by else ""
        late = "OVERDUE" if overdue(x, now) else (x.failure or "")
        table.add_row(x.id, x.recipient, x.right, x.state, due, late)
    return table
