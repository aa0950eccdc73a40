"""`delible policy`: check, explain, and the schemas for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from delible.cli.context import current, emit

app = typer.Typer(help="Check, explain, compare and draft policies.")


@app.command()
def check(ctx: typer.Context) -> None:
    """Find gaps and violations in the policies, compared with the tables that are there.

    Gaps are configuration that is missing: what they are about is kept and left out of datasets. Violations break a
    rule; any of them ends the command with exit code 3.

    Example:

        delible policy check --workspace shop
    """
    from delible.workflows.policies import check_policies, violated

    result = check_policies(current(ctx).workspace)
    gaps = [finding.as_json() for finding in result.gaps]
    document = {
        "gaps": gaps,
        "violations": [finding.as_json() for finding in result.violations],
        "fingerprint": result.fingerprint,
    }
    shown = [f"gap  {g['where']}: {g['message']} [{g['code']}]" for g in gaps]
    shown.append(f"{len(gaps)} gaps, {len(result.violations)} violations; policies {result.fingerprint[:16]}")
    emit(ctx, document, text="\n".join(shown), failure=violated(result))


@app.command()
def explain(
    ctx: typer.Context, table: Annotated[str, typer.Argument(metavar="TABLE", help="Name in the policies.")]
) -> None:
    """Say what the policies mean for one table: whose it is, how long it stays, what erasure does.

    Example:

        delible policy explain orders
    """
    from delible.plan.explain import as_json, lines
    from delible.workflows.policies import explain_table

    explanation = explain_table(current(ctx).workspace, table)
    emit(ctx, as_json(explanation), text="\n".join(lines(explanation)))


@app.command()
def schema(
    ctx: typer.Context,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write one file per kind into this folder instead.")
    ] = None,
) -> None:
    """Print the JSON Schema of every kind of policy file, for editors and other programs.

    Example:

        delible policy schema --out policies/schema
    """
    import json

    from delible.workflows.policies import export_schemas

    schemas = export_schemas(out)
    if out is None:
        emit(ctx, {"schemas": schemas}, text=json.dumps(schemas, indent=2), verbatim=True)
    else:
        files = [out / f"{kind}.json" for kind in schemas]
        emit(ctx, {"files": files}, text="\n".join(str(file) for file in files))
