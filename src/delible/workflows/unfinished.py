"""Plans that a run has begun with: kept in the workspace, so that `fulfil` can go on after a crash or a window."""

from __future__ import annotations

from pathlib import Path

from delible.model.plan import ErasurePlan, RetentionPlan
from delible.store.plans import read_plan, write_plan
from delible.store.workspace import Workspace


def _folder(workspace: Workspace) -> Path:
    folder = workspace.scratch.parent / "plans"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def keep_plan(workspace: Workspace, plan: ErasurePlan | RetentionPlan) -> None:
    """Keep a copy of a plan until it is finished."""
    write_plan(plan, _folder(workspace) / f"{plan.id}.json")


def forget_plan(workspace: Workspace, plan: ErasurePlan | RetentionPlan) -> None:
    """Remove the copy of a finished plan."""
    (_folder(workspace) / f"{plan.id}.json").unlink(missing_ok=True)


def unfinished_erasures(workspace: Workspace) -> list[ErasurePlan]:
    """Return the erasure plans that were begun and are not finished, oldest first."""
    plans = [read_plan(path) for path in sorted(_folder(workspace).glob("E-*.json"))]
    return sorted((p for p in plans if isinstance(p, ErasurePlan)), key=lambda p: (p.created, p.id))
