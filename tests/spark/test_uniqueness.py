"""Combinations of quasi-identifiers counted in Spark, and verdicts that Spark finds beside the columns."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from delible.cli import main
from delible.errors import SetupError
from delible.lake import uniqueness
from delible.lake.facts import read
from delible.lake.uniqueness import countable, measure
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.workspace import Workspace, create_workspace
from delible.workflows import tag_publish
from delible.workflows.scanning import Extent
from delible.workflows.tables import list_tables, load_table
from delible.workflows.tagging import scan_tables
from delible.workflows.verdicts import list_combinations, measure_uniqueness

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CANARY = "quillfeather"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return create_workspace(tmp_path / "w")


def test_rows_and_groups_are_those_of_a_plain_count(spark: SparkSession) -> None:
    rows = [(i % 7 or None, str(i % 5), (i % 11 or None,), i % 3) for i in range(200)]
    frame = spark.createDataFrame(rows, "a int, `b.c` string, s struct<x: int>, d int")
    combinations = (("a", "`b.c`", "s.x", "d"), ("a", "s.x"), ("`b.c`", "d"))
    places = ((0, 1, 2, 3), (0, 2), (1, 3))
    found = measure(frame, combinations, table="t", version=0, at=NOW)
    for each, places_of in zip(found, places, strict=True):
        groups = Counter(tuple(row[i][0] if i == 2 else row[i] for i in places_of) for row in rows)
        unique = sum(n == 1 for n in groups.values())
        assert (each.rows, each.unique, each.groups, each.smallest, each.one_in) == (
            200,
            unique,
            len(groups),
            min(groups.values()),
            1,
        )


def test_columns_of_which_a_row_has_one_value(spark: SparkSession) -> None:
    schema = "a int, `b.c` string, s struct<x: int, `o``p`: date>, l array<string>, m map<string, int>"
    assert countable(spark.createDataFrame([], schema)) == {"a", "`b.c`", "s.x", "s.`o``p`"}


def test_null_in_one_column_is_not_null_in_the_other(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(1, None), (None, 1)], "a int, b int")
    (found,) = measure(frame, (("a", "b"),), table="t", version=0, at=NOW)
    assert (found.unique, found.groups) == (2, 2)


def test_whole_groups_are_drawn_so_that_a_large_table_does_not_look_unique(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 40,000 rows a quarter is unique and the others stand in pairs. A sample of rows would call most unique."""
    monkeypatch.setattr(uniqueness, "_MOST_KEYS", 10_000)
    frame = spark.range(40_000).selectExpr("IF(id < 10000, id, CAST(id / 2 AS BIGINT) + 100000) AS a", "1 AS b")
    (found,) = measure(frame, (("a", "b"),), table="t", version=0, at=NOW)
    assert found.one_in == 4
    assert 8_000 < found.rows < 12_000
    assert found.share == pytest.approx(0.25, abs=0.02)
    naive = frame.sample(0.25, seed=1).groupBy("a").count()
    assert naive.where("count = 1").count() / naive.selectExpr("SUM(count)").first()[0] > 0.6


def test_a_scan_tells_combinations_and_publishing_touches_no_data_file(
    spark: SparkSession,
    workspace: Workspace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = ["customer_id,surname,date_of_birth,zip,gender"]
    lines += [
        f"{i},{CANARY}{chr(97 + i % 26)},19{60 + i % 30}-01-1{i % 9},1{i % 50:04},{'MF'[i % 2]}" for i in range(120)
    ]
    (tmp_path / "people.csv").write_text("\n".join(lines))
    load_table(workspace, "people", [tmp_path / "people.csv"], actor="op", now=NOW)
    found = scan_tables(workspace, extent=Extent(values=50), actor="op", now=NOW)
    assert set(found.combinations[0].columns) == {"date_of_birth", "zip", "gender"}
    assert list_combinations(workspace) == found.combinations
    assert found.combinations[0].unique == 120
    assert measure_uniqueness(workspace, ["people"], actor="op", now=NOW) == found.combinations

    (known,) = list_tables(workspace)
    folder = Path(known.location)
    files = {path: path.read_bytes() for path in folder.glob("*.parquet")}
    assert main.main(["tags", "publish", "people", "--workspace", str(workspace.root), "--json"]) == 0
    published = json.loads(capsys.readouterr().out)["tables"][0]
    assert published["way"] == "column metadata"
    assert {path: path.read_bytes() for path in folder.glob("*.parquet")} == files
    schema = read(spark, known.location).schema
    assert schema["zip"].metadata["delible.category"] == "user.contact.address.postal_code"
    assert schema["customer_id"].metadata == {}
    spark.sql(f"DELETE FROM delta.`{folder}` WHERE customer_id = 5")
    assert read(spark, known.location).schema["zip"].metadata["delible.quasi"] == "true"

    def refuses(*_: object, **__: object) -> None:
        raise SetupError("tags.delta", "its columns cannot be labelled.")

    monkeypatch.setattr(tag_publish, "write_labels", refuses)
    for expected in (("date_of_birth", "gender", "surname", "zip"), ()):
        (instead,) = tag_publish.publish_tags(workspace, ["people"], actor="op", now=NOW)
        assert (instead.way, instead.columns) == ("table properties", expected)
    properties = {row["key"]: row["value"] for row in spark.sql(f"SHOW TBLPROPERTIES delta.`{folder}`").collect()}
    assert properties["delible.tag.zip"] == "user.contact.address.postal_code"
    assert {path: path.read_bytes() for path in files} == files

    assert main.main(["tags", "list", "--workspace", str(workspace.root)]) == 0
    assert "people: date_of_birth + gender + zip: 120 of 120 rows are unique (100.0%)" in " ".join(
        capsys.readouterr().out.split()
    )
    records = [json.dumps(r.model_dump(mode="json")) for r in Ledger(workspace, load_keys(workspace)).records()]
    logs = [
        log.read_text()
        for log in (folder / "_delta_log").glob("*.json")
        if '"UPDATE FIELD METADATA"' in log.read_text()
    ]
    assert logs
    assert not any(CANARY in text for text in [*records, *logs])
