"""`delible doctor`: is this machine fit to run delible?"""

from __future__ import annotations

from typing import Annotated

import typer

from delible.cli.context import current, emit

app = typer.Typer()


@app.command()
def doctor(
    ctx: typer.Context,
    fetch: Annotated[bool, typer.Option("--fetch", help="Fetch the Delta JARs now, unless they are cached.")] = False,
    s3: Annotated[
        bool, typer.Option("--s3", help="Look at, or fetch, the JARs for tables in buckets, too (13 MB).")
    ] = False,
    warm: Annotated[
        bool,
        typer.Option(
            "--warm",
            help="Archive Spark's classes, so that it starts 5 s sooner (200 MB, 45 s once), and with the extra `fast` "
            "compile the patterns of the first scan (20 s each for the workspace here, the demo and without policies).",
        ),
    ] = False,
) -> None:
    """Check this installation and say what to do about each problem.

    Looks at versions, the JDK, the Delta JARs, the workspace and its keys. Ends with exit code 1 when something is
    broken.

    Example:

        delible doctor --json
    """
    from delible.workflows.doctor import broken, examine

    checks = examine(current(ctx).folder, fetch=fetch, s3=s3, warm=warm)
    lines = [f"{c.health:<8}{c.name:<22}{c.found}" + (f" {c.fix}" if c.fix else "") for c in checks]
    emit(ctx, {"checks": checks}, text="\n".join(lines), failure=broken(checks))
