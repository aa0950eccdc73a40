"""`doctor --warm` compiles what scans look for, and scans use it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
import regex

from delible.cli.main import main
from delible.decide.detection import detection_of
from delible.detect import database, gates
from delible.detect import engine as engine_room
from delible.detect.gates import Gate, gate
from delible.detect.necessary import Conditions
from delible.detect.patterns import Expression
from delible.lake.scan import _database
from delible.model.detection import DEFAULT_DETECTION, Detection
from delible.store.policies import load_policies
from delible.store.workspace import Workspace
from delible.workflows import doctor
from delible.workflows.detection import detection_for
from delible.workflows.policies import shipped_policies
from policy_files import CONTROLLER, write_policies

pytest.importorskip("hyperscan")


def few(detection: Detection) -> Any:
    """Stand in for an engine whose database would take 20 seconds to compile."""
    return SimpleNamespace(expressions=[Expression(each.lower(), int(regex.I)) for each in ("x", *detection.countries)])


def patterns(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, str]:
    assert main(["doctor", "--json", *words]) == 0
    return next(c for c in json.loads(capsys.readouterr().out)["checks"] if c["name"] == "patterns")


def test_a_scan_after_warming_compiles_nothing(
    workspace: Workspace, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(database.FOLDER, str(tmp_path / "cache"))
    monkeypatch.setattr(engine_room, "engine", few)
    monkeypatch.setattr(doctor, "make_archive", lambda: False)
    write_policies(workspace.root / "policies", {"controller.yaml": CONTROLLER + "national_identifiers: [FI, TH]\n"})
    at = ("--workspace", str(workspace.root))
    assert patterns(capsys, *at)["health"] == "note"
    assert database.all_kept() == []
    assert patterns(capsys, *at, "--warm")["health"] == "ok"
    assert patterns(capsys, *at)["health"] == "ok"
    monkeypatch.setattr(gates, "compiled", pytest.fail)
    demo = detection_of(load_policies(shipped_policies()))
    for detection in (DEFAULT_DETECTION, demo, detection_for(workspace)):
        made = _database(detection, exact=False)
        ready: Gate = gate(few(detection).expressions, made)
        assert not isinstance(ready, Conditions)
    assert detection_for(workspace).countries == ("FI", "TH")


def test_broken_policies_do_not_stop_it(
    workspace: Workspace, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(database.FOLDER, str(tmp_path / "cache"))
    monkeypatch.setattr(engine_room, "engine", few)
    monkeypatch.setattr(doctor, "make_archive", lambda: False)
    write_policies(workspace.root / "policies", {"controller.yaml": "controller: ["})
    assert patterns(capsys, "--workspace", str(workspace.root), "--warm")["health"] == "ok"


def test_without_hyperscan_the_way_to_it_is_named(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = doctor.find_spec
    monkeypatch.setattr(doctor, "find_spec", lambda name: None if name == "hyperscan" else find(name))
    found = patterns(capsys, "--workspace", str(workspace.root))
    assert (found["health"], "delible[fast]" in found["fix"]) == ("note", True)


def test_a_model_changes_no_expression() -> None:
    """The database of `warm` is that of the engine without a model; the one with a model is handed the same."""
    assert engine_room.engine(DEFAULT_DETECTION).expressions == engine_room.engine(DEFAULT_DETECTION.unread).expressions
