"""A scan reads the policies once, so that all of it goes by the same ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from arro3.core import Array, DataType, Table
from deltalake import write_deltalake

from delible.decide.tagging import ColumnFacts
from delible.lake import sample as sample_room
from delible.lake import scan as scan_room
from delible.store import policies as policies_room
from delible.store.workspace import Workspace
from delible.workflows import spark as spark_room
from delible.workflows.scanning import Extent
from delible.workflows.tagging import scan_names, scan_tables
from policy_files import SOUND, write_policies

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def reads(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    rows = Table.from_arrays([Array([1], DataType.int64()), Array(["x"], DataType.utf8())], names=["id", "email"])
    write_deltalake(str(workspace.path(workspace.config.warehouse) / "customers"), rows)
    write_policies(workspace.root / "policies", SOUND)
    done: list[object] = []
    read = policies_room.read_policies
    monkeypatch.setattr(policies_room, "read_policies", lambda *a, **more: done.append(a) or read(*a, **more))
    monkeypatch.setattr(policies_room, "load_controller", lambda *a: done.append(a))
    monkeypatch.setattr(spark_room, "session_for", lambda *_: None)
    monkeypatch.setattr(sample_room, "draw", lambda *_, **__: None)
    facts = [ColumnFacts("id", "bigint", 1, True, rows=1), ColumnFacts("email", "string", 1, True, rows=1)]
    monkeypatch.setattr(scan_room, "scan", lambda *_, **__: facts)
    return done


def test_a_scan(workspace: Workspace, reads: list[object]) -> None:
    found: Any = scan_tables(workspace, extent=Extent(), actor="tests", now=NOW)
    assert [f.column for f in found.findings] == ["id", "email"]
    assert len(reads) == 1


def test_a_scan_of_names(workspace: Workspace, reads: list[object]) -> None:
    scan_names(workspace, actor="tests", now=NOW)
    assert len(reads) == 1
