"""`delible access`: the package that answers an access request."""

from __future__ import annotations

from typing import Annotated

import typer

from delible.cli.context import current, emit, progress
from delible.cli.options import AcceptNoMatch

app = typer.Typer(help="Build the package that answers an access request.")


@app.callback()
def access() -> None:
    """Build the package that answers an access request."""


@app.command()
def build(
    ctx: typer.Context,
    request_id: Annotated[str, typer.Argument(metavar="ID", help="The request.")],
    accept_no_match: AcceptNoMatch = False,
) -> None:
    """Collect everything about one person into a folder: JSON files and a page to read, other people redacted.

    Example:

        delible access build R-20260131-ABC234
    """
    from delible.workflows.access import build_access_package

    call = current(ctx)
    built = build_access_package(
        call.workspace,
        request_id,
        accept_no_match=accept_no_match,
        actor=call.actor,
        now=call.now,
        progress=progress,
    )
    emit(
        ctx,
        {
            "request": {"id": built.request.id, "state": built.request.state},
            "path": built.folder,
            "rows": built.rows,
        },
        text=f"{built.rows:,} rows for request {built.request.id}: {built.folder / 'index.html'}",
    )
