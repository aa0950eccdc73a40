"""What a data protection impact assessment of a training dataset starts from (GDPR Art. 35(7)), as facts.

It is no assessment: what only people can judge is asked, as open questions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from delible.model.base import Frozen, digest
from delible.model.dataset import ColumnTreatment, DatasetRecipe
from delible.model.policy import PolicySet
from delible.model.record import Manifest, TagFinding
from delible.model.release import ReleasedColumn
from delible.model.taxonomy import CATEGORIES, is_identifying, is_quasi_identifier, is_special
from delible.model.terms import LegalBasis, Treatment, words
from delible.model.uniqueness import Combination
from delible.report.activities import Activity, Missing, activity, time_limits
from delible.report.consent import PurposeConsents
from delible.report.datasets import Release, release_of

LARGE = 10_000
"""Data subjects from which the question of large-scale processing is asked (Art. 35(3)(b)); no number of the law."""


class DpiaColumn(Frozen):
    """One column that was released, and what was done to it.

    What the manifest does not hold is that of the recipe's column of this name; without the recipe, nobody knows it.

    Args:
        category: Title of its data category; None when no policy says it.
        findings: What scans found in the source's column: types, never values.
    """

    column: str
    category: str | None
    treatment: str
    special: bool
    identifying: bool
    quasi: bool
    free_text: bool
    findings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DpiaSources:
    """What the stores hold beside policies and manifest.

    Args:
        manifests: Of all releases.
        retired: When releases were retired, by `NAME@vN`.
        objections: Open and standing requests that reach the purpose, by right.
    """

    manifests: Iterable[Manifest]
    tags: Iterable[TagFinding]
    combinations: Iterable[Combination]
    consents: Iterable[PurposeConsents]
    objections: Mapping[str, int]
    retired: Mapping[str, datetime] = field(default_factory=dict)


class DpiaFacts(Frozen):
    """The inputs, before they have a form.

    Args:
        recipe_changed: The recipe is not the one that this version was made by; None when there is none any more.
        policies_changed: Policies are not those that it was made under.
        dropped: Columns that the recipe names and leaves out.
        residual: How unique combinations of released quasi-identifiers are in the sources, where that was measured.
        versions: All versions of the dataset, with rows and data subjects.
    """

    controller: str
    contact: str
    data_protection_officer: str | None
    generated_at: datetime
    software: str
    policy_fingerprint: str
    release: Release
    description: str
    recipe_changed: bool | None
    policies_changed: bool
    activity: Activity | None
    columns: tuple[DpiaColumn, ...]
    dropped: tuple[str, ...]
    splits: dict[str, int]
    where: str | None
    consents: PurposeConsents | None
    residual: tuple[Combination, ...]
    limits: tuple[str, ...]
    versions: tuple[Release, ...]
    objections: dict[str, int]
    missing: tuple[Missing, ...]
    questions: tuple[Missing, ...]


def dpia_facts(
    manifest: Manifest, policies: PolicySet, sources: DpiaSources, *, now: datetime, software: str
) -> DpiaFacts:
    """Return the inputs for one version of a dataset."""
    recipe = policies.datasets.get(manifest.dataset)
    purpose = policies.purposes.get(manifest.purpose)
    made = activity(policies, purpose) if purpose is not None else None
    release = release_of(manifest, sources.retired)
    origins = _origins(recipe)
    columns = tuple(_columns(manifest.columns, origins, policies, sources.tags))
    released: dict[str, set[str]] = defaultdict(set)
    for column in columns:
        if column.column in origins:
            origin = origins[column.column]
            released[origin.table].add(origin.field)
    residual = tuple(
        c
        for c in sources.combinations
        if c.table in manifest.sources and (recipe is None or released[c.table].issuperset(c.columns))
    )
    changed = None if recipe is None else digest(recipe.model_dump(mode="json")) != manifest.recipe_fingerprint
    return DpiaFacts(
        controller=policies.controller.controller,
        contact=policies.controller.contact,
        data_protection_officer=policies.controller.records.data_protection_officer,
        generated_at=now,
        software=software,
        policy_fingerprint=policies.fingerprint,
        release=release,
        description=recipe.description if recipe is not None else manifest.description,
        recipe_changed=changed,
        policies_changed=manifest.policy_fingerprint != policies.fingerprint,
        activity=made,
        columns=columns,
        dropped=_dropped(recipe),
        splits=_splits(manifest, recipe),
        where=recipe.where if recipe is not None else None,
        consents=next((c for c in sources.consents if c.purpose == manifest.purpose), None),
        residual=residual,
        limits=tuple(time_limits(policies, [policies.tables[t] for t in manifest.sources if t in policies.tables])),
        versions=tuple(release_of(m, sources.retired) for m in sources.manifests if m.dataset == manifest.dataset),
        objections=dict(sources.objections),
        missing=made.missing if made is not None else (),
        questions=tuple(_questions(release, made, columns, residual, changed=changed)),
    )


@dataclass(frozen=True)
class _Origin:
    """Where the recipe takes a released column from, and what it does to it."""

    table: str
    field: str
    treatment: ColumnTreatment


def _origins(recipe: DatasetRecipe | None) -> dict[str, _Origin]:
    """Return the recipe's columns by their names in the release."""
    if recipe is None:
        return {}
    return {
        t.name or field: _Origin(table, field, t)
        for table, columns in recipe.by_table.items()
        for field, t in columns.items()
        if t.treatment is not Treatment.DROP
    }


def _columns(
    released: Sequence[ReleasedColumn],
    origins: Mapping[str, _Origin],
    policies: PolicySet,
    tags: Iterable[TagFinding],
) -> Iterator[DpiaColumn]:
    """Yield what the manifest says was released; where it has no columns, as of earlier versions, the recipe's."""
    found = {(f.table, f.column): f for f in tags}
    told = {c.name: c for c in released}
    for name in told or origins:
        column, origin = told.get(name), origins.get(name)
        table = policies.tables.get(origin.table) if origin is not None else None
        policy = table.columns.get(origin.field) if table is not None and origin is not None else None
        tag = found.get((origin.table, origin.field)) if origin is not None else None
        category = column.category if column is not None else None
        if category is None and policy is not None:
            category = policy.category
        treatment = column.treatment if column is not None else ""
        if column is None and origin is not None:
            treatment = _in_words(origin.treatment)
        yield DpiaColumn(
            column=name,
            category=None if category is None else CATEGORIES.get(category, category),
            treatment=treatment,
            special=(policy is not None and policy.special) or (category is not None and is_special(category)),
            identifying=category is not None and is_identifying(category),
            quasi=category is not None and is_quasi_identifier(category),
            free_text=policy is not None and policy.free_text,
            findings=(tag.entity,) if tag is not None and tag.entity is not None else (),
        )


def _in_words(treatment: ColumnTreatment) -> str:
    said = words(treatment.treatment)
    if treatment.to is not None:
        said += f" to {treatment.to}"
    return said if treatment.domain is None else f"{said}, domain {treatment.domain}"


def _dropped(recipe: DatasetRecipe | None) -> tuple[str, ...]:
    if recipe is None:
        return ()
    return tuple(
        name if table == recipe.source else f"{table}.{name}"
        for table, columns in recipe.by_table.items()
        for name, t in columns.items()
        if t.treatment is Treatment.DROP
    )


def _splits(manifest: Manifest, recipe: DatasetRecipe | None) -> dict[str, int]:
    """Return rows by split where the manifest counts them; otherwise the recipe's shares in hundredths."""
    if manifest.splits:
        return manifest.splits
    if recipe is None:
        return {}
    held = recipe.split
    return {"train %": 100 - held.validation - held.test, "validation %": held.validation, "test %": held.test}


def _questions(
    release: Release,
    made: Activity | None,
    columns: Sequence[DpiaColumn],
    residual: Sequence[Combination],
    *,
    changed: bool | None,
) -> Iterator[Missing]:
    where = f"dataset {release.name}"
    if made is None:
        yield Missing(
            where=where, what="Its purpose is declared no more: what is it used for?", article="Art. 35(7)(a)"
        )
    elif made.necessity is None:
        text = "Why does the purpose need this data, and could it do with less? ('necessity' in the purpose's policy)"
        yield Missing(where=where, what=text, article="Art. 35(7)(b)")
    if made is not None and made.legal_basis is LegalBasis.LEGITIMATE_INTERESTS:
        yield Missing(
            where=where, what="How were the interests weighed against the data subjects'?", article="Art. 6(1)(f)"
        )
    if changed is None or changed:
        text = "The recipe is not the one that this version was made by: do these columns and treatments still hold?"
        yield Missing(where=where, what=text, article="Art. 35(7)(a)")
    if any(c.special for c in columns):
        text = "Special categories are released: is the condition of Art. 9(2) met for everybody in it?"
        yield Missing(where=where, what=text, article="Art. 35(3)(b), 9(2)")
    for column in columns:
        if column.identifying and column.treatment == Treatment.KEEP.value:
            text = f"Column {column.column} tells who somebody is, and is kept as it is: why?"
            yield Missing(where=where, what=text, article="Art. 25, 32(1)(a)")
        if column.category is None:
            text = f"What does column {column.column} hold? No policy maps it."
            yield Missing(where=where, what=text, article="Art. 35(7)(a)")
    if release.members >= LARGE:
        yield Missing(where=where, what="Is this processing on a large scale?", article="Art. 35(3)(b)")
    if not release.gates:
        text = "No gate measured the release: what bounds the risk that somebody is found in it?"
        yield Missing(where=where, what=text, article="Art. 35(7)(c)")
    if any(c.quasi for c in columns) and not residual and not release.gates:
        text = "How unique are combinations of its quasi-identifiers? (delible tags uniqueness measures it)"
        yield Missing(where=where, what=text, article="Art. 35(7)(c)")
    for text, article in _ALWAYS:
        yield Missing(where=where, what=text, article=article)


_ALWAYS = (
    ("Does a model that is trained on it evaluate people, or decide about them?", "Art. 35(3)(a), 22"),
    (
        "Can what was learned be drawn out of a model (membership, memorised texts), and who may query it?",
        "Art. 35(7)(c)",
    ),
    ("What are the risks to the data subjects' rights, how likely and how severe?", "Art. 35(7)(c)"),
    ("Were the data protection officer's advice and the data subjects' views sought?", "Art. 35(2), (9)"),
)
