"""A scan counts what stands in columns, and nothing that it read leaves the workers."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from delible.decide.tagging import ColumnFacts
from delible.errors import DelibleError, InputError
from delible.lake import scan as scan_module
from delible.lake.scan import scan
from delible.model.record import TagFinding
from delible.model.terms import TagState
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.tags import Tags
from delible.store.workspace import Workspace, create_workspace
from delible.workflows.tables import list_tables, load_table
from delible.workflows.tagging import list_tags, review_tag, scan_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROJECT = Path(__file__).parents[2]
DATA = Path(os.environ.get("DELIBLE_EXAMPLE_DATA") or PROJECT.parent / "shared/data/adventureworks")
CANARY = "canary.quillfeather"

NOT_PERSONAL: dict[str, str | None] = {}
TRUTH: dict[str, dict[str, str]] = {
    "address": {
        "AddressLine1": "user.contact.address.street",
        "AddressLine2": "user.contact.address.street",
        "City": "user.contact.address.city",
        "PostalCode": "user.contact.address.postal_code",
    },
    "business_entity_address": {},
    "credit_card": {"CardNumber": "user.financial.credit_card"},
    "customer": {},
    "email_address": {"EmailAddress": "user.contact.email"},
    "employee": {
        "NationalIDNumber": "user.government_id.national_identification_number",
        "LoginID": "user.account.username",
        "JobTitle": "user.job_title",
        "BirthDate": "user.demographic.date_of_birth",
        "MaritalStatus": "user.demographic.marital_status",
        "Gender": "user.demographic.gender",
        "SickLeaveHours": "user.health_and_medical",
    },
    "job_candidate": {"Resume": "user.content"},
    "person_credit_card": {},
    "person_phone": {"PhoneNumber": "user.contact.phone_number"},
    "product_review": {
        "ReviewerName": "user.name",
        "EmailAddress": "user.contact.email",
        "Comments": "user.content",
    },
}
"""Category of every personal column; every other column of these tables is not personal."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return create_workspace(tmp_path / "w")


def by_column(facts: list[ColumnFacts]) -> dict[str, ColumnFacts]:
    return {each.column: each for each in facts}


def test_nested_structs_arrays_and_maps_are_walked(spark: SparkSession) -> None:
    frame = spark.createDataFrame(
        [
            (
                "ann@fennel.example",
                7,
                ("x", ["bob@fennel.example", None, "z"]),
                {"k": "10.1.2.3"},
                [{"k": ["c@f.example"]}],
            ),
            (None, 8, None, None, None),
            ("  ", None, (None, None), {"k": None}, [None, {"k": None}]),
        ],
        "email string, n bigint, s struct<a string, `b.c` array<string>>, m map<string,string>, "
        "deep array<map<string,array<string>>>",
    )
    facts = by_column(scan(frame))
    assert list(facts) == [
        *("email", "n", "s.a", "s.`b.c`.element", "m.key", "m.value"),
        *("deep.element.key", "deep.element.value.element"),
    ]
    assert facts["email"].hits == facts["s.`b.c`.element"].whole == {"EMAIL_ADDRESS": 1}
    assert facts["deep.element.value.element"].hits == {"EMAIL_ADDRESS": 1}
    assert facts["m.value"].hits == {"IP_ADDRESS": 1}
    assert [facts[c].values for c in ("email", "n", "s.`b.c`.element", "m.key")] == [1, 2, 2, 1]
    assert all(each.complete for each in facts.values())


def test_types_that_hold_no_text_are_not_read(spark: SparkSession) -> None:
    frame = spark.sql("SELECT true b, current_date() d, current_timestamp() t, 1.5D x, 2.50 m, CAST('x' AS BINARY) y")
    assert [(f.column, f.values, f.complete) for f in scan(frame)] == [(c, 0, False) for c in "bdtxmy"]


def test_a_sample_is_distinct_repeatable_and_says_that_it_is_one(spark: SparkSession) -> None:
    frame = spark.range(400).selectExpr("CONCAT('a', id % 60, '@fennel.example') AS email", "id % 3 AS few")
    first, again = by_column(scan(frame, sample=20)), by_column(scan(frame.repartition(2), sample=20))
    assert first == again
    assert (first["email"].values, first["email"].complete) == (20, False)
    assert (first["few"].values, first["few"].complete) == (3, True)
    full = by_column(scan(frame, sample=None))
    assert (full["email"].values, full["email"].complete) == (60, True)


def test_a_large_table_is_thinned_and_never_called_complete(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_module, "_FEWEST_ROWS", 100)
    (facts,) = scan(spark.range(2_000).selectExpr("CAST(id % 2 AS STRING) AS c"), sample=5)
    assert (facts.values, facts.complete) == (2, False)


def test_a_failing_worker_repeats_no_value(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    def poisonous(*_: object, **__: object) -> Iterator[object]:
        raise ValueError(CANARY)
        yield

    monkeypatch.setattr(scan_module, "_examine", poisonous)
    with pytest.raises(DelibleError) as caught:
        scan(spark.createDataFrame([(CANARY,)], "c string"))
    assert caught.value.code == "tags.scan_failed"
    assert CANARY not in str(caught.value)
    assert caught.value.__suppress_context__


def write(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows(rows)
    return path


def test_a_scan_records_verdicts_pins_hold_and_no_value_is_written(
    spark: SparkSession, workspace: Workspace, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [["customer_id", "email", "name", "body", "kind"]]
    rows += [
        [
            str(i),
            f"{CANARY}{i}@fennel.example",
            f"{CANARY.title()} Lee",
            f"mail {CANARY}{i}@f.example about it, " * 3,
            "x",
        ]
        for i in range(30)
    ]
    file = write(tmp_path / "people.csv", rows)
    load_table(workspace, "people", [file], actor="op", now=NOW)
    found = scan_tables(workspace, ["people"], sample=100, actor="op", now=NOW)
    verdicts = {f.column: (f.category, f.entity) for f in found.findings}
    assert verdicts == {
        "customer_id": (None, None),
        "email": ("user.contact.email", "EMAIL_ADDRESS"),
        "name": ("user.name", "PERSON"),
        "body": ("user.content", "EMAIL_ADDRESS"),
        "kind": (None, None),
    }
    assert Tags(workspace).latest() == sorted(found.findings, key=lambda f: f.column)

    review_tag(workspace, "people.kind", accept=False, reason="a code", actor="op", now=NOW)
    review_tag(workspace, "people.name", accept=True, reason="yes", category="user.name.last", actor="op", now=NOW)
    scan_tables(workspace, sample=100, actor="op", now=NOW)
    latest = {f.column: (f.state, f.category) for f in list_tags(workspace)}
    assert latest["kind"] == (TagState.REJECTED, None)
    assert latest["name"] == (TagState.ACCEPTED, "user.name.last")
    assert latest["email"] == (TagState.PROPOSED, "user.contact.email")

    ledger = Ledger(workspace, load_keys(workspace))
    actions = [r.action for r in ledger.records()]
    assert actions == ["table.load", "tags.scan", "tags.review", "tags.review", "tags.scan"]
    assert ledger.verify().intact
    out, err = capfd.readouterr()
    written = [out, err, *(json.dumps(r.model_dump(mode="json")) for r in ledger.records())]
    assert not any(CANARY in text.lower() for text in written)
    store = Path(workspace.store_table("tags")).parent
    assert list(store.rglob("*.parquet"))
    for path in store.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes().lower()
            assert path.suffix != ".parquet" or CANARY not in decoded(path)


def decoded(path: Path) -> str:
    import pyarrow.parquet as pq

    return str(pq.read_table(path).to_pylist()).lower()


@pytest.mark.parametrize(
    ("names", "sample", "code"),
    [(["peple"], 10, "table.unknown"), ([], 0, "tags.sample")],
)
def test_what_cannot_be_scanned_is_said(workspace: Workspace, names: list[str], sample: int, code: str) -> None:
    with pytest.raises(InputError) as caught:
        scan_tables(workspace, names, sample=sample, actor="op", now=NOW)
    assert caught.value.code == code
    assert Ledger(workspace, load_keys(workspace)).head()[0] == 0


@pytest.mark.parametrize(
    ("column", "accept", "reason", "category", "code"),
    [
        ("people", True, "why", None, "tags.column"),
        ("people.email", True, "why", None, "tags.unknown"),
        ("people.email", True, " ", None, "tags.reason"),
        ("people.email", True, "why", "user.contact.emial", "tags.category"),
        ("people.email", False, "why", "user.contact.email", "tags.category"),
    ],
)
def test_a_review_that_makes_no_sense_changes_nothing(
    workspace: Workspace, column: str, accept: bool, reason: str, category: str | None, code: str
) -> None:
    with pytest.raises(InputError) as caught:
        review_tag(workspace, column, accept=accept, reason=reason, category=category, actor="op", now=NOW)
    assert caught.value.code == code
    assert Ledger(workspace, load_keys(workspace)).head()[0] == 0


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason=f"the AdventureWorks files are not there: {DATA}")
def test_adventureworks(spark: SparkSession, workspace: Workspace) -> None:
    for name in TRUTH:
        load_table(workspace, name, [DATA / f"{name}.csv"], actor="op", now=NOW)
    known = list_tables(workspace)
    assert [each.table for each in known] == sorted(TRUTH)
    found = scan_tables(workspace, sample=120, actor="op", now=NOW).findings
    judged = {(f.table, f.column): f.category for f in found}
    expected = {key: TRUTH[key[0]].get(key[1]) for key in judged}
    assert judged == expected
    assert len(judged) == 61
    assert_look_alikes(found)


def assert_look_alikes(found: tuple[TagFinding, ...]) -> None:
    by = {(f.table, f.column): f for f in found}
    card = by["credit_card", "CardNumber"]
    assert (card.entity, card.hits, "name" in card.evidence) == ("CREDIT_CARD", card.sampled, True)
    assert by["job_candidate", "Resume"].entity == "EMAIL_ADDRESS"
    assert all(f.bound < 0.15 for f in found if f.category is None and f.sampled >= 120)
