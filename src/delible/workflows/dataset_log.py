"""Tell MLflow which release a run was trained on, and the register which run it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from delible.model.base import digest
from delible.model.record import Manifest
from delible.store.tracking import log_to_mlflow
from delible.store.workspace import Workspace
from delible.workflows.dataset_members import find_manifest
from delible.workflows.dataset_used import check_owner, register_use


@dataclass(frozen=True)
class Logged:
    """A release that MLflow knows of."""

    manifest: Manifest
    run: str
    experiment: str
    digest: str


def log_release(
    workspace: Workspace,
    reference: str,
    *,
    actor: str,
    now: datetime,
    tracking_uri: str | None = None,
    experiment: str | None = None,
    run: str | None = None,
    owner: str | None = None,
) -> Logged:
    """Log a release as the dataset of an MLflow run, and register the run as made with it.

    A training script calls this with its own run's id.

    Raises:
        InputError: `dataset.unknown_version`, or `dataset.use` for an owner that is no name.
        SetupError: `dataset.mlflow_missing` or `dataset.mlflow`.
    """
    check_owner(owner)  # before MLflow is told
    manifest = find_manifest(workspace, reference)
    seal = digest(manifest.model_dump(mode="json"))
    location = str(workspace.path(manifest.path))
    tracked = log_to_mlflow(manifest, location, seal, tracking_uri=tracking_uri, experiment=experiment, run=run)
    register_use(workspace, manifest.release, f"run:{tracked.run}", owner=owner, actor=actor, now=now)
    return Logged(manifest, tracked.run, tracked.experiment, seal)
