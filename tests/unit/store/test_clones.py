"""Tables whose files lie in the folders of others are found by their logs."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from deltalake import write_deltalake

from delible.store.clones import _outside


def test_a_table_of_its_own_borrows_nothing_and_a_clone_does(tmp_path: Path) -> None:
    own, clone = tmp_path / "own", tmp_path / "clone"
    write_deltalake(str(own), pa.table({"a": [1]}))
    assert list(_outside(own)) == []
    (file,) = own.glob("*.parquet")
    (clone / "_delta_log").mkdir(parents=True)
    commit = next((own / "_delta_log").glob("*.json"))
    there = f'"path":"file:{own}/{file.name}"'
    (clone / "_delta_log" / commit.name).write_text(commit.read_text().replace(f'"path":"{file.name}"', there))
    assert set(_outside(clone)) == {str(own)}
