"""`delible lineage`: where datasets came from and where they went."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from delible.cli.context import current, emit

app = typer.Typer(help="Show and export where datasets came from.")


@app.command()
def show(
    ctx: typer.Context,
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Name of a table or dataset, or its location.")],
) -> None:
    """Show which runs made a table or dataset, from what, and which runs used it.

    Example:

        delible lineage show support_training
    """
    from delible.report.lineage import lineage_text
    from delible.workflows.lineage_view import show_lineage

    view = show_lineage(current(ctx).workspace, dataset)
    emit(ctx, view.model_dump(mode="json"), text=lineage_text(view))


@app.command()
def export(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(help="The file to write; an existing one is not overwritten.")],
) -> None:
    """Write all run events as OpenLineage JSON lines, for any consumer of that standard.

    Example:

        delible lineage export --out lineage.jsonl
    """
    from delible.workflows.lineage_view import export_lineage

    call = current(ctx)
    count = export_lineage(call.workspace, out=out)
    emit(ctx, {"events": count, "path": out}, text=f"{count} events written to {out}.")
