"""What stands between a release that was cut and anybody who could read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from delible.decide.gates import Before, Measured, judge
from delible.errors import BlockedError, Problem
from delible.model.gate import GateResult
from delible.model.policy import PolicySet
from delible.model.record import AuditEntry, Manifest
from delible.plan.dataset import DatasetPlan

if TYPE_CHECKING:
    from delible.lake.dataset import Cut


class GatesError(BlockedError):
    """Raised when gates stop a release; nothing of it can be read.

    Args:
        dataset: The recipe.
        gates: All gates, those that passed as well.
    """

    def __init__(self, dataset: str, gates: tuple[GateResult, ...]) -> None:
        where = f"dataset:{dataset}"
        stopped = tuple(
            Problem(f"dataset.gate.{g.gate.value}", f"{g.words()}{f' ({g.note})' if g.note else ''}.", where)
            for g in gates
            if not g.passed
        )
        super().__init__("dataset.gates", "gates stop the release.", where=where, problems=stopped)
        self.gates = gates


def measured_gates(
    plan: DatasetPlan, policies: PolicySet, found: Cut, latest: Manifest | None
) -> tuple[GateResult, ...]:
    """Return every gate of a plan with what was measured of a release that nobody can read yet.

    Args:
        latest: The version before; None for the first.
    """
    shares = {"train": 100, "validation": plan.split.validation, "test": plan.split.test}
    splits = {
        split: sum(f.rows or 0 for f in found.files if f.path.startswith(f"data/{split}-"))
        for split, share in shares.items()
        if share
    }
    before = None
    if latest is not None:
        before = Before(
            latest.version, latest.rows_out, latest.members, {c.name: c.type for c in latest.columns} or None
        )
    measured = Measured(
        rows=found.rows_out,
        subjects=found.members,
        splits=splits,
        columns=found.columns,
        categories={s.column: policies.tables[s.table].columns[s.field].category for s in plan.columns},
        quasi=plan.quasi,
        label=plan.label,
        labels=found.labels,
        groups=found.groups,
        facts=found.rescan.facts if found.rescan is not None else None,
        drawn=found.rescan.drawn if found.rescan is not None else 1.0,
        before=before,
    )
    return judge(plan.gates, measured)


def stopped_entry(plan: DatasetPlan, stopped: GatesError, actor: str) -> AuditEntry:
    """Return what the ledger keeps of a release that gates stopped: each gate's number and bound."""
    return AuditEntry(
        actor=actor,
        action="dataset.build",
        object=f"dataset:{plan.dataset}",
        outcome="stopped",
        counts={"gates": len(stopped.gates), "failed": sum(not g.passed for g in stopped.gates)},
        detail={"purpose": plan.purpose, "recipe": plan.recipe_fingerprint, **gates_told(stopped.gates)},
    )


def gates_told(gates: tuple[GateResult, ...]) -> dict[str, str]:
    """Return gates for the ledger, each under its own key."""
    return {f"gate.{n}": f"{'passed' if g.passed else 'stopped'}: {g.words()}" for n, g in enumerate(gates, start=1)}
