"""What a build would ask today, asked of a release: rules of policies, columns that may leave, gates of the recipe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from fractions import Fraction

from delible.decide.deadline import day_of
from delible.decide.gates import Measured, judge
from delible.errors import BlockedError, DelibleError, Problem
from delible.model.dataset import ColumnTreatment
from delible.model.gate import Gate, GateResult
from delible.model.policy import PolicySet, Purpose
from delible.model.record import Manifest
from delible.model.taxonomy import is_special
from delible.model.terms import LegalBasis, Treatment
from delible.plan.dataset import plan_dataset
from delible.plan.dataset_columns import column_gap
from delible.store.workspace import Workspace
from delible.workflows.calendars import zone_of
from delible.workflows.policies import refuse_violations

_READABLE = (Treatment.KEEP, Treatment.GENERALISE, Treatment.ENCRYPT)
_TREATMENTS = {treatment.value: treatment for treatment in Treatment}


def refused_today(
    workspace: Workspace, policies: PolicySet, manifest: Manifest, *, now: datetime
) -> tuple[Problem, ...]:
    """Return why a build would not release today what a release holds, whoever is in it.

    A purpose without a legal basis is not among it: then nobody would be let in.
    """
    purpose = policies.purposes.get(manifest.purpose)
    if purpose is None or purpose.legal_basis is None:
        return ()
    ended = purpose_ended(purpose, day_of(now, zone_of(policies.controller)))
    parts = [("datasets", manifest.dataset), ("purposes", manifest.purpose)]
    parts += [("tables", table) for table in manifest.sources]
    broken: tuple[Problem, ...] = ()
    try:
        refuse_violations(workspace, parts)
    except BlockedError as error:
        broken = error.problems
    return (*((ended,) if ended else ()), *broken, *column_gaps(policies, manifest, purpose.legal_basis))


def purpose_ended(purpose: Purpose, today: date) -> Problem | None:
    """Return that a purpose is over, and nothing may be released for it any more (Art. 5(1)(b), (e))."""
    if purpose.ends is None or purpose.ends >= today:
        return None
    message = f"the purpose '{purpose.purpose}' ended on {purpose.ends}, so nothing may be released for it."
    return Problem("dataset.purpose_ended", message, f"purpose:{purpose.purpose}")


def column_gaps(policies: PolicySet, manifest: Manifest, basis: LegalBasis) -> Iterator[Problem]:
    """Yield the columns of a release that a build would leave out today, each as it was treated.

    By the recipe's table and field where the recipe still has the column; by its category otherwise.
    """
    recipe = policies.datasets.get(manifest.dataset)
    by_table = recipe.by_table if recipe is not None else {}
    places = {
        how.name or field: (table, field) for table, columns in by_table.items() for field, how in columns.items()
    }
    for column in manifest.columns:
        treatment = _TREATMENTS.get(column.treatment.partition(" ")[0])
        if treatment is None:
            continue
        name, field = places.get(column.name, ("", ""))
        table = policies.tables.get(name)
        if table is not None:
            # Only the kind of treatment counts here, and what was done stands in the manifest in words.
            gap = column_gap(table, field, ColumnTreatment.model_construct(treatment=treatment), basis)
            if gap is not None:
                yield gap
        elif (
            column.category
            and is_special(column.category)
            and treatment in _READABLE
            and basis is not LegalBasis.CONSENT
        ):
            message = f"'{column.name}' holds a special category (Art. 9), and the purpose does not rest on consent."
            yield Problem("dataset.special_category", message, f"dataset:{manifest.release}")


def gates_today(policies: PolicySet, manifest: Manifest) -> tuple[Problem, ...]:
    """Return the gates of today's recipe that a release does not pass by what was measured of it, or was never asked.

    Counts of rows and people are those of the manifest; all else is what was measured when it was cut, held against
    today's bound. Drift is between two versions, and is not asked again. A recipe that is gone asks for nothing.
    """
    if manifest.dataset not in policies.datasets:
        return ()
    try:
        plan = plan_dataset(policies, manifest.dataset).plan
    except DelibleError as error:
        return error.problems
    known = Measured(
        rows=manifest.rows_out,
        subjects=manifest.members,
        splits={split: manifest.splits.get(split, 0) for split in plan.split.names},
        columns={c.name: c.type for c in manifest.columns},
        categories={},
        quasi=plan.quasi,
        label=plan.label,
    )
    asked = judge(plan.gates.model_copy(update={"drift": None}), known)
    failing = (_failing(gate, manifest) for gate in asked)
    return tuple(
        Problem(f"dataset.gate.{gate.gate.value}", f"{gate.words()}, by today's recipe.", f"dataset:{manifest.release}")
        for gate in failing
        if gate is not None
    )


def _failing(asked: GateResult, manifest: Manifest) -> GateResult | None:
    """Return a gate with what is known of it, or None when a release passes it."""
    if asked.measured is None:
        then = next((g for g in manifest.gates if _same(g, asked)), None)
        if then is None or then.measured is None:
            return asked
        bound, measured = Fraction(asked.bound), Fraction(then.measured)
        passed = measured >= bound if asked.rule == "at least" else measured <= bound
        if then.bound == asked.bound:
            passed = then.passed
        asked = asked.model_copy(update={"measured": then.measured, "passed": passed})
    return None if asked.passed else asked


def _same(then: GateResult, asked: GateResult) -> bool:
    """Return whether a gate measured what is asked for; the worst column speaks for a re-scan, whichever it was."""
    if then.gate is not asked.gate:
        return False
    if then.gate is Gate.RESIDUAL:
        return True
    # The shares of rows in small groups say in their notes how small a group was small.
    counted = then.gate in (Gate.K_ANONYMITY_SHARE, Gate.L_DIVERSITY_SHARE)
    return then.about == asked.about and (not counted or then.note.partition(";")[0] == asked.note.partition(";")[0])
