"""What a recipe and the policies together let out: columns, treatments, gaps, warnings."""

from __future__ import annotations

from delible.errors import BlockedError, InputError, Problem
from delible.model.base import ColumnName, Frozen, digest
from delible.model.dataset import ColumnTreatment, DatasetRecipe, Split
from delible.model.masking import Masking
from delible.model.policy import ColumnPolicy, PolicySet, Reach, TablePolicy
from delible.model.taxonomy import is_personal, is_sensitive, is_special
from delible.model.terms import LegalBasis, Normalise, Treatment


class ColumnStep(Frozen):
    """One column of a release.

    Args:
        to: As in the recipe, for `generalise`.
        domain: Pseudonym domain; without one in the recipe, the dataset's own.
        scope: What the values are, so that order 5 and customer 5 have different pseudonyms in one domain.
        normalise: The spelling under which two values are one and the same.
        masking: As in the recipe, for `mask`.
    """

    column: ColumnName
    treatment: Treatment
    to: str | int | None = None
    domain: str | None = None
    scope: str
    normalise: Normalise = Normalise.EXACT
    masking: Masking | None = None


class DatasetPlan(Frozen):
    """Everything that a build needs to know besides the tables.

    Args:
        columns: What leaves, in the recipe's order; dropped columns and gaps are not among them.
        known: The source's own columns with identifiers that can be recognised in free text, and are masked there.
        sensitive: Columns that are emptied in the rows of people who limited the use of sensitive data.
        about_nobody: The source's policy says that its rows reach no data subject.
        tables: All tables that the build reads: the source, those on its paths, those that link identifiers.
    """

    dataset: str
    description: str
    purpose: str
    basis: LegalBasis
    source: str
    version: int | None
    where: str | None
    columns: tuple[ColumnStep, ...]
    known: tuple[str, ...]
    sensitive: tuple[str, ...] = ()
    split: Split
    about_nobody: bool
    tables: tuple[str, ...]
    recipe_fingerprint: str
    policy_fingerprint: str

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains of pseudonyms and keyed masks, each once."""
        return tuple(dict.fromkeys(s.domain for s in self.columns if s.domain is not None))


class Planned(Frozen):
    """A plan with what was noticed on the way.

    Args:
        gaps: Columns that were asked for, but are EXCLUDED since no policy says what they hold or allows them.
        warnings: Columns that leave, but deserve a second look.
    """

    plan: DatasetPlan
    gaps: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def plan_dataset(policies: PolicySet, name: str) -> Planned:
    """Return what the recipe's build will let out.

    Raises:
        InputError: `dataset.unknown` without such a recipe.
        BlockedError: `dataset.purpose_unknown`, `dataset.no_legal_basis` (Art. 6), `dataset.source_unmapped`, or
            `dataset.no_columns` when nothing is left to let out.
    """
    recipe = policies.datasets.get(name)
    if recipe is None:
        known = ", ".join(sorted(policies.datasets)) or "none"
        raise InputError("dataset.unknown", "there is no recipe of this name.", fix=f"Recipes: {known}.")
    basis, table = _basis(policies, recipe), _source(policies, recipe)
    steps: list[ColumnStep] = []
    gaps: list[Problem] = []
    warnings: list[Problem] = []
    for column, treatment in recipe.columns.items():
        if treatment.treatment is Treatment.DROP:
            continue
        gap = _gap(table, column, treatment, basis)
        if gap is not None:
            gaps.append(gap)
            continue
        warnings += _warnings(table, column, treatment)
        steps.append(_step(policies, recipe, table, column, treatment))
    if not steps:
        raise BlockedError(
            "dataset.no_columns",
            "no column of the recipe may leave.",
            where=f"dataset:{name}",
            fix="List columns that the source's policy maps, with a treatment other than 'drop'.",
            problems=tuple(gaps),
        )
    plan = DatasetPlan(
        dataset=recipe.dataset,
        description=recipe.description,
        purpose=recipe.purpose,
        basis=basis,
        source=recipe.source,
        version=recipe.version,
        where=recipe.where,
        columns=tuple(steps),
        known=tuple(r.column for r in table.direct if _distinctive(policies, r)),
        sensitive=tuple(s.column for s in steps if _sensitive(table.columns[s.column])),
        split=recipe.split,
        about_nobody=not table.subject,
        tables=tables_read(policies, recipe.source),
        recipe_fingerprint=digest(recipe.model_dump(mode="json")),
        policy_fingerprint=policies.fingerprint,
    )
    return Planned(plan=plan, gaps=tuple(gaps), warnings=tuple(warnings))


def tables_read(policies: PolicySet, source: str) -> tuple[str, ...]:
    """Return the source, the tables on its paths to the data subject, and those that link identifiers, sorted."""
    found: set[str] = set()
    waiting = [source, *(name for name, _ in policies.links())]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [r.through for r in policies.tables[name].subject if r.through is not None]
    return tuple(sorted(found))


def _basis(policies: PolicySet, recipe: DatasetRecipe) -> LegalBasis:
    purpose = policies.purposes.get(recipe.purpose)
    if purpose is None:
        raise BlockedError(
            "dataset.purpose_unknown",
            f"no policy declares the purpose '{recipe.purpose}'.",
            where=f"dataset:{recipe.dataset}",
            fix="Declare it under policies/purposes.",
        )
    if purpose.legal_basis is None:
        raise BlockedError(
            "dataset.no_legal_basis",
            f"the purpose '{recipe.purpose}' has no legal basis (Art. 6), so nothing may be processed for it.",
            where=f"purpose:{recipe.purpose}",
            fix="Give it a 'legal_basis'.",
        )
    return purpose.legal_basis


def _source(policies: PolicySet, recipe: DatasetRecipe) -> TablePolicy:
    table = policies.tables.get(recipe.source)
    if table is None:
        raise BlockedError(
            "dataset.source_unmapped",
            f"no policy maps the source table '{recipe.source}'.",
            where=f"dataset:{recipe.dataset}",
            fix="Describe it under policies/tables.",
        )
    return table


def _gap(table: TablePolicy, column: str, treatment: ColumnTreatment, basis: LegalBasis) -> Problem | None:
    where = f"table:{table.table}.{column}"
    policy = table.columns.get(column)
    if policy is None:
        return Problem("dataset.column_gap", f"no policy says what the column '{column}' holds: left out.", where)
    raw = treatment.treatment in (Treatment.KEEP, Treatment.GENERALISE)
    if _special(policy) and raw and basis is not LegalBasis.CONSENT:
        return Problem(
            "dataset.special_category",
            f"the column '{column}' holds a special category (Art. 9), and the purpose does not rest on consent: "
            "left out.",
            where,
        )
    return None


def _warnings(table: TablePolicy, column: str, treatment: ColumnTreatment) -> list[Problem]:
    where = f"table:{table.table}.{column}"
    if treatment.masking is not None and treatment.masking.kept:
        kept = ", ".join(treatment.masking.kept)
        return [Problem("dataset.types_kept", f"the mask of '{column}' leaves {kept} as found.", where)]
    return _kept_warnings(table, column, where) if treatment.treatment is Treatment.KEEP else []


def _kept_warnings(table: TablePolicy, column: str, where: str) -> list[Problem]:
    policy = table.columns[column]
    if any(reach.column == column or reach.column.startswith(f"{column}.") for reach in table.subject):
        return [Problem("dataset.identifier_kept", f"'{column}' leads to the data subject and leaves as it is.", where)]
    if policy.free_text or any(text.startswith(f"{column}.") for text in table.free_text):
        return [Problem("dataset.free_text_kept", f"'{column}' is free text and leaves without a mask.", where)]
    if _special(policy):
        return [Problem("dataset.special_kept", f"'{column}' holds a special category and leaves as it is.", where)]
    if is_personal(policy.category):
        return [Problem("dataset.personal_kept", f"'{column}' holds personal data and leaves as it is.", where)]
    return []


def _distinctive(policies: PolicySet, reach: Reach) -> bool:
    return reach.identifies is not None and policies.controller.identifiers[reach.identifies].distinctive


def _special(policy: ColumnPolicy) -> bool:
    return policy.special or is_special(policy.category)


def _sensitive(policy: ColumnPolicy) -> bool:
    return policy.special or is_sensitive(policy.category)


def _step(
    policies: PolicySet, recipe: DatasetRecipe, table: TablePolicy, column: str, treatment: ColumnTreatment
) -> ColumnStep:
    kind = next((r.identifies for r in table.direct if r.column == column), None)
    domain = None
    if treatment.treatment is Treatment.PSEUDONYMISE or (treatment.masking is not None and treatment.masking.keyed):
        domain = treatment.domain or f"dataset:{recipe.dataset}"
    return ColumnStep(
        column=column,
        treatment=treatment.treatment,
        to=treatment.to,
        domain=domain,
        scope=kind or f"{table.table}.{column}",
        normalise=policies.controller.identifiers[kind].normalise if kind else Normalise.EXACT,
        masking=treatment.masking,
    )
