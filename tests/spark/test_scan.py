"""A scan counts what stands in columns, and nothing that it read leaves the workers."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyspark.sql import functions as F
from ruamel.yaml import YAML

from delible.decide.sampling import Bound, PerFile, rate_for
from delible.decide.tagging import ColumnFacts
from delible.errors import DelibleError, InputError
from delible.lake import scan as scan_module
from delible.lake.commits import current_version
from delible.lake.sample import drawn
from delible.lake.scan import scan
from delible.model.record import TagFinding
from delible.model.terms import TagState
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.tags import Tags
from delible.store.workspace import Workspace, create_workspace
from delible.workflows.scanning import Extent
from delible.workflows.tables import list_tables, load_table
from delible.workflows.tag_review import list_tags, review_tag
from delible.workflows.tagging import ReadTable, Scan, scan_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROJECT = Path(__file__).parents[2]
DATA = Path(os.environ.get("DELIBLE_EXAMPLE_DATA") or PROJECT.parent / "shared/data/adventureworks")
CANARY = "canary.quillfeather"

_EVERY = YAML(typ="safe").load(PROJECT / "tests/integration/detect/truth/adventureworks.yaml")
TRUTH: dict[str, dict[str, str]] = {
    table: {column: category for column, category in columns.items() if category} for table, columns in _EVERY.items()
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


def test_days_and_truth_values_are_not_read(spark: SparkSession) -> None:
    frame = spark.sql("SELECT true b, current_date() d, current_timestamp() t")
    assert [(f.column, f.values, f.complete) for f in scan(frame)] == [(c, 0, False) for c in "bdt"]


def test_numbers_bytes_and_variants_are_read_as_the_text_that_they_may_be(spark: SparkSession) -> None:
    frame = spark.sql(
        """SELECT CAST(id AS DOUBLE) + 4111111111111111 AS card, CAST(NULL AS DOUBLE) + id AS none,
        id / 3 + 0.1D AS ratio, CAST(id AS DECIMAL(20, 2)) + 4111111111111111 AS paid,
        encode(concat('a', id, '@fennel.example'), 'UTF-8') AS raw,
        unhex('FFFE00') AS image, parse_json(concat('{"mail": "a', id, '@fennel.example", "ill": true}')) AS event
        FROM range(1)"""
    )
    facts = by_column(scan(frame, sample=None))
    assert list(facts) == ["card", "none", "ratio", "paid", "raw", "image", "event", "event.$.ill", "event.$.mail"]
    assert facts["card"].whole == facts["paid"].whole == {"CREDIT_CARD": 1}
    assert facts["raw"].whole == facts["event.$.mail"].whole == {"EMAIL_ADDRESS": 1}
    assert facts["ratio"].shapes["fraction"] == facts["image"].shapes["opaque"] == 1
    assert (facts["none"].values, facts["event.$.ill"].kind) == (0, "boolean")


def test_a_sample_is_distinct_repeatable_and_says_that_it_is_one(spark: SparkSession) -> None:
    frame = spark.range(400).selectExpr("CONCAT('a', id % 60, '@fennel.example') AS email", "id % 3 AS few")
    first, again = by_column(scan(frame, sample=20)), by_column(scan(frame.repartition(2), sample=20))
    assert first == again
    assert (first["email"].values, first["email"].complete) == (20, False)
    assert (first["few"].values, first["few"].complete) == (3, True)
    full = by_column(scan(frame, sample=None))
    assert (full["email"].values, full["email"].complete) == (60, True)


def test_an_exact_scan_counts_the_same(spark: SparkSession) -> None:
    rows = [("ann@fennel.example", "call 697-555-0142"), ("green", "ssn 219-09-9998"), ("10.1.2.3", "2026-01-31")]
    frame = spark.createDataFrame(rows, "a string, b string")
    facts = scan(frame)
    assert facts == scan(frame, exact=True)
    assert [sum(f.hits.values()) for f in facts] == [2, 3]


JSON = '{"email": "a%d@fennel.example", "n": 5, "tags": ["x", {"at": "10.1.2.3"}], "b%d@f.example": 1, "on": true}'
XML = '<?xml version="1.0" encoding="utf-16"?><r:doc xmlns:r="u"><Name><First id="i">Ann%d</First></Name></r:doc>'


def test_documents_in_strings_are_walked_and_what_is_none_stays_a_text(spark: SparkSession) -> None:
    rows = [(JSON % (i, i), XML % i, "{broken c@fennel.example", i) for i in range(4)]
    frame = spark.createDataFrame(rows, "payload string, resume string, odd string, n int")
    facts = by_column(scan(frame, sample=None))
    assert list(facts) == [
        *("payload", "payload.$.*", "payload.$.email", "payload.$.n", "payload.$.on"),
        *("payload.$.tags[]", "payload.$.tags[].at"),
        *("resume", "resume.Name.First", "resume.Name.First.@id", "odd", "n"),
    ]
    assert facts["payload.$.email"].whole == facts["payload.$.*"].whole == {"EMAIL_ADDRESS": 4}
    assert facts["payload.$.tags[].at"].row_hits == {"IP_ADDRESS": 4}
    assert (facts["payload.$.n"].kind, facts["resume.Name.First"].values) == ("bigint", 4)
    assert facts["odd"].row_hits == {"EMAIL_ADDRESS": 4}
    assert {each.rows for each in facts.values()} == {4}


def test_a_document_of_more_values_than_are_opened_is_not_complete(spark: SparkSession) -> None:
    text = json.dumps({"list": ["x"] * 2_500 + ["late@fennel.example"]})
    facts = by_column(scan(spark.createDataFrame([(text,)], "payload string"), sample=None))
    assert (facts["payload"].complete, facts["payload"].cut) == (False, 1)


def test_drawn_rows_depend_on_file_and_place_alone_and_keep_the_bound_over_200_seeds(spark: SparkSession) -> None:
    """One late file holds all of the personal data: as many rows as break the bound, at its worst places."""
    rate = rate_for(Bound(0.95, Fraction(1, 1_000)), 100_000)
    planted = spark.range(100).selectExpr("'late.parquet' AS file", "id * 64 + 5 AS place")
    seeds = spark.range(200).withColumnRenamed("id", "seed")
    hit = drawn(F.col("file"), F.col("place"), rate=rate, each=PerFile.FIRST, seed=F.col("seed"))
    found = planted.crossJoin(seeds).where(hit).select("seed").distinct().count()
    assert found >= 180, "5 % of 200 seeds may miss: 10, and 20 by chance once in a thousand"
    small = spark.range(100).selectExpr("CONCAT(id % 10, '.parquet') AS file", "id DIV 10 AS place")
    each = small.where(drawn(F.col("file"), F.col("place"), rate=1e-9, each=PerFile.DOUBLING)).groupBy("file").count()
    assert {row["count"] for row in each.collect()} == {4}, "the 1st, 2nd, 4th and 8th row of each file"
    assert each.count() == 10


def test_only_what_came_is_read_again_and_a_column_that_nobody_mapped_is_a_gap(
    spark: SparkSession, workspace: Workspace, tmp_path: Path
) -> None:
    file = write(tmp_path / "t.csv", [["note"], *([f"note {'abc'[i % 3]}"] for i in range(8_000))])
    load_table(workspace, "notes", [file], actor="op", now=NOW)
    place = str(workspace.path(workspace.config.warehouse) / "notes")
    bound = Bound(0.95, Fraction(1, 1_000))

    def scanned() -> tuple[Scan, ReadTable, int]:
        found = scan_tables(workspace, extent=Extent(bound), actor="op", now=NOW)
        return found, found.read[0], found.reaches["notes", "note"].row_hits

    def append(*notes: str) -> None:
        late = spark.createDataFrame([(note, "x") for note in notes], "note string, added string")
        late.coalesce(1).write.format("delta").mode("append").option("mergeSchema", "true").save(place)

    found, read, hits = scanned()
    assert (read.files_read, read.anew, hits, found.gaps) == (1, True, 0, ())
    reach = found.reaches["notes", "note"]
    assert 2_200 < reach.rows < 2_800
    assert reach.fewer_than_one_in == 1_000
    append("mail late@fennel.example", "nothing")
    found, read, hits = scanned()
    assert (read.files_read, read.files_known, read.anew, hits) == (1, 1, False, 1)
    assert [(gap.code, gap.where) for gap in found.gaps] == [
        ("tags.drift", "notes.added"),
        ("tags.turned", "notes.note"),
    ]
    assert found.reaches["notes", "note"].rows == reach.rows + 2, "each file gives its first rows"
    spark.sql(f"ALTER TABLE delta.`{place}` SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')")
    append("mail gone@fennel.example", "mail stays@fennel.example")
    spark.sql(f"DELETE FROM delta.`{place}` WHERE note LIKE '%gone%'")
    found, read, hits = scanned()
    assert (read.files_read, read.files_known, hits) == (1, 2, 2), "a deleted row is no evidence"
    assert scanned()[1].files_read == 0
    spark.sql(f"RESTORE TABLE delta.`{place}` TO VERSION AS OF {current_version(place) - 1}")
    _, read, hits = scanned()
    assert (read.files_read, hits) == (1, 4), "a row that came back is read, with the others of its file"


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
    found = scan_tables(workspace, ["people"], extent=Extent(values=100), actor="op", now=NOW)
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
    scan_tables(workspace, extent=Extent(values=100), actor="op", now=NOW)
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
        scan_tables(workspace, names, extent=Extent(values=sample), actor="op", now=NOW)
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
    found = scan_tables(workspace, extent=Extent(values=120), actor="op", now=NOW).findings
    judged = {(f.table, f.column): f.category for f in found if "." not in f.column}
    expected = {key: TRUTH[key[0]].get(key[1]) for key in judged}
    assert judged == expected
    assert len(judged) == 61
    assert_look_alikes(found)
    inside = {f.column: f.category for f in found if f.table == "job_candidate" and "." in f.column}
    assert inside["Resume.EMail"] == "user.contact.email"
    assert inside["Resume.Name.`Name.First`"] == "user.name.first"


def assert_look_alikes(found: tuple[TagFinding, ...]) -> None:
    by = {(f.table, f.column): f for f in found}
    card = by["credit_card", "CardNumber"]
    assert (card.entity, card.hits, "name" in card.evidence) == ("CREDIT_CARD", card.sampled, True)
    assert by["job_candidate", "Resume"].entity in ("EMAIL_ADDRESS", "LOCATION")  # each holds both
    # Below the resumes' own column are texts in scripts that no model reads.
    clean = [f for f in found if f.category is None and not f.hits and "." not in f.column]
    assert {f.bound for f in clean} <= {0.0, 1.0}, "nothing is said of values that were not read"
