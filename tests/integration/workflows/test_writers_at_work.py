"""Others write while an erasure runs, over a lake without a JVM: nothing is lost, and no row of an erased person stays.

The same with Spark's own writers: `tests/spark/test_writers.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

import fake_lake
from byte_search import places
from delible.lake import conflicts, erase, purge
from delible.lake.conflicts import Patience
from delible.model.plan import ErasurePlan, PlannedRequest, Stage, TableStep
from delible.model.subject import own_keys
from delible.model.terms import RequestState
from delible.store.plans import seal
from delible.store.workspace import Workspace
from delible.workflows import removal
from delible.workflows.audit import verify_ledger
from delible.workflows.control import Control
from delible.workflows.erasure import Erased, apply_erasure
from delible.workflows.search import Searched
from delta_rows import delta_rows
from small_shop import LOWEST, NOW, PEOPLE, POLICIES, approved, customers, email, make_workspace, phone, tickets

S = RequestState
LATER = NOW + timedelta(hours=2)
MOVED, STREAMED, UPDATED = 777, 10_000, 5
FILES = {
    **POLICIES,
    "tables/tickets.yaml": POLICIES["tables/tickets.yaml"].partition("  body:")[0] + "readers: exclusive\n",
}


@dataclass
class Shop:
    workspace: Workspace
    request: str

    def at(self, table: str) -> str:
        return str(self.workspace.root / "warehouse" / table)

    def ids(self, table: str, column: str) -> list[int]:
        return sorted(row[column] for row in delta_rows(self.at(table)))

    def account(self, number: int, like: int = LOWEST) -> None:
        old = customers().slice(like - 1, 1)
        write_deltalake(
            self.at("customers"), old.set_column(0, "customer_id", pa.array([number], pa.int64())), mode="append"
        )

    def ticket(self, number: int, customer: int = LOWEST) -> None:
        row = pa.table({"ticket_id": pa.array([number]), "customer_id": pa.array([customer])})
        write_deltalake(self.at("tickets"), row, mode="append")

    def planned(self) -> tuple[ErasurePlan, Searched]:
        control = Control(self.workspace)
        found = fake_lake.find_people(None, control, own_keys(control.requests.vault.get([self.request])))
        steps = tuple(
            TableStep(
                table=name,
                location=location,
                version=found.versions[name],
                action=control.policies.tables[name].erasure.action,
                rows=found.due[name].rows,
                files=1,
                bytes=1,
                stages=(Stage.MERGE, Stage.PURGE, Stage.VACUUM, Stage.EXPIRE_LOG, Stage.VERIFY),
                wait_hours=0,
            )
            for name, location in control.locations().items()
        )
        rows = dict(found.found.rows_of[self.request])
        plan = ErasurePlan(
            id="E-20260131-00000001",
            created=NOW,
            policy_fingerprint=control.policies.fingerprint,
            immediate=True,
            requests=(PlannedRequest(id=self.request, due="2026-12-31", matched=True, rows=rows),),
            seen=dict(found.versions),
            tables=steps,
        )
        return seal(plan, control.keys), found

    def applied(self, plan: ErasurePlan, found: Searched, now: datetime = NOW, say: list[str] | None = None) -> Erased:
        told = [] if say is None else say
        return apply_erasure(self.workspace, plan, actor="tests", now=now, searched=found, progress=told.append)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    fake_lake.install(monkeypatch.setattr)
    monkeypatch.setattr(conflicts, "PATIENCE", Patience(40, 0.05, 1))
    workspace = make_workspace(tmp_path / "shop", FILES)
    for name, rows in (("customers", customers()), ("tickets", tickets().drop(["body"]))):
        write_deltalake(str(workspace.root / "warehouse" / name), rows)
    [request] = approved(workspace, tmp_path, {"email": email(LOWEST)})
    return Shop(workspace, request)


@contextmanager
def before(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, what: Callable[[], None]) -> Iterator[None]:
    """Let something happen just before the first call of a function."""
    inner, left = getattr(owner, name), [what]

    def outer(*args: Any, **kwargs: Any) -> Any:
        if left:
            left.pop()()
        return inner(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, outer)
        yield
    assert not left


def test_what_arrives_between_the_stages_goes_with_the_rest(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def between_find_and_merge() -> None:
        shop.account(MOVED)
        shop.ticket(5001, MOVED)
        shop.ticket(5002)

    def between_merge_and_purge() -> None:
        DeltaTable(shop.at("customers")).optimize.compact()
        shop.ticket(5003)

    plan, found = shop.planned()
    with (
        before(monkeypatch, erase, "erase_rows", between_find_and_merge),
        before(monkeypatch, purge, "purge_deletion_vectors", between_merge_and_purge),
    ):
        first = shop.applied(plan, found)
    assert [r.state for r in first.requests] == [S.WAITING_RETENTION_WINDOW]
    assert shop.ids("customers", "customer_id") == list(range(2, PEOPLE + 1))
    assert not {LOWEST, MOVED}.intersection(shop.ids("tickets", "customer_id"))
    monkeypatch.setattr(removal, "WRITERS_HOURS", 0)
    done = shop.applied(plan, found, LATER)
    assert [r.state for r in done.requests] == [S.COMPLETED]
    texts, keys = [email(LOWEST), phone(LOWEST)], {"customer_id": {LOWEST, MOVED}}
    assert places(shop.workspace.root, texts=texts, keys=keys) == []
    assert verify_ledger(shop.workspace).intact


@dataclass
class Writer:
    """A thread that writes again and again, and remembers what was acknowledged."""

    work: Callable[[int], None]
    done: list[int] = field(default_factory=list)
    refused: int = 0
    failed: list[BaseException] = field(default_factory=list)

    def run(self, over: threading.Event) -> None:
        number = 0
        while not over.wait(0.1):
            number += 1
            try:
                self.work(number)
                self.done.append(number)
            except CommitFailedError:
                self.refused += 1
            except Exception as error:
                self.failed.append(error)


def test_writers_at_work_lose_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def update(number: int) -> None:
        table = DeltaTable(shop.at("customers"))
        table.update(updates={"phone": f"'{number}'"}, predicate=f"customer_id = {UPDATED}")

    appending = Writer(lambda n: shop.account(STREAMED + n, like=2))
    moving = Writer(lambda _: DeltaTable(shop.at("customers")).optimize.compact())
    updating = Writer(update)
    writers = (appending, moving, updating)
    plan, found = shop.planned()
    over = threading.Event()
    threads = [threading.Thread(target=writer.run, args=(over,)) for writer in writers]
    for thread in threads:
        thread.start()
    said: list[str] = []
    try:
        first = shop.applied(plan, found, say=said)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert [each for writer in writers for each in writer.failed] == []
    assert [r.state for r in first.requests] == [S.WAITING_RETENTION_WINDOW]
    monkeypatch.setattr(removal, "WRITERS_HOURS", 0)
    done = shop.applied(plan, found, LATER)
    assert [r.state for r in done.requests] == [S.COMPLETED]
    assert appending.done
    assert updating.done
    rows = {row["customer_id"]: row["phone"] for row in delta_rows(shop.at("customers"))}
    assert shop.ids("customers", "customer_id") == [*range(2, PEOPLE + 1), *(STREAMED + n for n in appending.done)]
    assert rows[UPDATED] == str(updating.done[-1])
    assert places(shop.workspace.root, texts=[email(LOWEST)], keys={"customer_id": {LOWEST}}) == []
