"""`delible rectification`: plan and apply corrections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from delible.cli.context import current, emit, progress
from delible.cli.erasure import applied_document, applied_text
from delible.cli.options import Immediate, PlanOut, keep_plan
from delible.errors import BlockedError

if TYPE_CHECKING:
    from rich.console import Group

    from delible.model.plan import RectificationPlan

app = typer.Typer(help="Plan and apply corrections (Art. 16, §1798.106).")


@app.command()
def plan(ctx: typer.Context, out: PlanOut = None, immediate: Immediate = False) -> None:
    """Find what the approved corrections change, also in derived tables, and say so; change nothing.

    Example:

        delible rectification plan --immediate --out corrections.json
    """
    from delible.workflows.rectification_plan import plan_rectifications

    call = current(ctx)
    planned = plan_rectifications(call.workspace, now=call.now, immediate=immediate, progress=progress)
    where = keep_plan(planned.plan, out)
    failure = BlockedError.of(planned.left_out) if planned.left_out else None
    document = {**planned.plan.model_dump(mode="json"), "out": out}
    emit(ctx, document, text=_planned(planned.plan, where), failure=failure)


@app.command()
def apply(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan that `rectification plan --out` wrote.")],
    immediate: Immediate = False,
) -> None:
    """Carry out a plan, or go on with it after a crash or a retention window; what was wrong is kept nowhere.

    Example:

        delible rectification apply corrections.json
    """
    from delible.model.plan import RectificationPlan
    from delible.workflows.plans import load_request_plan
    from delible.workflows.rectification import apply_rectification

    call = current(ctx)
    loaded = load_request_plan(call.workspace, file, RectificationPlan, immediate=immediate)
    done = apply_rectification(call.workspace, loaded, actor=call.actor, now=call.now, progress=progress)
    document = {**applied_document(done), "rebuild": loaded.rebuild, "untold": list(loaded.untold)}
    emit(ctx, document, text=applied_text(done.requests, done.tables, done.releases))


def _planned(made: RectificationPlan, where: str) -> Group:
    from rich.console import Group
    from rich.table import Table

    from delible.report.wording import count

    table = Table(box=None, pad_edge=False)
    table.add_column("table")
    table.add_column("columns")
    table.add_column("rows", justify="right")
    table.add_column("wait (days)", justify="right")
    for step in made.tables:
        columns = ", ".join(step.columns) + (" (follows)" if step.follows else "")
        table.add_row(step.table, columns, f"{step.rows:,}", f"{step.wait_hours / 24:g}")
    notes = [f"To be made anew: {name} ({reason})" for name, reason in made.rebuild.items()]
    if made.untold:
        notes.append(
            f"Others have the old value, too, or it is too short: {', '.join(made.untold)}. It is looked for in the "
            "person's own rows only."
        )
    head = f"Plan {made.id}: {count(len(made.requests), 'request')}, {count(len(made.tables), 'table')}"
    return Group(head, "", table, "", *notes, where)
