"""Files of a release hang on their rows alone, and are written again without the rows that leave."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.lake import release_files
from delible.lake.release_files import (
    QUASI,
    SPLIT,
    SPLITS,
    SUBJECTS,
    arranged,
    spool_in,
    without_rows,
    write_nothing,
    write_part,
    write_refs,
)

Row = tuple[int, str | None]
"""Its split, and its value."""

TEXT = st.one_of(st.none(), st.text(max_size=5))
ROWS = st.lists(st.tuples(st.integers(0, 2), TEXT), min_size=1, max_size=40).map(lambda rows: sorted(rows, key=first))
REFS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), max_size=30).map(sorted)


def first(row: Row) -> int:
    return row[0]


def subjects(number: int) -> list[bytes]:
    return [number.to_bytes(2)] if number % 3 else []


def batches(rows: Sequence[Row], ends: Sequence[int] = (), *, nullable: bool = True) -> list[pa.RecordBatch]:
    """Return rows as Spark may hand them over, cut at any place."""
    schema = pa.schema(
        [
            ("text", pa.string()),
            pa.field("at", pa.timestamp("us", "UTC"), nullable=nullable),
            (SPLIT, pa.int32()),
            (SUBJECTS, pa.list_(pa.binary())),
        ]
    )
    columns = {
        "text": [text for _, text in rows],
        "at": range(len(rows)),
        SPLIT: [split for split, _ in rows],
        SUBJECTS: [subjects(n) for n in range(len(rows))],
    }
    whole = pa.RecordBatch.from_pydict(columns, schema=schema)
    places = [0, *sorted(ends), len(rows)]
    return [whole.slice(a, b - a) for a, b in pairwise(places)]


def written(
    folder: Path, handed: Sequence[pa.RecordBatch], group: int = 3, quasi: Sequence[str] = ("text",)
) -> tuple[str, ...]:
    spool = spool_in(folder)
    with mock.patch.object(release_files, "_ROW_GROUP", group):
        splits = list(write_part(handed, spool, "7", quasi))
    return arranged(spool, [(split, "7") for split in splits], folder, folder / "rows")


def index_of(folder: Path) -> list[dict[str, Any]]:
    """Return the row index as Spark reads it, sorted."""
    found: list[dict[str, Any]] = pq.read_table(folder / "rows", partitioning="hive").to_pylist()
    return sorted(found, key=lambda row: (row["file"], row["row"]))


@given(ROWS, st.data())
def test_a_file_holds_its_split_s_rows_in_their_order_and_no_word_of_whose_they_are(
    rows: list[Row], data: st.DataObject
) -> None:
    ends = data.draw(st.lists(st.integers(0, len(rows))))
    with tempfile.TemporaryDirectory() as name:
        files = written(Path(name), batches(rows, ends))
        splits = sorted({split for split, _ in rows})
        assert files == tuple(f"data/{SPLITS[split]}-00000-of-00001.parquet" for split in splits)
        index = []
        for split, file in zip(splits, files, strict=True):
            assert pq.read_schema(Path(name) / file).names == ["text", "at"]
            here = [n for n, row in enumerate(rows) if row[0] == split]
            assert pq.read_table(Path(name) / file)["text"].to_pylist() == [rows[n][1] for n in here]
            index += [{"file": file, "row": place, "subjects": subjects(n)} for place, n in enumerate(here)]
        assert index_of(Path(name)) == sorted(index, key=lambda row: (row["file"], row["row"]))
        counted = pq.read_table(Path(name) / ".spool" / QUASI)
        assert counted.column_names == ["text", SUBJECTS]
        assert counted.num_rows == len(rows)
        assert [p.name for p in (Path(name) / ".spool" / "data").iterdir()] == []


@given(ROWS, st.data())
def test_where_batches_end_and_what_a_source_lets_be_null_changes_no_byte(rows: list[Row], data: st.DataObject) -> None:
    ends, nullable = data.draw(st.lists(st.integers(0, len(rows)))), data.draw(st.booleans())
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        files = written(Path(one), batches(rows))
        assert written(Path(other), batches(rows, ends, nullable=nullable)) == files
        for file in files:
            assert (Path(one) / file).read_bytes() == (Path(other) / file).read_bytes()


def test_nor_does_it_where_a_page_ends(tmp_path: Path) -> None:
    rows = [(0, f"{n} {secrets.token_hex(700)}") for n in range(3_000)]
    made = []
    for name, ends in (("one", []), ("other", [100, 1_700])):
        folder = tmp_path / name
        folder.mkdir()
        made.append((folder / written(folder, batches(rows, ends), 10_000)[0]).read_bytes())
    assert made[0] == made[1]


def test_parts_are_counted_in_their_order(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    for part, text in (("00009", "b"), ("00002", "a")):
        assert list(write_part(batches([(0, text)]), spool, part, ())) == [0]
    files = arranged(spool, [(0, "00009"), (0, "00002")], tmp_path, tmp_path / "rows")
    assert files == ("data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet")
    assert [pq.read_table(tmp_path / file)["text"].to_pylist() for file in files] == [["a"], ["b"]]


def test_a_task_of_a_run_that_is_over_brings_nothing_back(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    shutil.rmtree(spool)
    with pytest.raises(FileNotFoundError):
        list(write_part(batches([(0, "a")]), spool, "0", ("text",)))
    assert list(tmp_path.iterdir()) == []


def test_no_rows_are_a_file_with_the_columns(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    assert list(write_part(batches([]), spool, "0", ("text",))) == []
    nothing = pa.Table.from_batches(batches([]))
    (file,) = arranged(spool, [write_nothing(nothing, spool)], tmp_path, tmp_path / "rows")
    assert pq.read_table(tmp_path / file).column_names == ["text", "at"]
    assert index_of(tmp_path) == []


def test_values_within_values_may_be_null_as_well(tmp_path: Path) -> None:
    never = pa.field("element", pa.int32(), nullable=False)
    within = {"struct": pa.struct([never]), "list": pa.list_(never), "map": pa.map_(pa.string(), never)}
    values = {"struct": {"element": 1}, "list": [1], "map": [("a", 1)]}
    types = {**within, SPLIT: pa.int32(), SUBJECTS: pa.list_(pa.binary())}
    schema = pa.schema([pa.field(name, kind, nullable=False) for name, kind in types.items()])
    rows = pa.RecordBatch.from_pylist([{**values, SPLIT: 0, SUBJECTS: []}], schema=schema)
    (file,) = written(tmp_path, [rows], quasi=("list",))
    found = pq.read_schema(tmp_path / file)
    kinds = [found.field("struct").type[0], found.field("list").type.value_field, found.field("map").type.item_field]
    assert all(field.nullable for field in [*found, *kinds])
    assert pq.read_table(tmp_path / file).to_pylist() == [values]


@given(ROWS, st.data())
def test_exactly_the_leaving_rows_are_gone(rows: list[Row], data: st.DataObject) -> None:
    leaving = data.draw(st.sets(st.integers(0, len(rows) - 1)))
    with tempfile.TemporaryDirectory() as name:
        (path,) = written(Path(name), batches([(0, text) for _, text in rows]))
        file = Path(name) / path
        with mock.patch.object(release_files, "_ROW_GROUP", data.draw(st.integers(1, 8))):
            left = without_rows(file, Path(name) / "left.parquet", data.draw(st.permutations(sorted(leaving))))
        wanted = [row for n, row in enumerate(pq.read_table(file).to_pylist()) if n not in leaving]
        again = pq.read_table(Path(name) / "left.parquet")
        assert again.to_pylist() == wanted
        assert left == len(wanted)
        assert again.schema == pq.read_table(file).schema


@given(REFS, st.lists(st.integers(0, 30)), st.integers(1, 4))
def test_an_index_holds_each_pair_once_and_counts_who_has_their_own(
    pairs: list[tuple[str, str]], ends: list[int], group: int
) -> None:
    table = pa.RecordBatch.from_pydict({"ref": [a for a, _ in pairs], "subject": [b for _, b in pairs]})
    places = [0, *sorted(min(end, len(pairs)) for end in ends), len(pairs)]
    handed = [table.slice(a, b - a).cast(release_files._REFS) for a, b in pairwise(places)]
    with tempfile.TemporaryDirectory() as name, mock.patch.object(release_files, "_INDEX_GROUP", group):
        members = write_refs(handed, Path(name) / "index.parquet")
        found = pq.read_table(Path(name) / "index.parquet").to_pylist()
        assert found == [{"ref": a, "subject": b} for a, b in sorted(set(pairs))]
        assert members == sum(a == b for a, b in set(pairs))
