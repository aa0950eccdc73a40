"""`delible lineage`: where datasets came from and where they went."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from delible.cli.context import current, emit
from delible.errors import DelibleError, InputError, did_you_mean

app = typer.Typer(help="Show where datasets came from, and hand their lineage over.")


@app.command()
def show(
    ctx: typer.Context,
    dataset: Annotated[
        str, typer.Argument(metavar="DATASET", help="Name of a table or dataset, NAME@vN, or its location.")
    ],
    form: Annotated[
        Literal["text", "svg", "mermaid", "json"], typer.Option("--format", help="How it is drawn.")
    ] = "text",
    out: Annotated[Path | None, typer.Option(help="Write it into this new file instead of printing it.")] = None,
) -> None:
    """Show what a table or dataset is made from and what is made from it, over all steps, and the runs that did it.

    Steps come from recorded runs, and from what policies say about derived tables. The SVG needs nothing from outside.

    Example:

        delible lineage show support_training --format svg --out lineage.svg
    """
    from delible.workflows.lineage_view import show_lineage, write_new

    call = current(ctx)
    shown = show_lineage(call.workspace, dataset)
    graph = shown.graph.model_dump(mode="json", exclude={"dataset"})
    document: dict[str, Any] = {**shown.view.model_dump(mode="json"), **graph}
    text = _drawn(shown, document, form)
    if out is not None:
        write_new(out, text.encode())
        emit(ctx, {**document, "path": out}, text=str(out))
    else:
        emit(ctx, document, text=text, verbatim=form != "text")


def _drawn(shown: Any, document: dict[str, Any], form: str) -> str:
    import json

    from delible.report.lineage import lineage_text
    from delible.report.lineage_graph import UNRECORDED
    from delible.report.lineage_svg import lineage_svg
    from delible.report.lineage_text import lineage_mermaid, lineage_tree

    if form == "json":
        return json.dumps(document, indent=2)
    if form == "svg":
        return lineage_svg(shown.graph)
    if form == "mermaid":
        return lineage_mermaid(shown.graph)
    asked = {node.id for node in shown.graph.nodes if node.focus}
    edges = [e for e in shown.graph.edges if e.by in UNRECORDED]
    said = lineage_text(
        shown.view,
        made_from=[e.source for e in edges if e.target in asked],
        feeds=[e.target for e in edges if e.source in asked],
    )
    return "\n\n".join(part for part in (said, lineage_tree(shown.graph)) if part)


@app.command()
def gaps(ctx: typer.Context) -> None:
    """Find columns of derived tables that have no tag, or say less than the columns that they are made from.

    A category travels along column lineage, through masks and pseudonyms as well, until a treatment leaves nothing of
    the values. A column that inherits one and has no tag of its own is a gap.

    Example:

        delible lineage gaps --json
    """
    from delible.workflows.lineage_view import find_gaps

    found = [problem.as_json() for problem in find_gaps(current(ctx).workspace)]
    lines = [f"gap  {g['where']}: {g['message']} [{g['code']}]" for g in found]
    emit(ctx, {"gaps": found}, text="\n".join([*lines, f"gaps: {len(found)}"]))


@app.command()
def schema(
    ctx: typer.Context,
    facet: Annotated[str | None, typer.Argument(metavar="FACET", help="One facet; all without it.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write one file per facet into this folder instead.")
    ] = None,
) -> None:
    """Print the JSON Schema of every facet that delible adds to OpenLineage events.

    Example:

        delible lineage schema delible_erasure
    """
    import json

    from delible.workflows.lineage_view import export_schemas, facet_schemas

    if out is not None:
        made = export_schemas(out)
        emit(ctx, {"files": made}, text="\n".join(map(str, made)))
        return
    schemas = facet_schemas()
    if facet is not None and facet not in schemas:
        hint = did_you_mean(facet, schemas).strip()
        raise InputError("lineage.unknown_facet", "delible has no facet of this name.", where=facet, fix=hint or None)
    chosen = schemas if facet is None else {facet: schemas[facet]}
    emit(ctx, {"schemas": chosen}, text=json.dumps(chosen if facet is None else chosen[facet], indent=2), verbatim=True)


@app.command()
def resend(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Send the events of all runs, whatever has arrived.")] = False,
) -> None:
    """Deliver the lineage events that the configured consumer has not taken yet.

    Runs keep what they could not deliver, and try once more whenever one of them ends; this tries with more patience,
    and offers also what the consumer has refused. Events that still wait end the command with exit code 1.

    Example:

        delible lineage resend
    """
    from delible.workflows.lineage_view import resend_lineage

    done = resend_lineage(current(ctx).workspace, anew=every)
    failure = None
    if done.waiting:
        failure = DelibleError(
            "lineage.undelivered",
            f"{done.waiting} event(s) still wait ({done.failure or 'another process delivers them'}).",
            where="openlineage",
            fix="Look at the consumer, and run this again: nothing is lost.",
        )
    document = {"arrived": done.arrived, "refused": done.refused, "waiting": done.waiting, "failure": done.failure}
    emit(ctx, document, text=f"{done.arrived} event(s) arrived.", failure=failure)


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
