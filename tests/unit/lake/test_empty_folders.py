"""What VACUUM leaves of a partition is its folder, named after a value."""

from __future__ import annotations

from pathlib import Path

from delible.lake.purge import remove_empty_folders


def test_empty_folders_go_and_nothing_else(tmp_path: Path) -> None:
    kept = ["email=b%40x.example/part.parquet", "_delta_log/0.json", "_change_data/email=c/cdc.parquet"]
    for file in kept:
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text("x")
    gone = ["email=a%40x.example", "_change_data/email=a%40x.example/city=y", "deep/er"]
    for folder in (*gone, "_delta_log/_commits"):
        (tmp_path / folder).mkdir(parents=True)
    remove_empty_folders(str(tmp_path))
    assert all((tmp_path / file).exists() for file in (*kept, "_delta_log/_commits"))
    assert not any((tmp_path / folder).exists() for folder in (*gone, "deep"))
