"""`delible hold`: legal holds on people. Holds on whole tables and on categories of everybody are policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from delible.cli.context import current, emit, progress

if TYPE_CHECKING:
    from rich.table import Table

    from delible.model.record import SubjectHold

app = typer.Typer(help="Add, release and list legal holds on people.")


@app.command()
def add(
    ctx: typer.Context,
    identifiers: Annotated[str, typer.Option(metavar="FILE", help="JSON lines, one person each; - for stdin.")],
    reason: Annotated[str, typer.Option(help="Why, naming no person (Art. 17(3)(e)).")],
    owner: Annotated[str, typer.Option(help="Who can release it, such as a department.")],
    category: Annotated[
        list[str] | None,
        typer.Option(help="Only data of this category and below, such as user.financial; may be repeated."),
    ] = None,
) -> None:
    """Hold a person's rows: no erasure and no retention touches them until the release.

    With --category an erasure waits only where it would change such data, and retention leaves only rows that hold it.

    Example:

        delible hold add --identifiers person.jsonl --reason "claim 2026-14" --owner legal --category user.financial
    """
    from delible.workflows.holds import place_holds

    call = current(ctx)
    placed = place_holds(
        call.workspace,
        identifiers=identifiers,
        reason=reason,
        owner=owner,
        categories=category or (),
        actor=call.actor,
        now=call.now,
    )
    emit(ctx, {"holds": [_line(h) for h in placed]}, text=_table(placed))


@app.command()
def release(ctx: typer.Context, hold_id: Annotated[str, typer.Argument(metavar="ID", help="The hold.")]) -> None:
    """Release a hold.

    Example:

        delible hold release H-20260131-A1B2C3
    """
    from delible.workflows.holds import release_hold

    call = current(ctx)
    hold = release_hold(call.workspace, hold_id, actor=call.actor, now=call.now)
    emit(ctx, {"hold": _line(hold)}, text=_table([hold]))


@app.command("put-back")
def put_back(ctx: typer.Context) -> None:
    """Put rows of held people back into tables that lost them before the hold came.

    They stand in old files only, which stay for their sake, and with them the rows of others who were erased beside.
    Once they are back, `request fulfil` ends the others. Rows that stay in another form, or of whom others have written
    rows since, are for people to restore.

    Example:

        delible hold put-back
    """
    from delible.workflows.put_back import put_back_held

    call = current(ctx)
    done = put_back_held(call.workspace, actor=call.actor, now=call.now, progress=progress)
    lines = [f"{d.rows} row(s) of version {d.version} put back into {d.table}" for d in done]
    tables = [{"table": d.table, "version": d.version, "rows": d.rows} for d in done]
    emit(ctx, {"tables": tables}, text="\n".join(lines) or "No table has lost rows of anybody who is held.")


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List holds on people, released ones included.

    Example:

        delible hold list
    """
    from delible.workflows.holds import list_holds

    holds = list_holds(current(ctx).workspace)
    emit(ctx, {"holds": [_line(h) for h in holds]}, text=_table(holds))


def _line(hold: SubjectHold) -> dict[str, object]:
    return {
        "id": hold.id,
        "reason": hold.reason,
        "owner": hold.owner,
        "categories": list(hold.categories),
        "placed": hold.placed,
        "released": hold.released,
    }


def _table(holds: list[SubjectHold]) -> Table | str:
    from rich.table import Table

    if not holds:
        return "No holds on people. Holds on tables and categories are in policies/legal_holds."
    table = Table(box=None, pad_edge=False)
    for name in ("hold", "placed", "released", "owner", "covers", "reason"):
        table.add_column(name)
    for hold in holds:
        released = f"{hold.released:%Y-%m-%d}" if hold.released else "no"
        covers = ", ".join(hold.categories) or "all"
        table.add_row(hold.id, f"{hold.placed:%Y-%m-%d}", released, hold.owner, covers, hold.reason)
    return table
