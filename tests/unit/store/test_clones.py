"""Tables whose files lie in the folders of others are found by their logs."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from delible.store.clones import _log_of, _outside


def test_a_table_of_its_own_borrows_nothing_and_a_clone_does(tmp_path: Path) -> None:
    own, clone = tmp_path / "own", tmp_path / "clone"
    write_deltalake(str(own), pa.table({"a": [1]}))
    assert list(_outside(own, _log_of(own / "_delta_log").whole)) == []
    (file,) = own.glob("*.parquet")
    (clone / "_delta_log").mkdir(parents=True)
    commit = next((own / "_delta_log").glob("*.json"))
    there = f'"path":"file:{own}/{file.name}"'
    (clone / "_delta_log" / commit.name).write_text(commit.read_text().replace(f'"path":"{file.name}"', there))
    assert set(_outside(clone, _log_of(clone / "_delta_log").whole)) == {str(own)}


def test_a_log_file_is_read_once_and_again_when_it_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "_delta_log"
    log.mkdir()
    commit = log / f"{0:020}.json"
    commit.write_text('{"add":{"path":"/a/x.parquet"}}\n')
    read: list[str] = []
    whole = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path.name) or whole(path))
    assert {_log_of(log).whole for _ in range(3)} == {frozenset({"/a/x.parquet"})}
    assert len(read) == 1
    commit.write_text('{"add":{"path":"/b/x.parquet"}}\n')
    assert _log_of(log).whole == {"/b/x.parquet"}
