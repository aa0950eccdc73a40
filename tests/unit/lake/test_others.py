"""What other writers did, told from a log: rows and columns count, moved bytes and one's own commits do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from delible.lake.others import Others, first_own, others_since

MINE = "delible:E-1:"
APPEND = {"add": {"path": "a", "dataChange": True}}
MOVED = [{"remove": {"path": "a", "dataChange": False}}, {"add": {"path": "b", "dataChange": False}}]
DELETE = {"remove": {"path": "b", "dataChange": True}}
SCHEMA = {"metaData": {"schemaString": "{}"}}
FEATURE = {"protocol": {"minReaderVersion": 3}}
VACUUM: list[dict[str, Any]] = []


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "_delta_log").mkdir()
    commit(tmp_path, 0, APPEND, SCHEMA, FEATURE)
    return tmp_path


def commit(
    table: Path, version: int, *actions: dict[str, Any], mark: str | None = None, operation: str = "WRITE"
) -> None:
    info = {"operation": operation} | ({"userMetadata": mark} if mark is not None else {})
    lines = [json.dumps(action) for action in (*actions, {"commitInfo": info})]
    (table / "_delta_log" / f"{version:020}.json").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("actions", "others"),
    [
        (VACUUM, Others()),
        (MOVED, Others()),
        ([APPEND], Others(rows=True)),
        ([DELETE], Others(rows=True)),
        ([{"add": {"path": "a"}}], Others(rows=True)),
        ([SCHEMA], Others(described=True)),
        ([FEATURE], Others(described=True)),
        ([SCHEMA, APPEND], Others(rows=True, described=True)),
    ],
)
def test_what_counts(table: Path, actions: list[dict[str, Any]], others: Others) -> None:
    commit(table, 1, *actions)
    assert others_since(str(table), MINE, 0) == others
    assert others_since(str(table), MINE, 1) == Others()
    commit(table, 1, *actions, mark=f"{MINE}orders")
    assert others_since(str(table), MINE, 0) == Others()
    commit(table, 1, *actions, mark="delible:E-10:orders")
    assert others_since(str(table), MINE, 0) == others


def test_where_the_log_does_not_tell_any_more_everything_may_have_happened(table: Path) -> None:
    commit(table, 2, *MOVED)
    assert others_since(str(table), MINE, 0) == Others(whole=False)
    assert Others(whole=False).may_have_rows
    assert others_since(str(table), MINE, 1) == Others()


def test_the_first_commit_of_ones_own(table: Path) -> None:
    commit(table, 1, APPEND)
    assert first_own(str(table), MINE, 0) is None
    commit(table, 2, DELETE, mark=f"{MINE}orders")
    commit(table, 3, DELETE, mark=f"{MINE}orders")
    assert first_own(str(table), MINE, 0) == 2
    commit(table, 4, operation="VACUUM START")
    assert first_own(str(table), MINE, 0) is None, "its files may be gone"
    commit(table, 4)
    assert first_own(str(table), MINE, 0) == 2
    (table / "_delta_log" / f"{1:020}.json").unlink()
    assert first_own(str(table), MINE, 0) is None
