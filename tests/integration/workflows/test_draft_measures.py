"""What a draft looks for in tables that no scan has seen: what every scan of the workspace looks for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from delible.lake import facts as facts_room
from delible.lake import scan as scan_room
from delible.model.detection import Detection
from delible.store.workspace import Workspace
from delible.workflows.detection import detection_for
from delible.workflows.draft_measures import verdicts
from delible.workflows.draft_tables import Described
from policy_files import CONTROLLER, write_policies

OWN = "recognizer: badge\ndescription: Badges.\ncategory: user.unique_id\npatterns: [{regex: 'B-\\d{6}', score: 0.9}]\n"


def test_a_draft_looks_for_what_the_policies_say(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    controller = CONTROLLER + "national_identifiers: [DE]\n"
    write_policies(workspace.root / "policies", {"controller.yaml": controller, "detection/badge.yaml": OWN})
    seen: list[Detection] = []

    def look(_: Any, *, detection: Detection, **__: Any) -> list[Any]:
        seen.append(detection)
        return []

    monkeypatch.setattr(facts_room, "read", lambda *_, **__: None)
    monkeypatch.setattr(scan_room, "scan", look)
    table = Described("people", "people", "warehouse/people", "warehouse/people", 0)
    verdicts(workspace, None, [table], datetime(2026, 1, 1, tzinfo=UTC), lambda _: None)  # type: ignore[arg-type] # no Spark
    assert seen == [detection_for(workspace)]
    assert (seen[0].countries, [r.type for r in seen[0].recognizers]) == (("DE",), ["BADGE"])
