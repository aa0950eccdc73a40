"""An erasure that exceptions keep something of: what stays, where its values may stand, and its end by itself."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from byte_search import places
from delible.decide.exception import Covering, fate
from delible.errors import BlockedError
from delible.lake.columns import pads_of
from delible.lake.erase import erase_rows
from delible.lake.exceptions import count_kept
from delible.lake.facts import read
from delible.model.policy import PolicySet
from delible.model.proof import Verification
from delible.model.subject import KeyRole, KeyRow
from delible.model.terms import ErasureAction, Regime, RequestState
from delible.store.workspace import Workspace
from delible.workflows.certificates import read_certificate
from delible.workflows.control import Control
from delible.workflows.fulfilment import Fulfilled, fulfil_requests
from delible.workflows.guard import guard_tables
from delible.workflows.lifecycle import standings_of
from delible.workflows.verification import verify_people
from delta_rows import delta_rows
from small_shop import NOW, POLICIES, approved, email, forget_logs, make_workspace, phone, write_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.slow]

KEPT, GONE = 7, 20
UNTIL = NOW.date() + timedelta(days=30)
EXCEPTION = f"""\
exception: claims
table: customers
columns: [customer_id, email]
basis: legal_claims
owner: legal
until: {UNTIL}
where: customer_id < 15
identifying: The other side is written to.
reason: Claims about the deliveries of spring.
"""
LATER = NOW + timedelta(days=40)


@dataclass(frozen=True)
class Done:
    """One erasure of two people, one of whom an exception protects."""

    workspace: Workspace
    requests: list[str]
    first: Fulfilled
    row: dict[str, Any]
    verified: Verification


@pytest.fixture(scope="module")
def done(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("exceptions")
    workspace = make_workspace(folder / "shop", {**POLICIES, "exceptions/claims.yaml": EXCEPTION})
    write_tables(spark, workspace)
    requests = approved(workspace, folder, {"customer_id": KEPT}, {"customer_id": GONE})
    first = fulfil_requests(workspace, immediate=True, actor="job", now=NOW)
    verified = verify_people(workspace, request_id=requests[0], identifiers=None, actor="auditor", now=NOW)
    [row] = delta_rows(workspace.root / "warehouse" / "customers", f"customer_id = {KEPT}")
    return Done(workspace, requests, first, row, verified)


def _session(workspace: Workspace) -> SparkSession:
    from delible.workflows.spark import session_for

    return session_for(workspace)


def test_only_the_named_columns_of_the_covered_row_stay(done: Done) -> None:
    assert done.row == {"customer_id": KEPT, "email": email(KEPT), "phone": None, "made_at": None}
    root = done.workspace.root
    assert places(root, texts=[email(GONE), phone(GONE), phone(KEPT)], keys={"customer_id": {GONE}}) == []


def test_the_request_the_certificate_and_the_letter_say_what_is_kept_why_and_until_when(done: Done) -> None:
    kept, gone = Control(done.workspace).requests.named(done.requests)
    assert (kept.state, gone.state) == (RequestState.PARTLY_COMPLETED, RequestState.COMPLETED)
    [standing] = standings_of(done.workspace, [kept], NOW)
    assert (standing.again, standing.days_left) == (UNTIL + timedelta(days=1), 31)
    certificate, _ = read_certificate(done.workspace, kept.id)
    assert [(p.table, p.columns, p.rows, p.until) for p in certificate.kept] == [
        ("customers", ("customer_id", "email"), 1, UNTIL)
    ]
    assert certificate.verification.clean
    assert read_certificate(done.workspace, gone.id)[0].kept == ()
    letter = done.first.letters[kept.id].read_text()
    for said in ("GDPR Art. 17(3)(e)", str(UNTIL), "customer id, email", "deliveries of spring", "supervisory"):
        assert said in letter
    assert set(done.first.letters) == {kept.id}


def test_kept_values_are_no_residue_in_their_column_and_residue_everywhere_else(done: Done) -> None:
    """Each place is planted, found and removed; without the exact places the search would pass over them."""
    assert done.verified.clean
    table, request = done.workspace.root / "warehouse" / "customers", done.requests[0]

    def found() -> set[str]:
        result = verify_people(done.workspace, request_id=request, identifiers=None, actor="auditor", now=NOW)
        return {m.place for m in result.matches}

    assert found() == set()
    data = next(p for p in sorted(table.glob("*.parquet")) if email(KEPT).encode() in p.read_bytes())
    planted = {
        table / "part-old.parquet": data.read_bytes(),  # no file of the newest version
        table / "notes.txt": email(KEPT).encode(),
        table / "_delta_log" / "x.json": json.dumps({"commitInfo": {"predicate": email(KEPT)}}).encode(),
        done.workspace.root / "export.csv": f"id,address\n1,{email(KEPT)}\n".encode(),
        done.workspace.root / "warehouse" / "tickets" / "part-copy.parquet": data.read_bytes(),
    }
    for path, content in planted.items():
        path.write_bytes(content)
        try:
            assert found(), path.name
        finally:
            path.unlink()
    assert found() == set()


def test_whoever_has_something_kept_is_guarded_elsewhere_at_once(done: Done) -> None:
    """A kept row has not come back; a replay into another table has, though the exception lasts."""
    spark = _session(done.workspace)
    ref = Control(done.workspace).requests.get(done.requests[0]).refs[0]
    assert ref in Control(done.workspace).suppression.refs()
    assert guard_tables(done.workspace, actor="tests", now=NOW).people == frozenset()
    path = str(done.workspace.root / "warehouse" / "tickets")
    kept_aside = shutil.copytree(path, done.workspace.root.parent / "tickets")
    replayed = pa.table({"ticket_id": [5_000], "customer_id": [KEPT], "body": ["Again."]})
    spark.createDataFrame(replayed).write.format("delta").mode("append").save(path)
    found = guard_tables(done.workspace, actor="tests", now=NOW, erase=False)
    assert {t.table: t.rows for t in found.tables} == {"customers": 0, "tickets": 1}
    # The table is put back as it was: a deleted replay would leave bytes that the last test must not find.
    shutil.rmtree(path)
    shutil.move(kept_aside, path)
    forget_logs(spark)


def test_a_request_that_is_kept_is_not_taken_up_before_its_time(done: Done) -> None:
    with pytest.raises(BlockedError) as refused:
        fulfil_requests(done.workspace, [done.requests[0]], immediate=True, actor="job", now=NOW)
    assert refused.value.code == "request.kept"
    with pytest.raises(BlockedError) as nothing:
        fulfil_requests(done.workspace, immediate=True, actor="job", now=NOW)
    assert nothing.value.code == "request.nothing_due"


def test_when_the_exception_ends_the_rest_goes_by_itself(done: Done) -> None:
    """The last of those that look at the shop."""
    root = done.workspace.root
    again = fulfil_requests(done.workspace, immediate=True, actor="job", now=LATER)
    assert {r.id: r.state for r in again.requests}[done.requests[0]] is RequestState.COMPLETED
    assert places(root, texts=[email(KEPT)], keys={"customer_id": {KEPT}}) == []
    certificate, _ = read_certificate(done.workspace, done.requests[0])
    assert certificate.kept == ()
    assert certificate.rows["customers"] == 1


TODAY = date(2026, 11, 24)


def cases() -> PolicySet:
    exceptions = {
        "some": {"where": "n > 2", "columns": ["id", "a"], "until": "2030-01-01"},
        "whole": {"where": "n = 9", "until": "2030-01-01"},
        "european": {"where": "n = 1", "regimes": ["gdpr"], "columns": ["id", "b"], "until": "2030-01-01"},
        "ended": {"columns": ["id", "b"], "until": "2025-12-31"},
    }
    common = {"table": "t", "basis": "legal_obligation", "owner": "o", "reason": "r"}
    return PolicySet.model_validate(
        {
            "controller": {
                "controller": "S",
                "contact": "c",
                "subject": "id",
                "identifiers": {"id": {"distinctive": False}},
            },
            "tables": {
                "t": {
                    "table": "t",
                    "path": "t",
                    "description": "t",
                    "subject": [{"column": "id", "identifies": "id"}],
                    "columns": dict.fromkeys(("id", "a", "b", "n"), "user.unique_id"),
                }
            },
            "exceptions": {name: {"exception": name, **common, **own} for name, own in exceptions.items()},
        }
    )


def test_spark_does_to_each_row_what_the_rules_say(spark: SparkSession, tmp_path: Path) -> None:
    """Person 1 asks under the GDPR, 2 under the CCPA, 3 under both, 4 does not ask."""
    policies, place = cases(), str(tmp_path / "t")
    table = policies.tables["t"]
    numbers = [1, 2, 3, 9, None]
    rows = [{"id": person, "a": f"a{n}", "b": f"b{n}", "n": n} for person in (1, 2, 3, 4) for n in numbers]
    spark.createDataFrame(pa.Table.from_pylist(rows)).write.format("delta").save(place)
    laws = {"G": Regime.GDPR, "C": Regime.CCPA}
    keys = [KeyRow(r, "id", v, KeyRole.GIVEN) for r, v in (("G", "1"), ("C", "2"), ("G", "3"), ("C", "3"))]
    due = {1: {Regime.GDPR}, 2: {Regime.CCPA}, 3: {Regime.GDPR, Regime.CCPA}}
    expected, kept = [], 0
    for row in rows:
        if row["id"] not in due:
            expected.append(row)
            continue
        n = row["n"]
        truth = {"some": None if n is None else n > 2, "whole": None if n is None else n == 9}
        truth |= {"european": None if n is None else n == 1, "ended": True}
        covering = [Covering(e, truth[name]) for name, e in policies.exceptions.items()]
        found = fate(table, covering, regimes=due[row["id"]], today=TODAY, columns=row)
        kept += bool(found.by)
        if found.action is not ErasureAction.DELETE_ROW:
            expected.append({c: None if found.erases(c) else v for c, v in row.items()})
    acting = [policies.exceptions[n] for n in ("european", "some", "whole")]
    counted = count_kept(spark, policies, {"t": read(spark, place)}, keys, laws, TODAY)
    assert counted.due["t"].kept_rows == kept
    assert counted.due["t"].exceptions == ("european", "some", "whole")
    for _ in range(2):  # a rerun after a crash finds nothing left to do
        erase_rows(spark, place, table, policies.controller, keys, pads_of(b"k" * 32), exceptions=acting, regimes=laws)
        left = delta_rows(place)
        assert sorted(left, key=str) == sorted(expected, key=str)
    after = count_kept(spark, policies, {"t": read(spark, place)}, keys, laws, TODAY).due["t"]
    assert after.unchanged == after.kept_rows > 0
