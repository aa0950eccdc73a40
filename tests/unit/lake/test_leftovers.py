"""What a table's log does not name is told from what it names, and from what other programs keep in the folder."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from delible.lake.deletion_vectors import write_vector
from delible.lake.leftovers import Kind, leftovers, remove_leftovers

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LEFT = {
    "part-0.parquet": Kind.UNNAMED,
    "deletion_vector_0.bin": Kind.UNNAMED,
    "_change_data/cdc-0.parquet": Kind.UNNAMED,
    "_day=1/part-0.parquet": Kind.UNNAMED,
    ".part-gone.parquet.crc": Kind.CHECKSUM,
    "_temporary/0/task_1/part-1.parquet": Kind.TEMPORARY,
    "_day=1/_temporary/0/.part-1.parquet.crc": Kind.TEMPORARY,
    "_delta_log/.00000000000000000009.json.0a1b.tmp": Kind.TEMPORARY,
    "_delta_log/..00000000000000000009.json.0a1b.tmp.crc": Kind.TEMPORARY,
    "_delta_log/_commit_0a1b.json.tmp": Kind.TEMPORARY,
}
OTHERS = (
    "_checkpoints/offsets/0",
    "_checkpoints/offsets/.0.crc",
    "_checkpoints/_temporary/0",
    ".part-0.parquet.crc",
    "_SUCCESS",
    "_delta_log/.00000000000000000000.json.crc",
)


def lay(table: Path, names: tuple[str, ...], at: datetime = LONG_AGO) -> None:
    for name in names:
        (table / name).parent.mkdir(parents=True, exist_ok=True)
        (table / name).write_bytes(b"x")
        os.utime(table / name, (at.timestamp(), at.timestamp()))


@pytest.mark.parametrize("checkpointed", [False, True])
def test_only_what_the_log_names_not_is_left_over(tmp_path: Path, checkpointed: bool) -> None:
    table = tmp_path / "a table"
    for mode in ("error", "overwrite"):
        write_deltalake(table, pa.table({"day": ["a b", "c/d"], "n": [1, 2]}), mode=mode, partition_by=["day"])
    if checkpointed:
        DeltaTable(table).create_checkpoint()
        for commit in (table / "_delta_log").glob("*.json"):
            commit.unlink()
    assert leftovers(str(table)) == ()
    lay(table, (*LEFT, *OTHERS))
    assert {each.path: each.kind for each in leftovers(str(table))} == LEFT


@pytest.mark.parametrize("as_json", [True, False])
def test_a_file_of_deletion_vectors_is_named_by_its_number(tmp_path: Path, as_json: bool) -> None:
    import json
    import uuid

    import numpy as np
    import pyarrow.parquet as pq

    descriptor = write_vector(tmp_path, np.array([1], np.uint64), uuid.UUID(int=7))
    add = {"path": "a.parquet", "deletionVector": descriptor}
    lay(tmp_path, ("a.parquet",))
    (tmp_path / "_delta_log").mkdir()
    if as_json:
        (tmp_path / "_delta_log" / f"{0:020}.json").write_text(json.dumps({"add": add}) + "\n")
    else:
        inside = {"path": "b.parquet", "deletionVector": None}
        rows = pa.Table.from_pylist([{"add": add}, {"add": inside}, {"add": None}])
        pq.write_table(rows, tmp_path / "_delta_log" / f"{0:020}.checkpoint.parquet")
    assert leftovers(str(tmp_path)) == ()


def test_removed_is_what_is_old_enough_and_never_a_data_file(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pa.table({"n": [1]}))
    lay(tmp_path, (*LEFT, *OTHERS))
    lay(tmp_path, ("_temporary/0/young",), at=datetime.now(UTC))
    found = leftovers(str(tmp_path))
    assert remove_leftovers(str(tmp_path), found, older_than=LONG_AGO) == 0
    removed = remove_leftovers(str(tmp_path), found, older_than=LONG_AGO + timedelta(seconds=1))
    assert removed == sum(kind is not Kind.UNNAMED for kind in LEFT.values())
    left = {each.path for each in leftovers(str(tmp_path))}
    assert left == {"_temporary/0/young", *(path for path, kind in LEFT.items() if kind is Kind.UNNAMED)}
    assert all((tmp_path / name).exists() for name in OTHERS)
    assert remove_leftovers(str(tmp_path), leftovers(str(tmp_path)), older_than=None) == 1
    assert remove_leftovers(str(tmp_path), found, older_than=None) == 0
