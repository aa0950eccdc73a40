"""What lies beside a table's old log entries goes with them, and what is younger than the checkpoint stays.

What others have summed up since, in checkpoints of their own, goes by what it tells and not by its age.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from byte_search import places
from delible.lake.log_expiry import expire_log

OLD = (
    ".{0}.json.crc",
    "{0}.crc",
    ".{0}.crc.crc",
    ".{0}.json.0a1b.tmp",
    "..{0}.json.0a1b.tmp.crc",
    "{0}.00000000000000000001.compacted.json",
    "{0}.checkpoint.parquet",
    ".{0}.checkpoint.parquet.crc",
    "_sidecars/0a1b.parquet",
    "_sidecars/.0a1b.parquet.crc",
    "_staged_commits/{0}.0a1b.json",
)
STAYS = (".{1}.json.crc", "{1}.crc", "_last_checkpoint", ".{1}.json.0a1b.tmp", "_staged_commits/{1}.0a1b.json")


def test_sidecars_of_old_entries_go(tmp_path: Path) -> None:
    for mode in ("error", "append"):
        write_deltalake(tmp_path, pa.table({"n": [1]}), mode=mode)
    DeltaTable(tmp_path).create_checkpoint()
    log = tmp_path / "_delta_log"
    first, second = f"{0:020}", f"{1:020}"
    old, stays = ([log / name.format(first, second) for name in names] for names in (OLD, STAYS))
    for file in (*old, *stays):
        file.parent.mkdir(exist_ok=True)
        if not file.exists():
            file.write_bytes(b"x")
    assert expire_log(str(tmp_path), below=1, older_than=None) == len(old) + 1, "and the commit itself"
    assert not any(file.exists() for file in old)
    assert all(file.exists() for file in stays)
    assert DeltaTable(tmp_path).to_pyarrow_table().num_rows == 2


ANN = "ann@people.example"
WEEK = timedelta(days=7)


def window(table: Path, *, partitioned: bool) -> tuple[int, str, datetime]:
    """Lay down a window's log: somebody is erased, others make a checkpoint later, and at its end there is the last.

    Returns:
        Version of the last checkpoint, name of the others', and the instant at which the window began.
    """
    now, log = datetime.now(UTC), table / "_delta_log"
    rows = pa.table({"email": [ANN, "bob@people.example"], "n": [1, 2]})
    write_deltalake(table, rows, partition_by=["email"] if partitioned else None)
    DeltaTable(table).delete("n = 1")
    old = (now - WEEK - timedelta(hours=1)).timestamp()
    for file in log.iterdir():
        os.utime(file, (old, old))
    later = pa.table({"email": ["eve@people.example"], "n": [3]})
    write_deltalake(table, later, mode="append")
    DeltaTable(table).create_checkpoint()
    others = f"{2:020}.checkpoint.parquet"
    write_deltalake(table, later, mode="append")
    DeltaTable(table).create_checkpoint()
    last = log / f"{3:020}.checkpoint.parquet"
    whole = pq.read_table(last)
    # The removal is older than the deleted-file window by then, so the last checkpoint is without it.
    pq.write_table(whole.filter(pa.array([row is None for row in whole.column("remove").to_pylist()])), last)
    DeltaTable(table).vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)
    for folder in table.glob("email=*"):
        if not any(folder.iterdir()):
            folder.rmdir()
    return 3, others, now - WEEK


def as_v2(log: Path, name: str, form: str) -> None:
    """Write a checkpoint anew as one that points to a sidecar."""
    whole = pq.read_table(log / name)
    (log / "_sidecars").mkdir()
    pq.write_table(whole.select(["add", "remove"]), log / "_sidecars" / "0a1b.parquet")
    pointer = {"path": "0a1b.parquet", "sizeInBytes": 1, "modificationTime": 1}
    (log / name).unlink()
    if form == "parquet":
        pq.write_table(pa.table({"sidecar": [pointer]}), log / name)
    else:
        (log / name.replace("parquet", f"{'0' * 8}-0000-0000-0000-{'0' * 12}.json")).write_text(
            json.dumps({"checkpointMetadata": {"version": 2}}) + "\n" + json.dumps({"sidecar": pointer})
        )


@pytest.mark.parametrize("form", ["classic", "parquet", "json", "compacted"])
def test_a_checkpoint_of_others_that_still_names_a_removed_partition_goes(tmp_path: Path, form: str) -> None:
    below, others, begun = window(tmp_path, partitioned=True)
    log = tmp_path / "_delta_log"
    if form == "compacted":
        (log / others).unlink()
        parts = (log / f"{version:020}.json" for version in (1, 2))
        (log / f"{1:020}.{2:020}.compacted.json").write_bytes(b"\n".join(part.read_bytes() for part in parts))
    elif form != "classic":
        as_v2(log, others, form)
    assert places(tmp_path, texts=[ANN])
    expire_log(str(tmp_path), below=below, older_than=begun, finished_before=begun)
    assert places(tmp_path, texts=[ANN]) == []
    left = sorted(file.name for file in log.rglob("*") if file.is_file())
    # Two commits say that VACUUM began and ended.
    commits = [f"{version:020}.json" for version in range(2, 6)]
    assert left == sorted([*commits, f"{3:020}.checkpoint.parquet", "_last_checkpoint"])
    assert DeltaTable(tmp_path).to_pyarrow_table().num_rows == 3


@pytest.mark.parametrize("form", ["classic", "parquet", "json"])
def test_a_checkpoint_of_others_that_names_nobody_stays_with_its_sidecars(tmp_path: Path, form: str) -> None:
    below, others, begun = window(tmp_path, partitioned=False)
    log = tmp_path / "_delta_log"
    if form != "classic":
        as_v2(log, others, form)
    before = {f for f in log.rglob("*") if f.is_file() and f.stat().st_mtime >= begun.timestamp()}
    expire_log(str(tmp_path), below=below, older_than=begun, finished_before=begun)
    assert {f for f in log.rglob("*") if f.is_file()} == before
    if form == "classic":
        assert DeltaTable(tmp_path, version=2).to_pyarrow_table().num_rows == 2


def test_a_sidecar_of_a_checkpoint_under_way_stays(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pa.table({"n": [1]}))
    DeltaTable(tmp_path).create_checkpoint()
    sidecars = tmp_path / "_delta_log" / "_sidecars"
    sidecars.mkdir()
    (sidecars / "young.parquet").write_bytes(b"x")
    (sidecars / "old.parquet").write_bytes(b"x")
    os.utime(sidecars / "old.parquet", (0, 0))
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    expire_log(str(tmp_path), below=0, older_than=None, finished_before=an_hour_ago)
    assert [file.name for file in sidecars.iterdir()] == ["young.parquet"]
    expire_log(str(tmp_path), below=0, older_than=None)
    assert list(sidecars.iterdir()) == []
