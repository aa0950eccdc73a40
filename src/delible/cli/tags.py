"""`delible tags`: find personal data in tables, and review the verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delible.cli.context import current, emit, progress
from delible.errors import InputError

if TYPE_CHECKING:
    from rich.console import Group

    from delible.model.record import TagFinding

app = typer.Typer(help="Find personal data in tables, and review the verdicts.")


@app.command()
def scan(
    ctx: typer.Context,
    tables: Annotated[list[str] | None, typer.Argument(help="Tables; all that are there when none is named.")] = None,
    sample: Annotated[int, typer.Option(help="Distinct values to look at per column.")] = 1_000,
    full: Annotated[bool, typer.Option("--full", help="Look at every distinct value.")] = False,
    exact: Annotated[bool, typer.Option("--exact", help="Run plain Presidio: the same findings, slower.")] = False,
) -> None:
    """Look at the values, names and types of all columns, and record what each holds.

    A sample proves that a column holds personal data, never that it does not: `bound` says what share of its values
    could still, at 95 % confidence.

    Example:

        delible tags scan customers --sample 2000
    """
    from delible.workflows.tagging import scan_tables

    call = current(ctx)
    found = scan_tables(
        call.workspace,
        tables or (),
        sample=None if full else sample,
        exact=exact,
        actor=call.actor,
        now=call.now,
        progress=progress,
    )
    document = {
        "tables": found.tables,
        "values": found.values,
        "personal": found.personal,
        "columns": [_line(finding) for finding in found.findings],
        "returned": [{"table": table, "rows": rows} for table, rows in found.returned.items()],
    }
    for table, rows in found.returned.items():
        progress(f"finding: {rows} row(s) of erased people are in {table} again; see: delible guard {table}")
    emit(ctx, document, text=_table(found.findings))


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List the verdict on each column that was ever scanned.

    Example:

        delible tags list --json
    """
    from delible.workflows.tagging import list_tags

    findings = list_tags(current(ctx).workspace)
    text = _table(findings) if findings else "No column has been scanned. Run: delible tags scan"
    emit(ctx, {"columns": [_line(finding) for finding in findings]}, text=text)


@app.command()
def review(
    ctx: typer.Context,
    column: Annotated[str, typer.Argument(metavar="TABLE.COLUMN", help="The column that was judged.")],
    accept: Annotated[bool | None, typer.Option("--accept/--reject", help="Whether the verdict is right.")] = None,
    reason: Annotated[str, typer.Option(help="Why; name no person.")] = "",
    category: Annotated[str | None, typer.Option(help="With --accept: what the column really holds.")] = None,
) -> None:
    """Accept or reject a verdict. It stays as it is then, whatever later scans find.

    Example:

        delible tags review orders.delivery_note --accept --reason "Customers write names and codes there."
    """
    from delible.workflows.tagging import review_tag

    call = current(ctx)
    if accept is None:
        raise InputError("tags.decision", "a review accepts or rejects.", fix="Give --accept or --reject.")
    pinned = review_tag(
        call.workspace, column, accept=accept, reason=reason, category=category, actor=call.actor, now=call.now
    )
    emit(ctx, {"column": _line(pinned)}, text=f"{column}: {pinned.state} as {pinned.category or 'not personal'}.")


def _line(finding: TagFinding) -> dict[str, Any]:
    return finding.model_dump(mode="json")


def _table(findings: Sequence[TagFinding]) -> Group:
    from rich.console import Group
    from rich.table import Table

    table = Table("column", "category", "entity", "sure", "hits", "state", box=None, pad_edge=False)
    last = None
    for finding in findings:
        if finding.table != last:
            table.add_row(finding.table)
            last = finding.table
        table.add_row(
            f"  {finding.column}",
            finding.category or _clean(finding),
            finding.entity or "",
            f"{finding.confidence:.0%}" if finding.category else "",
            f"{finding.hits}/{finding.sampled}",
            finding.state.value,
        )
    legend = Table(box=None, pad_edge=False, show_header=False)
    for word, meaning in _LEGEND:
        legend.add_row(word, meaning)
    return Group(table, "", legend)


def _clean(finding: TagFinding) -> str:
    return "none" if finding.bound == 0 else f"none, below {finding.bound:.2%}"


_LEGEND = (
    ("category", "what the column holds; an entity is the kind of value by which that was seen"),
    ("none", "nothing personal was found in any value"),
    ("none, below N%", "at most a few values by chance; at 95 % confidence, fewer than N % could still be personal"),
    ("sure", "how sure the verdict is"),
    ("hits", "values that look so, of the distinct values looked at; 0/0: judged by name and type alone"),
    ("proposed", "nobody has reviewed it; then it is accepted or rejected, for good: delible tags review TABLE.COLUMN"),
)
"""What the columns of the list mean."""
