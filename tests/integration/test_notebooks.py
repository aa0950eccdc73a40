"""The notebooks run from top to bottom, and are kept without results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from delible.model.terms import Regime, Right
from delible.workflows.requests import submit_requests
from small_shop import NOW, email, make_workspace, people_file

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def cells(notebook: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(notebook.read_text())["cells"]
    return [cell for cell in found if cell["cell_type"] == "code"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda n: n.stem)
def test_no_result_is_kept(notebook: Path) -> None:
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells(notebook))


def test_the_tour_shows_requests_gaps_and_an_intact_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace(tmp_path / "shop")
    people = str(people_file(tmp_path, {"email": email(1)}))
    [made] = submit_requests(
        workspace, right=Right.ACCESS, regime=Regime.GDPR, identifiers=people, actor="tests", now=NOW
    )
    monkeypatch.setenv("DELIBLE_WORKSPACE", str(workspace.root))
    [tour] = [n for n in NOTEBOOKS if n.stem == "workspace_tour"]
    names: dict[str, Any] = {}
    for cell in cells(tour):
        exec("".join(cell["source"]), names)  # noqa: S102 - the project's own notebook
    assert [r["id"] for r in names["requests"]] == [made.id]
    assert names["check"]["gaps"]
    assert names["datasets"] == []
    assert names["ledger"]["intact"] is True
    assert email(1) not in str(names)
