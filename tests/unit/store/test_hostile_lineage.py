"""One hostile line in the lineage folder is passed over: the other runs are still shown, exported and delivered."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from delible.errors import InputError
from delible.model.lineage import DatasetUse, unchanged
from delible.report.lineage import lineage_text, lineage_view, runs_of
from delible.store.lineage import LineageLog
from delible.store.lineage_delivery import _events
from delible.store.workspace import Workspace
from delible.workflows.lineage_view import export_lineage
from past_runs import emit_run

START = datetime(2026, 3, 12, 9, tzinfo=UTC)
RUN: dict[str, Any] = {"runId": "1", "facets": {}}
EVENT: dict[str, Any] = {"eventType": "COMPLETE", "eventTime": "x", "run": RUN, "job": {"name": "j"}, "producer": "p"}
NAMED = {"name": "n", "namespace": "m"}
BEHIND = NAMED | {"facets": {"columnLineage": {"fields": {"a": {"inputFields": [{"field": 1}]}}}}}
HOSTILE = [
    json.dumps({"eventType": "COMPLETE"}),
    json.dumps({"eventType": ["COMPLETE"]}),
    json.dumps({"eventType": {}}),
    json.dumps(EVENT | {"run": "text"}),
    json.dumps(EVENT | {"run": RUN | {"facets": []}}),
    json.dumps(EVENT | {"run": RUN | {"facets": {"delible_purpose": 7}}}),
    json.dumps(EVENT | {"inputs": None}),
    json.dumps(EVENT | {"inputs": [7]}),
    json.dumps(EVENT | {"outputs": [NAMED | {"facets": {"symlinks": {"identifiers": {"a": 1}}}}]}),
    json.dumps(EVENT | {"outputs": [BEHIND]}),
    json.dumps(EVENT | {"eventTime": 7}),
    '{"eventType": "COMPLETE", "run": ' + "[" * 100_000 + "]" * 100_000 + "}",
    '{"eventType": "COMPLETE", "run": ' + '{"a":' * 100_000 + "1" + "}" * 100_001,
    "[" * 100_000,
]


@pytest.fixture
def log(workspace: Workspace) -> LineageLog:
    source = DatasetUse(name="tickets", location="/shop/tickets", version=4)
    made = DatasetUse(name="training", location="/shop/training", flows=unchanged("/shop/tickets", "a"))
    emit_run(workspace, job="dataset.build", inputs=[source], outputs=[made], started=START, ended=START)
    return LineageLog(workspace)


@pytest.mark.parametrize("line", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_line_ends_nothing(log: LineageLog, workspace: Workspace, tmp_path: Path, line: str) -> None:
    (log.folder / "0.jsonl").write_text(f"{line}\n")
    assert [run.job for run in runs_of(log.events())] == ["dataset.build"]
    view = lineage_view(log.events(), "training")
    assert view is not None
    assert "tickets@v4" in lineage_text(view)
    assert export_lineage(workspace, out=tmp_path / "out.jsonl") >= 2
    assert len(_events(log.folder / "0.jsonl")) <= 1
    assert log.end_killed("dataset.build") == 0


def test_what_is_no_file_of_events_is_passed_over(log: LineageLog) -> None:
    (log.folder / "0.jsonl").mkdir()
    os.mkfifo(log.folder / "1.jsonl")
    assert len(list(log.events())) == 2


def test_a_folder_that_leads_to_itself_is_no_place(workspace: Workspace) -> None:
    (workspace.root / "loop").symlink_to(workspace.root / "loop")
    for path in ("loop", "loop/x", "a\0b"):
        with pytest.raises(InputError) as refused:
            workspace.path(path)
        assert refused.value.code == "workspace.path_escapes"
