"""`delible audit`: verify and export the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from delible.cli.context import current, emit

app = typer.Typer(help="Verify and export the audit ledger.")


@app.command()
def verify(
    ctx: typer.Context,
    known: Annotated[
        str | None,
        typer.Option(metavar="SEQUENCE:HASH", help="A record as it was noted elsewhere, such as on a certificate."),
    ] = None,
) -> None:
    """Check every record of the ledger against its hash, its neighbours and the signed head.

    Ends with exit code 4 when any record was changed, removed, inserted, reordered or cut off. Who holds the disk
    can put back an older copy of the whole store; only a record that was noted elsewhere (--known) shows that.

    Example:

        delible audit verify
    """
    from delible.workflows.audit import broken, verify_ledger

    call = current(ctx)
    check = verify_ledger(call.workspace, known=known)
    words = "intact" if check.intact else "NOT intact"
    document = {"records": check.records, "intact": check.intact, "head": check.head, "head_behind": check.behind}
    text = f"{check.records} records, {words}, head at {check.head}."
    if check.behind:
        text += " The signed head does not know the last commit: its writer died, or somebody put an older head back."
    emit(ctx, document, text=text, failure=broken(check))


@app.command()
def export(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(help="The file to write; an existing one is not overwritten.")],
) -> None:
    """Write the ledger as JSON lines, to be checked elsewhere.

    Example:

        delible audit export --out ledger.jsonl
    """
    from delible.workflows.audit import export_ledger

    call = current(ctx)
    count = export_ledger(call.workspace, out=out)
    emit(ctx, {"records": count, "path": out}, text=f"{count} records written to {out}.")
