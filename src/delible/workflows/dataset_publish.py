"""Show a release that is cut: log, card, Croissant, manifest and signature, then one rename, then the register."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from delible.errors import InputError
from delible.model.base import digest
from delible.model.record import AuditEntry, Manifest
from delible.report.card import card
from delible.report.croissant import CROISSANT, croissant
from delible.store.keys import Keys
from delible.store.ledger import Ledger
from delible.store.manifests import Manifests
from delible.store.release_delta import split_of, write_delta_log
from delible.store.releases import PUBLIC_KEY, Releases, check_files, check_signature, release_file, seal, write_blocks
from delible.store.workspace import Workspace

CARD = "README.md"


def publish(workspace: Workspace, keys: Keys, folder: Path, draft: Manifest, *, contact: str) -> Manifest:
    """Finish a staged release and show it under the next free version.

    Whatever is killed before the rename leaves nothing; after it, `register_shown` registers the release.

    Args:
        workspace: Where.
        keys: Whose signature the manifest gets.
        folder: What `Releases.staging` gave, with rows and subject index in it.
        draft: The manifest, with any version and path, and the files that are there.
        contact: The controller's.
    """
    releases = Releases(workspace, draft.dataset)
    moment = int(draft.created_at.timestamp() * 1000)
    log = write_delta_log(folder, draft.files, name=draft.dataset, at=moment)
    (folder / PUBLIC_KEY).write_text(keys.public_pem(), encoding="ascii")
    extra = [release_file(path, folder) for path in (*log, folder / PUBLIC_KEY, write_blocks(folder))]
    splits: dict[str, int] = {}
    for file in draft.files:
        if file.path.startswith("data/"):
            splits[split_of(file)] = splits.get(split_of(file), 0) + (file.rows or 0)

    def finish(version: int, target: Path) -> Manifest:
        manifest = draft.model_copy(
            update={
                "version": version,
                "path": releases.relative(target),
                "files": (*draft.files, *extra),
                "splits": splits,
                "key_id": keys.key_id,
            }
        )
        for name, text in (
            (CARD, card(manifest, contact=contact)),
            (CROISSANT, croissant(manifest, contact=contact)),
        ):
            (folder / name).write_text(text, encoding="utf-8")
            manifest = manifest.model_copy(update={"files": (*manifest.files, release_file(folder / name, folder))})
        seal(folder, manifest, keys)
        return manifest

    latest = Manifests(workspace).latest(draft.dataset)
    return releases.publish(folder, latest.version if latest is not None else 0, finish)


def register(workspace: Workspace, keys: Keys, manifest: Manifest, entry: AuditEntry, now: datetime) -> None:
    """Put a release that is shown into the register and the ledger."""
    Manifests(workspace).put(manifest)
    Ledger(workspace, keys).append([entry], now)


def register_shown(workspace: Workspace, keys: Keys, dataset: str, *, actor: str, now: datetime) -> list[Manifest]:
    """Register releases whose run was killed after it had shown them; only those that this workspace has signed."""
    manifests = Manifests(workspace)
    known = {m.version for m in manifests.of(dataset)}
    found = []
    for manifest in Releases(workspace, dataset).unregistered(known):
        if not _own(workspace, manifest, keys, dataset):
            continue
        entry = AuditEntry(
            actor=actor,
            action="dataset.register",
            object=f"dataset:{manifest.release}",
            outcome="done",
            counts={"rows_out": manifest.rows_out, "members": manifest.members},
            detail={"manifest": digest(manifest.model_dump(mode="json"))},
        )
        register(workspace, keys, manifest, entry, now)
        found.append(manifest)
    return found


def register_all_shown(workspace: Workspace, keys: Keys, *, actor: str, now: datetime) -> list[Manifest]:
    """Register what killed runs have shown, of all datasets: who is in such a release is in a release all the same."""
    root = workspace.path(workspace.config.releases)
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir()) if root.is_dir() else []
    datasets = [name for name in names if not name.startswith(".")]
    return [m for name in datasets for m in register_shown(workspace, keys, name, actor=actor, now=now)]


def _own(workspace: Workspace, manifest: Manifest, keys: Keys, dataset: str) -> bool:
    if manifest.dataset != dataset or manifest.key_id is None:
        return False
    try:
        return not check_signature(workspace, manifest, keys) and not check_files(workspace, manifest)
    except InputError:
        return False
