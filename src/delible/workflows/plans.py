"""Plan files: written for a person to read, read back only with an unbroken seal."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from delible.errors import PlanError
from delible.model.plan import ErasurePlan, RectificationPlan, RetentionPlan
from delible.plan.erasure import refuse_shared
from delible.store.plans import AnyPlan, check_seal, read_plan, seal, write_plan
from delible.store.workspace import Workspace
from delible.workflows.control import Control

P = TypeVar("P", ErasurePlan, RetentionPlan, RectificationPlan)
R = TypeVar("R", ErasurePlan, RectificationPlan)
"""A plan for requests."""


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


def load_request_plan(workspace: Workspace, path: Path, kind: type[R], *, immediate: bool = False) -> R:
    """Return the plan for requests in a file; with `immediate`, the same plan with its retention windows closed.

    Raises:
        PlanError: `plan.missing`, `plan.unreadable`, `plan.edited`, `plan.kind`.
        BlockedError: `readers.shared` when a table may have other readers.
    """
    plan = load_plan(workspace, path, kind)
    return made_immediate(workspace, plan) if immediate else plan


def refuse_forgetting(plan: ErasurePlan) -> None:
    """Refuse to keep the history of tables under a plan that would expire it.

    Raises:
        PlanError: `plan.history`.
    """
    forgetting = [s.table for s in plan.tables if s.stages and s.history is None]
    if forgetting:
        raise PlanError(
            "plan.history",
            f"the plan does not keep the history of table '{forgetting[0]}'.",
            where=f"plan {plan.id}",
            fix="Make a new plan with: delible erasure plan --keep-history",
        )


def made_immediate(workspace: Workspace, plan: R) -> R:
    """Return the same plan with its retention windows closed, sealed anew.

    Raises:
        PlanError: `plan.edited`.
        BlockedError: `readers.shared` when a table may have other readers.
    """
    if plan.immediate:
        return plan
    control = Control(workspace)
    check_seal(plan, control.keys)
    refuse_shared(control.policies, [s.table for s in plan.tables if s.stages])
    steps = tuple(s.model_copy(update={"wait_hours": 0}) for s in plan.tables)
    changed = {"immediate": True, "tables": steps, "estimate": plan.estimate and plan.estimate.immediate()}
    return seal(plan.model_copy(update=changed), control.keys)
