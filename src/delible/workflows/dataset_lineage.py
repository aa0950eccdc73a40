"""What a dataset build tells lineage: tables and versions read, columns and treatments released."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from delible.decide.lineage import inherited
from delible.model.lineage import ColumnFlow, DatasetUse, Influence, LineageRun
from delible.model.policy import PolicySet, TablePolicy
from delible.model.record import Manifest
from delible.model.taxonomy import is_personal
from delible.model.terms import LegalBasis
from delible.plan.dataset import DatasetPlan
from delible.workflows.lineage_events import CONSENTS, tags_of

CONSENTS_AT = "delible:consents"
"""No table can have this name: a colon is not allowed in names."""


def describe(
    run: LineageRun,
    plan: DatasetPlan,
    policies: PolicySet,
    manifest: Manifest,
    *,
    locations: Mapping[str, str],
    types: Mapping[str, str],
    folder: Path,
    key_version: int,
) -> None:
    """Fill in a build's run: inputs, output with column lineage, and the facets of purpose, consent and treatment.

    Args:
        locations: Of the tables; and of the consent ledger, under `CONSENTS_AT`, when it decided.
    """
    run.inputs = [
        DatasetUse(
            name=name,
            location=locations[name],
            version=version,
            rows=manifest.rows_in if name == plan.source else None,
            tags=tags_of(policies.tables.get(name)),
        )
        for name, version in manifest.sources.items()
    ]
    if plan.basis is LegalBasis.CONSENT and CONSENTS_AT in locations:
        run.inputs = [*run.inputs, DatasetUse(name=CONSENTS, location=locations[CONSENTS_AT])]
    treated = {s.column: s.treatment.value for s in plan.columns}
    origins = {s.column: (s.table, s.field) for s in plan.columns}
    held = {c: policies.tables[table].columns.get(field) for c, (table, field) in origins.items()}
    tags = {c: inherited(policy.category, treated[c]) for c, policy in held.items() if policy is not None}
    run.outputs = [
        DatasetUse(
            name=manifest.dataset,
            location=str(folder),
            version=manifest.version,
            columns=types,
            tags={c: tag for c, tag in tags.items() if c in types and tag and is_personal(tag)},
            rows=manifest.rows_out,
            bytes=sum(file.bytes for file in manifest.files),
            files=len(manifest.files),
            flows=[
                ColumnFlow(column=c, source=locations[table], field=field, treatment=treated[c])
                for c, (table, field) in origins.items()
            ],
            influences=[
                *(each for table in plan.sources for each in _deciding(policies.tables[table], locations)),
                *_joining(plan, locations),
            ],
        )
    ]
    run.facets = {
        "delible_purpose": {
            "purpose": plan.purpose,
            "legalBasis": plan.basis.value,
            "policyFingerprint": plan.policy_fingerprint,
        },
        "delible_consent": {
            "knownAt": manifest.known_at.isoformat(),
            "rowsIn": manifest.rows_in,
            "rowsOut": manifest.rows_out,
            "members": manifest.members,
            "excluded": manifest.excluded,
        },
        "delible_deidentification": {
            "columns": treated,
            "domains": {s.column: s.domain for s in plan.columns if s.domain is not None},
            "keyVersion": key_version,
        },
    }


def _deciding(table: TablePolicy, locations: Mapping[str, str]) -> list[Influence]:
    """Return what decides who is let in: a row's own keys, and over a path those of the table at its end."""
    own = [Influence(source=locations[table.table], field=reach.column) for reach in table.subject]
    joined = [
        Influence(source=locations[reach.through], field=reach.matches, way="JOIN")
        for reach in table.subject
        if reach.through is not None and reach.matches is not None and reach.through in locations
    ]
    return own + joined


def _joining(plan: DatasetPlan, locations: Mapping[str, str]) -> list[Influence]:
    """Return the columns of joined tables by which rows find theirs."""
    return [
        Influence(source=locations[join.table], field=column, way="JOIN")
        for join in plan.joins
        for column in join.keys.values()
    ]
