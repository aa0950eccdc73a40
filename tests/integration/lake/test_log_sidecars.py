"""What lies beside a table's old log entries goes with them, and what is younger than the checkpoint stays."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from delible.lake.purge import expire_log

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
