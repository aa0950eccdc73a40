"""One table through translation, comparison, swap and removal without a JVM, and killed in the middle of each."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from byte_search import places
from delible.errors import BlockedError, ConflictError, StalePlanError
from delible.lake.history import swap as history_swap
from delible.lake.history.state import retained
from delible.model.plan import History, Stage, TableStep
from delible.model.subject import KeyRole, KeyRow
from delible.model.terms import ErasureAction
from delible.plan.history import HISTORY_STAGES
from delible.store.workspace import Workspace, open_workspace
from delible.workflows.audit import verify_ledger
from delible.workflows.clock import Clock
from delible.workflows.control import Control
from delible.workflows.history import treat_history
from delible.workflows.history_left import end_left, finish_renames
from delible.workflows.journal import Journal
from delible.workflows.stages import Guard, Run
from delible.workflows.treated import Treated
from history_tables import DUE, TEXTS, by_delta_rs, email, history_of, people, rows_at, versions
from small_shop import CONTROLLER, PURPOSE, make_workspace

POLICIES = {
    "controller.yaml": CONTROLLER,
    "purposes/support.yaml": PURPOSE,
    "tables/customers.yaml": """\
table: customers
path: warehouse/customers
description: Customers.
purposes: [support]
subject:
  - {column: customer_id, identifies: customer_id}
  - {column: email, identifies: email}
columns:
  customer_id: user.unique_id
  email: {category: user.contact.email, searched: true}
readers: exclusive
""",
}
PLAN = "E-20261127-00000000"
KEYS = [
    *(KeyRow("R-1", "customer_id", str(number), KeyRole.FOUND) for number in DUE),
    *(KeyRow("R-1", "email", text, KeyRole.FOUND) for text in TEXTS),
]
ALONE = """
import sys
from unittest import mock
sys.path[:0] = sys.argv[2:]
import delible.lake.session
delible.lake.session.forget_log = lambda *_: None
import test_history
print("ready", flush=True)
test_history.treated(test_history.open_workspace(sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no session whose cache would have to forget the log."""
    monkeypatch.setattr("delible.lake.session.forget_log", lambda *_: None)


@dataclass(frozen=True)
class Shop:
    workspace: Workspace
    before: dict[int, Counter[str]]
    commits: list[tuple[int, str, int]]

    @property
    def table(self) -> Path:
        return self.workspace.root / "warehouse" / "customers"


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("history")
    workspace = make_workspace(folder / "shop", POLICIES)
    table = workspace.root / "warehouse" / "customers"
    table.parent.mkdir(exist_ok=True)
    by_delta_rs(table, {"delta.enableChangeDataFeed": "true"}, partitioned=False, checkpoint=True)
    before = {v: rows_at(table, v, due=False) for v in versions(table)}
    shop = Shop(workspace, before, history_of(table))
    shutil.copytree(workspace.root, folder / "kept")
    return shop


@pytest.fixture
def shop(once: Shop) -> Iterator[Shop]:
    root = once.workspace.root
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(root.with_name("kept"), root)
    yield once
    shutil.rmtree(root)


def run_of(control: Control) -> Run:
    now = datetime.now(UTC)
    clock = Clock(now)
    journal = Journal(control.ledger, run=f"plan:{PLAN}", verb="erasure", actor="tests", policy="0" * 64, clock=clock)
    return Run(None, journal, clock, PLAN, False, lambda _: None)  # type: ignore[arg-type]  # nothing here needs one


def treated(workspace: Workspace, *, rows: int | None = None, guard: Guard = lambda *_: None) -> Treated:
    control = Control(workspace)
    location = workspace.location(control.policies.tables["customers"])
    step = TableStep(
        table="customers",
        location=location,
        version=7,
        action=ErasureAction.DELETE_ROW,
        rows=2,
        files=1,
        bytes=1,
        stages=HISTORY_STAGES,
        wait_hours=0,
        history=History(first=0, last=7, rows=rows) if rows is not None else None,
    )
    return treat_history(control, step, KEYS, replace(run_of(control), guard=guard))


def check(shop: Shop) -> None:
    assert {v: rows_at(shop.table, v) for v in versions(shop.table)} == shop.before
    assert history_of(shop.table) == shop.commits
    assert places(shop.table.parent, texts=TEXTS, keys={"customer_id": set(DUE)}) == []
    assert [p.name for p in shop.table.parent.iterdir()] == ["customers"]
    records = [(r.action, r.outcome) for r in Control(shop.workspace).ledger.records(object_prefix="plan:")]
    stages = ("translate", "compare", "merge", "vacuum", "expire_log")
    assert Counter(records) == Counter((f"erasure.{s}", o) for s in stages for o in ("started", "done"))
    assert verify_ledger(shop.workspace).intact


def test_all_stages_once_and_a_rerun_does_nothing(shop: Shop) -> None:
    done = treated(shop.workspace)
    assert done.history is not None
    assert (done.history.first, done.history.versions) == (0, 8)
    assert done.state == "erased"
    assert done.rows > 0
    check(shop)
    state = {path: path.stat().st_ino for path in shop.table.rglob("*")}
    assert treated(shop.workspace) == done
    assert {path: path.stat().st_ino for path in shop.table.rglob("*")} == state
    check(shop)


class Died(BaseException):
    """Stands for a killed process: nothing catches it."""


CUTS = {
    "while files are made": ("delible.lake.history.translate.write_commit", 3),
    "before the comparison": ("delible.lake.history.compare.compare", 0),
    "before the swap": ("delible.lake.history.swap.swap", 0),
    "before the renames": ("delible.lake.history.swap.os.rename", 0),
    "between the renames": ("delible.lake.history.swap.os.rename", 1),
    "behind the swap": ("delible.workflows.history._take_in_late", 0),
    "before the old folder goes": ("delible.lake.history.swap.adopt", 0),
    "while the old folder goes": ("delible.lake.history.swap.shutil.rmtree", 0),
    "before the note goes": ("delible.lake.history.swap.forget", 0),
}


def dies_at(cut: str, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    place, left = CUTS[cut]
    calls = []

    def dies(*args: Any, **kwargs: Any) -> Any:
        calls.append(place)
        if len(calls) > left:
            raise Died
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        owner, name = _owner(place)
        real = getattr(owner, name)
        patch.setattr(owner, name, dies)
        with pytest.raises(Died):
            treated(shop.workspace)


@pytest.mark.parametrize("cut", CUTS)
def test_a_run_that_died_is_gone_on_with_to_the_same_end(cut: str, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    dies_at(cut, shop, monkeypatch)
    treated(open_workspace(shop.workspace.root))
    check(shop)


@pytest.mark.parametrize(
    "cut", ["before the swap", "between the renames", "behind the swap", "while the old folder goes"]
)
def test_a_run_that_died_and_that_nobody_goes_on_with_is_ended_by_the_next_plan(
    cut: str, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies_at(cut, shop, monkeypatch)
    control = Control(open_workspace(shop.workspace.root))
    finish_renames(control)
    end_left(control, replace(run_of(control), plan="E-20261127-00000001"), "tests")
    if cut == "before the swap":
        assert [p.name for p in shop.table.parent.iterdir()] == ["customers"]
        assert history_of(shop.table) == shop.commits
    else:
        treated(open_workspace(shop.workspace.root))
        check(shop)


def test_a_run_that_died_in_the_middle_of_the_old_folder_asks_nothing_more_of_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = shutil.rmtree

    def dies(folder: Path) -> None:
        whole(folder / "_delta_log")
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(history_swap.shutil, "rmtree", dies)
        with pytest.raises(Died):
            treated(shop.workspace)
    treated(open_workspace(shop.workspace.root))
    check(shop)


def _owner(place: str) -> tuple[Any, str]:
    import importlib

    module, _, name = place.rpartition(".")
    if module.endswith((".os", ".shutil")):
        module, _, inner = module.rpartition(".")
        return getattr(importlib.import_module(module), inner), name
    return importlib.import_module(module), name


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(n, marks=pytest.mark.matrix) for n in range(2, 6))])
def test_a_process_that_was_killed_at_any_moment_is_gone_on_with(seed: int, shop: Shop) -> None:
    paths = [str(Path(__file__).parent), *(p for p in sys.path if p.endswith("tests"))]
    for _ in range(2):
        command = [sys.executable, "-c", ALONE, str(shop.workspace.root), *paths]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(random.Random(seed).uniform(0, 2))
            os.kill(process.pid, signal.SIGKILL)
    treated(open_workspace(shop.workspace.root))
    check(shop)


def test_another_number_of_rows_than_was_planned_is_never_swapped_in(shop: Shop) -> None:
    """The count comes from Spark's join: a translation that sees fewer due rows, or more, is wrong."""
    with pytest.raises(ConflictError) as caught:
        treated(shop.workspace, rows=3)
    assert caught.value.code == "history.differs"
    assert places(shop.table, texts=TEXTS), "the table is as it was"


def test_a_writer_that_commits_while_it_is_compared_loses_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from delible.lake.history import compare as history_compare

    real, calls = history_compare.compare, []

    def compare(*args: Any, **kwargs: Any) -> Any:
        calls.append("compared")
        found = real(*args, **kwargs)
        if len(calls) == 1:
            write_deltalake(str(shop.table), people(30, 31), mode="append")
        return found

    monkeypatch.setattr(history_compare, "compare", compare)
    treated(shop.workspace)
    assert len(calls) == 2
    assert sum(rows_at(shop.table, 8).values()) == sum(shop.before[7].values()) + 2
    assert places(shop.table.parent, texts=TEXTS) == []


def test_a_commit_in_the_instant_of_the_swap_is_taken_in(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    real = history_swap.swap

    def swap(table: Path, plan: str, *, last: int) -> None:
        write_deltalake(str(table), people(30, 31), mode="append")
        real(table, plan, last=last)

    monkeypatch.setattr(history_swap, "swap", swap)
    treated(shop.workspace)
    assert sum(rows_at(shop.table, 8).values()) == sum(shop.before[7].values()) + 2


def test_what_other_programs_keep_in_the_folder_stays(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream whose checkpoint lies there goes on, also one that writes while the folders are swapped."""
    real = history_swap.swap
    kept = ("_checkpoints/ingest/offsets/41", "_checkpoints/ingest/offsets/.41.crc", "_manifest/manifest", "_SUCCESS")
    for name in (*kept, "notes/README.md", "_temporary/0/part-0.csv"):
        (shop.table / name).parent.mkdir(parents=True, exist_ok=True)
        (shop.table / name).write_text(name)
        os.utime(shop.table / name, (0, 0))
    young = "_checkpoints/ingest/offsets/42"
    (shop.table / "_checkpoints" / "newest").symlink_to("ingest/offsets/41")

    def swap(table: Path, plan: str, *, last: int) -> None:
        real(table, plan, last=last)
        assert (table / kept[0]).read_text() == kept[0], "there is no instant without it"
        (history_swap.old_folder(table, plan) / young).write_text(young)

    monkeypatch.setattr(history_swap, "swap", swap)
    treated(shop.workspace)
    assert {name: (shop.table / name).read_text() for name in (*kept, young)} == {n: n for n in (*kept, young)}
    assert (shop.table / "_checkpoints" / "newest").readlink() == Path("ingest/offsets/41")
    assert not (shop.table / "notes").exists(), "VACUUM takes it, too"
    assert not (shop.table / "_temporary").exists()
    check(shop)


def test_a_hold_that_comes_behind_the_swap_keeps_the_old_folder(shop: Shop) -> None:
    held = BlockedError("request.held", "a legal hold covers the data subject.")
    asked = []

    def guard(run: Run, step: TableStep, stage: Stage) -> None:
        asked.append(stage)
        if history_swap.old_folder(shop.table, PLAN).exists():
            raise held

    done = treated(shop.workspace, guard=guard)
    assert [p.code for p in done.held] == ["request.held"]
    assert places(history_swap.old_folder(shop.table, PLAN), texts=TEXTS)
    assert places(shop.table, texts=TEXTS) == []
    treated(shop.workspace)
    check(shop)


def strangers_come(table: Path) -> None:
    rows, addresses = people(98, 99), pa.array([email(number) for number in DUE])
    write_deltalake(str(table), rows.set_column(1, rows.schema.field(1), addresses), mode="append")


def test_a_stranger_who_comes_in_the_instant_of_the_swap_is_not_lost(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = history_swap.swap

    def swap(table: Path, plan: str, *, last: int) -> None:
        strangers_come(table)
        real(table, plan, last=last)

    with monkeypatch.context() as patch:
        patch.setattr(history_swap, "swap", swap)
        with pytest.raises(ConflictError) as caught:
            treated(shop.workspace)
    assert caught.value.code == "history.late_commit"
    with pytest.raises(ConflictError) as again:
        treated(open_workspace(shop.workspace.root))
    assert again.value.code == "history.late_commit"
    assert sum(rows_at(history_swap.old_folder(shop.table, PLAN), 8).values()) > 0


def test_a_stranger_with_the_same_address_who_comes_meanwhile_is_not_taken_for_the_due_person(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from delible.lake.history import compare as history_compare

    real = history_compare.compare

    def compare(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        if retained(shop.table).last == 7:
            strangers_come(shop.table)
        return found

    monkeypatch.setattr(history_compare, "compare", compare)
    with pytest.raises(StalePlanError) as caught:
        treated(shop.workspace)
    assert caught.value.code == "plan.stale"
    assert email(DUE[0]) not in str(caught.value)
    assert sum(rows_at(shop.table, 8).values()) == sum(rows_at(shop.table, 7).values()) + 2


def test_writers_who_never_stop_are_told_of(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from delible.lake.history import compare as history_compare

    real = history_compare.compare

    def compare(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        write_deltalake(str(shop.table), people(30, 31), mode="append")
        return found

    monkeypatch.setattr(history_compare, "compare", compare)
    with pytest.raises(ConflictError) as caught:
        treated(shop.workspace)
    assert caught.value.code == "history.moving"
    assert retained(shop.table).last == 12, "the table has what the writers wrote"
