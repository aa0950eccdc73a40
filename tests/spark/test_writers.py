"""Others write to the tables while an erasure runs: no write of theirs is lost, no row of an erased person stays."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from byte_search import places
from delible.cli.main import main
from delible.errors import ResidueError, StalePlanError
from delible.lake import erase, purge
from delible.lake.conflicts import is_conflict
from delible.model.terms import RequestState
from delible.workflows import removal
from delible.workflows.audit import verify_ledger
from delible.workflows.control import Control
from delible.workflows.erasure import Erased, apply_erasure
from delible.workflows.erasure_plan import Planned, plan_due_erasures
from delible.workflows.fulfilment import fulfil_requests
from delible.workflows.guard import guard_tables
from delible.workflows.plans import save_plan
from delta_rows import delta_rows
from small_shop import HIGHEST, LOWEST, NOW, PEOPLE, approved, customers, email, make_workspace, phone, write_tables
from writers import Writer, before, writing

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.store.workspace import Workspace

pytestmark = [pytest.mark.spark, pytest.mark.slow]

GONE = [email(LOWEST), phone(LOWEST)]
GUEST = "guest@mail.example"
LATER = NOW + timedelta(hours=2)
STREAMED, MERGED, MOVED = 10_000, 500_000, 777


@dataclass
class Shop:
    workspace: Workspace
    spark: SparkSession

    def at(self, table: str) -> str:
        return str(self.workspace.root / "warehouse" / table)

    def sql(self, text: str) -> None:
        self.spark.newSession().sql(text)

    def append(self, table: str, rows: pa.Table) -> None:
        self.spark.newSession().createDataFrame(rows).write.format("delta").mode("append").save(self.at(table))

    def ticket(self, number: int, customer: int = LOWEST) -> None:
        """Write a ticket, as a queue that is behind would."""
        row = {"ticket_id": [number], "customer_id": [customer], "body": [f"My address is {email(LOWEST)}."]}
        self.append("tickets", pa.table(row))

    def account(self, number: int | None, **other: str | None) -> None:
        """Write an account like that of the first customer but for its number, and what else is said."""
        [old] = customers().filter(pa.compute.equal(customers()["customer_id"], LOWEST)).to_pylist()
        self.append("customers", pa.Table.from_pylist([{**old, "customer_id": number, **other}], customers().schema))

    def planned(self) -> Planned:
        return plan_due_erasures(self.workspace, now=NOW, immediate=True)

    def applied(
        self, planned: Planned, progress: Callable[[str], None] = lambda _: None, now: datetime = NOW
    ) -> Erased:
        found = planned.searched
        return apply_erasure(self.workspace, planned.plan, actor="tests", now=now, searched=found, progress=progress)

    def ids(self, table: str, column: str) -> set[int]:
        return {row[column] for row in delta_rows(self.at(table))}

    def steps(self, plan: str) -> list[tuple[str, str, str]]:
        records = Control(self.workspace).ledger.records(object_prefix=f"plan:{plan}/")
        return [(r.object.partition("/")[2], r.action, r.outcome) for r in records]


@pytest.fixture
def shop(spark: SparkSession, tmp_path: Path) -> Shop:
    workspace = make_workspace(tmp_path / "shop")
    write_tables(spark, workspace)
    approved(workspace, tmp_path, {"email": email(LOWEST)}, {"customer_id": HIGHEST})
    return Shop(workspace, spark)


def test_what_arrives_between_the_stages_goes_with_the_rest(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also under a new key that only a row says which the MERGE has taken; and the files are moved meanwhile."""
    shop.account(None, email=GUEST, phone=None)
    approved(shop.workspace, shop.workspace.root.parent, {"email": GUEST})
    planned = shop.planned()
    before_tickets = shop.ids("tickets", "ticket_id")

    def between_find_and_merge() -> None:
        shop.account(MOVED, email=GUEST, phone=None)
        shop.ticket(5001, MOVED)
        shop.ticket(5002)

    def between_merge_and_purge() -> None:
        shop.sql(f"OPTIMIZE delta.`{shop.at('customers')}`")
        shop.ticket(5003)

    with (
        before(monkeypatch, erase, "erase_rows", between_find_and_merge),
        before(monkeypatch, purge, "purge_deletion_vectors", between_merge_and_purge),
    ):
        first = shop.applied(planned)
    assert [r.state for r in first.requests] == [RequestState.WAITING_RETENTION_WINDOW] * 3
    monkeypatch.setattr(removal, "WRITERS_HOURS", 0)  # Delta goes by the real times of files
    done = shop.applied(planned, now=LATER)
    assert [r.state for r in done.requests] == [RequestState.COMPLETED] * 3
    assert shop.ids("customers", "customer_id") == set(range(1, PEOPLE + 1)) - {LOWEST, HIGHEST}
    tickets = delta_rows(shop.at("tickets"))
    assert {row["ticket_id"] for row in tickets} == before_tickets | {5001, 5002, 5003}
    late = [(row["customer_id"], row["body"]) for row in tickets if row["ticket_id"] > 5000]
    assert [body for _, body in late] == [None] * 3
    assert {LOWEST, MOVED}.isdisjoint(customer for customer, _ in late)
    assert places(shop.workspace.root, texts=[*GONE, GUEST], keys={"customer_id": {LOWEST, HIGHEST, MOVED}}) == []
    assert ("table:tickets/late-1", "erasure.late", "done") in shop.steps(planned.plan.id)
    assert {t.step.table: t.rows for t in done.tables}["tickets"] == 4 + 3
    assert verify_ledger(shop.workspace).intact


def test_an_account_of_another_number_that_arrives_with_the_same_address_stays_and_is_told(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Had it stood there before, the address would have been shared: nobody guesses whose account it is."""
    planned = shop.planned()
    with before(monkeypatch, erase, "erase_rows", lambda: shop.account(MOVED, phone=None)):
        shop.applied(planned)
    monkeypatch.setattr(removal, "WRITERS_HOURS", 0)  # Delta goes by the real times of files
    with pytest.raises(ResidueError) as raised:
        shop.applied(planned, now=LATER)
    assert raised.value.exit_code == 4
    assert shop.ids("customers", "customer_id") == {*range(1, PEOPLE + 1), MOVED} - {LOWEST, HIGHEST}
    assert email(LOWEST) not in str(raised.value)


def test_what_arrives_after_that_is_found_by_the_byte_search_and_later_by_guard(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = shop.planned()
    with (
        before(monkeypatch, purge, "vacuum", lambda: shop.account(LOWEST)),
        pytest.raises(ResidueError) as raised,
    ):
        shop.applied(planned)
    assert raised.value.exit_code == 4
    done = fulfil_requests(shop.workspace, immediate=True, actor="tests", now=NOW)
    assert (done.failure, {r.state for r in done.requests}) == (None, {RequestState.COMPLETED})
    assert places(shop.workspace.root, texts=GONE, keys={"customer_id": {LOWEST}}) == []
    shop.account(LOWEST)
    found = guard_tables(shop.workspace, (), actor="tests", now=NOW, erase=False)
    assert {t.table: t.rows for t in found.tables} == {"customers": 1, "tickets": 0}


def test_moved_bytes_leave_a_plan_as_good_as_it_was_and_other_columns_do_not(shop: Shop) -> None:
    plan = shop.workspace.root.parent / "plan.json"
    save_plan(shop.planned().plan, plan)
    words = ["erasure", "apply", str(plan), "--workspace", str(shop.workspace.root)]
    shop.sql(f"OPTIMIZE delta.`{shop.at('tickets')}`")
    shop.sql(f"ALTER TABLE delta.`{shop.at('customers')}` ADD COLUMN extra STRING")
    assert main(words) == 3
    assert shop.ids("customers", "customer_id") == set(range(1, PEOPLE + 1))
    save_plan(shop.planned().plan, plan)
    shop.sql(f"OPTIMIZE delta.`{shop.at('customers')}`")
    shop.sql(f"ALTER TABLE delta.`{shop.at('tickets')}` SET TBLPROPERTIES ('delta.checkpointInterval' = '9')")
    assert main(words) == 0
    assert shop.ids("customers", "customer_id") == set(range(1, PEOPLE + 1)) - {LOWEST, HIGHEST}


def test_other_columns_stop_a_table_just_before_it_is_rewritten(shop: Shop) -> None:
    def change(said: str) -> None:
        if said.startswith("customers: rewriting"):
            shop.sql(f"ALTER TABLE delta.`{shop.at('customers')}` ADD COLUMN extra STRING")

    before_customers = shop.ids("customers", "customer_id")
    with pytest.raises(StalePlanError):
        shop.applied(shop.planned(), change)
    assert shop.ids("customers", "customer_id") == before_customers
    done = fulfil_requests(shop.workspace, immediate=True, actor="tests", now=NOW)
    assert (done.failure, {r.state for r in done.requests}) == (None, {RequestState.COMPLETED})


@pytest.mark.matrix
def test_a_stream_an_optimize_and_a_merge_lose_nothing(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, spark = shop.at("customers"), shop.spark.newSession()
    begun = time.monotonic()
    shop.sql(f"OPTIMIZE delta.`{table}`")
    # In open-source Delta a MERGE conflicts with every append: it needs some gaps that are longer than it takes.
    pace = max(1, round(6 * (time.monotonic() - begun)))
    # Each session has settings of its own; a stream takes those of when it starts.
    source = spark.readStream.format("rate").option("rowsPerSecond", 20).load()
    rows = source.select(
        (F.col("value") + STREAMED).alias("customer_id"),
        F.concat(F.lit("s"), "value", F.lit("@stream.example")).alias("email"),
        F.concat(F.lit("+44 30 "), "value").alias("phone"),
        F.col("timestamp").alias("made_at"),
    )

    def merge(number: int) -> None:
        shop.spark.newSession().sql(
            f"MERGE INTO delta.`{table}` t USING (SELECT {MERGED + number} AS id UNION ALL SELECT 5) s "
            "ON t.customer_id = s.id WHEN MATCHED THEN UPDATE SET made_at = now() WHEN NOT MATCHED THEN INSERT "
            "(customer_id, email, phone, made_at) VALUES (s.id, concat('m', s.id, '@merge.example'), '', now())"
        )

    merging = Writer(merge, is_conflict, pause=1, rest=10)
    optimizing = Writer(lambda _: shop.sql(f"OPTIMIZE delta.`{table}`"), is_conflict, pause=1, rest=10)
    query = (
        rows.writeStream.format("delta")
        .option("checkpointLocation", str(tmp_path / "checkpoint"))
        .trigger(processingTime=f"{pace} seconds")
        .start(table)
    )
    said: list[str] = []
    try:
        with writing(merging, optimizing):
            done = fulfil_requests(shop.workspace, immediate=True, actor="tests", now=NOW, progress=said.append)
    finally:
        assert query.exception() is None
        query.stop()
    assert (merging.failed, optimizing.failed) == ([], [])
    assert (done.failure, {r.state for r in done.requests}) == (None, {RequestState.WAITING_RETENTION_WINDOW}), said
    monkeypatch.setattr(removal, "WRITERS_HOURS", 0)
    done = fulfil_requests(shop.workspace, immediate=True, actor="tests", now=LATER)
    assert (done.failure, {r.state for r in done.requests}) == (None, {RequestState.COMPLETED})
    ids = [row["customer_id"] for row in delta_rows(table)]
    assert len(ids) == len(set(ids)), "nothing is there twice"
    streamed = sorted(i for i in ids if STREAMED <= i < MERGED)
    assert streamed == list(range(STREAMED, STREAMED + len(streamed)))
    assert streamed, "the stream wrote"
    assert merging.done, "the MERGE was let through"
    assert {MERGED + number for number in merging.done} == {i for i in ids if i >= MERGED}
    assert {i for i in ids if i < STREAMED} == set(range(1, PEOPLE + 1)) - {LOWEST, HIGHEST}
    assert places(shop.workspace.root, texts=GONE, keys={"customer_id": {LOWEST, HIGHEST}}) == []
