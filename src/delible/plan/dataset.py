"""What a recipe and the policies together let out: columns, treatments, gaps, warnings."""

from __future__ import annotations

from collections.abc import Iterator

from delible.errors import BlockedError, InputError, Problem
from delible.model.base import ColumnName, Frozen, digest
from delible.model.dataset import KEYED, ColumnTreatment, DatasetRecipe, Join, Split
from delible.model.gate import Gates
from delible.model.masking import Masking
from delible.model.policy import ColumnPolicy, PolicySet, Reach, TablePolicy
from delible.model.taxonomy import is_personal, is_quasi_identifier, is_sensitive, is_special
from delible.model.terms import LegalBasis, Normalise, Treatment


class ColumnStep(Frozen):
    """One column of a release.

    Args:
        column: Its name in the release.
        table, field: Where it comes from.
        joined: The table is none of the recipe's source.
        to: As in the recipe, for `generalise`.
        prefix, lowest, highest, value: As in the recipe.
        mapping: For a level of a hierarchy: each value, and what takes its place.
        domain: Pseudonym domain; without one in the recipe, the dataset's own.
        scope: What the values are, so that order 5 and customer 5 have different pseudonyms in one domain.
        normalise: The spelling under which two values are one and the same.
        masking: As in the recipe, for `mask`.
    """

    column: ColumnName
    table: str
    field: ColumnName
    joined: bool = False
    treatment: Treatment
    to: str | int | None = None
    prefix: int | None = None
    lowest: int | None = None
    highest: int | None = None
    value: bool | int | str | None = None
    mapping: tuple[tuple[str, str], ...] | None = None
    domain: str | None = None
    scope: str
    normalise: Normalise = Normalise.EXACT
    masking: Masking | None = None

    @property
    def place(self) -> str:
        """Its name beside all columns of all tables of the recipe."""
        return f"{self.table}.{self.field}" if self.joined else self.field


class DatasetPlan(Frozen):
    """Everything that a build needs to know besides the tables.

    Args:
        versions: The Delta versions that the recipe names, by table.
        columns: What leaves, in the recipe's order; dropped columns and gaps are not among them.
        known: Columns with identifiers that can be recognised in free text, and are masked there, named as
            `ColumnStep.place` does.
        sensitive: Released columns that are emptied in the rows of people who limited the use of sensitive data.
        quasi: Released columns that together may tell who somebody is.
        about_nobody: The tables' policies say that their rows reach no data subject.
        tables: All tables that the build reads: the sources, those on their paths, those that link identifiers.
    """

    dataset: str
    description: str
    purpose: str
    basis: LegalBasis
    source: str
    version: int | None
    joins: tuple[Join, ...] = ()
    where: str | None
    columns: tuple[ColumnStep, ...]
    known: tuple[str, ...]
    sensitive: tuple[str, ...] = ()
    quasi: tuple[str, ...] = ()
    label: str | None = None
    gates: Gates = Gates()
    split: Split
    about_nobody: bool
    tables: tuple[str, ...]
    recipe_fingerprint: str
    policy_fingerprint: str

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains of pseudonyms and keyed masks, each once."""
        return tuple(dict.fromkeys(s.domain for s in self.columns if s.domain is not None))

    @property
    def sources(self) -> tuple[str, ...]:
        """The tables whose rows leave or decide: the source, then the joined ones."""
        return (self.source, *(j.table for j in self.joins))

    @property
    def rescanned(self) -> tuple[str, ...]:
        """Released columns in which something could be left; of the others no character is a table's own."""
        return tuple(s.column for s in self.columns if s.treatment not in (*KEYED, Treatment.REPLACE))

    @property
    def versions(self) -> dict[str, int]:
        """The Delta versions that the recipe names, by table."""
        named = {self.source: self.version, **{j.table: j.version for j in self.joins}}
        return {table: version for table, version in named.items() if version is not None}


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
        InputError: `dataset.unknown` without such a recipe; `dataset.column_twice` when two columns would leave under
            one name; `dataset.label` or `dataset.gate_column` when one that is named does not leave.
        BlockedError: `dataset.purpose_unknown`, `dataset.no_legal_basis` (Art. 6), `dataset.source_unmapped`, or
            `dataset.no_columns` when nothing is left to let out.
    """
    recipe = policies.datasets.get(name)
    if recipe is None:
        known = ", ".join(sorted(policies.datasets)) or "none"
        raise InputError("dataset.unknown", "there is no recipe of this name.", fix=f"Recipes: {known}.")
    basis = _basis(policies, recipe)
    tables = [_mapped(policies, recipe, table) for table in recipe.by_table]
    steps: list[ColumnStep] = []
    gaps: list[Problem] = []
    warnings: list[Problem] = []
    for table in tables:
        for column, treatment in recipe.by_table[table.table].items():
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
    _refuse_misnamed(recipe, steps)
    held = {s.column: policies.tables[s.table].columns[s.field] for s in steps}
    plan = DatasetPlan(
        dataset=recipe.dataset,
        description=recipe.description,
        purpose=recipe.purpose,
        basis=basis,
        source=recipe.source,
        version=recipe.version,
        joins=recipe.joins,
        where=recipe.where,
        columns=tuple(steps),
        known=tuple(_known(policies, recipe, tables)),
        sensitive=tuple(c for c, policy in held.items() if _sensitive(policy)),
        quasi=recipe.gates.quasi_identifiers or tuple(_quasi(steps, held)),
        label=recipe.label,
        gates=recipe.gates,
        split=recipe.split,
        about_nobody=not any(table.subject for table in tables),
        tables=tables_read(policies, *recipe.by_table),
        recipe_fingerprint=digest(recipe.model_dump(mode="json")),
        policy_fingerprint=policies.fingerprint,
    )
    return Planned(plan=plan, gaps=tuple(gaps), warnings=tuple(warnings))


def tables_read(policies: PolicySet, *sources: str) -> tuple[str, ...]:
    """Return the sources, the tables on their paths to the data subject, and those that link identifiers, sorted."""
    found: set[str] = set()
    waiting = [*sources, *(name for name, _ in policies.links())]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [r.through for r in policies.tables[name].subject if r.through is not None]
    return tuple(sorted(found))


def _refuse_misnamed(recipe: DatasetRecipe, steps: list[ColumnStep]) -> None:
    """Refuse names that would hide a column, or that a gate or the label could not be measured by."""
    where, names = f"dataset:{recipe.dataset}", [s.column for s in steps]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        fix = "Give one of them another 'name'."
        raise InputError("dataset.column_twice", f"two columns would be called '{twice[0]}'.", where=where, fix=fix)
    if recipe.label is not None and recipe.label not in names:
        raise InputError("dataset.label", "the label is no column that leaves.", where=where)
    gates = recipe.gates
    named = {*gates.quasi_identifiers, *(gates.residual.allow if gates.residual else ())}
    named |= {gates.l_diversity.sensitive} if gates.l_diversity else set()
    if not named <= set(names):
        gone = min(named - set(names))
        raise InputError("dataset.gate_column", f"a gate names '{gone}', which is no column that leaves.", where=where)


def _known(policies: PolicySet, recipe: DatasetRecipe, tables: list[TablePolicy]) -> Iterator[str]:
    for table in tables:
        ahead = "" if table.table == recipe.source else f"{table.table}."
        yield from (f"{ahead}{r.column}" for r in table.direct if _distinctive(policies, r))


def _quasi(steps: list[ColumnStep], held: dict[str, ColumnPolicy]) -> Iterator[str]:
    for step in steps:
        told = step.treatment in (Treatment.KEEP, Treatment.GENERALISE)
        if told and is_quasi_identifier(held[step.column].category):
            yield step.column


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


def _mapped(policies: PolicySet, recipe: DatasetRecipe, name: str) -> TablePolicy:
    table = policies.tables.get(name)
    if table is None:
        raise BlockedError(
            "dataset.source_unmapped",
            f"no policy maps the source table '{name}'.",
            where=f"dataset:{recipe.dataset}",
            fix="Describe it under policies/tables.",
        )
    return table


def _gap(table: TablePolicy, column: str, treatment: ColumnTreatment, basis: LegalBasis) -> Problem | None:
    where = f"table:{table.table}.{column}"
    policy = table.columns.get(column)
    if policy is None:
        return Problem("dataset.column_gap", f"no policy says what the column '{column}' holds: left out.", where)
    raw = treatment.treatment in (Treatment.KEEP, Treatment.GENERALISE, Treatment.ENCRYPT)
    if _special(policy) and raw and basis is not LegalBasis.CONSENT:
        return Problem(
            "dataset.special_category",
            f"the column '{column}' holds a special category (Art. 9), and the purpose does not rest on consent: "
            "left out.",
            where,
        )
    if treatment.treatment is Treatment.ENCRYPT and not policy.reversible:
        said = "leaves only where its policy says 'reversible: true', since keys turn it back"
        return Problem("dataset.not_reversible", f"an encrypted column '{column}' {said}: left out.", where)
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
    domain, mapping = None, None
    if treatment.treatment in KEYED or (treatment.masking is not None and treatment.masking.keyed):
        domain = treatment.domain or f"dataset:{recipe.dataset}"
    if treatment.hierarchy is not None:
        hierarchy = recipe.hierarchies[treatment.hierarchy]
        level = hierarchy.levels.index(str(treatment.to))
        mapping = tuple((value, above[level]) for value, above in sorted(hierarchy.values.items()))
    return ColumnStep(
        column=treatment.name or column,
        table=table.table,
        field=column,
        joined=table.table != recipe.source,
        treatment=treatment.treatment,
        to=treatment.to,
        prefix=treatment.prefix,
        lowest=treatment.lowest,
        highest=treatment.highest,
        value=treatment.value,
        mapping=mapping,
        domain=domain,
        scope=kind or f"{table.table}.{column}",
        normalise=policies.controller.identifiers[kind].normalise if kind else Normalise.EXACT,
        masking=treatment.masking,
    )
