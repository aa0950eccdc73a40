"""The card of a dataset release: front matter that loaders read, and a page that people read."""

from __future__ import annotations

import json

from delible.model.record import Manifest
from delible.plan.dataset import ColumnStep, DatasetPlan

_SPLITS = ("train", "validation", "test")


def card(plan: DatasetPlan, manifest: Manifest) -> str:
    """Return a release's README.md. It names columns and numbers, never a value of a row."""
    present = [s for s in _SPLITS if any(f.path.startswith(f"data/{s}-") for f in manifest.files)]
    splits = [line for s in present for line in (f"      - split: {s}", f"        path: data/{s}-*.parquet")]
    excluded = [f"| {reason} | {rows:,} |" for reason, rows in manifest.excluded.items()] or ["| none | 0 |"]
    sources = ", ".join(f"{_inert(name)} at version {v}" for name, v in sorted(manifest.sources.items()))
    # JSON scalars are YAML scalars, so no description can break out of the front matter.
    return "\n".join(
        [
            "---",
            f"pretty_name: {json.dumps(manifest.dataset)}",
            f"version: {manifest.version}",
            "configs:",
            "  - config_name: default",
            "    data_files:",
            *splits,
            "---",
            "",
            f"# {manifest.release}",
            "",
            _inert(plan.description),
            "",
            f"Made for the purpose `{plan.purpose}` (legal basis: {plan.basis}), with consent as it was known at "
            f"{manifest.known_at.isoformat()}.",
            "",
            f"{manifest.rows_out:,} of {manifest.rows_in:,} rows, {manifest.members:,} data subjects, none of them "
            "in two splits.",
            "",
            "| left out because of | rows |",
            "|---|---|",
            *excluded,
            "",
            "| column | treatment |",
            "|---|---|",
            *(f"| {_inert(step.column)} | {_treatment(step)} |" for step in plan.columns),
            "",
            f"Sources: {sources}.",
            "",
            "`manifest.json` holds the digest of every file. `subject_index.parquet` answers whether a person is in "
            "this release, by keyed references only.",
            "",
        ]
    )


def _treatment(step: ColumnStep) -> str:
    if step.masking is not None:
        named = ", ".join(f"{_inert(e)} {rule.operator}" for e, rule in sorted(step.masking.entities.items()))
        return f"{step.treatment} ({named}{'; ' if named else ''}otherwise {step.masking.default.operator})"
    return f"{step.treatment}" if step.to is None else f"{step.treatment} to {step.to}"


def _inert(text: str) -> str:
    """Return a text as one line in which nothing is markup."""
    line = " ".join(text.split())
    return "".join(f"&#{ord(c)};" if c in "<>&|`*_[]#\\" or not c.isprintable() else c for c in line)
