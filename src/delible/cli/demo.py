"""`delible demo`: the whole chain on a synthetic company."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from delible.cli.context import current, emit, progress

if TYPE_CHECKING:
    from rich.console import Group

    from delible.workflows.demo import Demo

app = typer.Typer()


@app.command()
def demo(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to make the workspace.")] = Path("demo"),
) -> None:
    """Run the whole chain on a synthetic company, and leave its workspace in a folder.

    Example:

        delible demo shop
    """
    from delible.workflows.demo import run_demo

    call = current(ctx)
    done = run_demo(folder, actor=call.actor, now=call.now, progress=progress)
    document = {
        "workspace": done.workspace.root,
        "report": done.report,
        "steps": [{"step": line.step, "happened": line.happened} for line in done.lines],
    }
    emit(ctx, document, text=_table(done))


def _table(done: Demo) -> Group:
    from rich.console import Group
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("step")
    table.add_column("what happened")
    for line in done.lines:
        table.add_row(line.step, line.happened)
    return Group(table, "", f"Report: {os.path.relpath(done.report)}")
