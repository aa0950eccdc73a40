"""What stands between a release that was cut and anybody who could read it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from delible.decide.gates import Before, Measured, judge
from delible.errors import BlockedError, Problem
from delible.model.detection import Detection
from delible.model.gate import GateResult
from delible.model.policy import PolicySet
from delible.model.record import AuditEntry, Manifest
from delible.model.terms import Treatment
from delible.plan.dataset import DatasetPlan, plan_dataset

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.lake.dataset import Cut
    from delible.lake.gates import Left
    from delible.lake.recut import Recut


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
    plan: DatasetPlan, policies: PolicySet, found: Cut | Left, latest: Manifest | None
) -> tuple[GateResult, ...]:
    """Return every gate of a plan with what was measured of a release that nobody can read yet.

    Args:
        latest: The version before; None for the first.
    """
    splits = {
        split: sum(f.rows or 0 for f in found.files if f.path.startswith(f"data/{split}-"))
        for split in plan.split.names
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
        kept={s.column for s in plan.columns if s.treatment in (Treatment.KEEP, Treatment.GENERALISE)},
        quasi=plan.quasi,
        label=plan.label,
        labels=found.labels,
        groups=found.groups,
        facts=found.rescan.facts if found.rescan is not None else None,
        drawn=found.rescan.drawn if found.rescan is not None else 1.0,
        before=before,
    )
    return judge(plan.gates, measured)


def gates_of_recut(
    spark: SparkSession,
    policies: PolicySet,
    old: Manifest,
    found: Recut,
    *,
    folder: Path,
    row_index: Path,
    detection: Detection,
) -> tuple[GateResult, ...]:
    """Return every gate of a release's recipe with what was measured of its recut; none where the recipe is gone.

    With fewer people in it, groups that are alike are smaller. The recipe is that of today, and a column that it speaks
    of and the release has not is a gate that cannot be measured. Drift is not asked: columns are the old ones, and how
    many people leave is theirs to say (Art. 7(3)); a bound on it would keep those in who went.
    """
    from delible.lake.gates import Left, groups_again, labels_of, rescan

    if old.dataset not in policies.datasets:
        return ()
    plan = plan_dataset(policies, old.dataset).plan
    plan = plan.model_copy(update={"gates": plan.gates.model_copy(update={"drift": None})})
    left = Left(
        members=found.members,
        files=found.files,
        columns={c.name: c.type for c in old.columns},
        groups=groups_again(spark, folder, row_index, plan),
        labels=labels_of(spark, folder, plan.label) if plan.label is not None else None,
        rescan=rescan(spark, folder, plan, detection),
    )
    return measured_gates(plan, policies, left, latest=None)


def check_gates(dataset: str, gates: tuple[GateResult, ...]) -> None:
    """Let a release out only if every gate does.

    Raises:
        GatesError: With all of them, when one does not.
    """
    if not all(gate.passed for gate in gates):
        raise GatesError(dataset, gates)


def stopped_entry(action: str, dataset: str, stopped: GatesError, actor: str, made_by: Mapping[str, str]) -> AuditEntry:
    """Return what the ledger keeps of a release that gates stopped: its making, each gate's number and bound."""
    return AuditEntry(
        actor=actor,
        action=action,
        object=f"dataset:{dataset}",
        outcome="stopped",
        counts={"gates": len(stopped.gates), "failed": sum(not g.passed for g in stopped.gates)},
        detail={**made_by, **gates_told(stopped.gates)},
    )


def gates_told(gates: tuple[GateResult, ...]) -> dict[str, str]:
    """Return gates for the ledger, each under its own key."""
    return {f"gate.{n}": f"{'passed' if g.passed else 'stopped'}: {g.words()}" for n, g in enumerate(gates, start=1)}
