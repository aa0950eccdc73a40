"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from delible.store.plans import AnyPlan

Immediate = Annotated[
    bool, typer.Option("--immediate", help="Close retention windows of tables without other readers.")
]
KeepHistory = Annotated[
    bool, typer.Option("--keep-history", help="Keep the tables' old versions, without the erased people.")
]
AcceptNoMatch = Annotated[bool, typer.Option("--accept-no-match", help="Answer requests that reach no row, too.")]
PlanOut = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the plan here.")]


def keep_plan(plan: AnyPlan, out: Path | None) -> str:
    """Write a plan where `--out` wants it, and return the sentence that says what to do with it.

    Raises:
        InputError: `plan.unwritable`.
    """
    from delible.workflows.plans import save_plan

    if out is None:
        return "Write it with --out FILE."
    save_plan(plan, out)
    return f"Written to {out}. Apply it with: delible {plan.kind} apply {out}"
