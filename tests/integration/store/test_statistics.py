"""Least and greatest values as real logs have them: cut short, left out, behind other names, and of partitions."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from hypothesis import given, settings
from hypothesis import strategies as st

from delible.model.duration import Duration
from delible.model.subject import normalised
from delible.model.terms import Normalise
from delible.plan.candidates import Candidates, Wanted, candidate_files, files_before
from delible.store.statistics import table_statistics

EXACT = Normalise.EXACT


def files(folder: Path, *rows: dict[str, list[Any]], **options: Any) -> str:
    """Write one file per dict."""
    for each in rows:
        write_deltalake(folder, pa.table(each), mode="append", **options)
    return str(folder)


def found(location: str, column: str, *keys: str, how: Normalise = EXACT) -> Candidates:
    table = table_statistics(location, [column])
    assert table is not None
    return candidate_files(table, [Wanted(column, how, frozenset(keys))])


def test_sizes_rows_properties_and_bounds_come_from_the_log(tmp_path: Path) -> None:
    location = files(
        tmp_path / "t", {"id": [1, 2]}, {"id": [3, 9]}, configuration={"delta.enableChangeDataFeed": "true"}
    )
    table = table_statistics(location, ["id", "none"])
    assert table is not None
    assert (table.files, table.rows, table.version) == (2, 4, 1)
    assert table.bytes == sum(p.stat().st_size for p in (tmp_path / "t").glob("*.parquet"))
    assert table.properties == {"delta.enableChangeDataFeed": "true"}
    assert not table.hidden.any()
    assert set(table.columns) == {"id"}
    assert found(location, "id", "5").files == 1
    assert found(location, "id", "10", "0").files == 0
    assert found(location, "none", "5") == Candidates(2, table.bytes, 2)


def test_a_version_is_read_as_it_was(tmp_path: Path) -> None:
    location = files(tmp_path / "t", {"id": [1]}, {"id": [2]})
    before = table_statistics(location, ["id"], version=0)
    assert before is not None
    assert before.files == 1


def test_columns_that_are_not_indexed_and_nested_ones_tell_nothing(tmp_path: Path) -> None:
    rows = {"a": [1], "s": [{"b": 1}], "b": ["x"]}
    location = files(tmp_path / "t", rows, configuration={"delta.dataSkippingNumIndexedCols": "1"})
    assert found(location, "a", "2").files == 0
    assert found(location, "b", "y").untested == 1
    assert found(location, "s", "y").untested == 1


def test_a_nested_column_is_not_taken_for_one_with_a_dot_in_its_name(tmp_path: Path) -> None:
    location = files(tmp_path / "t", {"s": [{"b": 1}], "s.b": [100]})
    assert found(location, "s.b", "50").files == found(location, "s.b", "100").files == 1


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC")], ids=str)
def test_times_are_compared_as_microseconds_in_utc(tmp_path: Path, kind: pa.DataType) -> None:
    days = [date(2024, 1, 1), date(2026, 1, 1)]
    for day in days:
        write_deltalake(tmp_path / "t", pa.table({"at": pa.array([day]).cast(kind)}), mode="append")
    table = table_statistics(str(tmp_path / "t"), ["at"])
    assert table is not None
    assert sorted(table.columns["at"].low) == [_micros(day) for day in days]
    assert sorted(table.columns["at"].high) == [_micros(day) for day in days]
    found_ = files_before(table, ["at"], Duration("P2Y"), datetime(2026, 6, 1, tzinfo=UTC))
    assert (found_.files, found_.untested) == (1, 0)


def _micros(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86_400_000_000


def test_partitions_are_known_exactly_and_an_empty_one_holds_nobody(tmp_path: Path) -> None:
    table = pa.table({"id": [1, 2, 3], "who": ["ann@x.example", "zoe@x.example", None]})
    write_deltalake(tmp_path / "t", table, partition_by=["who"])
    location = str(tmp_path / "t")
    assert found(location, "who", "ann@x.example").files == 1
    assert found(location, "who", "mia@x.example") == Candidates(0, 0, 0)


def test_behind_column_mapping_the_log_speaks_of_physical_names(tmp_path: Path) -> None:
    log = tmp_path / "t" / "_delta_log"
    log.mkdir(parents=True)
    names = {"id": "was", "was": "id"}  # as after two renames
    fields = [
        {
            "name": name,
            "type": "long",
            "nullable": True,
            "metadata": {"delta.columnMapping.id": i, "delta.columnMapping.physicalName": physical},
        }
        for i, (name, physical) in enumerate(names.items(), 1)
    ]
    features = {"readerFeatures": ["columnMapping"], "writerFeatures": ["columnMapping"]}
    stats = {"numRecords": 1, "minValues": {"was": 5, "id": 77}, "maxValues": {"was": 5, "id": 77}, "nullCount": {}}
    actions: list[dict[str, Any]] = [
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **features}},
        {
            "metaData": {
                "id": "0",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps({"type": "struct", "fields": fields}),
                "partitionColumns": [],
                "configuration": {"delta.columnMapping.mode": "name"},
            }
        },
        {
            "add": {
                "path": "a.parquet",
                "partitionValues": {},
                "size": 10,
                "modificationTime": 1,
                "dataChange": True,
                "stats": json.dumps(stats),
            }
        },
    ]
    (log / f"{0:020}.json").write_text("\n".join(map(json.dumps, actions)))
    assert found(str(tmp_path / "t"), "id", "5").files == 1
    assert found(str(tmp_path / "t"), "id", "77").files == 0


def test_what_is_no_table_says_nothing(tmp_path: Path) -> None:
    assert table_statistics(str(tmp_path), ["id"]) is None


TEXTS = st.text("abkAK\u212aé -~\u3000", max_size=4) | st.text("ab", min_size=30, max_size=70)


@settings(max_examples=15)
@given(rows=st.lists(st.lists(TEXTS | st.none(), min_size=1, max_size=3), min_size=1, max_size=3))
@pytest.mark.parametrize("how", [Normalise.EXACT, Normalise.LOWER])
def test_no_file_with_a_due_row_is_missed_whatever_the_log_cuts_short(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str | None]], how: Normalise
) -> None:
    folder = tmp_path_factory.mktemp("t") / "t"
    for each in rows:
        write_deltalake(folder, pa.table({"c": pa.array(each, pa.string())}), mode="append")
    table = table_statistics(str(folder), ["c"])
    assert table is not None
    for value in {v for each in rows for v in each if v is not None}:
        key = normalised(value, how)
        hit = sum(any(v is not None and normalised(v, how) == key for v in each) for each in rows)
        assert candidate_files(table, [Wanted("c", how, frozenset({key}))]).files >= hit
