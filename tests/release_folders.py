"""A release as a build publishes it, made without a JVM: rows, subject index and row index of made-up people."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from delible.decide.impact import asked_of
from delible.lake.release_files import SPLIT, SPLITS, SUBJECTS, arranged, spool_in, write_part, write_refs
from delible.model.record import AuditEntry, Manifest, ReleaseFile
from delible.model.release import ReleasedColumn, RowIndex
from delible.model.subject import SubjectRef
from delible.model.terms import LegalBasis, Normalise
from delible.store.consents import Consents
from delible.store.keys import Keys, load_keys
from delible.store.members import INDEX
from delible.store.policies import load_workspace_policies
from delible.store.releases import Releases, release_file
from delible.store.workspace import Workspace
from delible.workflows.dataset_publish import publish, register

CONTACT = "privacy@fennel.example"
COLUMNS = (
    ReleasedColumn(name="words", type="string", treatment="mask", category="user.content.private"),
    ReleasedColumn(name="n", type="bigint", treatment="keep"),
)


def ref_of(keys: Keys, person: int) -> SubjectRef:
    return keys.ref("email", f"p{person}@shop.example", Normalise.LOWER)


def staged(folder: Path, splits: Mapping[str, Sequence[int]], keys: Keys) -> tuple[ReleaseFile, ...]:
    """Write rows of people by split, one row each, and both indexes, as a build does."""
    parts: list[tuple[int, str]] = []
    spool = spool_in(folder)
    for split, people in splits.items():
        columns = {
            "words": [f"words of {person} <b>" for person in people],
            "n": pa.array(people, pa.int64()),
            SPLIT: pa.array([SPLITS.index(split)] * len(people), pa.int32()),
            SUBJECTS: pa.array([[bytes.fromhex(ref_of(keys, p)[-32:])] for p in people], pa.list_(pa.binary())),
        }
        parts += ((number, "0") for number in write_part([pa.RecordBatch.from_pydict(columns)], spool, "0", ()))
    arranged(spool, parts, folder, folder.parent / "rows")
    shutil.rmtree(spool)
    refs = sorted(ref_of(keys, person) for people in splits.values() for person in people)
    write_refs([pa.RecordBatch.from_pydict({"ref": refs, "subject": refs})], folder / INDEX)
    files = sorted((folder / "data").iterdir())
    return tuple(
        release_file(path, folder).model_copy(update={"rows": pq.read_metadata(path).num_rows})
        for path in (*files, folder / INDEX)
    )


def draft(dataset: str, files: tuple[ReleaseFile, ...], rows: str, now: datetime, purpose: str) -> Manifest:
    count = sum(f.rows or 0 for f in files if f.path.startswith("data/"))
    return Manifest(
        dataset=dataset,
        version=0,
        purpose=purpose,
        recipe_fingerprint="0" * 64,
        policy_fingerprint="0" * 64,
        sources={"tickets": 3},
        known_at=now,
        created_at=now,
        rows_in=count + 2,
        rows_out=count,
        excluded={"no_consent": 2},
        members=count,
        files=files,
        path="",
        description='tickets: <b>&</b> "answers"',
        basis=LegalBasis.CONSENT,
        columns=COLUMNS,
        row_index=RowIndex(path=rows, rows=count),
    )


def asked_today(workspace: Workspace, purpose: str) -> str | None:
    """Return what a purpose asks by the workspace's policies, where it has any."""
    if not (workspace.path("policies") / "controller.yaml").exists():
        return None
    declared = load_workspace_policies(workspace).purposes.get(purpose)
    return None if declared is None else asked_of(declared)


def released_folder(
    workspace: Workspace,
    splits: Mapping[str, Sequence[int]],
    now: datetime,
    *,
    dataset: str = "support",
    purpose: str = "model_training",
    registered: bool = True,
    basis: LegalBasis = LegalBasis.CONSENT,
    **more: Any,
) -> Manifest:
    """Publish a release whose rows are one per person; `registered` is False for a run that is killed just before.

    Args:
        more: Other fields of the manifest.
    """
    keys, releases = load_keys(workspace), Releases(workspace, dataset)
    with releases.staging() as folder:
        files = staged(folder, splits, keys)
        rows = releases.keep_rows(folder, folder.parent / "rows")
        made = draft(dataset, files, rows, now, purpose)
        known = {
            "consents_version": Consents(workspace).version(),
            "purpose_fingerprint": asked_today(workspace, purpose),
        }
        made = made.model_copy(update={"basis": basis, **known, **more})
        manifest = publish(workspace, keys, folder, made, contact=CONTACT)
        if registered:
            entry = AuditEntry(
                actor="tests", action="dataset.build", object=f"dataset:{manifest.release}", outcome="done"
            )
            register(workspace, keys, manifest, entry, now)
    return manifest
