"""Releases as datasets of MLflow runs; needs the extra `mlflow`."""

from __future__ import annotations

import json
from typing import NamedTuple

from delible.errors import SetupError
from delible.model.record import Manifest

_DIGEST = 36
"""Characters that MLflow keeps of a digest."""


class Tracked(NamedTuple):
    """A run that has a release among its datasets."""

    run: str
    experiment: str


def log_to_mlflow(
    manifest: Manifest,
    location: str,
    digest: str,
    *,
    tracking_uri: str | None = None,
    experiment: str | None = None,
    run: str | None = None,
) -> Tracked:
    """Log a release as input of a run: its name, place, digest, columns and counts; no row and no reference.

    Args:
        manifest: The release.
        location: Its folder.
        digest: Of its manifest; MLflow keeps the first 36 characters.
        tracking_uri: MLflow's own setting when None.
        experiment: The dataset's name when None.
        run: An existing run's id; a new run, ended at once, when None.

    Raises:
        SetupError: `dataset.mlflow_missing` without the extra, `dataset.mlflow` when MLflow does not take it.
    """
    try:
        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
    except ImportError:
        raise SetupError(
            "dataset.mlflow_missing", "MLflow is not installed.", fix="Install it: pip install 'delible[mlflow]'"
        ) from None
    about = {
        "version": manifest.version,
        "purpose": manifest.purpose,
        "legal_basis": manifest.basis.value if manifest.basis is not None else None,
        "num_rows": manifest.rows_out,
        "data_subjects": manifest.members,
        "known_at": manifest.known_at.isoformat(),
        "splits": manifest.splits,
    }
    dataset = Dataset(
        name=manifest.release,
        digest=digest[:_DIGEST],
        source_type="local",
        source=json.dumps({"uri": location}),
        schema=json.dumps({"columns": {c.name: c.type for c in manifest.columns}}),
        profile=json.dumps(about),
    )
    tags = {"mlflow.data.context": "training", "delible.release": manifest.release, "delible.manifest": digest}
    try:
        client = MlflowClient(tracking_uri)
        made = run is None
        if run is None:
            name = experiment or manifest.dataset
            known = client.get_experiment_by_name(name)
            experiment_id = known.experiment_id if known is not None else client.create_experiment(name)
            run = client.create_run(experiment_id, run_name=manifest.release).info.run_id
        inputs = [DatasetInput(dataset, [InputTag(key, value) for key, value in tags.items()])]
        client.log_inputs(run, inputs)
        client.set_tag(run, "delible.release", manifest.release)
        if made:
            client.set_terminated(run)
        return Tracked(run, client.get_run(run).info.experiment_id)
    except (MlflowException, OSError) as error:
        raise SetupError(
            "dataset.mlflow",
            f"MLflow did not take the dataset ({type(error).__name__}).",
            where=f"dataset:{manifest.release}",
            fix="Look at --tracking-uri, and at the run's id.",
        ) from None
