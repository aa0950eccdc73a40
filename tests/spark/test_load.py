"""Files become tables whole or not at all, and no value is changed by a guess."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from delible.errors import InputError
from delible.lake.load import inspected, load
from delible.store.sizes import table_size
from delible.store.workspace import Workspace, create_workspace
from delible.workflows.tables import list_tables, load_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CANARY = "canary@fennel.example"


def text_file(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def logged(location: Path) -> str:
    return "".join(p.read_text() for p in sorted((location / "_delta_log").glob("*.json")))


COLUMNS: dict[str, tuple[str, list[str]]] = {
    "whole": ("bigint", ["1", "-7", "9223372036854775807"]),
    "zeros": ("string", ["007", "12", "13"]),
    "plus": ("string", ["+1", "2", "3"]),
    "spaced": ("string", [" 1", "2", "3"]),
    "huge": ("string", ["9223372036854775808", "1", "2"]),
    "money": ("decimal(5,2)", ["100.50", "-3.00", "0.05"]),
    "ragged": ("double", ["1.5", "-3.25", "0.1"]),
    "negative_zero": ("string", ["-0", "1", "2"]),
    "truth": ("boolean", ["true", "false", "true"]),
    "yes": ("string", ["True", "false", "true"]),
    "day": ("date", ["2024-02-29", "1969-01-29", "2026-12-31"]),
    "no_day": ("string", ["2023-02-29", "1969-01-29", "2026-12-31"]),
    "moment": ("timestamp", ["2018-12-03 00:00:00.000", "2018-12-03T01:02:03", "2025-09-11 11:15:06.967"]),
    "instant": ("timestamp", ["2018-12-03T00:00:00Z", "2018-12-03T00:00:00+02:00", "2018-12-03T00:00:00Z"]),
    "mixed": ("string", ["2018-12-03", "2018-12-03 00:00:00", "x"]),
    "lines": ("string", ['first, "quoted"', "two\nlines", "tab\tand \\ back"]),
    "nothing": ("string", ["", "", ""]),
}


def test_columns_are_typed_only_where_the_text_comes_back(spark: SparkSession, tmp_path: Path) -> None:
    file = tmp_path / "odd name[1] {a}.csv"
    with file.open("w", newline="", encoding="utf-8-sig") as out:
        csv.writer(out).writerows([COLUMNS.keys(), *zip(*(v for _, v in COLUMNS.values()), strict=True)])
    done = load(spark, inspected([file], str(tmp_path / "t"), table="t"))
    assert done.columns == {name: kind for name, (kind, _) in COLUMNS.items()}
    assert (done.rows, done.version) == (3, 0)
    frame = spark.read.format("delta").load(done.location)
    rows = frame.selectExpr("*", "CAST(moment AS STRING) moment_text").collect()
    for name, (kind, texts) in COLUMNS.items():
        if kind == "string":
            assert {r[name] for r in rows} == ({None} if name == "nothing" else set(texts))
    assert {r["money"] for r in rows} == {Decimal("100.50"), Decimal("-3.00"), Decimal("0.05")}
    assert {r["day"] for r in rows} >= {date(2024, 2, 29)}
    assert {r["moment_text"] for r in rows} >= {"2018-12-03 01:02:03", "2025-09-11 11:15:06.967"}


def test_statistics_are_kept_on_the_named_columns_only(spark: SparkSession, tmp_path: Path) -> None:
    file = text_file(tmp_path / "a.csv", f"id,email\n1,{CANARY}\n")
    load(spark, inspected([file], str(tmp_path / "all"), table="all"))
    load(spark, inspected([file], str(tmp_path / "some"), table="some"), statistics_on=["id"])
    load(spark, inspected([file], str(tmp_path / "none"), table="none"), statistics_on=[])
    assert CANARY in logged(tmp_path / "all")
    assert CANARY not in logged(tmp_path / "some")
    assert '\\"minValues\\":{\\"id\\":1}' in logged(tmp_path / "some")
    assert 'minValues\\":{\\"id' not in logged(tmp_path / "none")


def test_json_lines_and_parquet(spark: SparkSession, tmp_path: Path) -> None:
    lines = [{"id": 1, "tags": ["a"], "who": {"email": "a@f.example"}}, {"id": 2, "extra": "x"}]
    file = text_file(tmp_path / "a.jsonl", "\n\n".join(map(json.dumps, lines)) + "\n")
    done = load(spark, inspected([file], str(tmp_path / "t"), table="t"))
    assert done.rows == 2
    assert done.columns["who"] == "struct<email:string>"
    parts = list((tmp_path / "t").glob("*.parquet"))
    again = load(spark, inspected(parts, str(tmp_path / "u"), table="u"))
    assert (again.rows, again.columns) == (done.rows, done.columns)


@pytest.mark.parametrize(
    ("name", "text", "code", "line"),
    [
        ("a.csv", "", "load.header", ":1"),
        ("a.csv", f"1,{CANARY}\n2,x\n", "load.header", ":1"),
        ("a.csv", "id,\n1,2\n", "load.header", ":1"),
        ("a.csv", "id,ID\n1,2\n", "load.header", ":1"),
        ("a.csv", "id,a b\n1,2\n", "load.header", ":1"),
        ("a.csv", f'id,note\n1,"two\nlines"\n2,{CANARY},3\n', "load.row", ":4"),
        ("a.csv", f"id,note\n1,x\n{CANARY}\n", "load.row", ":3"),
        ("a.csv", f'id,note\n1,"{CANARY}\n2,x\n', "load.row", ":3"),
        ("a.csv", b"id,note\n1,\xff\xfe\n", "load.encoding", ""),
        ("a.jsonl", f'{{"a": 1}}\n{{"a": "{CANARY}\n', "load.row", ":2"),
        ("a.jsonl", f'"{CANARY}"\n', "load.row", ":1"),
        ("a.jsonl", f'{{"a b;": "{CANARY}"}}\n', "load.columns", ""),
        ("a.parquet", CANARY, "load.file", ""),
        ("a.txt", CANARY, "load.format", ""),
    ],
)
def test_a_broken_file_is_named_with_its_line_and_leaves_nothing(
    spark: SparkSession, tmp_path: Path, name: str, text: str | bytes, code: str, line: str
) -> None:
    file = text_file(tmp_path / name, text)
    with pytest.raises(InputError) as caught:
        load(spark, inspected([file], str(tmp_path / "t"), table="t"))
    assert caught.value.code == code
    assert line in (caught.value.where or "")
    assert CANARY not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert not (tmp_path / "t").exists()


def test_files_of_one_table_have_one_header(spark: SparkSession, tmp_path: Path) -> None:
    files = [text_file(tmp_path / f"{n}.csv", f"id,{n}\n1,2\n") for n in "ab"]
    with pytest.raises(InputError) as caught:
        load(spark, inspected(files, str(tmp_path / "t"), table="t"))
    assert caught.value.code == "load.header"
    same = [text_file(tmp_path / f"{n}.csv", f"id,x\n{n},2\n") for n in "ab"]
    assert load(spark, inspected(same, str(tmp_path / "t"), table="t")).rows == 2


def test_nothing_is_overwritten(spark: SparkSession, tmp_path: Path) -> None:
    workspace: Workspace = create_workspace(tmp_path / "w")
    file = text_file(tmp_path / "a.csv", f"id,email,birth_date\n1,{CANARY},1969-01-29\n")
    done = load_table(workspace, "people", [file], actor="op", now=NOW)
    with pytest.raises(InputError) as caught:
        load_table(workspace, "people", [file], actor="op", now=NOW)
    assert caught.value.code == "table.exists"
    (known,) = list_tables(workspace)
    assert (known.table, known.policy) == ("people", False)
    assert known.size is not None
    assert (known.size.rows, known.size.version) == (1, 0)
    log = logged(Path(done.location))
    assert CANARY not in log
    assert "1969-01-29" not in log


@pytest.mark.parametrize("name", ["People", "", "../x", "a.b", "a" * 65])
def test_a_table_is_named_plainly(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        load_table(create_workspace(tmp_path / "w"), name, [tmp_path / "a.csv"], actor="op", now=NOW)
    assert caught.value.code == "table.name"


def test_rows_behind_deletion_vectors_are_not_counted(spark: SparkSession, tmp_path: Path) -> None:
    location = str(tmp_path / "t")
    frame = spark.range(10).coalesce(1).write.format("delta").option("delta.enableDeletionVectors", "true")
    frame.save(location)
    spark.sql(f"DELETE FROM delta.`{location}` WHERE id < 3")
    size = table_size(location)
    assert size is not None
    assert (size.rows, size.version) == (7, 1)
