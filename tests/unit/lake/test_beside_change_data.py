"""Files that Delta's purge takes for others', told from the log: those with updated rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from delible.lake.commits import beside_change_data


def add(path: str, size: int, *, change: bool = True) -> dict[str, Any]:
    return {"add": {"path": path, "size": size, "dataChange": change}}


def gone(path: str, *, change: bool = True) -> dict[str, Any]:
    return {"remove": {"path": path, "dataChange": change}}


WRITE = ("WRITE", [add("a", 1), add("b", 2)])
UPDATE = ("UPDATE", [gone("a"), add("a", 1), add("n", 40)])
MERGE = ("MERGE", [add("m", 50)])
DELETE = ("DELETE", [gone("b"), add("b", 2)])
REPLACE = ("WRITE", [gone("a"), add("r", 60)])
OPTIMIZE = ("OPTIMIZE", [gone("n", change=False), gone("a", change=False), add("o", 70, change=False)])


@pytest.mark.parametrize(
    ("commits", "found"),
    [
        ([WRITE], (0, 0)),
        ([WRITE, UPDATE], (1, 40)),
        ([WRITE, MERGE], (1, 50)),
        ([WRITE, DELETE], (0, 0)),
        ([WRITE, REPLACE], (1, 60)),
        ([WRITE, UPDATE, MERGE, OPTIMIZE], (1, 50)),
        ([WRITE, UPDATE, ("UPDATE", [gone("n"), add("n", 40), add("x", 5)])], (2, 45)),
    ],
)
def test_what_updates_wrote_and_nothing_rewrote_since(
    commits: list[tuple[str, list[dict[str, Any]]]], found: tuple[int, int], tmp_path: Path
) -> None:
    log = tmp_path / "_delta_log"
    log.mkdir()
    for version, (operation, actions) in enumerate(commits):
        lines = [{"commitInfo": {"operation": operation}}, *actions]
        (log / f"{version:020}.json").write_text("\n".join(map(json.dumps, lines)))
    assert beside_change_data(str(tmp_path)) == found
    (log / f"{0:020}.json").unlink()
    assert beside_change_data(str(tmp_path)) is None
