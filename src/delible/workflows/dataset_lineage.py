"""What a dataset build tells lineage: tables and versions read, columns and treatments released."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from delible.model.lineage import ColumnFlow, DatasetUse, LineageRun
from delible.model.policy import PolicySet
from delible.model.record import Manifest
from delible.model.taxonomy import is_personal
from delible.plan.dataset import DatasetPlan


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
    """Fill in a build's run: inputs, output with column lineage, and the facets of purpose, consent and treatment."""
    tags = {
        table: {c: p.category for c, p in policies.tables[table].columns.items() if is_personal(p.category)}
        for table in plan.sources
    }
    held = {s.column: tags[s.table][s.field] for s in plan.columns if s.field in tags[s.table]}
    run.inputs = [
        DatasetUse(
            name=name,
            location=locations[name],
            version=version,
            rows=manifest.rows_in if name == plan.source else None,
            tags=tags.get(name, {}),
        )
        for name, version in manifest.sources.items()
    ]
    released = DatasetUse(
        name=manifest.dataset,
        location=str(folder),
        version=manifest.version,
        columns=types,
        tags={name: category for name, category in held.items() if name in types},
        rows=manifest.rows_out,
        bytes=sum(file.bytes for file in manifest.files),
        files=len(manifest.files),
        flows=[
            ColumnFlow(column=s.column, source=locations[s.table], field=s.field, treatment=s.treatment)
            for s in plan.columns
        ],
    )
    run.outputs = [released]
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
            "columns": {s.column: s.treatment.value for s in plan.columns},
            "domains": {s.column: s.domain for s in plan.columns if s.domain is not None},
            "keyVersion": key_version,
        },
    }
