"""One column of a recipe: whether it may leave, what is done to it, and what deserves a second look."""

from __future__ import annotations

from delible.errors import Problem
from delible.model.base import ColumnName, Frozen
from delible.model.dataset import KEYED, ColumnTreatment, DatasetRecipe
from delible.model.masking import Masking
from delible.model.policy import ColumnPolicy, PolicySet, Reach, TablePolicy
from delible.model.taxonomy import is_personal, is_sensitive, is_special
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


def column_gap(table: TablePolicy, column: str, treatment: ColumnTreatment, basis: LegalBasis) -> Problem | None:
    """Return why a column may not leave so, or None when it may."""
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


def column_warnings(table: TablePolicy, column: str, treatment: ColumnTreatment) -> list[Problem]:
    """Return what deserves a second look in a column that leaves."""
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


def is_distinctive(policies: PolicySet, reach: Reach) -> bool:
    """Return whether a table's own key can be recognised in free text."""
    return reach.identifies is not None and policies.controller.identifiers[reach.identifies].distinctive


def _special(policy: ColumnPolicy) -> bool:
    return policy.special or is_special(policy.category)


def is_sensitive_column(policy: ColumnPolicy) -> bool:
    """Return whether people can limit the use of a column."""
    return policy.special or is_sensitive(policy.category)


def column_step(
    policies: PolicySet, recipe: DatasetRecipe, table: TablePolicy, column: str, treatment: ColumnTreatment
) -> ColumnStep:
    """Return what the recipe does to one column of a table."""
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
