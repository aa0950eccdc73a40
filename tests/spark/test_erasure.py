"""The whole erasure on the whole demo company, in a process of its own with Spark's event log in the workspace."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable

from byte_search import places
from delible.lake.company import make_company
from delible.store.workspace import open_workspace
from delible.workflows.audit import export_ledger, verify_ledger
from delible.workflows.init import init_workspace
from delible.workflows.requests import show_request
from delta_rows import delta_rows
from small_shop import NOW, SHORT_RUN, approved, set_spark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.store.workspace import Workspace

pytestmark = [pytest.mark.spark, pytest.mark.slow]

POLICIES = Path(__file__).parents[2] / "policies" / "shop"
PEOPLE = 200
FIRST, SECOND = 17, 23
DUE = {FIRST, SECOND}
SHARED_CARDS, OWN_CARD = {700_000 + FIRST, 700_024}, 700_000 + SECOND
COMMANDS = """
import sys
from delible.cli.main import main
for words in (["erasure", "plan", "--immediate", "--out", "plan.json"], ["erasure", "apply", "plan.json"],
              ["report", "audit"]):
    code = main(words)
    if code:
        sys.exit(code)
"""
PROPERTIES = {
    "customers": {"delta.checkpointInterval": "7"},
    "orders": {"delta.logRetentionDuration": "interval 9 days"},
}

Rows = Counter[tuple[Any, ...]]


@dataclass(frozen=True)
class Erased:
    """One erasure that all tests of this file look at."""

    workspace: Workspace
    requests: list[str]
    before: dict[str, list[dict[str, Any]]]
    after: dict[str, list[dict[str, Any]]]
    found_before: list[str]
    said: str
    texts: list[str]
    keys: dict[str, set[object]]


@pytest.fixture(scope="module")
def erased(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Erased:
    folder = tmp_path_factory.mktemp("erasure")
    root = folder / "shop"
    init_workspace(root, actor="tests", now=NOW)
    shutil.copytree(POLICIES, root / "policies", dirs_exist_ok=True)
    (root / "events").mkdir()
    set_spark(
        root,
        {**SHORT_RUN, "spark.eventLog.enabled": "true", "spark.eventLog.dir": f"file://{root / 'events'}"},
    )
    workspace = open_workspace(root)
    make_company(spark, root / "warehouse", people=PEOPLE, now=NOW)
    for table, own in PROPERTIES.items():
        for key, value in own.items():
            spark.sql(f"ALTER TABLE delta.`{root}/warehouse/{table}` SET TBLPROPERTIES ('{key}' = '{value}')")
    before = contents(root)
    people = {row["customer_id"]: row for row in before["customers"]}
    requests = approved(workspace, folder, {"email": people[FIRST]["email"].title()}, {"customer_id": SECOND})
    texts = [people[n][column] for n in DUE for column in ("email", "phone", "name")]
    texts += [re.sub(r"[^0-9+]", "", people[n]["phone"]) for n in DUE]
    texts += [row["card_number"] for row in before["payment_cards"] if row["card_id"] == OWN_CARD]
    keys: dict[str, set[object]] = {"customer_id": set(DUE), "email": {people[n]["email"] for n in DUE}}
    found_before = places(root, texts=texts, keys=keys)
    answer = subprocess.run(
        [sys.executable, "-c", COMMANDS], cwd=root, capture_output=True, text=True, check=False, timeout=900
    )
    assert answer.returncode == 0, answer.stderr
    said = answer.stdout + answer.stderr
    return Erased(workspace, requests, before, contents(root), found_before, said, texts, keys)


def contents(root: Path) -> dict[str, list[dict[str, Any]]]:
    return {path.name: delta_rows(path) for path in sorted((root / "warehouse").iterdir())}


def counted(rows: list[dict[str, Any]]) -> Rows:
    return Counter(tuple(row.values()) for row in rows)


def test_no_byte_of_the_erased_people_is_left(erased: Erased) -> None:
    root = erased.workspace.root
    assert any("_delta_log" in place for place in erased.found_before)
    assert places(root / "events", texts=["SparkListenerApplicationEnd"]), "Spark's event log was not read to its end"
    assert (root / "plan.json").exists()
    assert list((root / "reports").rglob("*.html"))
    assert list((root / "lineage").rglob("*"))
    assert places(root, texts=erased.texts, keys=erased.keys) == []
    assert not any(text.lower() in erased.said.lower() for text in erased.texts)


def test_rows_of_everybody_else_are_there_value_by_value(erased: Erased) -> None:
    emails = {row["email"] for row in erased.before["customers"] if row["customer_id"] in DUE}
    assert len(emails) == len(DUE)

    def due(row: dict[str, Any]) -> bool:
        return row.get("customer_id") in DUE or str(row.get("email", "")).lower() in emails

    for table in ("customers", "customer_stats", "events", "newsletter", "customer_cards"):
        gone = [row for row in erased.before[table] if due(row)]
        kept = [row for row in erased.before[table] if not due(row)]
        assert gone, table
        assert counted(erased.after[table]) == counted(kept), table


def test_orders_of_the_erased_stay_without_whom_they_were_for(erased: Erased) -> None:
    before = {row["order_id"]: row for row in erased.before["orders"]}
    after = {row["order_id"]: row for row in erased.after["orders"]}
    assert before.keys() == after.keys()
    pseudonyms: dict[int, set[int]] = {number: set() for number in DUE}
    for order, row in before.items():
        if row["customer_id"] not in DUE:
            assert after[order] == row
            continue
        pseudonyms[row["customer_id"]].add(after[order]["customer_id"])
        assert after[order]["customer_id"] < 0
        assert after[order] == row | {"customer_id": after[order]["customer_id"], "delivery_note": None}
    assert all(len(codes) == 1 for codes in pseudonyms.values())
    assert len(set.union(*pseudonyms.values())) == len(DUE)


def test_mentions_are_masked_and_longer_addresses_are_not(erased: Erased) -> None:
    address, number = (
        next(row[c] for row in erased.before["customers"] if row["customer_id"] == FIRST) for c in ("email", "phone")
    )
    kept = [row for row in erased.before["tickets"] if row["customer_id"] not in DUE]
    expected = [row | {"body": row["body"].replace(f" {address} ({number})", " [erased] ([erased])")} for row in kept]
    assert counted(erased.after["tickets"]) == counted(expected)
    masked = [row["body"] for row in erased.after["tickets"] if "[erased]" in row["body"]]
    assert len(masked) == len([row for row in kept if f" {address} " in row["body"]]) > 0
    assert all(f"anna.{address}." in body for body in masked)


def test_a_card_that_somebody_else_shares_is_kept(erased: Erased) -> None:
    kept = [row for row in erased.before["payment_cards"] if row["card_id"] != OWN_CARD]
    assert counted(erased.after["payment_cards"]) == counted(kept)
    assert {row["card_id"] for row in kept} >= SHARED_CARDS


def test_spark_and_delta_rs_read_the_tables(erased: Erased, spark: SparkSession) -> None:
    for table, rows in erased.after.items():
        path = erased.workspace.root / "warehouse" / table
        own = DeltaTable(str(path)).metadata().configuration
        changed = {k: v for k, v in own.items() if "Retention" in k or "checkpointInterval" in k}
        assert changed == PROPERTIES.get(table, {}), table
        assert spark.read.format("delta").load(str(path)).count() == len(rows)
        assert not list(path.glob("**/.*.part*")), table


def test_delta_rs_counts_the_same_rows(erased: Erased) -> None:
    from deltalake import QueryBuilder

    for table, rows in erased.after.items():
        opened = DeltaTable(str(erased.workspace.root / "warehouse" / table))
        answer = QueryBuilder().register("t", opened).execute("select count(*) as n from t").read_all()
        assert answer["n"][0].as_py() == len(rows), table


def test_the_ledger_says_so_and_is_intact(erased: Erased) -> None:
    assert verify_ledger(erased.workspace).intact
    for request_id in erased.requests:
        request, history = show_request(erased.workspace, request_id)
        assert request.state == "completed"
        assert history


def test_certificates_are_genuine_for_an_auditor(erased: Erased, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    export_ledger(erased.workspace, out=ledger)
    for request in erased.requests:
        file = erased.workspace.root / "reports" / "certificates" / f"{request}.json"
        command = [sys.executable, "-m", "delible.verify_certificate", str(file), "--ledger", str(ledger)]
        command += ["--key", str(file.with_name("public-key.pem"))]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stdout
        document = json.loads(file.read_text())
        assert document["matched"] is True
        assert document["verification"]["matches"] == []
        assert document["rows"]["customers"] == 1
        rows = {table["table"]: table["rows_erased"] for table in document["tables"]}
        assert rows["customers"] == len(DUE)
        file.write_text(file.read_text().replace('"matched": true', '"matched": false'))
        assert subprocess.run(command, capture_output=True, check=False).returncode == 4
