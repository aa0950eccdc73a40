"""`delible retention`: plan and apply retention periods."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delible.cli.context import current, emit, progress
from delible.cli.estimates import brief_text, compared_lines, compared_text, estimate_text
from delible.cli.options import DryRun, Immediate, NoRead, PlanOut, is_dry, keep_plan

if TYPE_CHECKING:
    from rich.console import Group

    from delible.model.plan import RetentionPlan
    from delible.workflows.retention import Applied

app = typer.Typer(help="Plan and apply retention periods.")


@app.command()
def plan(
    ctx: typer.Context,
    out: PlanOut = None,
    immediate: Immediate = False,
    dry_run: DryRun = False,
    no_read: NoRead = False,
) -> None:
    """Count the rows that are past their period, and say what would be done; change nothing.

    With --dry-run it shows the cost as a whole, and so does --json under
    "estimate", as `delible erasure plan` does: files, bytes and time per rule,
    in which order and after which windows.

    Example:

        delible retention plan --out retention.json

        delible retention plan --dry-run
    """
    from delible.workflows.retention_plan import plan_due_retention

    call = current(ctx)
    dry = is_dry(out, dry_run=dry_run, no_read=no_read)
    if no_read:
        from delible.workflows.forecast import forecast_retention

        told = forecast_retention(call.workspace, now=call.now, immediate=immediate, progress=progress)
        emit(ctx, {"estimate": told.estimate, "out": None}, text=estimate_text(told.estimate))
        return
    made = plan_due_retention(call.workspace, now=call.now, immediate=immediate, progress=progress)
    where = "" if dry else keep_plan(made, out)
    document: dict[str, Any] = made.model_dump(mode="json")
    emit(ctx, {**document, "out": out}, text=_planned(made, where, whole=dry))


@app.command()
def apply(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A plan that `retention plan --out` wrote.")
    ] = None,
) -> None:
    """Carry out a retention plan; without FILE, go on with plans that wait for a window or were cut short.

    Example:

        delible retention apply retention.json
    """
    from delible.model.plan import RetentionPlan
    from delible.workflows.plans import load_plan
    from delible.workflows.retention import apply_retention, go_on_retention

    call = current(ctx)
    if file is None:
        done = go_on_retention(call.workspace, actor=call.actor, now=call.now, progress=progress)
    else:
        loaded = load_plan(call.workspace, file, RetentionPlan)
        done = (apply_retention(call.workspace, loaded, actor=call.actor, now=call.now, progress=progress),)
    emit(ctx, applied_document(done), text=_applied(done))


@app.command()
def enforce(
    ctx: typer.Context,
    immediate: Immediate = False,
    wait: Annotated[
        float, typer.Option("--wait", metavar="MINUTES", min=0, help="How long to wait for another run to end.")
    ] = 0,
) -> None:
    """Go on with plans that were begun, then plan all rules and carry the plan out: what a scheduler runs.

    It may run late, twice, or while an erasure works on the same tables: it
    waits for the other run, and plans what that left.

    Example:

        delible retention enforce --wait 30
    """
    from datetime import timedelta

    from delible.workflows.retention_enforce import enforce_retention

    call = current(ctx)
    done = enforce_retention(
        call.workspace,
        actor=call.actor,
        now=call.now,
        immediate=immediate,
        wait=timedelta(minutes=wait),
        progress=progress,
    )
    emit(ctx, applied_document(done), text=_applied(done))


def applied_document(done: Sequence[Applied]) -> dict[str, Any]:
    """Return what was done to each table."""
    return {
        "tables": [
            {
                "table": t.step.table,
                "rule": getattr(t.step, "rule", ""),
                "rows": t.rows,
                "held_rows": getattr(t.step, "held_rows", 0),
                "files_rewritten": t.files_rewritten,
                "bytes_rewritten": t.bytes_rewritten,
                "leftovers_removed": t.leftovers_removed,
                "unnamed_left": t.unnamed_left,
                "waiting_until": t.waiting_until,
                "state": t.state,
                "estimated": compared_lines(each.compared).get((t.step.table, getattr(t.step, "rule", None)), {}),
            }
            for each in done
            for t in each.tables
        ],
        "releases": _releases(done),
    }


def _releases(done: Sequence[Applied]) -> list[str]:
    """Return the releases that may hold rows of this run, each once."""
    return list(dict.fromkeys(release for each in done for release in each.releases))


def _planned(made: RetentionPlan, where: str, *, whole: bool) -> Group | str:
    from rich.console import Group
    from rich.table import Table

    if not made.tables:
        return "No row is past its period."
    table = Table(box=None, pad_edge=False)
    table.add_column("table")
    table.add_column("rule")
    for name in ("rows", "held", "files", "MB"):
        table.add_column(name, justify="right")
    for step in made.tables:
        numbers = (f"{step.rows:,}", f"{step.held_rows:,}", f"{step.files:,}", f"{step.bytes / 1e6:,.1f}")
        table.add_row(step.table, step.rule, *numbers)
    if whole and made.estimate is not None:
        return Group(table, "", estimate_text(made.estimate))
    return Group(table, "", *(brief_text(made.estimate) if made.estimate is not None else []), where)


def _applied(done: Sequence[Applied]) -> Group | str:
    from rich.console import Group
    from rich.table import Table

    if not any(each.tables for each in done):
        return "Nothing to do."
    table = Table(box=None, pad_edge=False)
    table.add_column("table")
    table.add_column("rule")
    table.add_column("rows", justify="right")
    table.add_column("state")
    for line in applied_document(done)["tables"]:
        table.add_row(line["table"], line["rule"], f"{line['rows']:,}", line["state"])
    parts = [part for each in done for part in compared_text(each.compared)]
    if releases := _releases(done):
        parts.append(
            f"\nCut from these tables before, and unchanged: {', '.join(releases)}. They may hold the rows; build the "
            "datasets anew, then: delible dataset retire NAME@vN"
        )
    return Group(table, *parts)
