"""`delible init`: a new workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from delible.cli.context import current, emit

app = typer.Typer()


@app.command()
def init(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder; it is made when it does not exist.")],
) -> None:
    """Create a new workspace in a folder: settings, keys, policy folders, and a controller.yaml to fill in.

    Nothing is overwritten. Keep a copy of the key file apart from the data: without it no stored reference can be
    matched again.

    Example:

        delible init compliance
    """
    from delible.workflows.init import init_workspace

    call = current(ctx)
    made = init_workspace(folder, actor=call.actor, now=call.now)
    text = (
        f"Workspace made in {made.root}.\n"
        f"Next: say who you are in {made.policies}/controller.yaml, then run: delible policy check\n"
        "It names what is still missing, here and in later steps."
    )
    emit(ctx, {"workspace": made.root, "key_id": made.key_id}, text=text)
