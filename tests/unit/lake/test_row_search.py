"""Old values in a person's own rows: found in any spelling of the columns, and never taken for absent."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from delible.lake.search.rows import Wrong, search_rows
from delible.lake.search.typed_keys import TypedKeys
from delible.model.terms import Normalise

PERSON = Wrong({"customer_id": TypedKeys(frozenset({"7"}), Normalise.EXACT)}, {"city": ("string", ["Paris"])})
FOUND = [("table:t/part.parquet:city", 1)]


def write(folder: Path, columns: dict[str, list[object]], name: str = "part.parquet") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


def searched(folder: Path, *people: Wrong) -> tuple[list[tuple[str, int]], list[str]]:
    matches, unreadable = search_rows("table:t", str(folder), people or (PERSON,))
    return [(m.place, m.count) for m in matches], unreadable


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"customer_id": [7, 8], "city": ["Paris", "Paris"]}, FOUND),
        ({"customer_id": [7, 8], "city": ["Lyon", "Paris"]}, []),
        ({"CUSTOMER_ID": [7, 8], "City": ["Paris", "Paris"]}, FOUND),
        ({"Customer_Id": [8, 7], "customer_id": [9, 9], "city": ["Oslo", "Paris"], "CITY": ["Oslo", "Oslo"]}, FOUND),
    ],
    ids=["as in the policy", "corrected", "another letter case", "two spellings at once"],
)
def test_names_of_columns_are_the_same_in_any_letter_case(
    columns: dict[str, list[object]], found: list[tuple[str, int]], tmp_path: Path
) -> None:
    write(tmp_path, columns)
    assert searched(tmp_path) == (found, [])


def test_a_file_that_does_not_say_whose_its_rows_are_is_unreadable_and_never_clean(tmp_path: Path) -> None:
    write(tmp_path, {"city": ["Oslo"], "name": ["Ann"]})
    assert searched(tmp_path) == ([], ["table:t/part.parquet"])
    keyless = Wrong({}, PERSON.values)
    write(tmp_path, {"customer_id": [7], "city": ["Paris"]})
    assert searched(tmp_path, keyless) == ([], ["table:t/part.parquet"])


TWO_WAYS = Wrong({**PERSON.keys, "email": TypedKeys(frozenset({"ann@test.example"}), Normalise.LOWER)}, PERSON.values)


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"email": ["ann@test.example", "b@test.example"], "city": ["Paris", "Paris"]}, FOUND),
        ({"email": [None, "b@test.example"], "city": ["Paris", "Oslo"]}, []),
    ],
    ids=["what the other way finds is found", "what no way finds is not clean"],
)
def test_a_file_without_one_of_the_ways_to_the_person_is_never_clean(
    columns: dict[str, list[object]], found: list[tuple[str, int]], tmp_path: Path
) -> None:
    """Rows of before a column was added may be the person's by that column alone."""
    write(tmp_path, columns)
    assert searched(tmp_path, TWO_WAYS) == (found, ["table:t/part.parquet"])


def test_in_a_file_of_the_newest_version_a_column_that_is_not_there_is_null_and_reaches_nobody(tmp_path: Path) -> None:
    write(tmp_path, {"email": ["ann@test.example", "b@test.example"], "city": ["Paris", "Paris"]})
    matches, unreadable = search_rows("table:t", str(tmp_path), [TWO_WAYS], live={"part.parquet"})
    assert ([(m.place, m.count) for m in matches], unreadable) == (FOUND, [])


def test_a_file_without_one_of_the_ways_and_without_any_old_value_is_clean(tmp_path: Path) -> None:
    write(tmp_path, {"email": [None, "b@test.example"], "city": ["Lyon", "Oslo"]})
    assert searched(tmp_path, TWO_WAYS) == ([], [])


@pytest.mark.parametrize("name", ["part.parq", "part", "part.PARQUET", "_tmp/part.0.bak"])
def test_a_parquet_file_is_searched_whatever_its_name(name: str, tmp_path: Path) -> None:
    write(tmp_path, {"customer_id": [7], "city": ["Paris"]}, name)
    assert searched(tmp_path) == ([(f"table:t/{name}:city", 1)], [])


def test_what_is_no_parquet_is_left_to_the_search_of_bytes(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Paris")
    (tmp_path / "empty").touch()
    (tmp_path / "damaged.parquet").write_text("Paris")
    assert searched(tmp_path) == ([], ["table:t/damaged.parquet"])


def test_a_file_without_the_corrected_column_holds_no_old_value_of_it(tmp_path: Path) -> None:
    write(tmp_path, {"name": ["Ann"]})
    assert searched(tmp_path) == ([], [])


@pytest.mark.parametrize(("folder", "found"), [("Customer_ID=7", 2), ("customer_id=8", 0)])
def test_a_key_in_the_name_of_a_folder_tells_whose_all_rows_are(folder: str, found: int, tmp_path: Path) -> None:
    write(tmp_path, {"city": ["Paris", "Paris", "Oslo"]}, f"{folder}/part.parquet")
    matches, unreadable = searched(tmp_path)
    assert (sum(n for _, n in matches), unreadable) == (found, [])
