"""What a plan that keeps history has left beside a table is searched, and ended by whichever plan comes next."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from deltalake import write_deltalake

import fake_lake
from byte_search import places
from delible.errors import BlockedError, ConflictError, ResidueError
from delible.lake.history import swap as history_swap
from delible.model.plan import Stage
from delible.model.subject import KeyRole, KeyRow
from delible.model.terms import RequestState
from delible.store.workspace import CONFIG_FILE, Workspace, open_workspace
from delible.workflows import history_left
from delible.workflows.control import Control
from delible.workflows.erasure import Erased, apply_erasure
from delible.workflows.journal import Journal
from delible.workflows.verification import search_everything
from small_shop import LOWEST, NOW, ONE_TABLE, approved, customers, email, make_workspace

PLAN = "E-20260130-0000000a"


@dataclass(frozen=True)
class Left:
    """A table outside of the workspace, swapped for its translation by a plan that was killed right behind that."""

    workspace: Workspace
    table: Path
    request: str

    @property
    def old(self) -> Path:
        return history_swap.old_folder(self.table, PLAN)

    def begun(self) -> None:
        control = Control(self.workspace)
        journal = Journal(
            control.ledger, run=f"plan:{PLAN}", verb="erasure", actor="tests", policy="0" * 64, clock=lambda: NOW
        )
        journal.begin("table:customers", Stage.TRANSLATE)
        journal.begin("table:customers", Stage.MERGE)

    def applied(self) -> Erased:
        plan, searched = fake_lake.planned(Control(self.workspace), [self.request])
        return apply_erasure(self.workspace, plan, actor="tests", now=NOW, searched=searched)


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Left:
    fake_lake.install(monkeypatch.setattr)
    monkeypatch.setattr("delible.lake.session.forget_log", lambda *_: None)
    outside = tmp_path / "outside"
    outside.mkdir()
    name, table = "tables/customers.yaml", outside / "customers"
    policy = ONE_TABLE[name].replace("warehouse/customers", str(table))
    root = make_workspace(tmp_path / "shop", {**ONE_TABLE, name: policy}).root
    config = root / CONFIG_FILE
    config.write_text(config.read_text().replace("locations: []", f'locations: ["{outside}"]'))
    workspace = open_workspace(root)
    write_deltalake(str(table), customers())
    for file in table.rglob("*.parquet"):
        os.utime(file, (0, 0))
    write_deltalake(str(history_swap.new_folder(table, PLAN)), customers().slice(LOWEST))
    [request] = approved(workspace, tmp_path, {"email": email(LOWEST)})
    history_swap.swap(table, PLAN, last=0)
    return Left(workspace, table, request)


def test_the_byte_search_looks_into_what_was_left(left: Left) -> None:
    keys = [KeyRow(left.request, "email", email(LOWEST), KeyRole.GIVEN)]
    found = search_everything(Control(left.workspace), keys, now=NOW)
    assert {match.place.split("/")[:2] == ["table:customers", left.old.name] for match in found.matches} == {True}
    assert not found.clean


def test_the_next_plan_ends_it(left: Left) -> None:
    left.begun()
    assert [r.state for r in left.applied().requests] == [RequestState.COMPLETED]
    assert os.listdir(left.table.parent) == ["customers"]
    assert places(left.table.parent, texts=[email(LOWEST)]) == []
    ended = Control(left.workspace).ledger.records(object_prefix=f"plan:{PLAN}/")
    assert [r.action for r in ended if r.outcome == "done"] == ["erasure.merge", "erasure.vacuum", "erasure.expire_log"]


def test_a_folder_of_a_plan_that_the_ledger_does_not_know_stays_and_stops_the_run(left: Left) -> None:
    with pytest.raises(ConflictError) as caught:
        left.applied()
    assert (caught.value.code, caught.value.where) == ("history.left", str(left.old))
    assert places(left.old, texts=[email(LOWEST)])


def test_a_hold_on_somebody_of_that_plan_keeps_the_old_folder(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    def held(*_: object) -> None:
        raise BlockedError("request.held", "a legal hold covers the data subject.")

    left.begun()
    plan, _ = fake_lake.planned(Control(left.workspace), [left.request])
    monkeypatch.setattr(history_left, "begun_plans", lambda _: [plan.model_copy(update={"id": PLAN})])
    monkeypatch.setattr(history_left, "refuse_held", held)
    with pytest.raises(ResidueError):
        left.applied()
    assert places(left.old, texts=[email(LOWEST)])
