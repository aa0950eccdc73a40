"""Restriction (Art. 18): rows stay stored, and no read of the toolkit returns them, until it is lifted with notice."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from delible.errors import BlockedError
from delible.model.restriction import RestrictionGround
from delible.model.terms import Regime, RequestState, Right
from delible.store.workspace import Workspace, open_workspace
from delible.workflows.control import Control
from delible.workflows.dataset import build_dataset
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.fulfilment import fulfil_requests
from delible.workflows.policy_diff import compare_policies
from delible.workflows.requests import approve_request, submit_requests
from delible.workflows.restriction import Restricted, lift_restriction
from delible.workflows.retention_plan import plan_due_retention
from delible.workflows.tagging import scan_tables
from delta_rows import delta_rows
from small_shop import NOW, PEOPLE, POLICIES, approved, email, make_workspace, people_file, write_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.slow]

WHO, OTHER = 12, 3
CHATS = """\
table: chats
path: warehouse/chats
description: Messages.
purposes: [support]
subject:
  - {column: sender, identifies: customer_id}
  - {column: receiver, identifies: customer_id}
columns:
  sender: user.unique_id
  receiver: user.unique_id
  body: {category: user.content.private, free_text: true}
erasure: {action: keep, reason: Both ends of a conversation may keep it.}
"""
RECIPE = """\
dataset: answers
source: tickets
purpose: support
description: Tickets.
columns: {ticket_id: keep, customer_id: drop, body: drop}
"""
RETENTION = "retention: a_year\ntable: customers\nclock: made_at\nkeep: {}\nreason: Law.\n"
SECRET = "the restricted parcel"


@dataclass(frozen=True)
class Shop:
    workspace: Workspace
    folder: Path
    request: str


def right(shop: Workspace, folder: Path, asked: Right, who: int, **how: object) -> str:
    """Submit and approve a request."""
    file = people_file(folder, {"customer_id": who})
    [made] = submit_requests(
        shop,
        right=asked,
        regime=Regime.GDPR,
        identifiers=str(file),
        actor="desk",
        now=NOW,
        **how,  # type: ignore[arg-type]
    )
    file.unlink()
    approve_request(shop, made.id, actor="officer", now=NOW)
    return made.id


@pytest.fixture(scope="module")
def template(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("restricted")
    policies = {
        **POLICIES,
        "tables/chats.yaml": CHATS,
        "datasets/answers.yaml": RECIPE,
        "retention/a_year.yaml": RETENTION.format("P1Y"),
    }
    workspace = make_workspace(folder / "shop", policies)
    write_tables(spark, workspace)
    messages = [(OTHER, WHO, SECRET), (OTHER, 5, "hello"), (WHO, 6, SECRET)]
    rows = [{"sender": a, "receiver": b, "body": c} for a, b, c in messages]
    spark.createDataFrame(pa.Table.from_pylist(rows)).write.format("delta").save(f"{workspace.root}/warehouse/chats")
    request = right(workspace, folder, Right.RESTRICTION, WHO, restriction=RestrictionGround.UNLAWFUL_PROCESSING)
    fulfil_requests(workspace, actor="job", now=NOW)
    return Shop(workspace, folder, request)


@pytest.fixture
def shop(template: Shop, tmp_path: Path) -> Shop:
    shutil.copytree(template.workspace.root, tmp_path / "shop", copy_function=shutil.copy)
    return Shop(open_workspace(tmp_path / "shop"), tmp_path, template.request)


def scanned(shop: Shop) -> bool:
    found = scan_tables(shop.workspace, ["customers"], anew=True, actor="scan", now=NOW)
    return next(f.sampled for f in found.findings if f.column == "email") == PEOPLE


def released(shop: Shop) -> bool:
    manifest = build_dataset(shop.workspace, "answers", actor="job", now=NOW).manifest
    folder = shop.workspace.path(manifest.path)
    tickets = {n for f in folder.rglob("data/**/*.parquet") for n in pq.read_table(f)["ticket_id"].to_pylist()}
    assert tickets
    return not tickets.isdisjoint({900 + WHO, 900 + WHO + PEOPLE})


def accessed(shop: Shop) -> bool:
    """Return whether somebody else's access package holds a message that the restricted person is in, too."""
    request = right(shop.workspace, shop.folder, Right.ACCESS, OTHER)
    folder = fulfil_requests(shop.workspace, [request], actor="job", now=NOW).packages[request]
    text = "".join(p.read_text() for p in folder.rglob("*") if p.is_file())
    assert "hello" in text
    return SECRET in text


def retained(shop: Shop) -> bool:
    [step] = [s for s in plan_due_retention(shop.workspace, now=NOW).tables if s.rule == "a_year"]
    assert step.rows
    return step.held_rows == 0


def compared(shop: Shop) -> bool:
    """Return whether a change of policies is said to treat the restricted person's row, too."""
    old, new = shop.workspace.root / "policies", shop.folder / "new"
    shutil.copytree(old, new, dirs_exist_ok=True)
    (new / "retention" / "a_year.yaml").write_text(RETENTION.format("P20Y"))
    [table] = compare_policies(shop.workspace, old, new, now=NOW).tables
    past = sum(40 * n > 366 for n in range(1, PEOPLE + 1))
    assert table.kept in (past - 1, past)
    return table.kept == past


READS: dict[str, Callable[[Shop], bool]] = {
    "tags scan": scanned,
    "dataset build": released,
    "access of somebody else": accessed,
    "retention plan": retained,
    "policy diff": compared,
}


def test_no_read_returns_a_restricted_row_and_each_would_without_its_filter(
    shop: Shop, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [name for name, shows in READS.items() if shows(shop)] == []
    stored = delta_rows(shop.workspace.root / "warehouse" / "customers", f"customer_id = {WHO}")
    assert stored[0]["email"] == email(WHO)
    monkeypatch.setattr(Restricted, "without", lambda _self, _table, rows: rows)
    monkeypatch.setattr("delible.workflows.held.restricts", lambda _: False)
    monkeypatch.setattr("delible.workflows.consent.stands_against", lambda *_: None)
    assert [name for name, shows in READS.items() if shows(shop)] == list(READS)


def test_the_persons_own_rights_go_on_but_for_the_erasure_that_they_opposed(shop: Shop) -> None:
    request = right(shop.workspace, shop.folder, Right.ACCESS, WHO)
    folder = fulfil_requests(shop.workspace, [request], actor="job", now=NOW).packages[request]
    rows = [r for p in folder.rglob("customers*.csv") for r in csv.DictReader(p.open(encoding="utf-8-sig"))]
    assert [r["email"] for r in rows] == [email(WHO)]
    [erasure] = approved(shop.workspace, shop.folder, {"customer_id": WHO})
    with pytest.raises(BlockedError) as refused:
        plan_due_erasures(shop.workspace, now=NOW, request_ids=[erasure])
    assert refused.value.code == "request.opposed"
    with pytest.raises(BlockedError) as early:
        lift_restriction(shop.workspace, shop.request, reason=None, informed=True, actor="officer", now=NOW)
    assert early.value.code == "request.not_told"
    told = lift_restriction(shop.workspace, shop.request, reason="It is lawful.", informed=False, actor="o", now=NOW)
    assert told.letter is not None
    assert "GDPR Art. 18(3)" in told.letter.read_text()
    assert not scanned(shop)
    lift_restriction(shop.workspace, shop.request, reason=None, informed=True, actor="officer", now=NOW)
    assert scanned(shop)
    assert plan_due_erasures(shop.workspace, now=NOW, request_ids=[erasure]).plan.requests[0].rows["customers"] == 1


def test_carrying_it_out_makes_all_identifiers_known_and_says_by_which_links(shop: Shop) -> None:
    request = Control(shop.workspace).requests.get(shop.request)
    assert request.state is RequestState.COMPLETED
    assert len(request.refs) == 3
    assert [(p.kind, p.steps) for p in request.evidence] == [
        ("customer_id", ()),
        ("email", ("customers.customer_id = … → customers.email",)),
        ("phone", ("customers.customer_id = … → customers.phone",)),
    ]
