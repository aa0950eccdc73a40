"""Checkpoints of a table's new folder, in the classic form that every version of the protocol reads."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from delible.errors import BlockedError
from delible.lake.history.state import Action, Log, State

_MAP = pa.map_(pa.string(), pa.string())
_VECTOR = pa.struct(
    {
        "storageType": pa.string(),
        "pathOrInlineDv": pa.string(),
        "offset": pa.int32(),
        "sizeInBytes": pa.int32(),
        "cardinality": pa.int64(),
    }
)
_TRACKED = {"deletionVector": _VECTOR, "baseRowId": pa.int64(), "defaultRowCommitVersion": pa.int64()}
_CHECKPOINT = pa.schema(
    {
        "txn": pa.struct({"appId": pa.string(), "version": pa.int64(), "lastUpdated": pa.int64()}),
        "add": pa.struct(
            {
                "path": pa.string(),
                "partitionValues": _MAP,
                "size": pa.int64(),
                "modificationTime": pa.int64(),
                "dataChange": pa.bool_(),
                "stats": pa.string(),
                "tags": _MAP,
                **_TRACKED,
                "clusteringProvider": pa.string(),
            }
        ),
        "remove": pa.struct(
            {
                "path": pa.string(),
                "deletionTimestamp": pa.int64(),
                "dataChange": pa.bool_(),
                "extendedFileMetadata": pa.bool_(),
                "partitionValues": _MAP,
                "size": pa.int64(),
                **_TRACKED,
            }
        ),
        "metaData": pa.struct(
            {
                "id": pa.string(),
                "name": pa.string(),
                "description": pa.string(),
                "format": pa.struct({"provider": pa.string(), "options": _MAP}),
                "schemaString": pa.string(),
                "partitionColumns": pa.list_(pa.string()),
                "configuration": _MAP,
                "createdTime": pa.int64(),
            }
        ),
        "protocol": pa.struct(
            {
                "minReaderVersion": pa.int32(),
                "minWriterVersion": pa.int32(),
                "readerFeatures": pa.list_(pa.string()),
                "writerFeatures": pa.list_(pa.string()),
            }
        ),
        "domainMetadata": pa.struct({"domain": pa.string(), "configuration": pa.string(), "removed": pa.bool_()}),
    }
)
"""The checkpoint's columns as the protocol lists them; a field of an action that is not here would be lost."""


def write_checkpoint(folder: Path, version: int, state: State) -> None:
    """Write a classic checkpoint, and point to it.

    Raises:
        BlockedError: `history.unknown_field` for a field of an action that a checkpoint of ours would lose.
    """
    rows = [{name: _maps(name, body)} for name, body in state.rest()]
    rows += [{"add": _maps("add", {**body, "dataChange": False})} for body in state.adds.values()]
    rows += [{"remove": _maps("remove", body)} for body in state.removes.values()]
    table = pa.Table.from_pylist(rows, schema=_CHECKPOINT)
    log = folder / "_delta_log"
    pq.write_table(table, log / f"{version:020d}.checkpoint.parquet", store_schema=False)
    (log / "_last_checkpoint").write_text(json.dumps({"version": version, "size": len(rows)}))


_LEFT_OUT = {"add": ("stats_parsed", "partitionValues_parsed"), "remove": ("tags", "stats")}


def _maps(action: str, body: Action) -> Action:
    """Return an action with its maps as Arrow takes them."""
    known = {f.name for f in _CHECKPOINT.field(action).type}
    body = {name: value for name, value in body.items() if name not in _LEFT_OUT.get(action, ())}
    unknown = [name for name, value in body.items() if name not in known and value is not None]
    if unknown:
        raise BlockedError(
            "history.unknown_field",
            f"the log's '{action}' has a field that this version does not know: {unknown[0][:60]}.",
            where=action,
            fix="Leave out --keep-history.",
        )
    found: Action = {}
    for name, value in body.items():
        if name in ("partitionValues", "tags", "configuration") and isinstance(value, dict):
            found[name] = list(value.items())
        elif name == "format":
            found[name] = {**value, "options": list((value.get("options") or {}).items())}
        else:
            found[name] = value
    return found


def needs_checkpoint(log: Log, first: int, last: int) -> bool:
    """Return whether the new folder gets a checkpoint of its newest version: where the old one had any, or is long."""
    return bool(log.checkpoints) or last - first >= 10  # noqa: PLR2004  # Delta's own interval
