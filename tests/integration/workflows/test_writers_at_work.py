"""Others write while an erasure runs, over a lake without a JVM: nothing is lost, and no row of an erased person stays.

The same with Spark's own writers: `tests/spark/test_writers.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from delta.exceptions import ConcurrentAppendException
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

import fake_lake
from byte_search import places
from delible.errors import ConflictError
from delible.lake import conflicts, erase, purge
from delible.lake.conflicts import Patience
from delible.model.plan import ErasurePlan
from delible.model.terms import RequestState
from delible.store.workspace import Workspace
from delible.workflows import removal
from delible.workflows.audit import verify_ledger
from delible.workflows.control import Control
from delible.workflows.erasure import Erased, apply_erasure
from delible.workflows.search import Searched
from delta_rows import delta_rows
from small_shop import LOWEST, NOW, PEOPLE, POLICIES, approved, customers, email, make_workspace, phone, tickets
from writers import Writer, before, writing

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
        return fake_lake.planned(Control(self.workspace), [self.request])

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


def test_giving_up_is_a_state_that_the_ledger_has_and_the_next_run_goes_on_from(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(conflicts, "PATIENCE", Patience(3, 0.1, 1, pauses.append))

    def others_come_first(*_: object, **__: object) -> None:
        raise ConcurrentAppendException(f"{email(LOWEST)} was added")

    plan, found = shop.planned()
    with monkeypatch.context() as patch:
        patch.setattr(erase, "erase_rows", others_come_first)
        with pytest.raises(ConflictError) as raised:
            shop.applied(plan, found)
    assert (raised.value.code, raised.value.exit_code, len(pauses) % 2) == ("table.busy", 1, 0)
    assert email(LOWEST) not in str(raised.value)
    records = Control(shop.workspace).ledger.records(object_prefix=f"plan:{plan.id}/")
    assert ("erasure.merge", "waiting") in {(r.action, r.outcome) for r in records if "customers" in r.object}
    assert shop.ids("customers", "customer_id") == list(range(1, PEOPLE + 1))
    done = shop.applied(plan, found)
    assert [r.state for r in done.requests] == [S.COMPLETED]


def writer(work: Callable[[int], None]) -> Writer:
    return Writer(work, lambda error: isinstance(error, CommitFailedError), pause=0.1)


def test_writers_at_work_lose_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def update(number: int) -> None:
        table = DeltaTable(shop.at("customers"))
        table.update(updates={"phone": f"'{number}'"}, predicate=f"customer_id = {UPDATED}")

    appending = writer(lambda n: shop.account(STREAMED + n, like=2))
    moving = writer(lambda _: DeltaTable(shop.at("customers")).optimize.compact())
    updating = writer(update)
    writers = (appending, moving, updating)
    plan, found = shop.planned()
    said: list[str] = []
    with writing(*writers):
        first = shop.applied(plan, found, say=said)
    assert [each for one in writers for each in one.failed] == []
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
