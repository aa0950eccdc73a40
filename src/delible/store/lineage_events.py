"""From a run to its OpenLineage events. Importing this module costs half a second: `store.lineage` does it late."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    dataset_version_dataset,
    error_message_run,
    input_statistics_input_dataset,
    job_type_job,
    lifecycle_state_change_dataset,
    output_statistics_output_dataset,
    schema_dataset,
    symlinks_dataset,
    tags_dataset,
)
from openlineage.client.generated.base import DatasetFacet, RunFacet
from openlineage.client.naming.dataset import GCS, S3, DatasetNaming, LocalFileSystem

from delible import __version__
from delible.model.lineage import DatasetUse, Facets, Influence, LineageRun
from delible.model.terms import Treatment
from delible.store.lineage_facets import DATASET_FACETS, RUN_FACETS

PRODUCER = f"urn:delible:{__version__}"
_MASKING = frozenset({"mask", "replace", "pseudonymise", "encrypt", "null"})
"""Treatments after which the values themselves can no longer be read, as OpenLineage's `masking` asks."""


def run_event(run: LineageRun, phase: str, at: datetime, *, error: str | None) -> RunEvent:
    """Return one event of a run.

    Raises:
        ValueError: For a facet that does not exist.
        TypeError: For a facet's field that does not exist or is missing.
    """
    on_run, on_outputs = _split(run.facets)
    facets: dict[str, RunFacet] = {key: RUN_FACETS[key](**body, producer=PRODUCER) for key, body in on_run.items()}
    if error is not None:
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            message=error, programmingLanguage="python", producer=PRODUCER
        )
    job_type = job_type_job.JobTypeJobFacet(
        processingType="BATCH", integration="DELIBLE", jobType="JOB", producer=PRODUCER
    )
    return RunEvent(
        eventType=RunState(phase),
        eventTime=_time(at),
        run=Run(runId=run.id, facets=facets),
        job=Job(namespace=job_namespace(), name=run.job, facets={"jobType": job_type}),
        inputs=[_input(use) for use in run.inputs],
        outputs=[_output(use, on_outputs) for use in run.outputs],
        producer=PRODUCER,
    )


def event_of(line: Mapping[str, Any]) -> RunEvent:
    """Return an event as it was written, from its JSON.

    Raises:
        KeyError, TypeError, ValueError: When it is none.
    """
    return RunEvent(
        eventType=RunState(line["eventType"]),
        eventTime=line["eventTime"],
        run=Run(**line["run"]),
        job=Job(**line["job"]),
        inputs=[InputDataset(**each) for each in line.get("inputs", ())],
        outputs=[OutputDataset(**each) for each in line.get("outputs", ())],
        producer=line["producer"],
    )


def aborted(begun: Mapping[str, Any], at: datetime) -> RunEvent:
    """Return the end of a run that was killed, from the event of its beginning."""
    return event_of({**begun, "eventType": "ABORT", "eventTime": _time(at)})


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def job_namespace() -> str:
    """Return the namespace of jobs, which an operator may set as for every OpenLineage integration."""
    return os.environ.get("OPENLINEAGE_NAMESPACE") or "delible"


def dataset_name(location: str) -> tuple[str, str]:
    """Return namespace and name of a location by OpenLineage's naming rules."""
    parts = urlsplit(location)
    key = unquote(parts.path)
    naming: DatasetNaming
    match parts.scheme:
        case "":
            naming = LocalFileSystem(path=location)
        case "file":
            naming = LocalFileSystem(path=key)
        case "s3" | "s3a" | "s3n":
            naming = S3(bucket_name=parts.netloc, object_key=key.strip("/") or "/")
        case "gs":
            naming = GCS(bucket_name=parts.netloc, object_key=key.strip("/") or "/")
        case scheme:
            return f"{scheme}://{parts.netloc}", key or "/"
    return naming.get_namespace(), naming.get_name()


def _split(facets: Facets) -> tuple[Facets, Facets]:
    unknown = set(facets) - {*RUN_FACETS, *DATASET_FACETS}
    if unknown:
        raise ValueError(f"no such facet: {', '.join(sorted(unknown))}")
    on_run = {key: body for key, body in facets.items() if key in RUN_FACETS}
    return on_run, {key: body for key, body in facets.items() if key in DATASET_FACETS}


def _input(use: DatasetUse) -> InputDataset:
    namespace, name = dataset_name(use.location)
    return InputDataset(
        namespace=namespace,
        name=name,
        facets=_dataset_facets(use, {}),
        inputFacets=_statistics(
            use, "inputStatistics", input_statistics_input_dataset.InputStatisticsInputDatasetFacet
        ),
    )


def _output(use: DatasetUse, shared: Facets) -> OutputDataset:
    namespace, name = dataset_name(use.location)
    return OutputDataset(
        namespace=namespace,
        name=name,
        facets=_dataset_facets(use, shared),
        outputFacets=_statistics(
            use, "outputStatistics", output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
        ),
    )


def _statistics(use: DatasetUse, key: str, facet: Any) -> dict[str, Any]:
    if use.rows is None and use.bytes is None and use.files is None:
        return {}
    return {key: facet(rowCount=use.rows, size=use.bytes, fileCount=use.files, producer=PRODUCER)}


def _dataset_facets(use: DatasetUse, shared: Facets) -> dict[str, DatasetFacet]:
    on_run, own = _split(use.facets)
    if on_run:
        raise ValueError(f"not a dataset's facet: {', '.join(sorted(on_run))}")
    facets: dict[str, DatasetFacet] = {
        key: DATASET_FACETS[key](**body, producer=PRODUCER) for key, body in {**shared, **own}.items()
    }
    facets["symlinks"] = symlinks_dataset.SymlinksDatasetFacet(
        identifiers=[symlinks_dataset.Identifier(namespace=job_namespace(), name=use.name, type="TABLE")],
        producer=PRODUCER,
    )
    if use.version is not None:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(
            datasetVersion=str(use.version), producer=PRODUCER
        )
    if use.columns:
        fields = [schema_dataset.SchemaDatasetFacetFields(name=n, type=t or None) for n, t in use.columns.items()]
        facets["schema"] = schema_dataset.SchemaDatasetFacet(fields=fields, producer=PRODUCER)
    if use.dropped:
        facets["lifecycleStateChange"] = lifecycle_state_change_dataset.LifecycleStateChangeDatasetFacet(
            lifecycleStateChange=lifecycle_state_change_dataset.LifecycleStateChange.DROP, producer=PRODUCER
        )
    if use.tags:
        facets["tags"] = _tags(use.tags)
    if use.flows or use.influences:
        facets["columnLineage"] = _column_lineage(use)
    return facets


def _tags(tags: Mapping[str, str]) -> tags_dataset.TagsDatasetFacet:
    return tags_dataset.TagsDatasetFacet(
        tags=[
            tags_dataset.TagsDatasetFacetFields(key="pii", value=category, source="DELIBLE", field=column)
            for column, category in tags.items()
        ],
        producer=PRODUCER,
    )


def _column_lineage(use: DatasetUse) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    fields: dict[str, column_lineage_dataset.Fields] = {}
    for flow in use.flows:
        namespace, name = dataset_name(flow.source)
        kept = flow.treatment is Treatment.KEEP
        made = column_lineage_dataset.Transformation(
            type="DIRECT",
            subtype="IDENTITY" if kept else "TRANSFORMATION",
            description=str(flow.treatment),
            masking=flow.treatment in _MASKING,
        )
        source = column_lineage_dataset.InputField(
            namespace=namespace, name=name, field=flow.field, transformations=[made]
        )
        known = fields.setdefault(flow.column, column_lineage_dataset.Fields(inputFields=[]))
        known.inputFields.append(source)
    decided = [_influence(influence) for influence in use.influences]
    return column_lineage_dataset.ColumnLineageDatasetFacet(fields=fields, dataset=decided or None, producer=PRODUCER)


def _influence(influence: Influence) -> column_lineage_dataset.InputField:
    namespace, name = dataset_name(influence.source)
    how = column_lineage_dataset.Transformation(type="INDIRECT", subtype=influence.way, masking=False)
    return column_lineage_dataset.InputField(
        namespace=namespace, name=name, field=influence.field, transformations=[how]
    )
