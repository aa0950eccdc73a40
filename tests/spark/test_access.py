"""One access package: complete, with nothing of other people in it, and gone with its person."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from byte_search import places
from delible.lake import access
from delible.model.terms import Regime, RequestState, Right
from delible.report.access import MOST_ROWS
from delible.workflows.access import BuiltPackage, build_access_package
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.requests import approve_request, submit_requests
from delible.workflows.verification import verify_people
from small_shop import (
    CONTROLLER,
    NOW,
    ONE_TABLE,
    approved,
    email,
    make_workspace,
    people_file,
    phone,
    write_tables,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.store.workspace import Workspace

pytestmark = pytest.mark.spark

ANN, BOB, CAROL = 1, 2, 3
MANY = 450
SECRET = "kept apart from everything"
NAMES = {ANN: "Ann Archer", BOB: "Bob Baker", CAROL: "Carol Cook"}

PEOPLE = """\
table: people
path: warehouse/people
description: How people are called.
purposes: [support]
subject:
  - {column: customer_id, identifies: customer_id}
columns: {customer_id: user.unique_id, name: user.name}
readers: exclusive
"""
TRANSFERS = """\
table: transfers
path: warehouse/transfers
description: Money from one customer to another.
purposes: [support]
subject:
  - {column: sender_id, identifies: customer_id}
  - {column: receiver_id, identifies: customer_id}
  - {column: receiver_email, identifies: email}
columns:
  number: system.operations
  sender_id: user.unique_id
  receiver_id: user.unique_id
  receiver_email: user.contact.email
  sender_name: user.name
  receiver_name: user.name
  at: user.payment
  details.note: {category: user.content.private, free_text: true}
  details.contacts.email: user.contact.email
  details.amount: user.payment
  tags: {category: user.content.private, free_text: true}
readers: exclusive
"""
VISITS = """\
table: visits
path: warehouse/visits
description: Page views.
purposes: [support]
subject:
  - {column: customer_id, identifies: customer_id}
columns:
  customer_id: user.unique_id
  number: system.operations
  text: {category: user.content, free_text: true}
  at: user.behavior
readers: exclusive
"""
FILES: Mapping[str, str] = {
    **ONE_TABLE,
    "controller.yaml": CONTROLLER,
    "tables/people.yaml": PEOPLE,
    "tables/transfers.yaml": TRANSFERS,
    "tables/visits.yaml": VISITS,
    "purposes/support.yaml": (
        "purpose: support\ndescription: Answer questions.\nlegal_basis: contract\nrecipients: [bank]\n"
    ),
    "recipients/bank.yaml": "recipient: bank\ndescription: Moves money.\ncontact: privacy@bank.example\n",
    "retention/visits.yaml": "retention: visits\ntable: visits\nclock: at\nkeep: P13M\nreason: Statistics.\n",
}


def transfers(spark: SparkSession, workspace: Workspace) -> None:
    def row(number: int, sender: int | None, receiver: int | None, to: str | None) -> str:
        names = [f"'{NAMES[p]}'" if p in NAMES else "NULL" for p in (sender, receiver)]
        ids = [f"{p}L" if p else "NULL" for p in (sender, receiver)]
        mail = f"'{to}'" if to else "NULL"
        note = f"From {email(ANN)} for {email(CAROL)} or +44 20 7946 0958"
        return (
            f"SELECT {number}L number, {ids[0]} sender_id, {ids[1]} receiver_id, {mail} receiver_email,"
            f" {names[0]} sender_name, {names[1]} receiver_name, TIMESTAMP '2026-01-0{number} 10:00:00.5' at,"
            f" named_struct('note', '{note}', 'contacts', array(named_struct('email', '{email(BOB)}', 'memo', 'm'),"
            f" named_struct('email', '{email(ANN).upper()}', 'memo', 'm')), 'amount', 12345678901234567.89BD,"
            f" 'secret', '{SECRET}') details, map('{email(CAROL)}', 'thanks <3') tags, '{SECRET}' mood"
        )

    rows = [
        row(1, ANN, BOB, email(BOB)),
        row(2, BOB, ANN, f" {email(ANN).upper()}"),
        row(3, ANN, ANN, email(ANN)),
        row(4, ANN, None, None),
        row(5, BOB, CAROL, email(CAROL)),
    ]
    path = str(workspace.root / "warehouse" / "transfers")
    spark.sql(" UNION ALL ".join(rows)).write.format("delta").save(path)


def access_request(workspace: Workspace, outside: Path, person: Mapping[str, object]) -> str:
    """Submit and approve one access request."""
    file = people_file(outside, person)
    [request] = submit_requests(
        workspace, right=Right.ACCESS, regime=Regime.GDPR, identifiers=str(file), actor="desk", now=NOW
    )
    file.unlink()
    approve_request(workspace, request.id, actor="officer", now=NOW)
    return request.id


@dataclass(frozen=True)
class Made:
    """The shop after Ann's package was built."""

    workspace: Workspace
    package: BuiltPackage

    @property
    def index(self) -> dict[str, Any]:
        return dict(json.loads((self.package.folder / "index.json").read_text()))

    def table(self, name: str) -> dict[str, Any]:
        return next(t for t in self.index["tables"] if t["table"] == name)

    def records(self, name: str) -> list[dict[str, Any]]:
        text = (self.package.folder / "data" / f"{name}.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def made(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Made:
    outside = tmp_path_factory.mktemp("outside")
    workspace = make_workspace(tmp_path_factory.mktemp("access") / "shop", FILES)
    write_tables(spark, workspace, ["customers"])
    transfers(spark, workspace)
    warehouse = workspace.root / "warehouse"
    people = ", ".join(f"({n}L, '{name}')" for n, name in NAMES.items())
    spark.sql(f"SELECT * FROM VALUES {people} AS t(customer_id, name)").write.format("delta").save(
        str(warehouse / "people")
    )
    spark.sql(
        f"SELECT {ANN}L customer_id, id number, 'Page <' || id || '>' text, current_timestamp() at FROM range({MANY})"
    ).write.format("delta").save(str(warehouse / "visits"))
    request = access_request(workspace, outside, {"email": email(ANN)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access, "_ROWS_AT_A_TIME", 200)
        package = build_access_package(workspace, request, actor="tests", now=NOW)
    return Made(workspace, package)


def test_other_people_s_identifiers_are_redacted_in_columns_and_the_person_s_own_stay(made: Made) -> None:
    columns = ("number", "sender_id", "receiver_id", "receiver_email", "sender_name", "receiver_name")
    other = "<ANOTHER_PERSON_1>"
    assert [tuple(r[c] for c in columns) for r in made.records("transfers")] == [
        ("1", "1", other, other, "Ann Archer", other),
        ("2", other, "1", f" {email(ANN).upper()}", other, "Ann Archer"),
        ("3", "1", "1", email(ANN), "Ann Archer", "Ann Archer"),
        ("4", "1", None, None, "Ann Archer", None),
    ]
    assert [tuple(r[c] for c in ("customer_id", "email", "phone")) for r in made.records("customers")] == [
        ("1", email(ANN), phone(ANN))
    ]


def test_nested_values_are_redacted_and_exact_and_unmapped_ones_are_named(made: Made) -> None:
    first, *_, last = made.records("transfers")
    assert first["details"]["note"] == f"From {email(ANN)} for <EMAIL_ADDRESS_1> or <PHONE_NUMBER_1>"
    assert first["details"]["contacts"] == [{"email": "<ANOTHER_PERSON_1>"}, {"email": email(ANN).upper()}]
    assert [c["email"] for c in last["details"]["contacts"]] == [email(BOB), email(ANN).upper()]
    assert first["details"]["amount"] == "12345678901234567.89"
    assert first["tags"] == [{"key": "<EMAIL_ADDRESS_1>", "value": "thanks <3"}]
    assert first["at"] == "2026-01-01T10:00:00.500000Z"
    gaps = ["details.contacts.element.memo", "details.secret", "mood"]
    assert made.table("transfers")["unmapped"] == gaps
    page = (made.package.folder / "index.html").read_text()
    assert all(gap in page for gap in gaps)
    assert not [f for f in made.package.folder.rglob("*") if f.is_file() and SECRET in f.read_text()]


def test_redactions_are_counted_and_other_angle_brackets_are_not(made: Made) -> None:
    # Rows 1 and 2 have an id, a name and a contact of Bob's each; row 1 his address, too. Every row has three texts.
    assert made.table("transfers")["redactions"] == 4 + 3 + 4 * 3
    assert made.table("visits")["redactions"] == 0
    [record] = Control(made.workspace).ledger.records(action_prefix="access.build")
    assert record.counts["redactions"] == sum(t["redactions"] for t in made.index["tables"])


def test_every_row_is_in_the_files_and_the_page_says_how_many(made: Made) -> None:
    table = made.table("visits")
    assert (table["total"], table["files"]) == (MANY, ["data/visits.jsonl", "data/visits.csv"])
    assert {int(r["number"]) for r in made.records("visits")} == set(range(MANY))
    with (made.package.folder / "data" / "visits.csv").open(newline="") as stream:
        assert {row["text"] for row in csv.DictReader(stream)} == {f"Page <{n}>" for n in range(MANY)}
    page = (made.package.folder / "index.html").read_text()
    assert f"{MOST_ROWS} of {MANY} records are shown here" in page
    assert "13 months from &#39;at&#39;: Statistics." in page
    assert table["recipients"][0]["recipient"] == "bank"
    assert made.package.rows == MANY + 4 + 1 + 1
    assert made.package.request.state is RequestState.COMPLETED
    files = [p for p in made.package.folder.rglob("*") if p.is_file()]
    assert {stat.S_IMODE(p.stat().st_mode) for p in files} == {0o600}


def test_packages_go_with_their_person_and_what_a_killed_run_left_is_seen(spark: SparkSession, tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "shop", ONE_TABLE)
    write_tables(spark, workspace, ["customers"])
    request = access_request(workspace, tmp_path, {"customer_id": ANN})
    package = build_access_package(workspace, request, actor="tests", now=NOW).folder
    left = package.with_name(".R-20260101-ABCDEF.part")
    left.mkdir()
    (left / "customers.jsonl").write_text(json.dumps({"email": email(ANN)}))
    file = people_file(tmp_path, {"email": email(ANN)})
    seen = verify_people(workspace, request_id=None, identifiers=str(file), actor="tests", now=NOW)
    file.unlink()
    for file_name in (f"{left.name}/customers.jsonl", f"{request}/data/customers.csv"):
        assert any(match.place.endswith(file_name) for match in seen.matches)
    approved(workspace, tmp_path, {"customer_id": ANN})
    planned = plan_due_erasures(workspace, now=NOW, immediate=True)
    apply_erasure(workspace, planned.plan, actor="tests", now=NOW, searched=planned.searched)
    assert not left.exists()
    assert not package.exists()
    assert not places(workspace.root, texts=[email(ANN)])
