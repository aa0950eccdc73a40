"""A new workspace says itself what comes next: its controller.yaml can be read, and the check names what it lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from delible.store.policies import load_workspace_policies
from delible.store.workspace import Workspace, open_workspace
from delible.workflows.init import init_workspace
from delible.workflows.policies import check_policies
from policy_files import SOUND, write_policies
from small_shop import NOW


@pytest.fixture
def new(tmp_path: Path) -> Workspace:
    init_workspace(tmp_path / "w", actor="tests", now=NOW)
    return open_workspace(tmp_path / "w")


def gaps(workspace: Workspace) -> list[tuple[str, str | None]]:
    found = check_policies(workspace)
    assert found.violations == ()
    return [(gap.code, gap.where) for gap in found.gaps]


def test_the_check_names_what_the_template_leaves_open(new: Workspace) -> None:
    lines = (new.root / "policies" / "controller.yaml").read_text().splitlines()
    at = {
        key: next(n for n, line in enumerate(lines, 1) if line.startswith(f"{key}:"))
        for key in ("controller", "contact")
    }
    assert gaps(new) == [
        ("policy.controller_unnamed", f"policies/controller.yaml:{at['controller']}"),
        ("policy.controller_unnamed", f"policies/controller.yaml:{at['contact']}"),
        ("policy.no_table", "tables"),
    ]


def test_what_is_filled_in_is_no_gap(new: Workspace) -> None:
    file = new.root / "policies" / "controller.yaml"
    file.write_text(file.read_text().replace("(not yet said)", "Said & Done"))
    assert gaps(new) == [("policy.no_table", "tables")]
    write_policies(new.root / "policies", {name: text for name, text in SOUND.items() if name != "controller.yaml"})
    assert load_workspace_policies(new).controller.controller == "Said & Done"
    codes = {code for code, _ in gaps(new)}
    assert not codes & {"policy.no_table", "policy.controller_unnamed"}


def test_words_that_a_draft_left_open_are_gaps(new: Workspace) -> None:
    table = SOUND["tables/customers.yaml"].replace("description: ", "description: (not yet said) ")
    kept = "erasure: {action: keep, reason: (not yet said) Why?}\n"
    write_policies(new.root / "policies", {**SOUND, "tables/customers.yaml": table + kept})
    found = [where for code, where in gaps(new) if code == "policy.not_yet_said"]
    at = (table + kept).splitlines().index(kept.strip()) + 1
    assert found == ["policies/tables/customers.yaml:3", f"policies/tables/customers.yaml:{at}"]


def test_a_controller_that_is_there_stays(tmp_path: Path) -> None:
    write_policies(tmp_path / "w" / "policies")
    init_workspace(tmp_path / "w", actor="tests", now=NOW)
    assert load_workspace_policies(open_workspace(tmp_path / "w")).controller.controller == "Test & Co"
