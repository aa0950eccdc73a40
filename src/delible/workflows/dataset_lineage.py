"""What a dataset's build or recut tells lineage: what was read at which version, columns and treatments released."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from delible.decide.lineage import inherited
from delible.model.lineage import ColumnFlow, DatasetUse, Influence, LineageRun
from delible.model.policy import PolicySet, TablePolicy
from delible.model.record import Manifest
from delible.model.taxonomy import is_personal
from delible.model.terms import LegalBasis, Treatment
from delible.plan.dataset import DatasetPlan
from delible.store.consents import Consents
from delible.store.workspace import Workspace
from delible.workflows.lineage_events import CONSENTS, columns_of, tags_of

_TREATMENTS = frozenset(treatment.value for treatment in Treatment)
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
            columns=columns_of(policies.tables.get(name)),
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


def describe_recut(run: LineageRun, workspace: Workspace, old: Manifest, new: Manifest, *, key_version: int) -> None:
    """Fill in a recut's run: the old release and what decided, the new one with the old one's columns, and the facets.

    Values are those of the old release, so each column is named with the treatment that it had there.
    """
    types = {c.name: c.type for c in new.columns}
    treated = {c.name: word for c in new.columns if (word := c.treatment.partition(" ")[0]) in _TREATMENTS}
    tags = {c.name: inherited(c.category, treated.get(c.name, "")) for c in new.columns if c.category is not None}
    source = str(workspace.path(old.path))
    run.inputs = [
        DatasetUse(name=old.dataset, location=source, version=old.version, columns=types, rows=old.rows_out),
    ]
    if new.basis is LegalBasis.CONSENT:
        run.inputs = [*run.inputs, DatasetUse(name=CONSENTS, location=Consents(workspace).location)]
    run.outputs = [
        DatasetUse(
            name=new.dataset,
            location=str(workspace.path(new.path)),
            version=new.version,
            columns=types,
            tags={c: tag for c, tag in tags.items() if tag and is_personal(tag)},
            rows=new.rows_out,
            bytes=sum(f.bytes for f in new.files),
            files=len(new.files),
            flows=[ColumnFlow(column=name, source=source, field=name) for name in types],
        )
    ]
    run.facets = {
        "delible_purpose": {
            "purpose": new.purpose,
            **({"legalBasis": new.basis.value} if new.basis is not None else {}),
            "policyFingerprint": new.policy_fingerprint,
        },
        "delible_consent": {
            "knownAt": new.known_at.isoformat(),
            "rowsIn": old.rows_out,
            "rowsOut": new.rows_out,
            "members": new.members,
            "excluded": new.left,
        },
        "delible_deidentification": {"columns": treated, "keyVersion": key_version},
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
