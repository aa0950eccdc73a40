"""Under column mapping a number is found where its column has another name: files, statistics, partition values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from delible.workflows import verification
from delible.workflows.verification import verify_people
from small_shop import LOWEST, NOW, ONE_TABLE, make_workspace, people_file

COLUMN = "col-7d0c"
SCHEMA = {
    "type": "struct",
    "fields": [
        {
            "name": "customer_id",
            "type": "long",
            "nullable": True,
            "metadata": {"delta.columnMapping.id": 1, "delta.columnMapping.physicalName": COLUMN},
        }
    ],
}
METADATA = {
    "id": "t",
    "format": {"provider": "parquet", "options": {}},
    "schemaString": json.dumps(SCHEMA),
    "partitionColumns": [],
    "configuration": {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "1"},
}
STATS = json.dumps({"numRecords": 2, "minValues": {COLUMN: LOWEST}, "maxValues": {COLUMN: 9}})


def add(**more: Any) -> str:
    return json.dumps({"add": {"path": "x.parquet", "partitionValues": {}, "size": 1, "dataChange": True, **more}})


LEFT = {
    "leftover.parquet": lambda path: pq.write_table(pa.table({COLUMN: [LOWEST, 9]}), path),
    "_change_data/cdc.parquet": lambda path: pq.write_table(pa.table({COLUMN: [LOWEST]}), path),
    f"_delta_log/{1:020}.json": lambda path: path.write_text(add(stats=STATS)),
    f"_delta_log/{1:020}.crc": lambda path: path.write_text(json.dumps({"allFiles": [{"path": "x", "stats": STATS}]})),
    f"_delta_log/{2:020}.json": lambda path: path.write_text(add(partitionValues={COLUMN: str(LOWEST)})),
    "_delta_log/_sidecars/s.parquet": lambda path: pq.write_table(pa.table({"add": [{"stats": STATS}]}), path),
}


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("mapped", [True, False])
def test_a_number_is_found_under_the_name_that_files_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str, mapped: bool
) -> None:
    workspace = make_workspace(tmp_path / "shop", ONE_TABLE)
    table = workspace.root / "warehouse" / "customers"
    (table / "_delta_log").mkdir(parents=True)
    actions = [{"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}, {"metaData": METADATA}]
    (table / "_delta_log" / f"{0:020}.json").write_text("".join(json.dumps(a) + "\n" for a in actions))
    (table / left).parent.mkdir(parents=True, exist_ok=True)
    LEFT[left](table / left)
    if not mapped:  # as it was before: the test shows that it can fail
        monkeypatch.setattr(verification, "_also_stored", lambda typed, _: typed)
    who = str(people_file(tmp_path, {"customer_id": LOWEST}))
    found = verify_people(workspace, request_id=None, identifiers=who, actor="tests", now=NOW)
    assert [m.place.startswith(f"table:customers/{left}") for m in found.matches] == [True] * mapped
