"""`delible guard`: look for erased people whose rows have come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from delible.cli.context import current, emit, progress
from delible.model.terms import words

if TYPE_CHECKING:
    from rich.table import Table

    from delible.workflows.guard import Guarded

app = typer.Typer()


@app.command()
def guard(
    ctx: typer.Context,
    tables: Annotated[list[str] | None, typer.Argument(help="Tables; all that policies describe if none.")] = None,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Change nothing, also where the policy says to erase again.")
    ] = False,
) -> None:
    """Look for erased people whose rows came back by a replay, a restore or a backup; exit code 3 if there are any.

    With `returned: erase` in the controller's policy, they get an erasure request of their own, which `request fulfil`
    carries out. People about whom anything is new are reported, and never erased by themselves.

    Example:

        delible guard customers orders
    """
    from delible.workflows.guard import guard_tables

    call = current(ctx)
    found = guard_tables(
        call.workspace, tables or (), actor=call.actor, now=call.now, erase=not report_only, progress=progress
    )
    emit(ctx, guarded_document(found), text=_table(found), failure=found.failure)


def guarded_document(found: Guarded) -> dict[str, Any]:
    """Return counts by table, and the requests by which people are erased again."""
    return {
        "tables": [{"table": t.table, "rows": t.rows, "people": len(t.people)} for t in found.tables],
        "people": len(found.people),
        "requests": [{"id": r.id, "state": r.state} for r in found.requests],
        "ask": [problem.as_json() for problem in found.ask],
    }


def _table(found: Guarded) -> Table | str:
    from rich.table import Table

    if not found.tables:
        return "Nobody has been erased yet, or no table is about people."
    table = Table("table", box=None, pad_edge=False)
    for name in ("rows that came back", "people"):
        table.add_column(name, justify="right")
    for t in found.tables:
        table.add_row(t.table, f"{t.rows:,}", f"{len(t.people):,}")
    for request in found.requests:
        table.add_row(f"{request.id}: {words(request.state)}", "", "")
    return table
