"""One person has one pseudonym in all tables of a retention plan, whatever killed its run, and its key goes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from delible.model.plan import Stage
from delible.model.terms import RetentionAction
from delible.store.plans import seal
from delible.store.workspace import Workspace
from delible.workflows import retention, retention_fit
from delible.workflows.control import Control
from delible.workflows.journal import Step
from delible.workflows.retention import apply_retention
from delible.workflows.stages import Run, Work
from policy_files import write_policies
from retention_plans import START, two_tables
from small_shop import POLICIES, make_workspace

RULE = "retention: {0}\ntable: {0}\nclock: made_at\nkeep: P1Y\nreason: Law.\naction: {1}\n"
TREATED = "treat_columns\ncolumns: {customer_id: pseudonymise}"


class Killed(BaseException):
    """The process ends here."""


class Runs:
    """Runs of one plan for two tables, of which only the key of the pseudonyms is real."""

    def __init__(self, shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop, self.salts, self.dies_after = shop, list[bytes](), 99
        control = Control(shop)
        self.plan = two_tables(control, RetentionAction.TREAT_COLUMNS)
        monkeypatch.setattr(retention_fit, "moved", lambda *_: None)
        for name in ("session_for", "_refuse_held", "versions_of", "frames_of"):
            monkeypatch.setattr(retention, name, lambda *_, **__: None)
        monkeypatch.setattr(retention.Held, "of", lambda *_, **__: self)
        monkeypatch.setattr(retention, "events_of", lambda *_: {})
        monkeypatch.setattr(retention, "_rewrite", lambda *given: self.salts.append(given[4]) or Step())
        monkeypatch.setattr(retention, "treat_tables", self._treat)

    def computed(self, _: Any) -> dict[str, Any]:
        return {}

    def _treat(self, run: Run, work: list[Work], _: Any) -> tuple[Any, ...]:
        for number, each in enumerate(work):
            if number == self.dies_after:
                raise Killed
            run.journal.once(each.thing, Stage.MERGE, lambda _, each=each: each.rewrite(run))
        return ()

    def apply(self, after: timedelta = timedelta()) -> None:
        apply_retention(self.shop, self.plan, actor="job", now=START + after)

    def kept(self) -> list[str]:
        return [name for name in Control(self.shop).requests.vault.requests() if name.startswith("T-")]


def make(tmp_path: Path, action: str) -> Workspace:
    shop = make_workspace(tmp_path / "shop")
    rules = {f"retention/{name}.yaml": RULE.format(name, action) for name in ("customers", "tickets")}
    tickets = POLICIES["tables/tickets.yaml"].replace("  body:", "  made_at: user.account\n  body:")
    write_policies(shop.root / "policies", {**rules, "tables/tickets.yaml": tickets})
    return shop


def test_a_run_that_was_killed_between_two_tables_goes_on_with_the_same_pseudonyms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = Runs(make(tmp_path, TREATED), monkeypatch)
    runs.dies_after = 1
    with pytest.raises(Killed):
        runs.apply()
    Control(runs.shop).requests.sweep(START + timedelta(days=3))
    assert runs.kept() == [runs.plan.id], "what takes days is no writer that died"
    runs.dies_after = 99
    runs.apply(timedelta(days=3))
    first, second = runs.salts
    assert first == second
    assert runs.kept() == [], "nobody can find out any more whose they were"


def test_the_key_of_a_plan_that_nobody_goes_on_with_is_forgotten_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = Runs(make(tmp_path, TREATED), monkeypatch)
    runs.dies_after = 1
    with pytest.raises(Killed):
        runs.apply()
    [kept] = (runs.shop.root / ".delible" / "plans").glob("T-*.json")
    kept.unlink()
    other = runs.plan.model_copy(update={"id": "T-20260311-00000002"})
    runs.plan = seal(other, Control(runs.shop).keys)
    runs.dies_after = 0
    with pytest.raises(Killed):
        runs.apply(timedelta(days=1))
    assert runs.kept() == [other.id]


def test_where_nothing_is_pseudonymised_no_key_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(make(tmp_path, "delete_row"), monkeypatch)
    runs.dies_after = 1
    with pytest.raises(Killed):
        runs.apply()
    assert runs.kept() == []
