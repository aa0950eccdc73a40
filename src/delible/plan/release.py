"""What a release tells of its columns: names, types, treatments and data categories, never a value."""

from __future__ import annotations

from collections.abc import Mapping

from delible.decide.lineage import inherited
from delible.model.policy import PolicySet
from delible.model.release import ReleasedColumn
from delible.plan.dataset import ColumnStep, DatasetPlan


def released_columns(plan: DatasetPlan, policies: PolicySet, types: Mapping[str, str]) -> tuple[ReleasedColumn, ...]:
    """Return the columns that left, in their order in the files.

    Args:
        plan: What the recipe let out.
        policies: Where data categories are said.
        types: Column name to Spark's type, of what was written.
    """
    steps = {step.column: step for step in plan.columns}
    return tuple(
        ReleasedColumn(
            name=name,
            type=kind,
            treatment=_in_words(steps[name]) if name in steps else "made by the recipe",
            category=_category(steps[name], policies) if name in steps else None,
        )
        for name, kind in types.items()
    )


def _category(step: ColumnStep, policies: PolicySet) -> str | None:
    """Return what the table says that a column is from, whatever a release calls it."""
    policy = policies.tables[step.table].columns.get(step.field)
    return None if policy is None else policy.category


def surviving(column: ReleasedColumn) -> str | None:
    """Return the data category that is left of a released column after its treatment; None when nothing is."""
    if column.category is None:
        return None
    return inherited(column.category, column.treatment.partition(" ")[0])


def _in_words(step: ColumnStep) -> str:
    if step.masking is not None:
        named = ", ".join(f"{entity} {rule.operator}" for entity, rule in sorted(step.masking.entities.items()))
        return f"{step.treatment} ({named}{'; ' if named else ''}otherwise {step.masking.default.operator})"
    return f"{step.treatment}" if step.to is None else f"{step.treatment} to {step.to}"
