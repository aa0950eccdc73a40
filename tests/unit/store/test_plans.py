import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from delible.errors import PlanError
from delible.model.base import digest
from delible.model.cost import Basis, Estimate, Range
from delible.model.plan import ErasurePlan, PlannedRequest, RetentionPlan, RetentionStep, Stage, TableStep
from delible.model.terms import ErasureAction
from delible.store.keys import Keys, load_keys
from delible.store.plans import check_seal, read_plan, seal, write_plan
from delible.store.workspace import create_workspace

STEP: dict[str, Any] = {
    "table": "orders",
    "location": "/w/orders",
    "version": 3,
    "action": ErasureAction.DELETE_ROW,
    "rows": 2,
    "files": 1,
    "bytes": 900,
    "stages": tuple(Stage),
    "wait_hours": 0,
}

ESTIMATE = Estimate(
    basis=Basis.ROWS,
    tables=(),
    cadence_hours=24,
    cadence_assumed=True,
    verify_bytes=5,
    verify_seconds=Range.exactly(1),
    seconds=Range(low=1, high=9),
    measured={},
)


@pytest.fixture(params=["erasure", "retention"])
def plan(request: pytest.FixtureRequest, now: datetime) -> ErasurePlan | RetentionPlan:
    shared: dict[str, Any] = {"id": "P-1", "created": now, "policy_fingerprint": "f" * 64, "immediate": False}
    if request.param == "retention":
        return RetentionPlan(**shared, tables=(RetentionStep(**STEP, rule="orders_7y", as_of=now),))
    planned = PlannedRequest(id="R-1", due="2026-12-24", matched=True)
    return ErasurePlan(**shared, requests=(planned,), tables=(TableStep(**STEP),))


def refused(code: str) -> Any:
    return pytest.raises(PlanError, check=lambda error: error.code == code)


def test_a_plan_survives_its_file(plan: ErasurePlan | RetentionPlan, keys: Keys, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    sealed = seal(plan, keys)
    write_plan(sealed, file)
    assert file.stat().st_mode & 0o777 == 0o600
    read = read_plan(file)
    assert read == sealed
    check_seal(read, keys)


@pytest.mark.parametrize(
    "edit", [{"id": "P-2"}, {"immediate": True}, {"tables": []}, {"seal": ""}, {"seal": "QUJD"}, {"seal": "é"}]
)
def test_an_edited_plan_is_refused(
    plan: ErasurePlan | RetentionPlan, keys: Keys, tmp_path: Path, edit: dict[str, Any]
) -> None:
    file = tmp_path / "plan.json"
    write_plan(seal(plan, keys), file)
    file.write_text(json.dumps(json.loads(file.read_text()) | edit))
    with refused("plan.edited") as caught:
        check_seal(read_plan(file), keys, where=str(file))
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("edit", [{"rows": 1}, {"tables": [{"table": 1}]}, {"created": "soon"}])
def test_a_plan_with_what_no_plan_has_is_refused(
    plan: ErasurePlan | RetentionPlan, keys: Keys, tmp_path: Path, edit: dict[str, Any]
) -> None:
    file = tmp_path / "plan.json"
    write_plan(seal(plan, keys), file)
    file.write_text(json.dumps(json.loads(file.read_text()) | edit))
    with refused("plan.edited"):
        read_plan(file)


def test_another_workspaces_plan_is_refused(plan: ErasurePlan | RetentionPlan, tmp_path: Path, keys: Keys) -> None:
    stranger = load_keys(create_workspace(tmp_path / "other"))
    with refused("plan.edited"):
        check_seal(seal(plan, stranger), keys)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "plan.unreadable"),
        (b'{"kind": "erasure",\n', "plan.unreadable"),
        (b"\xff\xfe", "plan.unreadable"),
        (b"[" * 100_000, "plan.unreadable"),
        (b"[]", "plan.kind"),
        (b"{}", "plan.kind"),
        (b'{"kind": ["erasure"]}', "plan.kind"),
        (b'{"kind": "report"}', "plan.kind"),
    ],
)
def test_what_is_no_plan_is_refused_with_its_place(tmp_path: Path, content: bytes, code: str) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(content)
    with refused(code) as caught:
        read_plan(file)
    assert (caught.value.where or "").startswith(str(file))


def test_a_plan_that_is_not_there_is_said(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with refused("plan.missing"):
            read_plan(path)


def test_a_plan_file_appears_whole_or_not_at_all(
    plan: ErasurePlan | RetentionPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "plan.json"
    file.write_text("the old one")
    monkeypatch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_plan(plan, file)
    assert file.read_text() == "the old one"
    assert [f.name for f in tmp_path.iterdir() if f.suffix == ".json"] == ["plan.json"]
    assert not list(tmp_path.glob(".plan*"))


def test_a_plan_of_an_earlier_version_has_no_estimate_and_keeps_its_seal(
    plan: ErasurePlan | RetentionPlan, keys: Keys, tmp_path: Path
) -> None:
    file = tmp_path / "plan.json"
    older = plan.model_dump(mode="json", exclude={"seal", "estimate"})
    sealed = keys.sign(f"delible/plan/{digest(older)}".encode())
    file.write_text(json.dumps({**older, "seal": sealed}))
    read = read_plan(file)
    assert read.estimate is None
    check_seal(read, keys)


def test_an_estimate_is_sealed_with_its_plan(plan: ErasurePlan | RetentionPlan, keys: Keys, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    sealed = seal(plan.model_copy(update={"estimate": ESTIMATE}), keys)
    write_plan(sealed, file)
    read = read_plan(file)
    assert read == sealed
    check_seal(read, keys)
    for changed in (None, ESTIMATE.model_copy(update={"verify_bytes": 6})):
        with refused("plan.edited"):
            check_seal(sealed.model_copy(update={"estimate": changed}), keys)


def test_a_key_that_came_since_breaks_no_older_plans_seal_and_one_that_is_taken_out_does(
    plan: ErasurePlan | RetentionPlan, keys: Keys, tmp_path: Path
) -> None:
    file = tmp_path / "plan.json"
    older = plan.model_dump(mode="json", exclude={"seal", "estimate"})
    for step in older["tables"]:
        del step["history"]
    sealed = keys.sign(f"delible/plan/{digest(older)}".encode())
    file.write_text(json.dumps({**older, "seal": sealed}))
    check_seal(read_plan(file), keys)
    write_plan(seal(plan, keys), file)
    check_seal(read_plan(file), keys)
    document = json.loads(file.read_text())
    del document["tables"][0]["history"]
    file.write_text(json.dumps(document))
    with refused("plan.edited"):
        check_seal(read_plan(file), keys)
