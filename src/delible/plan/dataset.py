"""What a recipe and the policies together let out: columns, treatments, gaps, warnings."""

from __future__ import annotations

from collections.abc import Iterator

from delible.decide.retention import ends_use
from delible.errors import BlockedError, InputError, Problem
from delible.model.base import Frozen, digest
from delible.model.dataset import KEYED, DatasetRecipe, Join, Split
from delible.model.gate import Gates
from delible.model.policy import ColumnPolicy, PolicySet, TablePolicy
from delible.model.retention import EventClock, RetentionRule
from delible.model.taxonomy import is_quasi_identifier, is_within
from delible.model.terms import LegalBasis, Treatment
from delible.plan.dataset_columns import (
    ColumnStep,
    column_gap,
    column_step,
    column_warnings,
    is_distinctive,
    is_sensitive_column,
)

__all__ = ["ColumnStep", "DatasetPlan", "Planned", "plan_dataset", "tables_read"]


class DatasetPlan(Frozen):
    """Everything that a build needs to know besides the tables.

    Args:
        versions: The Delta versions that the recipe names, by table.
        columns: What leaves, in the recipe's order; dropped columns and gaps are not among them.
        known: Columns with identifiers that can be recognised in free text, and are masked there, named as
            `ColumnStep.place` does.
        names: Columns with names of people, which are masked in free text, too.
        sensitive: Released columns that are emptied in the rows of people who limited the use of sensitive data.
        periods: Rules of the tables whose rows leave or decide; no row past one of these periods leaves.
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
    names: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    periods: tuple[RetentionRule, ...] = ()
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
            gap = column_gap(table, column, treatment, basis)
            if gap is not None:
                gaps.append(gap)
                continue
            warnings += column_warnings(table, column, treatment)
            steps.append(column_step(policies, recipe, table, column, treatment))
    if not steps:
        raise BlockedError(
            "dataset.no_columns",
            "no column of the recipe may leave.",
            where=f"dataset:{name}",
            fix="List columns that the source's policy maps, with a treatment other than 'drop'.",
            problems=tuple(gaps),
        )
    warnings += _period_warnings(_rules(policies, tables), steps)
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
        names=tuple(_names(recipe, tables)),
        sensitive=tuple(c for c, policy in held.items() if is_sensitive_column(policy)),
        periods=tuple(r for r in _rules(policies, tables) if ends_use(r)),
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
        yield from (_ahead(recipe, table) + r.column for r in table.direct if is_distinctive(policies, r))


def _names(recipe: DatasetRecipe, tables: list[TablePolicy]) -> Iterator[str]:
    """Yield columns with names of people; where a free text is said to hold names, it is no name."""
    for table in tables:
        named = (c for c, p in table.columns.items() if is_within(p.category, ("user.name",)) and not p.free_text)
        yield from (_ahead(recipe, table) + column for column in named)


def _ahead(recipe: DatasetRecipe, table: TablePolicy) -> str:
    return "" if table.table == recipe.source else f"{table.table}."


def _rules(policies: PolicySet, tables: list[TablePolicy]) -> list[RetentionRule]:
    names = {table.table for table in tables}
    return [rule for rule in policies.retention.values() if rule.table in names]


def _period_warnings(rules: list[RetentionRule], steps: list[ColumnStep]) -> Iterator[Problem]:
    """Yield what retention would do to rows and columns that leave, and a build does not look at."""
    for rule in rules:
        where = f"retention:{rule.retention}"
        if isinstance(rule.clock, EventClock) and rule.removes_rows:
            said = f"rows of '{rule.table}' past this period leave until retention removes them: events start its clock"
            yield Problem("dataset.period_unread", f"{said}.", where)
        left = sorted(s.column for s in steps if s.table == rule.table and s.field in rule.changed)
        if left:
            said = f"values past this period leave until retention treats them, in: {', '.join(left)}"
            yield Problem("dataset.period_unread", f"{said}.", where)


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
