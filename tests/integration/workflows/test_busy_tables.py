"""A stage on a table that others keep writing to: told, given up with a record, and done by the next run, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from delta import exceptions as delta

from delible.errors import ConflictError
from delible.lake import conflicts
from delible.lake.conflicts import Patience
from delible.model.plan import Stage
from delible.store.workspace import Workspace
from delible.workflows.audit import verify_ledger
from delible.workflows.busy import undisturbed
from delible.workflows.clock import Clock
from delible.workflows.control import Control
from delible.workflows.journal import Journal, Step, round_of
from delible.workflows.stages import Run
from small_shop import NOW, make_workspace

THING = "table:orders/accounts"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "shop")


def journal(workspace: Workspace) -> Journal:
    policy = "0" * 64
    ledger = Control(workspace).ledger
    return Journal(ledger, run="plan:E-1", verb="erasure", actor="tests", policy=policy, clock=Clock(NOW))


def steps(workspace: Workspace) -> list[tuple[str, str]]:
    return [(r.action, r.outcome) for r in Control(workspace).ledger.records(object_prefix="plan:E-1/")]


def test_giving_up_is_recorded_and_the_next_run_does_the_stage_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conflicts, "PATIENCE", Patience(3, 0.5, 2, lambda _: None))
    said: list[str] = []
    others = [delta.ConcurrentAppendException("x")] * 4

    def work(_: Any) -> Step:
        if others:
            raise others.pop()
        return Step({"rows": 1})

    def run() -> Run:
        spark: Any = None
        return Run(spark, journal(workspace), Clock(NOW), "E-1", immediate=True, progress=said.append)

    def stage() -> None:
        own = run()
        own.journal.once(THING, Stage.MERGE, lambda begun: undisturbed(own, THING, Stage.MERGE, lambda: work(begun)))

    with pytest.raises(ConflictError) as raised:
        stage()
    assert (raised.value.code, raised.value.where) == ("table.busy", "table:orders")
    assert len(said) == 2
    assert "ConcurrentAppend" in said[0]
    stage()
    stage()
    assert steps(workspace) == [
        ("erasure.merge", "started"),
        ("erasure.merge", "waiting"),
        ("erasure.merge", "done"),
    ]
    assert verify_ledger(workspace).intact


def test_a_step_that_is_needed_several_times_has_its_rounds_in_order(workspace: Workspace) -> None:
    first = journal(workspace)
    assert first.rounds(THING, Stage.LATE) == []
    for number in (1, 2):
        first.once(round_of(THING, Stage.LATE, number), Stage.LATE, lambda _, rows=number: Step({"rows": rows}))
    first.begin(round_of(THING, Stage.LATE, 3), Stage.LATE)
    again = journal(workspace)
    assert [record.counts["rows"] for record in again.rounds(THING, Stage.LATE)] == [1, 2]
    assert again.rounds("table:orders", Stage.LATE) == []
