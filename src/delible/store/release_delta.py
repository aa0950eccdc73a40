"""A release's Delta log: the folder as a table, with no value of a row in the log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from deltalake import Schema
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, create_table_with_add_actions

from delible.model.record import ReleaseFile

SPLIT = "split"
_DATA = "data/"
_LOG = "_delta_log/00000000000000000000.json"
_ORDER = ("protocol", "metaData", "add")
_UNFIT = frozenset(" ,;{}()\n\t=")
"""What Delta allows in no column's name, unless it maps names."""


def write_delta_log(folder: Path, files: Sequence[ReleaseFile], *, name: str, at: int) -> tuple[Path, ...]:
    """Write `_delta_log` over a release's files, and return what it consists of.

    The split becomes a partition column, unless the rows have one of that name. Minima and maxima would be people's
    values: the log has row counts only. Names of columns that Delta does not allow leave a release without a log.

    Args:
        folder: The release's folder; only rows in `data/` are the table's.
        files: The release's files.
        name: The table's name.
        at: When, in milliseconds since 1970.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [file for file in files if file.path.startswith(_DATA)]
    schema = pq.read_schema(folder / rows[0].path).remove_metadata()
    if any(_UNFIT & set(name) for name in schema.names):
        return ()
    split = SPLIT.lower() not in {n.lower() for n in schema.names}
    if split:
        schema = schema.append(pa.field(SPLIT, pa.string()))
    adds = [
        AddAction(
            path=file.path,
            size=file.bytes,
            partition_values={SPLIT: split_of(file)} if split else {},
            modification_time=at,
            data_change=True,
            stats=json.dumps({"numRecords": file.rows or 0}),
        )
        for file in rows
    ]
    try:
        create_table_with_add_actions(
            str(folder),
            Schema.from_arrow(schema),
            adds,
            partition_by=[SPLIT] if split else [],
            name=name,
            configuration={"delta.dataSkippingNumIndexedCols": "0", "delta.appendOnly": "true"},
        )
    except DeltaError:
        return ()
    log = folder / _LOG
    actions = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    kept = [_settled(a, rows, at) for a in actions if "commitInfo" not in a]
    kept.sort(key=lambda a: (_ORDER.index(next(iter(a))), a.get("add", {}).get("path", "")))
    log.write_text("".join(json.dumps(action, sort_keys=True) + "\n" for action in kept), encoding="utf-8")
    return (log,)


def _settled(action: dict[str, Any], rows: Sequence[ReleaseFile], at: int) -> dict[str, Any]:
    """Return an action with nothing random in it. `commitInfo` would name this machine's folder.

    A table's id is a UUID; here it is made of the files' digests.
    """
    if "metaData" not in action:
        return action
    named = uuid5(NAMESPACE_URL, "".join(file.sha256 for file in rows))
    return {"metaData": action["metaData"] | {"id": str(named), "createdTime": at}}


def split_of(file: ReleaseFile) -> str:
    """Return the split that a file of rows belongs to, by its name."""
    return file.path.removeprefix(_DATA).partition("-")[0]
