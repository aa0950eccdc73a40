"""Several rules on one table share purge, VACUUM and log expiry; wherever a run dies, none runs before a rewrite."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delible.lake import erase, others, purge
from delible.model.plan import Stage, TableStep
from delible.model.record import AuditRecord
from delible.model.terms import ErasureAction
from delible.store.ledger import Ledger
from delible.workflows import stages
from delible.workflows.held_bytes import has_old_files
from delible.workflows.journal import Journal, Step
from delible.workflows.stages import Run, Work, treat
from small_shop import make_workspace

START = datetime(2026, 3, 10, 9, tzinfo=UTC)
RULES = ("a", "b", "c")
PHYSICAL = ("purge", "vacuum", "expire_log")


class Killed(BaseException):
    """The process ends here."""


class Table:
    """A table on which three rules act: what was done to it, and how many more deeds the process lives."""

    def __init__(self, ledger: Ledger, lives: int) -> None:
        self.ledger, self.lives, self.deeds = ledger, lives, list[str]()
        self.now = START

    def does(self, deed: str, step: Step | None = None) -> Step:
        if self.lives == 0:
            raise Killed
        self.lives -= 1
        self.deeds.append(deed)
        return step or Step()

    def journal(self) -> Journal:
        return Journal(self.ledger, run="plan:T-1", verb="retention", actor="job", policy="p", clock=lambda: self.now)

    def work(self, hours: int = 0) -> list[Work]:
        step = TableStep(
            table="t",
            location="t",
            version=0,
            action=ErasureAction.DELETE_ROW,
            rows=1,
            files=1,
            bytes=1,
            stages=tuple(Stage),
            wait_hours=hours,
        )
        return [Work(step, lambda _, r=rule: self.does(f"merge {r}"), f"table:t/{rule}") for rule in RULES]

    def run(self, monkeypatch: pytest.MonkeyPatch, hours: int = 0) -> Any:
        made = SimpleNamespace(files=0, bytes=0, replaced=0)
        monkeypatch.setattr(erase, "purged_under", lambda *_: made)
        monkeypatch.setattr(others, "wrote_files", lambda *_: False)
        monkeypatch.setattr(purge, "purge_deletion_vectors", lambda *_, **__: self.does("purge"))
        monkeypatch.setattr(stages, "vacuumed", lambda *_: self.does("vacuum", Step({}, {"hours": str(hours)})))
        monkeypatch.setattr(stages, "begin_expiry", lambda run, _, thing: run.journal.begin(thing, Stage.EXPIRE_LOG))
        monkeypatch.setattr(stages, "expired", lambda *_: self.does("expire_log", Step({}, {"version": "7"})))
        monkeypatch.setattr(erase, "setting", _no_setting)
        run = Run(None, self.journal(), lambda: self.now, "T-1", False, lambda _: None)  # type: ignore[arg-type]
        return treat(run, self.work(hours))


class _no_setting:
    def __init__(self, *_: Any) -> None: ...

    def __enter__(self) -> None: ...

    def __exit__(self, *_: Any) -> None: ...


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


def records(table: Table) -> list[AuditRecord]:
    return table.ledger.records(object_prefix="plan:T-1/")


@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deaths=st.lists(st.integers(0, 7), max_size=3))
def test_wherever_runs_die_each_stage_ends_once_behind_all_rewrites(
    folder: Path, monkeypatch: pytest.MonkeyPatch, deaths: list[int]
) -> None:
    from secrets import token_hex

    from delible.workflows.control import Control

    table = Table(Control(make_workspace(folder / token_hex(4))).ledger, 0)
    for lives in [*deaths, 99]:
        table.lives = lives
        try:
            treated = table.run(monkeypatch)
        except Killed:
            continue
    assert {each.version for each in treated.values()} == {7}
    first = table.deeds.index("purge")
    assert {f"merge {rule}" for rule in RULES} <= set(table.deeds[:first])
    physical = [deed for deed in table.deeds if deed in PHYSICAL]
    assert physical == sorted(physical, key=PHYSICAL.index)
    if not deaths:
        assert physical == list(PHYSICAL), "once for three rules"
    done = [(r.object, r.action) for r in records(table) if r.outcome == "done"]
    assert len(done) == len(set(done)) == len(RULES) * 4
    assert not has_old_files(records(table), "T-1", table.work()[0].step)


def test_all_wait_for_the_last_purge_and_go_on_together(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from delible.workflows.control import Control

    table = Table(Control(make_workspace(folder / "window")).ledger, 99)
    waiting = table.run(monkeypatch, hours=2)
    assert {each.waiting_until for each in waiting.values()} == {START + timedelta(hours=2)}
    assert has_old_files(records(table), "T-1", table.work()[0].step)
    table.now = START + timedelta(hours=2)
    assert {each.state for each in table.run(monkeypatch, hours=2).values()} == {"erased"}
    assert [d for d in table.deeds if d in PHYSICAL] == list(PHYSICAL)
    assert not has_old_files(records(table), "T-1", table.work()[0].step)


def test_a_step_that_an_older_run_left_behind_has_its_own_stages(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Earlier versions took each rule through all stages by itself."""
    from delible.workflows.control import Control

    table = Table(Control(make_workspace(folder / "older")).ledger, 99)
    journal = table.journal()
    for stage in (Stage.MERGE, Stage.PURGE, Stage.VACUUM, Stage.EXPIRE_LOG):
        journal.once("table:t/a", stage, lambda _: Step({}, {"version": "5", "hours": "0"}))
    table.run(monkeypatch)
    assert table.deeds == ["merge b", "merge c", "purge", "purge", "vacuum", "vacuum", "expire_log", "expire_log"]
