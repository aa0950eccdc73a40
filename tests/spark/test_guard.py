"""Erased people whose rows come back: found by reference, erased again by policy, and nobody else with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from byte_search import places
from delible.cli import main
from delible.errors import BlockedError, InputError
from delible.model.terms import RequestState
from delible.store.requests import Requests
from delible.workflows.audit import verify_ledger
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.fulfilment import fulfil_requests
from delible.workflows.guard import Guarded, guard_tables
from delible.workflows.scanning import Extent
from delible.workflows.tagging import scan_tables
from delta_rows import delta_rows
from small_shop import (
    CONTROLLER,
    NOW,
    POLICIES,
    approved,
    customers,
    email,
    make_workspace,
    phone,
    tickets,
    write_tables,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.store.workspace import Workspace

pytestmark = [pytest.mark.spark, pytest.mark.slow]

REPLAYED, STARTED_ANEW, READER = 1, 7, 9
NEW_ACCOUNT, LATE_ACCOUNT = 999, 998
NEWS = """\
table: news
path: warehouse/news
description: Newsletter.
purposes: [support]
subject:
  - {column: email, identifies: email}
columns:
  email: {category: user.contact.email, searched: true}
readers: exclusive
"""
CARRIER = """\
recipient: carrier
description: Delivers.
contact: x@carrier.example
notify: {by: outbox}
"""
MAILER = CARRIER.replace("carrier", "mailer")
FILES = {
    **POLICIES,
    "controller.yaml": CONTROLLER + "returned: erase\n",
    "tables/customers.yaml": POLICIES["tables/customers.yaml"] + "recipients: [carrier]\n",
    "tables/news.yaml": NEWS + "recipients: [mailer]\n",
    "recipients/carrier.yaml": CARRIER,
    "recipients/mailer.yaml": MAILER,
}


@dataclass(frozen=True)
class Shop:
    workspace: Workspace
    spark: SparkSession
    erased: dict[int, str]

    def guard(self, *names: str, erase: bool = False) -> Guarded:
        return guard_tables(self.workspace, names, actor="tests", now=NOW, erase=erase)

    def add(self, table: str, rows: pa.Table) -> None:
        frame = self.spark.createDataFrame(rows)
        frame.write.format("delta").mode("append").save(str(self.workspace.root / "warehouse" / table))

    def account(self, number: int, like: int) -> pa.Table:
        old = customers().filter(pa.compute.equal(customers()["customer_id"], like))
        return old.set_column(0, "customer_id", pa.array([number], pa.int64()))

    def ids(self) -> set[int]:
        path = str(self.workspace.root / "warehouse" / "customers")
        return {row["customer_id"] for row in delta_rows(path)}


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("guard")
    workspace = make_workspace(folder / "shop", FILES)
    write_tables(spark, workspace)
    news = pa.table({"email": [email(READER), email(2)]})
    spark.createDataFrame(news).write.format("delta").save(str(workspace.root / "warehouse" / "news"))
    people = (REPLAYED, STARTED_ANEW, READER)
    made = approved(workspace, folder, *({"customer_id": n} for n in people))
    planned = plan_due_erasures(workspace, now=NOW, immediate=True)
    apply_erasure(workspace, planned.plan, actor="tests", now=NOW, searched=planned.searched)
    return Shop(workspace, spark, dict(zip(people, made, strict=True)))


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_each_recipient_is_told_of_those_only_whom_its_tables_held(shop: Shop) -> None:
    notices = Control(shop.workspace).notices.all()
    assert {(x.recipient, x.request) for x in notices} == {
        *(("carrier", request) for request in shop.erased.values()),
        ("mailer", shop.erased[READER]),
    }
    assert {x.state.value for x in notices} == {"queued"}


def test_nobody_has_come_back(shop: Shop) -> None:
    found = shop.guard()
    assert [t.table for t in found.tables] == ["customers", "news", "tickets"]
    assert found.people == frozenset()
    assert found.failure is None


def test_a_table_that_nobody_describes(shop: Shop) -> None:
    with pytest.raises(InputError, match="no policy describes"):
        shop.guard("custmers")


def test_who_comes_back_is_found_and_only_what_was_erased_is_erased_again(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    old = customers()
    shop.add("customers", old.filter(pa.compute.equal(old["customer_id"], REPLAYED)))
    own = tickets().filter(pa.compute.equal(tickets()["customer_id"], REPLAYED))
    shop.add("tickets", own)
    shop.add("customers", shop.account(NEW_ACCOUNT, STARTED_ANEW))
    everybody = shop.ids()

    capsys.readouterr()
    words = ["guard", "--report-only", "--workspace", str(shop.workspace.root), "--json"]
    assert main.main(words) == 3
    said = capsys.readouterr()
    answer: dict[str, Any] = json.loads(said.out)
    assert answer["tables"] == [
        {"table": "customers", "rows": 2, "people": 2},
        {"table": "news", "rows": 0, "people": 0},
        {"table": "tickets", "rows": 2, "people": 1},
    ]
    assert (answer["people"], answer["requests"], answer["errors"][0]["code"]) == (2, [], "guard.returned")
    assert not any(word in said.out + said.err for word in (email(REPLAYED), email(STARTED_ANEW), "7946"))

    scanned = scan_tables(shop.workspace, ["tickets"], extent=Extent(values=10), actor="tests", now=NOW)
    assert scanned.returned == {"tickets": 2}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Requests, "approve_all", killed)
        with pytest.raises(KeyboardInterrupt):
            shop.guard("tickets", erase=True)
    found = shop.guard("tickets", erase=True)
    assert [(r.state, r.again) for r in found.requests] == [(RequestState.SCHEDULED, shop.erased[REPLAYED])]
    found = shop.guard(erase=True)
    assert found.requests == (), "the erasure is asked for already"
    assert [(p.code, p.where) for p in found.ask] == [("guard.new_identifiers", f"request:{shop.erased[STARTED_ANEW]}")]
    assert email(REPLAYED) not in str(Control(shop.workspace).requests.all())

    fulfilled = fulfil_requests(shop.workspace, immediate=True, actor="tests", now=NOW)
    assert {r.state for r in fulfilled.requests} == {RequestState.COMPLETED}
    assert shop.ids() == everybody - {REPLAYED}
    assert places(shop.workspace.root, texts=[email(REPLAYED), phone(REPLAYED)], keys={"customer_id": {REPLAYED}}) == []
    assert Control(shop.workspace).requests.vault.requests() == {}
    assert {t.table: t.rows for t in shop.guard().tables} == {"customers": 1, "news": 0, "tickets": 0}
    assert verify_ledger(shop.workspace).intact


def test_what_arrives_between_guard_and_plan_is_not_erased_with_it(shop: Shop) -> None:
    shop.add("news", pa.table({"email": [email(READER)]}))
    [request] = shop.guard("news", erase=True).requests
    shop.add("customers", shop.account(LATE_ACCOUNT, READER))
    with pytest.raises(BlockedError) as raised:
        plan_due_erasures(shop.workspace, now=NOW, request_ids=[request.id], immediate=True)
    assert [p.code for p in raised.value.problems] == ["request.new_identifiers"]
    assert LATE_ACCOUNT in shop.ids()


def test_a_row_that_an_exception_keeps_is_no_return(spark: SparkSession, tmp_path: Path) -> None:
    kept = POLICIES["tables/tickets.yaml"].partition("erasure:")[0]
    kept += "erasure: {action: keep, reason: Art. 17(3)(b)}\nreaders: exclusive\n"
    workspace = make_workspace(tmp_path / "shop", {**POLICIES, "tables/tickets.yaml": kept})
    write_tables(spark, workspace)
    control = Control(workspace)
    how = control.policies.controller.identifiers["customer_id"].normalise
    control.suppression.add([control.keys.ref("customer_id", "3", how)], "R-20260131-ABC234", NOW)
    found = guard_tables(workspace, (), actor="tests", now=NOW)
    assert {t.table: t.rows for t in found.tables} == {"customers": 1}
    assert found.requests == (), "the policy only reports"
