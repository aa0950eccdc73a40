"""Plans that a run has begun with: kept in the workspace, so that `fulfil` can go on after a crash or a window."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from delible.errors import PlanError, Problem
from delible.model.plan import ErasurePlan, RectificationPlan, RetentionPlan
from delible.model.request import ENDED
from delible.model.terms import RequestState
from delible.store.files import private_write
from delible.store.keys import load_keys
from delible.store.plans import AnyPlan, check_seal, plan_bytes, read_plan
from delible.store.workspace import Workspace
from delible.workflows.control import Control


def _folder(workspace: Workspace) -> Path:
    folder = workspace.scratch.parent / "plans"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def keep_plan(workspace: Workspace, plan: AnyPlan) -> None:
    """Keep a copy of a plan until it is finished."""
    private_write(_folder(workspace) / f"{plan.id}.json", plan_bytes(plan))


def forget_plan(workspace: Workspace, plan: AnyPlan) -> None:
    """Remove the copy of a finished plan."""
    (_folder(workspace) / f"{plan.id}.json").unlink(missing_ok=True)


def kept_ids(workspace: Workspace) -> set[str]:
    """Return the ids of all kept plans, also of those that cannot be read now: a copy of them may be put back."""
    return {path.stem for path in _folder(workspace).glob("*.json")}


def unfinished_erasures(workspace: Workspace) -> list[ErasurePlan]:
    """Return the erasure plans that were begun and are not finished, oldest first."""
    plans = _kept(workspace)
    return [plan for plan in plans if not _superseded(plan, plans)]


def unfinished_retention(workspace: Workspace) -> list[RetentionPlan]:
    """Return the retention plans that were begun and are not finished, oldest first."""
    plans = [plan for plan in _read(workspace, "T-*.json")[0] if isinstance(plan, RetentionPlan)]
    return sorted(plans, key=lambda p: (p.created, p.id))


def unfinished_rectifications(workspace: Workspace) -> list[RectificationPlan]:
    """Return the rectification plans that were begun and are not finished, oldest first."""
    plans = [plan for plan in _read(workspace, "C-*.json")[0] if isinstance(plan, RectificationPlan)]
    later = {r.id: {x.id for other in plans if r.id in other.earlier for x in other.requests} for r in plans}
    going_on = [p for p in plans if not {r.id for r in p.requests} <= later[p.id]]
    return sorted(going_on, key=lambda p: (p.created, p.id))


def overtaken_rectifications(workspace: Workspace, plan: RectificationPlan) -> list[RectificationPlan]:
    """Return the kept plans that this one goes on from."""
    plans = [p for p in _read(workspace, "C-*.json")[0] if isinstance(p, RectificationPlan)]
    return [p for p in plans if p.id in plan.earlier]


def begun_plans(workspace: Workspace) -> list[AnyPlan]:
    """Return all plans that were begun and whose requests or rules are not finished, overtaken ones included."""
    return _read(workspace, "*.json")[0]


def plans_of(workspace: Workspace, request_ids: Collection[str]) -> list[ErasurePlan]:
    """Return the plans that were begun for these requests and are not finished, oldest first."""
    return [plan for plan in _kept(workspace) if not {r.id for r in plan.requests}.isdisjoint(request_ids)]


def plans_before(workspace: Workspace, plan: ErasurePlan) -> list[ErasurePlan]:
    """Return the plans that this one goes on from, oldest first."""
    return [each for each in _kept(workspace) if each.id in plan.earlier]


def states_under(
    control: Control, plan: ErasurePlan | RectificationPlan, wanted: Collection[str] | None
) -> dict[str, RequestState]:
    """Return the requests of a plan that is to be gone on with, each with its state; none where nothing is left to do.

    When all have ended, but not all by being carried out, another plan went on from this one, and somebody was refused
    before it had begun: it is forgotten.

    Args:
        wanted: Only plans for one of these requests; all when None.
    """
    planned = [r.id for r in plan.requests]
    if wanted is not None and set(planned).isdisjoint(wanted):
        return {}
    states = {r.id: r.state for r in control.requests.named(planned)}
    if ENDED.issuperset(states.values()) and {*states.values()} != {RequestState.COMPLETED}:
        forget_plan(control.workspace, plan)
        return {}
    return states


def residue_tables(control: Control, plans: Sequence[ErasurePlan]) -> frozenset[str]:
    """Return the tables in which these plans left something, by the ledger.

    Their byte searches found it, or they rewrote a table's rows and did not come to remove its old files: no search for
    rows would lead there any more.
    """
    found: set[str] = set()
    for plan in plans:
        stages: dict[str, set[str]] = {}
        for record in control.ledger.records(object_prefix=f"plan:{plan.id}/"):
            if record.action == "erasure.verify" and record.outcome == "failed":
                found.update(record.detail.get("tables", "").split(","))
            table = record.object.partition("/table:")[2]
            stages.setdefault(table, set()).add(f"{record.action} {record.outcome}")
        found |= {t for t, seen in stages.items() if "erasure.merge started" in seen} - {
            t for t, seen in stages.items() if "erasure.expire_log done" in seen
        }
    return frozenset(found & set(control.policies.tables))


def _superseded(plan: ErasurePlan, plans: Sequence[ErasurePlan]) -> bool:
    """Return whether later plans go on with every request of a plan."""
    later = {r.id for other in plans if plan.id in other.earlier for r in other.requests}
    return {r.id for r in plan.requests} <= later


def unusable_plans(workspace: Workspace) -> tuple[Problem, ...]:
    """Return what is wrong with kept plans that cannot be read, or whose seal is broken: they are never carried out."""
    return tuple(_read(workspace, "*.json")[1])


def _kept(workspace: Workspace) -> list[ErasurePlan]:
    plans = [plan for plan in _read(workspace, "E-*.json")[0] if isinstance(plan, ErasurePlan)]
    return sorted(plans, key=lambda p: (p.created, p.id))


def _read(workspace: Workspace, names: str) -> tuple[list[AnyPlan], list[Problem]]:
    """Return the genuine plans among the kept files, and what is wrong with the others."""
    keys = load_keys(workspace)
    plans: list[AnyPlan] = []
    problems: list[Problem] = []
    for path in sorted(_folder(workspace).glob(names)):
        try:
            if path.exists() and not path.is_file():  # a pipe would be waited for
                raise PlanError("plan.unreadable", "it is no file.", where=str(path))
            plan = read_plan(path)
            check_seal(plan, keys, where=str(path))
            plans.append(plan)
        except PlanError as error:
            message = (
                f"a kept plan cannot be used: {error.message} Put back a copy of it. Where there is none, remove it: "
                "what is left of its requests is planned anew, but rows that it rewrote of people who were put under a "
                "hold since are then kept by nothing."
            )
            problems.append(Problem(error.code, message, str(path)))
    return plans, problems
