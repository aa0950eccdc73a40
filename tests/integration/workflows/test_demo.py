"""The demo from end to end, but for the steps that need Spark: these are stood in for by what they would record.

What the steps themselves do is tested in tests/spark; the whole demo takes minutes, and `make demo` runs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from delible.cli import main
from delible.errors import BlockedError, InputError, Problem
from delible.model.proof import Verification
from delible.model.terms import RequestState, Right
from delible.store.consents import Consents
from delible.store.workspace import Workspace
from delible.workflows import demo
from delible.workflows.control import Control
from delible.workflows.fulfilment import Fulfilled
from delible.workflows.identifiers import read_identifiers
from store_fixtures import released


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, now: datetime) -> dict[str, Any]:
    """Stand in for what needs Spark, and return what each was called with."""
    seen: dict[str, Any] = {"ended": False}

    def company(spark: object, warehouse: Path, *, people: int, now: datetime) -> dict[str, int]:
        seen["warehouse"] = warehouse
        return {"customers": people}

    def fulfil(workspace: Workspace, requests: Sequence[str], **rest: Any) -> Fulfilled:
        seen["requests"] = Control(workspace).requests.named(list(requests))
        step = SimpleNamespace(shared_rows=2)
        table = SimpleNamespace(rows=9, mentions=8, files_removed=3, log_files_removed=4, step=step)
        left = seen.get("left_out", ())
        erased: Any = (SimpleNamespace(tables=(table,)),)
        return Fulfilled(tuple(seen["requests"]), erased, {"R": workspace.root / "reports"}, left)

    def verify(workspace: Workspace, *, request_id: None, identifiers: str, **rest: Any) -> Verification:
        seen["searched"] = read_identifiers(identifiers, Control(workspace).policies.controller)
        return Verification(at=now, files_searched=5, bytes_searched=6, values_searched=2)

    def build(workspace: Workspace, recipe: str, **rest: Any) -> Any:
        assert recipe in Control(workspace).policies.datasets
        return SimpleNamespace(manifest=released(workspace, recipe, 1, (), now))

    monkeypatch.setattr("delible.lake.company.make_company", company)
    monkeypatch.setattr(demo, "session_for", lambda workspace: None)
    monkeypatch.setattr(demo, "end_session", lambda workspace: seen.update(ended=True))
    monkeypatch.setattr(demo, "scan_tables", lambda *a, **k: SimpleNamespace(personal=1, findings=(1, 2)))
    monkeypatch.setattr(demo, "plan_due_retention", lambda *a, **k: None)
    monkeypatch.setattr(demo, "apply_retention", lambda *a, **k: SimpleNamespace(tables=(SimpleNamespace(rows=7),)))
    monkeypatch.setattr(demo, "fulfil_requests", fulfil)
    monkeypatch.setattr(demo, "build_dataset", build)
    monkeypatch.setattr(demo, "verify_people", verify)
    return seen


def test_the_demo_goes_through_its_nine_steps_and_leaves_a_workspace(
    steps: dict[str, Any], tmp_path: Path, now: datetime
) -> None:
    said: list[str] = []
    done = demo.run_demo(tmp_path / "demo", actor="tests", now=now, progress=said.append)
    assert [line[:5] for line in said] == [f"[{n}/9]" for n in range(1, 10)]
    assert steps["warehouse"] == tmp_path / "demo" / "warehouse"
    assert steps["ended"], "the JVM is gone before the report is written"
    shown = {line.step: line.happened for line in done.lines if line.step}
    assert list(shown) == [
        "company", "scan", "retention", "consent", "erasure", "access", "dataset", "byte proof", "ledger",
    ]  # fmt: skip
    assert shown["consent"] == "2,000 consents imported, 1 withdrawal"
    assert shown["byte proof"] == "5 files searched, 0 matches"
    assert shown["ledger"].endswith("records, intact")
    assert done.report.read_text().startswith("<!DOCTYPE html>")
    assert 'spark.delible.small: "true"' in (done.workspace.root / "delible.yaml").read_text()


def test_the_demo_asks_for_two_erasures_and_one_access_that_somebody_else_approves(
    steps: dict[str, Any], tmp_path: Path, now: datetime
) -> None:
    workspace = demo.run_demo(tmp_path / "demo", actor="tests", now=now).workspace
    rights = [r.right for r in steps["requests"]]
    assert rights == [Right.ERASURE, Right.ERASURE, Right.ACCESS]
    assert {r.state for r in steps["requests"]} == {RequestState.SCHEDULED}
    moved = [r for r in Control(workspace).ledger.records(action_prefix="request.") if r.outcome == "scheduled"]
    assert {r.actor for r in moved} == {"tests (approver)"}
    assert len(steps["searched"]) == len(demo.ERASED)
    assert len(Consents(workspace).all()) == 2_001
    assert not list(tmp_path.glob("*.jsonl")), "identifiers stay in no file"


def test_what_cannot_be_carried_out_ends_the_demo(steps: dict[str, Any], tmp_path: Path, now: datetime) -> None:
    steps["left_out"] = (Problem("request.no_match", "reaches nobody.", "request:R"),)
    with pytest.raises(BlockedError, check=lambda e: e.code == "request.no_match"):
        demo.run_demo(tmp_path / "demo", actor="tests", now=now)


def test_the_demo_overwrites_no_workspace(steps: dict[str, Any], tmp_path: Path, now: datetime) -> None:
    demo.run_demo(tmp_path / "demo", actor="tests", now=now)
    with pytest.raises(InputError, check=lambda e: e.code == "workspace.exists"):
        demo.run_demo(tmp_path / "demo", actor="tests", now=now + timedelta(hours=1))


def test_the_command_prints_the_steps_and_the_reports_place(
    steps: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.main(["demo"]) == 0
    out = capsys.readouterr().out
    assert "byte proof  5 files searched, 0 matches" in out
    report = out.split("Report: ")[1].strip()
    assert (tmp_path / report).is_file()
