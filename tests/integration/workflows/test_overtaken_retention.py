"""A retention plan that was overtaken: what a killed run began is ended, the rest is planned anew."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from delible.errors import BlockedError, ConflictError, DelibleError, StalePlanError
from delible.model.plan import RetentionPlan, Stage
from delible.model.terms import RetentionAction
from delible.workflows import retention, retention_enforce, retention_fit
from delible.workflows.control import Control
from delible.workflows.holds import place_holds
from delible.workflows.journal import Journal, Step
from delible.workflows.retention import apply_retention, go_on_retention
from delible.workflows.retention_enforce import enforce_retention
from delible.workflows.spark import alone
from delible.workflows.treated import Treated
from delible.workflows.unfinished import keep_plan, unfinished_retention
from policy_files import write_policies
from retention_plans import START, two_tables
from small_shop import email, make_workspace, people_file

RULE = "retention: customers\ntable: customers\nclock: made_at\nkeep: P1Y\nreason: Law.\n"


class Shop:
    """A workspace with a kept plan for two tables, of which `customers` was begun as far as a test says."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, begun: tuple[str, ...]) -> None:
        self.workspace = make_workspace(folder / "shop")
        control = Control(self.workspace)
        self.plan = two_tables(control, RetentionAction.DELETE_ROW)
        keep_plan(self.workspace, self.plan)
        journal = Journal(
            control.ledger, run=f"plan:{self.plan.id}", verb="retention", actor="job", policy="p", clock=lambda: START
        )
        if "started" in begun:
            journal.begin("table:customers/customers", Stage.MERGE)
        if "done" in begun:
            journal.finish("table:customers/customers", Stage.MERGE, Step())
        self.treated: list[tuple[str, ...]] = []
        for name in ("session_for", "_refuse_held", "frames_of", "versions_of"):
            monkeypatch.setattr(retention, name, lambda *_, **__: None)
        monkeypatch.setattr(retention.Held, "of", lambda *_, **__: SimpleNamespace(computed=lambda _: {}))
        monkeypatch.setattr(retention, "events_of", lambda *_: {})
        monkeypatch.setattr(retention, "treat_tables", self._treat)

    def _treat(self, _run: Any, work: Any, _tables: Any) -> tuple[Any, ...]:
        self.treated.append(tuple(each.step.table for each in work))
        return tuple(Treated(each.step, rows=1) for each in work)

    def go_on(self) -> None:
        go_on_retention(self.workspace, actor="job", now=START)


def moved(_control: Any, plan: RetentionPlan, steps: Any, _progress: Any) -> StalePlanError | None:
    """Say that `tickets` has moved."""
    return StalePlanError("plan.stale", "moved.") if any(s.table == "tickets" for s in steps) else None


@pytest.mark.parametrize("begun", [("started",), ("started", "done")])
def test_what_was_begun_is_ended_though_another_table_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: tuple[str, ...]
) -> None:
    shop = Shop(tmp_path, monkeypatch, begun)
    monkeypatch.setattr(retention_fit, "moved", moved)
    shop.go_on()
    assert shop.treated == [("customers",)]
    assert unfinished_retention(shop.workspace) == []


def test_under_other_policies_only_what_is_rewritten_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path, monkeypatch, ("started", "done"))
    write_policies(shop.workspace.root / "policies", {"retention/customers.yaml": RULE})
    shop.go_on()
    assert shop.treated == [("customers",)]


def test_a_plan_that_was_cut_short_in_a_merge_is_kept_under_other_policies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its commit may be there: nobody may forget that the table has old bytes."""
    shop = Shop(tmp_path, monkeypatch, ("started",))
    write_policies(shop.workspace.root / "policies", {"retention/customers.yaml": RULE})
    with pytest.raises(StalePlanError):
        shop.go_on()
    assert [p.id for p in unfinished_retention(shop.workspace)] == [shop.plan.id]


def test_a_plan_of_which_nothing_was_begun_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path, monkeypatch, ())
    monkeypatch.setattr(retention_fit, "moved", moved)
    shop.go_on()
    assert shop.treated == []
    assert unfinished_retention(shop.workspace) == []


class Enforced:
    """Runs of `enforce`, of which only the waiting is real."""

    def __init__(self, shop: Shop, monkeypatch: pytest.MonkeyPatch, *errors: DelibleError) -> None:
        self.shop, self.errors, self.planned = shop, list(errors), 0
        monkeypatch.setattr(retention_enforce, "go_on_retention", lambda *_, **__: ())
        monkeypatch.setattr(retention_enforce, "plan_due_retention", self._plan)
        monkeypatch.setattr(retention_enforce, "apply_retention", self._apply)
        monkeypatch.setattr(retention_enforce, "wait_random_exponential", lambda **_: lambda _state: 0.01)

    def _plan(self, *_: Any, **__: Any) -> RetentionPlan:
        self.planned += 1
        return self.shop.plan

    def _apply(self, *_: Any, **__: Any) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    def run(self, wait: timedelta = timedelta()) -> Any:
        return enforce_retention(self.shop.workspace, actor="job", now=START, wait=wait)


STALE = StalePlanError("plan.stale", "moved.")
BUSY = ConflictError("workspace.busy", "another run.")


def test_a_table_that_moves_in_between_is_planned_anew_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path, monkeypatch, ())
    twice = Enforced(shop, monkeypatch, STALE, STALE)
    assert twice.run() == ("done",)
    assert twice.planned == 3
    with pytest.raises(StalePlanError):
        Enforced(shop, monkeypatch, *[STALE] * 9).run()


def test_it_waits_for_another_run_as_long_as_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path, monkeypatch, ())
    enforced = Enforced(shop, monkeypatch, BUSY)
    with pytest.raises(ConflictError):
        enforced.run()
    enforced = Enforced(shop, monkeypatch, BUSY, STALE, BUSY)
    assert enforced.run(timedelta(minutes=1)) == ("done",)
    with alone(shop.workspace), pytest.raises(ConflictError, check=lambda e: e.code == "workspace.busy"):
        Enforced(shop, monkeypatch).run(timedelta(seconds=0.05))


def test_an_older_plan_that_is_stopped_keeps_no_rule_waiting_and_is_told_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path, monkeypatch, ())
    enforced = Enforced(shop, monkeypatch)

    def held(*_: Any, **__: Any) -> None:
        raise BlockedError("table.held", "held.")

    monkeypatch.setattr(retention_enforce, "go_on_retention", held)
    with pytest.raises(BlockedError):
        enforced.run()
    assert enforced.planned == 1


@pytest.mark.parametrize("comes", [True, False])
def test_a_hold_that_comes_during_a_run_stops_the_tables_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comes: bool
) -> None:
    """Whose rows are held is computed once, when the run begins; run again, it is computed anew."""
    refuse = retention._refuse_held
    shop = Shop(tmp_path, monkeypatch, ())
    monkeypatch.setattr(retention, "_refuse_held", refuse)
    monkeypatch.setattr(retention_fit, "moved", lambda *_: None)
    who = str(people_file(tmp_path, {"email": email(12)}))
    rewritten: list[str] = []

    def treat(run: Any, work: Any, _tables: Any) -> tuple[Any, ...]:
        for each in work:
            run.guard(run, each.step, Stage.MERGE)
            rewritten.append(each.step.table)
            if comes and len(rewritten) == 1:
                place_holds(shop.workspace, identifiers=who, reason="c", owner="legal", actor="tests", now=START)
        return tuple(Treated(each.step, rows=1) for each in work)

    monkeypatch.setattr(retention, "treat_tables", treat)
    if comes:
        with pytest.raises(StalePlanError, check=lambda e: (e.code, e.where) == ("plan.stale", "table:tickets")):
            apply_retention(shop.workspace, shop.plan, actor="job", now=START)
        assert rewritten == ["customers"]
    rewritten.append("again")
    apply_retention(shop.workspace, shop.plan, actor="job", now=START)
    assert rewritten[-2:] == ["customers", "tickets"]
