"""Where access packages lie, how their files are written, and that none is left behind."""

from __future__ import annotations

import csv
import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from delible.errors import InputError
from delible.model.subject import Identifier
from delible.model.terms import Regime, Right
from delible.store.requests import NewRequest, refs_of
from delible.store.workspace import Workspace, open_workspace
from delible.workflows.access_files import RecordFiles, new_staging, package_folder, publish, remove_packages
from delible.workflows.control import Control
from delible.workflows.init import init_workspace
from policy_files import write_policies

NOW = datetime(2026, 3, 6, 12, tzinfo=UTC)
ONE, TWO = "R-20260306-ABCDEF", "R-20260306-GHIJKL"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    init_workspace(tmp_path / "w", actor="tests", now=NOW)
    write_policies(tmp_path / "w" / "policies")
    return open_workspace(tmp_path / "w")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("name", ["", "..", "../../policies", "R-20260306-ABCDEF/../..", f".{ONE}.part", f"{ONE}\n"])
def test_only_a_request_s_id_names_a_package(workspace: Workspace, name: str) -> None:
    with pytest.raises(InputError) as caught:
        package_folder(workspace, name)
    assert caught.value.problems[0].code == "request.unknown"


def test_packages_do_not_go_where_no_erasure_looks(workspace: Workspace, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    reports = workspace.path(workspace.config.reports)
    reports.mkdir(exist_ok=True)
    (reports / "access").symlink_to(outside)
    with pytest.raises(InputError, match="leads out of the workspace"):
        new_staging(workspace, ONE)
    (reports / "access").unlink()
    (reports / "access").mkdir()
    (reports / "access" / ONE).symlink_to(outside)
    with pytest.raises(InputError, match="symbolic link"):
        package_folder(workspace, ONE)
    with pytest.raises(InputError, match="symbolic link"):
        new_staging(workspace, ONE)


def test_a_package_is_for_its_owner_only_and_replaces_an_older_one(workspace: Workspace) -> None:
    for text in ("first", "second"):
        staging = new_staging(workspace, ONE)
        (staging / "data" / "x").write_text(text)
        folder = publish(staging, workspace, ONE)
    assert folder == package_folder(workspace, ONE)
    assert (folder / "data" / "x").read_text() == "second"
    assert [mode(p) for p in (folder.parent, folder, folder / "data")] == [0o700] * 3
    assert [p.name for p in folder.parent.iterdir()] == [ONE]


def test_the_next_run_removes_what_a_killed_one_left(workspace: Workspace) -> None:
    (new_staging(workspace, TWO) / "data" / "x").write_text("Ann")
    staging = new_staging(workspace, ONE)
    assert [p.name for p in staging.parent.iterdir()] == [staging.name]


def test_an_erasure_removes_the_person_s_packages_and_all_half_made_ones(workspace: Workspace) -> None:
    control = Control(workspace)
    kinds = control.policies.controller.identifiers
    people = [(Identifier(kind="email", value=f"{name}@people.example"),) for name in ("ann", "bob")]
    new = [
        NewRequest(
            right=Right.ACCESS, regime=Regime.GDPR, identifiers=p, refs=refs_of(p, kinds, control.keys), received=NOW,
            due=NOW.date(),
        )
        for p in people
    ]  # fmt: skip
    ann, bob = control.requests.submit(new, actor="tests", now=NOW)
    for request in (ann, bob):
        publish(new_staging(workspace, request.id), workspace, request.id)
    (new_staging(workspace, TWO) / "data" / "x").write_text("somebody")
    assert remove_packages(control, ann.refs, now=NOW, actor="tests") == 2
    assert [p.name for p in package_folder(workspace, bob.id).parent.iterdir()] == [bob.id]
    removed = {r.object: r.detail["what"] for r in control.ledger.records(action_prefix="access.remove")}
    assert removed == {f"request:{ann.id}/package": "package", f"request:{TWO}/package": "unfinished"}


FORMULAS = ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+A3", "\t=1", "\r=1"]
HARMLESS = ["-5", "-12.50", "+44 20 7946-00001", "a=b", "", 'say "hi",\nAna', "\u202ereversed"]


def test_records_are_exact_as_json_and_inert_as_csv(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    values = [*FORMULAS, *HARMLESS]
    with RecordFiles(tmp_path, "notes", ["=id", "text", "more"], {"more"}) as files:
        for value in values:
            files.add(("1", value, '{"n": 0.10, "x": [1, null, true]}'), 2)
        files.add((None, None, None), 0)
    lines, cells = (tmp_path / name for name in files.names)
    records = [json.loads(line) for line in lines.read_text(encoding="utf-8").split("\n")[:-1]]
    assert [r["text"] for r in records] == [*values, None]
    assert records[0]["more"] == {"n": "0.10", "x": ["1", None, True]}
    assert (files.written.rows, files.written.redactions) == (len(values) + 1, 2 * len(values))
    with cells.open(encoding="utf-8", newline="") as stream:
        head, *rows = csv.reader(stream)
    assert head == ["'=id", "text", "more"]
    assert [row[1] for row in rows] == [*(f"'{f}" for f in FORMULAS), *HARMLESS, ""]
    assert [mode(p) for p in (lines, cells)] == [0o600] * 2
