"""Retire a release: its rows go, and who was in it stays known for what was made with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from delible.errors import InputError
from delible.model.record import Manifest
from delible.model.release import Retirement, Use
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.releases import Releases
from delible.store.retirements import Retirements, retirements
from delible.store.uses import Uses
from delible.store.workspace import Workspace
from delible.workflows.dataset_members import find_manifest
from delible.workflows.spark import alone


@dataclass(frozen=True)
class Retired:
    """A release whose rows are gone.

    Args:
        uses: What was made with it, whose duties go on.
        new: False when it was retired before.
    """

    manifest: Manifest
    retirement: Retirement
    uses: tuple[Use, ...]
    new: bool


def retire_release(workspace: Workspace, reference: str, *, actor: str, now: datetime) -> Retired:
    """Remove a release's folder and row index, and keep its subject index in the workspace.

    The index is kept and the retirement recorded before anything is removed, so a killed run is made up for by the
    same command. A release whose folder somebody removed by hand is retired without its index.

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
    with alone(workspace):
        kept = releases.keep_index(manifest)
        new = register.put(
            Retirement(dataset=manifest.dataset, version=manifest.version, index_kept=kept, at=now, actor=actor)
        )
        releases.remove(manifest)
    release = (manifest.dataset, manifest.version)
    uses = tuple(use for use in Uses(workspace, ledger).all() if (use.dataset, use.version) == release)
    return Retired(manifest, retirements(workspace)[release], uses, new)
