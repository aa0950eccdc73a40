"""Retire a release: its rows go, and who was in it stays known for as long as something made with it is in use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from delible.errors import InputError
from delible.model.lineage import DatasetUse
from delible.model.record import AuditEntry, Manifest
from delible.model.release import Retirement, Use
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.releases import Releases
from delible.store.retirements import Retirements, retirements
from delible.store.uses import Uses, is_used
from delible.store.workspace import Workspace
from delible.workflows.dataset_members import find_manifest
from delible.workflows.lineage_events import duty, recorded
from delible.workflows.spark import alone


@dataclass(frozen=True)
class Retired:
    """A release whose rows are gone.

    Args:
        uses: What was made with it, whose duties go on.
        new: False when it was retired before.
        index_kept: Whether its subject index is there now.
    """

    manifest: Manifest
    retirement: Retirement
    uses: tuple[Use, ...]
    new: bool
    index_kept: bool


def retire_release(workspace: Workspace, reference: str, *, actor: str, now: datetime) -> Retired:
    """Remove a release's folder and row index; its subject index stays while something made with it is in use.

    Who was in it matters to duties of models and runs, and to nothing else: without any, the keyed references go as
    well (Art. 5(1)(e)), and otherwise with the last (`forget_unused`). The index is kept and the retirement recorded
    before anything is removed, so a killed run is made up for by the same command. A release whose folder somebody
    removed by hand is retired without its index.

    Args:
        reference: `NAME@vN`.

    Raises:
        InputError: `dataset.version_needed` without a version, or `dataset.unknown_version`.
        TamperError: `dataset.changed` when the subject index is not the one that was registered.
        ConflictError: `workspace.busy` while another run works here.
    """
    if "@" not in reference:
        raise InputError(
            "dataset.version_needed",
            "one version is retired at a time, and it has to be named.",
            fix=f"Give NAME@vN, such as {reference}@v1.",
        )
    ledger, manifest = Ledger(workspace, load_keys(workspace)), find_manifest(workspace, reference)
    releases, register = Releases(workspace, manifest.dataset), Retirements(workspace, ledger)
    release, path = (manifest.dataset, manifest.version), workspace.path(manifest.path)
    with alone(workspace):
        new = release not in retirements(workspace)
        if new or path.exists():
            with recorded(workspace, "dataset.retire", now=now, facets=duty(None, "retirement")) as lineage:
                kept = is_used(workspace, *release) and releases.keep_index(manifest)
                gone = Retirement(
                    dataset=manifest.dataset, version=manifest.version, index_kept=kept, at=now, actor=actor
                )
                register.put(gone)
                releases.remove(manifest)
                lineage.outputs = [
                    DatasetUse(name=manifest.dataset, location=str(path), version=manifest.version, dropped=True)
                ]
        else:
            register.reconcile()
            releases.remove(manifest)
    forget_unused(workspace, manifest, ledger, actor=actor, now=now)
    uses = tuple(use for use in Uses(workspace, ledger).all() if (use.dataset, use.version) == release)
    return Retired(manifest, retirements(workspace)[release], uses, new, releases.keeps_index(manifest))


def forget_unused(workspace: Workspace, manifest: Manifest, ledger: Ledger, *, actor: str, now: datetime) -> bool:
    """Remove a retired release's subject index once nothing made with it is in use; return whether it went."""
    if is_used(workspace, manifest.dataset, manifest.version):
        return False
    gone = Releases(workspace, manifest.dataset).forget_index(manifest)
    if gone:
        entry = AuditEntry(
            actor=actor, action="dataset.forget_index", object=f"dataset:{manifest.release}", outcome="done"
        )
        ledger.append([entry], now)
    return gone
