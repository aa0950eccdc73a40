"""`delible table`: list the workspace's tables, and load files into new ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from delible.cli.context import current, emit, progress

app = typer.Typer(help="List the workspace's tables, and load files into new ones.")


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List the tables that policies name or the warehouse holds, with version and size.

    Example:

        delible table list
    """
    from rich.table import Table

    from delible.workflows.tables import list_tables

    known = list_tables(current(ctx).workspace)
    shown = Table("table", "policy", "version", "rows", "files", "bytes", box=None, pad_edge=False)
    document = []
    for each in known:
        size = each.size
        numbers = ("", "", "", "") if size is None else (size.version, size.rows, size.files, size.bytes)
        texts = ["not there" if size is None else str(numbers[0]), *("?" if n is None else str(n) for n in numbers[1:])]
        shown.add_row(each.table, "yes" if each.policy else "no", *texts)
        document.append(
            {
                "table": each.table,
                "location": each.location,
                "policy": each.policy,
                "version": size and size.version,
                "rows": size and size.rows,
                "files": size and size.files,
                "bytes": size and size.bytes,
            }
        )
    emit(ctx, {"tables": document}, text=shown if known else "There are no tables. Run: delible table load NAME FILE")


@app.command()
def load(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The new table's name.")],
    files: Annotated[list[Path], typer.Argument(help="Files of one form; a CSV file starts with its header.")],
    form: Annotated[str | None, typer.Option("--format", help="csv, parquet or jsonl; else by the ending.")] = None,
) -> None:
    """Load files into a new Delta table, whole or not at all; nothing is ever overwritten.

    Columns of CSV files get a type only where no text is changed by it: numbers with leading zeros stay text.

    Example:

        delible table load customers customers.csv
    """
    from delible.workflows.tables import load_table

    call = current(ctx)
    progress(f"Loading {name}...")
    done = load_table(call.workspace, name, files, form=form, actor=call.actor, now=call.now)
    document = {
        "table": name,
        "location": done.location,
        "version": done.version,
        "rows": done.rows,
        "columns": done.columns,
    }
    emit(ctx, document, text=f"{done.rows} rows in {len(done.columns)} columns loaded into {name}.")
