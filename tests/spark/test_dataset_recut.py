"""Withdrawal after release: impact names every version and model, the recut holds nobody who left, and no other row
has changed."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from delible.model.record import Manifest
from delible.model.terms import Normalise, Regime, Right
from delible.model.terms import RequestState as S
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.requests import NewRequest, Requests
from delible.store.suppression import Suppression
from delible.store.workspace import Workspace, create_workspace
from delible.workflows.consent import import_consents
from delible.workflows.dataset import build_dataset, verify_dataset
from delible.workflows.dataset_gates import GatesError
from delible.workflows.dataset_impact import dataset_impact
from delible.workflows.dataset_members import dataset_members
from delible.workflows.dataset_recut import recut_dataset
from delible.workflows.dataset_used import register_use
from delible.workflows.dataset_verify import verify_release
from delible.workflows.requests import submit_requests

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=3)
PEOPLE = 40
LEAVE = (3, 5, 7, 9, 11, 13)
POLICIES = {
    "controller.yaml": """\
controller: Fennel & Co
contact: privacy@fennel.example
subject: customer_id
identifiers:
  customer_id: {distinctive: false}
  email: {normalise: lower}
  phone: {normalise: digits}
""",
    "purposes/model_training.yaml": "purpose: model_training\ndescription: models\nlegal_basis: consent\n",
    "tables/customers.yaml": """\
table: customers
path: warehouse/customers
description: customers
purposes: [model_training]
subject:
  - {column: customer_id, identifies: customer_id}
  - {column: email, identifies: email}
columns:
  customer_id: {category: user.unique_id}
  email: {category: user.contact.email}
""",
    "tables/phones.yaml": """\
table: phones
path: warehouse/phones
description: telephone numbers that were given later
purposes: [model_training]
subject:
  - {column: customer_id, identifies: customer_id}
  - {column: phone, identifies: phone}
columns:
  customer_id: {category: user.unique_id}
  phone: {category: user.contact.phone_number}
""",
    "tables/tickets.yaml": """\
table: tickets
path: warehouse/tickets
description: tickets
purposes: [model_training]
subject:
  - {column: customer_id, identifies: customer_id}
columns:
  ticket_id: {category: user.unique_id}
  customer_id: {category: user.unique_id}
  words: {category: user.content.private}
""",
    "datasets/support.yaml": """\
dataset: support
description: tickets
purpose: model_training
source: tickets
columns:
  ticket_id: {treatment: drop}
  customer_id: {treatment: drop}
  words: {treatment: keep}
split: {validation: 30, test: 30}
""",
}
"""Only `words` leaves, as it is: by it the test tells whose rows are there."""


def words(person: int, ticket: int) -> str:
    """Return a ticket's text; every person has one row that somebody else has in the same words."""
    return "thank you" if ticket == 0 else f"canary{person:03d} case {ticket}"


@pytest.fixture
def workspace(spark: SparkSession, tmp_path: Path) -> Workspace:
    made = create_workspace(tmp_path / "shop")
    for name, text in POLICIES.items():
        (made.path("policies") / name).write_text(text)
    people = range(PEOPLE)
    frames = {
        "customers": spark.createDataFrame(
            [(n, f"p{n}@shop.example") for n in people], "customer_id bigint, email string"
        ),
        "phones": spark.createDataFrame([(5, "+44 20 7946 00005")], "customer_id bigint, phone string").limit(0),
        "tickets": spark.createDataFrame(
            [(10 * n + t, n, words(n, t)) for n in people for t in range(4)],
            "ticket_id bigint, customer_id bigint, words string",
        ),
    }
    for name, frame in frames.items():
        frame.coalesce(1).write.format("delta").save(str(made.path("warehouse") / name))
    consents(made, "given", *({"email": f"p{n}@shop.example"} for n in people), at=NOW - timedelta(days=9))
    return made


def consents(workspace: Workspace, status: str, *people: dict[str, Any], at: datetime) -> None:
    path = workspace.root.parent / "consents.jsonl"
    rows = [
        {
            "subject": person,
            "purpose": "model_training",
            "status": status,
            "notice_version": "1",
            "valid_from": at.isoformat(),
        }
        for person in people
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    import_consents(workspace, str(path), form="native", actor="tests", now=at)


def request(workspace: Workspace, right: Right, person: dict[str, Any], regime: Regime = Regime.GDPR) -> str:
    path = workspace.root.parent / "who.jsonl"
    path.write_text(json.dumps(person))
    (made,) = submit_requests(workspace, right=right, regime=regime, identifiers=str(path), actor="tests", now=LATER)
    return made.id


def rows(workspace: Workspace, manifest: Manifest) -> Counter[tuple[str, str]]:
    """Return every released row with the split that it stands in."""
    found: Counter[tuple[str, str]] = Counter()
    for path in sorted((workspace.path(manifest.path) / "data").glob("*.parquet")):
        table = pq.read_table(path).to_pylist()
        found.update((path.name.split("-")[0], row["words"]) for row in table)
    return found


def member(workspace: Workspace, reference: str, person: dict[str, Any]) -> bool:
    path = workspace.root.parent / "who.jsonl"
    path.write_text(json.dumps(person))
    return dataset_members(workspace, reference, str(path), actor="tests", now=NOW).member


def people_leave(spark: SparkSession, workspace: Workspace) -> str:
    """Let six people leave after a release: 3 withdraws, 5 too, under a telephone number that was linked since, 7 asks
    to be erased, whose request is returned, and 9 was erased from all tables. 11 limits the use of private content,
    which a recut cannot empty, 3 does as well, and 13 was corrected."""
    consents(workspace, "withdrawn", {"email": "p3@shop.example"}, at=LATER)
    late = spark.createDataFrame([(5, "+44 20 7946 00005")], "customer_id bigint, phone string")
    late.write.format("delta").mode("append").save(str(workspace.path("warehouse") / "phones"))
    consents(workspace, "withdrawn", {"phone": "00442079460 0005"}, at=LATER)
    erase = request(workspace, Right.ERASURE, {"customer_id": 7})
    for person in (3, 11):
        request(workspace, Right.LIMIT, {"customer_id": person}, Regime.CCPA)
    keys = load_keys(workspace)
    ref = keys.ref("email", "p13@shop.example", Normalise.LOWER)
    new = NewRequest(
        right=Right.RECTIFICATION, regime=Regime.GDPR, identifiers=(), refs=(ref,), received=LATER, due=LATER.date()
    )
    register = Requests(workspace, keys, Ledger(workspace, keys))
    (asked,) = register.submit([new], actor="tests", now=LATER)
    register.approve(asked.id, "dpo", LATER)
    register.transition(asked.id, S.IN_PROGRESS, actor="tests", now=LATER)
    Suppression(workspace).add([load_keys(workspace).ref("email", "p9@shop.example", Normalise.LOWER)], "R-9", LATER)
    for table in ("customers", "tickets"):
        left = spark.read.format("delta").load(str(workspace.path("warehouse") / table)).where("customer_id != 9")
        left.write.format("delta").mode("overwrite").save(str(workspace.path("warehouse") / table))
    return erase


def test_who_left_is_gone_from_the_recut_and_nothing_else_has_changed(
    spark: SparkSession, workspace: Workspace
) -> None:
    old = build_dataset(workspace, "support", actor="tests", now=NOW).manifest
    assert (old.rows_out, old.members) == (4 * PEOPLE, PEOPLE)
    register_use(workspace, "support@v1", "model:triage-7", owner="ml-support", run="4f2a", actor="tests", now=NOW)
    assert recut_dataset(workspace, "support", actor="tests", now=NOW).new is None
    assert verify_release(workspace, "support@v1", now=NOW).passes
    before = rows(workspace, old)
    files = {f.path: f.sha256 for f in old.files}

    erase = people_leave(spark, workspace)
    assert [i.people for i in dataset_impact(workspace, now=LATER).found] == [5]  # without links nobody knows the sixth
    (impact,) = dataset_impact(workspace, now=LATER, links=True).found
    assert (impact.dataset, impact.version, impact.people) == ("support", 1, 6)
    causes = {c.value: n for c, n in impact.causes.items()}
    assert causes == {"erasure": 2, "limit": 1, "rectification": 1, "withdrawal": 2}
    assert {(d.what, d.duty.value, d.owner) for d in impact.duties} == {
        ("support@v1", "recut", "privacy@fennel.example"),
        ("model:triage-7", "retrain", "ml-support"),
        ("run:4f2a", "notify_owner", "ml-support"),
    }
    checked = verify_release(workspace, "support@v1", now=LATER, links=True)
    assert checked.leaving == {
        "erasure_requested": 1,
        "limited": 1,
        "rectified": 1,
        "suppressed": 1,
        "withdrawn": 2,
    }

    done = recut_dataset(workspace, "support", actor="tests", now=LATER)
    new = done.new
    assert new is not None
    assert (new.version, new.recut_of, new.rows_out, new.members) == (2, 1, 4 * (PEOPLE - 6), PEOPLE - 6)
    assert new.left == {"suppressed": 4, "erasure_requested": 4, "withdrawn": 8, "limited": 4, "rectified": 4}
    after = rows(workspace, new)
    assert after <= before
    gone = before - after
    left_words = Counter(word for _, word in gone.elements())
    assert left_words == Counter(words(n, t) for n in LEAVE for t in range(4))
    for path in workspace.path(new.path).rglob("*"):
        text = path.read_bytes() if path.is_file() else b""
        text += str(pq.read_table(path).to_pydict()).encode() if path.suffix == ".parquet" else b""
        assert not [n for n in LEAVE if f"canary{n:03d}".encode() in text], path
    for person in ({"email": "p3@shop.example"}, {"customer_id": 5}, {"customer_id": 7}, {"email": "p9@shop.example"}):
        assert member(workspace, "support@v1", person)
        assert not member(workspace, "support@v2", person)
    assert member(workspace, "support@v2", {"email": "p4@shop.example"})

    same = {f.path for f in new.files if f.path.startswith("data/") and files.get(f.path) == f.sha256}
    assert len(same) == done.reused
    assert verify_dataset(workspace, "support@v2") == new
    assert verify_dataset(workspace, "support@v1") == old
    assert verify_release(workspace, "support@v2", now=LATER).passes
    assert new.rows_in == new.rows_out + sum(new.excluded.values())
    (again,) = dataset_impact(workspace, now=LATER, requests=[erase]).found
    assert (again.version, again.people, again.newest_without) == (1, 1, 2)
    assert recut_dataset(workspace, "support", actor="tests", now=LATER).new is None

    # A recut of the recut, from a file that was written again: its row index has the new numbers.
    split_of = {word: split for split, word in before}
    beside = [n for n in range(PEOPLE) if split_of[words(n, 1)] == split_of[words(3, 1)] and n not in LEAVE]
    consents(workspace, "withdrawn", *({"email": f"p{n}@shop.example"} for n in beside[1:]), at=LATER)
    third = recut_dataset(workspace, "support", actor="tests", now=LATER).new
    assert third is not None
    gone = after - rows(workspace, third)
    assert Counter(w for _, w in gone.elements()) == Counter(words(n, t) for n in beside[1:] for t in range(4))
    kinds = [r.action for r in Ledger(workspace, load_keys(workspace)).records(action_prefix="dataset.")]
    assert kinds == ["dataset.build", "dataset.use", "dataset.recut", "dataset.recut"]


def test_a_recut_that_leaves_too_small_a_group_is_no_release(workspace: Workspace) -> None:
    """k-anonymity counts data subjects by the row index; of 40 people who said "thank you", 38 are left."""
    gates = "gates: {quasi_identifiers: [words], k_anonymity: {k: 39, max_share: 3/4}}\n"
    (workspace.path("policies") / "datasets/support.yaml").write_text(POLICIES["datasets/support.yaml"] + gates)
    old = build_dataset(workspace, "support", actor="tests", now=NOW).manifest
    assert [(g.gate.value, g.passed) for g in old.gates] == [("k_anonymity_share", True)]
    consents(workspace, "withdrawn", {"email": "p3@shop.example"}, at=LATER)
    first = recut_dataset(workspace, "support", actor="tests", now=LATER).new
    assert first is not None
    assert [g.passed for g in first.gates] == [True]
    consents(workspace, "withdrawn", {"email": "p4@shop.example"}, at=LATER)
    with pytest.raises(GatesError):
        recut_dataset(workspace, "support", actor="tests", now=LATER)
    assert sorted(p.name for p in workspace.path(old.path).parent.iterdir()) == ["v1", "v2"]
    last = [*Ledger(workspace, load_keys(workspace)).records(action_prefix="dataset.")][-1]
    assert (last.action, last.outcome, last.counts["failed"]) == ("dataset.recut", "stopped", 1)
