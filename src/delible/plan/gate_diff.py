"""Which gates of a recipe would newly bound less: what they stopped before would be released."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from delible.model.gate import Drift, Gate, Gates, Minimum, Uniqueness, share_of
from delible.plan.dataset import DatasetPlan

_COLUMNS = ("same", "added", "any")


def loosened(old: DatasetPlan | None, new: DatasetPlan | None) -> tuple[str, ...]:
    """Return the gates that bound less in the new plan or are gone, by name, with what changed; none without both."""
    if old is None or new is None:
        return ()
    return (*_of_residual(old.gates, new.gates), *_of_groups(old, new), *_of_counts(old.gates, new.gates))


def _of_residual(old: Gates, new: Gates) -> Iterator[str]:
    was, is_now = old.residual, new.residual
    if was is None:
        return
    if is_now is None:
        yield f"{Gate.RESIDUAL}: removed"
        return
    yield from _least(f"{Gate.RESIDUAL} confidence", share_of(was.confidence), share_of(is_now.confidence))
    yield from _most(f"{Gate.RESIDUAL} max_share", was.max_share, is_now.max_share)
    for column, types in sorted(is_now.allow.items()):
        more = sorted({*types} - {*was.allow.get(column, ())})
        if more:
            yield f"{Gate.RESIDUAL}: {', '.join(more)} allowed in {column}"


def _of_groups(old: DatasetPlan, new: DatasetPlan) -> Iterator[str]:
    k, l_values = (old.gates.k_anonymity, new.gates.k_anonymity), (old.gates.l_diversity, new.gates.l_diversity)
    if k[0] is not None:
        yield from _least(f"{Gate.K_ANONYMITY}", k[0].k, k[1].k if k[1] else None)
        if k[1] is not None:
            yield from _most(f"{Gate.K_ANONYMITY} max_share", k[0].max_share, k[1].max_share)
    if l_values[0] is not None:
        yield from _least(f"{Gate.L_DIVERSITY}", l_values[0].l, l_values[1].l if l_values[1] else None)
        if l_values[1] is not None:
            yield from _most(f"{Gate.L_DIVERSITY} max_share", l_values[0].max_share, l_values[1].max_share)
            if l_values[0].sensitive != l_values[1].sensitive:
                yield f"{Gate.L_DIVERSITY}: of {l_values[1].sensitive} instead of {l_values[0].sensitive}"
    # A recipe's own bounds something; one that is not there bounds nothing.
    was, is_now = (plan.gates.uniqueness or Uniqueness.model_construct() for plan in (old, new))
    yield from _most(f"{Gate.UNIQUE_SHARE}", was.max_unique, is_now.max_unique)
    yield from _most(f"{Gate.REIDENTIFICATION_RISK}", was.max_risk, is_now.max_risk)
    released = {step.column for step in new.columns}
    gone = [column for column in old.quasi if column in released and column not in new.quasi]
    if gone and old.gates.of_groups and new.gates.of_groups:
        yield f"quasi_identifiers: without {', '.join(gone)}"


def _of_counts(old: Gates, new: Gates) -> Iterator[str]:
    least, least_now = (gates.minimum or Minimum() for gates in (old, new))
    for gate, was, is_now in (
        (Gate.ROWS, least.rows, least_now.rows),
        (Gate.SUBJECTS, least.subjects, least_now.subjects),
        (Gate.ROWS_PER_SPLIT, least.per_split, least_now.per_split),
        (Gate.ROWS_PER_LABEL, least.per_label, least_now.per_label),
    ):
        yield from _least(f"{gate}", was, is_now)
    drift, drift_now = (gates.drift or Drift(columns="any") for gates in (old, new))
    if _COLUMNS.index(drift_now.columns) > _COLUMNS.index(drift.columns):
        yield f"{Gate.COLUMNS_CHANGED}: {drift_now.columns} instead of {drift.columns}"
    yield from _most(f"{Gate.ROWS_CHANGED}", drift.rows, drift_now.rows)
    yield from _most(f"{Gate.SUBJECTS_CHANGED}", drift.subjects, drift_now.subjects)


def _least(gate: str, old: int | Fraction | None, new: int | Fraction | None) -> Iterator[str]:
    if old is not None and (new is None or new < old):
        yield f"{gate}: {_said(new)}, was at least {_said(old)}"


def _most(gate: str, old: str | None, new: str | None) -> Iterator[str]:
    """Yield that a share may be larger than it might."""
    if old is not None and (new is None or share_of(new) > share_of(old)):
        yield f"{gate}: {'removed' if new is None else new}, was at most {old}"


def _said(bound: int | Fraction | None) -> str:
    if bound is None:
        return "removed"
    return str(bound) if isinstance(bound, int) else f"{float(bound):g}"
