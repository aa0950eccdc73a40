"""What a table's log says of its columns: names in files, and whether some were dropped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from delible.lake.description import description, has_dropped_columns, longest_in, physical_names


def field(name: str, number: int, physical: str, kind: Any = "string") -> dict[str, Any]:
    metadata = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": physical}
    return {"name": name, "type": kind, "nullable": True, "metadata": metadata}


INNER = {"type": "struct", "fields": [field("email", 3, "col-3")]}
FIELDS = [
    field("id", 1, "id"),
    field("who", 2, "col-2", INNER),
    field("old", 4, "col-4", {"type": "array", "elementType": INNER, "containsNull": True}),
]
SHOWN = {"who": "col-2", "who.email": "col-2.col-3", "old": "col-4", "old.element.email": "col-4.element.col-3"}


def described(mode: str = "name", last: int = 5) -> dict[str, Any]:
    configuration = {"delta.columnMapping.mode": mode, "delta.columnMapping.maxColumnId": str(last)}
    return {"schemaString": json.dumps({"type": "struct", "fields": FIELDS}), "configuration": configuration}


def log_of(table: Path, files: dict[str, list[dict[str, Any]]]) -> str:
    log = table / "_delta_log"
    log.mkdir(parents=True)
    for name, actions in files.items():
        (log / name).write_text("".join(json.dumps(action) + "\n" for action in actions))
    return str(table)


@pytest.mark.parametrize("file", [f"{3:020}.json", f"{3:020}.checkpoint.6d1a.json"])
def test_columns_have_the_names_that_files_know(tmp_path: Path, file: str) -> None:
    location = log_of(tmp_path / "t", {f"{4:020}.json": [{"commitInfo": {}}], file: [{"metaData": described()}]})
    assert physical_names(location) == SHOWN


def test_a_classic_checkpoint_says_it_once_the_commit_is_gone(tmp_path: Path) -> None:
    location = log_of(tmp_path / "t", {f"{4:020}.json": [{"commitInfo": {}}]})
    said = described()
    kind = pa.struct([("schemaString", pa.string()), ("configuration", pa.map_(pa.string(), pa.string()))])
    rows = [None, {**said, "configuration": list(said["configuration"].items())}]
    table = pa.table({"metaData": pa.array(rows, kind)})
    pq.write_table(table, tmp_path / "t" / "_delta_log" / f"{3:020}.checkpoint.parquet")
    assert physical_names(location) == SHOWN
    assert not has_dropped_columns(description(location))


def test_without_mapping_names_are_names(tmp_path: Path) -> None:
    assert physical_names(log_of(tmp_path / "t", {f"{0:020}.json": [{"metaData": described("none")}]})) == {}
    assert physical_names(log_of(tmp_path / "u", {f"{0:020}.json": [{"commitInfo": {}}]})) == {}


def test_a_number_more_than_there_are_columns_tells_of_a_dropped_one() -> None:
    assert has_dropped_columns(described(last=6))
    assert not has_dropped_columns(described(last=5))
    assert not has_dropped_columns(None)


@pytest.mark.parametrize(
    ("kind", "most"), [("varchar(40)", 40), ("char(2)", 2), ("array<varchar(3)>", None), (None, None)]
)
def test_a_text_of_limited_length_says_so(kind: str | None, most: int | None) -> None:
    field = {"name": "a", "type": "string", "metadata": {"__CHAR_VARCHAR_TYPE_STRING": kind} if kind else {}}
    assert longest_in(field) == most
