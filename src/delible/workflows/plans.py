"""Plan files: written for a person to read, read back only with an unbroken seal."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from delible.errors import PlanError
from delible.model.plan import ErasurePlan, RectificationPlan, RetentionPlan
from delible.store.plans import AnyPlan, check_seal, read_plan, write_plan
from delible.store.workspace import Workspace
from delible.workflows.control import Control

P = TypeVar("P", ErasurePlan, RetentionPlan, RectificationPlan)


def save_plan(plan: AnyPlan, path: Path) -> None:
    """Write a plan file.

    Raises:
        InputError: `plan.unwritable`.
    """
    write_plan(plan, path)


def load_plan(workspace: Workspace, path: Path, kind: type[P]) -> P:
    """Return the plan in a file.

    Raises:
        PlanError: `plan.missing`, `plan.unreadable`, `plan.edited`, `plan.kind`.
    """
    plan = read_plan(path)
    check_seal(plan, Control(workspace).keys, where=str(path))
    if not isinstance(plan, kind):
        raise PlanError(
            "plan.kind",
            f"the file is a plan for {plan.kind}.",
            where=str(path),
            fix=f"Use `delible {plan.kind} apply`.",
        )
    return plan
