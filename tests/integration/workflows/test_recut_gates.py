"""A recut is measured by every gate of its recipe but drift: no bound on how many leave keeps anybody in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from delible.decide.detection import detection_of
from delible.report.card import card
from delible.store.workspace import Workspace
from delible.workflows.dataset_gates import gates_of_recut
from joined_recipe import policies
from release_folders import released_folder

CUT = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_however_many_leave_drift_stops_no_recut(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("groups_again", "labels_of", "rescan"):
        monkeypatch.setattr(f"delible.lake.gates.{name}", lambda *_: None)
    known = policies(gates={"drift": {"rows": "1/100", "columns": "same"}, "minimum": {"rows": 2}})
    old = released_folder(workspace, {"train": range(50)}, CUT, dataset="set")
    left: Any = SimpleNamespace(files=old.files[:1], members=3)
    found: Any = gates_of_recut(
        None,  # type: ignore[arg-type]
        known,
        old,
        left,
        folder=Path(),
        row_index=Path(),
        detection=detection_of(known),
    )
    assert [(gate.gate.value, gate.passed) for gate in found] == [("rows", True)]
    recut = old.model_copy(update={"version": 2, "recut_of": 1, "gates": found})
    assert "Drift is not asked of a recut" in card(recut, contact="us")
    assert "Drift is not asked of a recut" in card(recut.model_copy(update={"gates": ()}), contact="us")
    assert "Drift is not asked" not in card(old.model_copy(update={"gates": found}), contact="us")
