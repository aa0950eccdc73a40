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
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show all that the plan would cost, and write no plan.")]
NoRead = Annotated[
    bool, typer.Option("--no-read", help="As --dry-run, from the tables' logs alone: no row is read, no JVM started.")
]
PlanOut = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the plan here.")]


def is_dry(out: Path | None, *, dry_run: bool, no_read: bool) -> bool:
    """Return whether only the cost is asked for.

    Raises:
        InputError: `plan.dry_run` when a plan is to be written all the same.
    """
    from delible.errors import InputError

    dry = dry_run or no_read
    if dry and out is not None:
        raise InputError(
            "plan.dry_run",
            "a dry run writes no plan.",
            where="--out",
            fix="Leave out --dry-run and --no-read, or --out.",
        )
    return dry


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
