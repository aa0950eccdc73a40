"""A release's file is written again without the rows that leave, and every other row stays what and where it was."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from delible.lake import release_files
from delible.lake.release_files import without_rows, without_subjects

VALUES = st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=1, max_size=40)


def written(folder: Path, values: list[str | None]) -> tuple[Path, list[dict[str, object]]]:
    """Spool rows, let them settle, and return the file with its rows of the row index."""
    subjects = [[bytes([n])] if n % 3 else [] for n in range(len(values))]
    table = pa.table(
        {
            "text": pa.array(values, pa.string()),
            "at": pa.array(range(len(values)), pa.timestamp("us", "UTC")),
            "__subjects": pa.array(subjects, pa.list_(pa.binary())),
        }
    )
    pq.write_table(table, folder / "part.parquet")
    (folder / "data").mkdir()
    index = [
        r for batch in without_subjects(folder / "part.parquet", folder, "data/a.parquet") for r in batch.to_pylist()
    ]
    return folder / "data" / "a.parquet", index


@given(VALUES)
def test_a_settled_file_has_all_rows_in_their_order_and_no_word_of_whose_they_are(values: list[str | None]) -> None:
    with tempfile.TemporaryDirectory() as name:
        file, index = written(Path(name), values)
        assert pq.read_schema(file).names == ["text", "at"]
        assert pq.read_table(file)["text"].to_pylist() == values
        assert [(row["file"], row["row"]) for row in index] == [("data/a.parquet", n) for n in range(len(values))]
        assert [row["subjects"] for row in index] == [[bytes([n])] if n % 3 else [] for n in range(len(values))]
        assert [p.name for p in (Path(name) / "data").iterdir()] == ["a.parquet"]


@given(VALUES, st.data())
def test_exactly_the_leaving_rows_are_gone(values: list[str | None], data: st.DataObject) -> None:
    leaving = data.draw(st.sets(st.integers(0, len(values) - 1)))
    batch = data.draw(st.integers(1, 8))
    with tempfile.TemporaryDirectory() as name:
        file, _ = written(Path(name), values)
        before, release_files._BATCH = release_files._BATCH, batch
        try:
            left = without_rows(file, Path(name) / "left.parquet", data.draw(st.permutations(sorted(leaving))))
        finally:
            release_files._BATCH = before
        wanted = [row for n, row in enumerate(pq.read_table(file).to_pylist()) if n not in leaving]
        again = pq.read_table(Path(name) / "left.parquet")
        assert again.to_pylist() == wanted
        assert left == len(wanted)
        assert again.schema == pq.read_table(file).schema


def test_equal_rows_are_equal_bytes(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made.append(written(tmp_path / name, ["a", None, "b"])[0].read_bytes())
    assert made[0] == made[1]
