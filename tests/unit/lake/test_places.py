"""A place says where, and never whose: names of partition folders and files are matched, and shown without values."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from delible.lake.search.forms import Needles
from delible.lake.search.places import Names, search_name
from delible.lake.search.typed_keys import TypedKeys
from delible.lake.search.verify import Folder, search
from delible.model.proof import Verification
from delible.model.terms import Normalise

ADDRESS, OTHER, PHONE = "ann@shop.example", "bob@shop.example", "+31612345678"
EXACT = {"customer_id": TypedKeys(frozenset({"17"}), Normalise.EXACT)}


def searched(folder: Path, *values: str, numbers: tuple[str, ...] = ()) -> Verification:
    folders = [Folder("table:t", str(folder), EXACT)]
    return search(folders, values or (ADDRESS,), now=datetime.now(UTC), numbers=numbers)


def matched(folder: Path, *values: str, numbers: tuple[str, ...] = ()) -> set[tuple[str, str]]:
    return {(m.place, m.form) for m in searched(folder, *values, numbers=numbers).matches}


def put(folder: Path, path: str, content: bytes = b"{}") -> None:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("path", "shown", "form"),
    [
        (f"email={quote(ADDRESS)}/part-00000.json", "email=…/part-00000.json", "file name, url-encoded"),
        (f"email={quote(quote(ADDRESS))}/x.json", "email=…/x.json", "file name, url-encoded"),
        (f"email={ADDRESS}/x.json", "email=…/x.json", "file name, utf-8"),
        (f"year=2026/email={ADDRESS.upper()}/x.json", "year=…/email=…/x.json", "file name, utf-8"),
        (f"exports/{ADDRESS}.json", "exports/….json", "file name, utf-8"),
        (f"{ADDRESS}/x.json", "…/x.json", "file name, utf-8"),
        (f"{ADDRESS.encode().hex()}.txt", "….txt", "file name, hex"),
        ("customer_id=17/x.json", "customer_id=…/x.json", "partition folder"),
        ("customer_id=%317/x.json", "customer_id=…/x.json", "partition folder"),
    ],
)
def test_a_name_that_spells_an_identifier_is_a_match_and_is_not_repeated(
    tmp_path: Path, path: str, shown: str, form: str
) -> None:
    put(tmp_path, path)
    assert matched(tmp_path) == {(f"table:t/{shown}", form)}


def test_a_number_that_names_spell_over_folders_is_a_match_and_is_not_repeated(tmp_path: Path) -> None:
    put(tmp_path, "+31/612/34/5678.json")
    assert matched(tmp_path, PHONE, numbers=(PHONE,)) == {("table:t/…", "file name, another spelling")}


def test_a_match_in_a_file_does_not_tell_whose_partition_it_stands_in(tmp_path: Path) -> None:
    """Where Ann is mentioned in Bob's ticket, the certificate must not name Bob."""
    put(tmp_path, f"email={quote(OTHER)}/x.json", ADDRESS.encode())
    put(tmp_path, f"customer_id=4711/{OTHER}.csv", ADDRESS.encode())
    assert matched(tmp_path) == {("table:t/email=…/x.json", "utf-8"), ("table:t/customer_id=…/….csv", "utf-8")}


def test_a_file_that_cannot_be_read_does_not_tell_it_either(tmp_path: Path) -> None:
    put(tmp_path, f"email={quote(OTHER)}/x.parquet", b"PAR1 and no footer")
    found = searched(tmp_path)
    assert found.unreadable == ("table:t/email=…/x.parquet",)
    assert not found.clean


def test_a_folder_that_cannot_be_listed_is_not_clean(tmp_path: Path) -> None:
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff.csv")).touch()
    found = searched(tmp_path)
    assert len(found.unreadable) == 1
    assert found.unreadable[0].startswith("table:t/")


def test_a_column_that_is_named_after_somebody_is_not_repeated(tmp_path: Path) -> None:
    pq.write_table(pa.table({OTHER: [ADDRESS], ADDRESS: ["x"]}), tmp_path / "pivot.parquet", use_dictionary=False)
    found = searched(tmp_path)
    assert ("table:t/pivot.parquet:…", "parquet value, utf-8") in {(m.place, m.form) for m in found.matches}
    assert not any(name in found.model_dump_json() for name in (OTHER, ADDRESS))


@pytest.mark.parametrize(
    "name",
    [
        "_delta_log/00000000000000000012.json",
        "_delta_log/.00000000000000000012.crc",
        "_delta_log/00000000000000000010.checkpoint.parquet",
        "part-00000-0b9a3f0e-7a41-4a52-9e36-6d0f1e0c9b55-c000.snappy.parquet",
        "deletion_vector_0b9a3f0e-7a41-4a52-9e36-6d0f1e0c9b55.bin",
        "reports/certificates/R-20261124-ABC234.json",
        "releases/support_training/v12/data/train-00000-of-00001.parquet",
        "exports/2026-11-24/orders-20261124.csv",
        "tests/byte_search.py",
    ],
)
def test_names_that_tell_nobody_are_shown_whole(name: str) -> None:
    assert Names(Needles([ADDRESS]), EXACT).shown(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("export-+31 6 1234 5678.csv", "export-….csv"),
        ("card_4000017983709.json", "card_….json"),
        ("bob%40shop.example", "…"),
        ("mail of bob@shop.example.json", "mail of ….json"),
        ("Email=bob/_delta_log/x.json", "Email=…/_delta_log/x.json"),
    ],
)
def test_names_that_look_like_somebody_are_not_shown(name: str, shown: str) -> None:
    assert Names(Needles([ADDRESS]), EXACT).shown(name) == shown


# --- names without content, and links


@pytest.mark.parametrize(
    ("path", "shown", "form"),
    [
        (f"email={quote(ADDRESS)}", "email=…", "file name, url-encoded"),
        (f"year=2026/email={ADDRESS}", "year=…/email=…", "file name, utf-8"),
        ("customer_id=17", "customer_id=…", "partition folder"),
    ],
)
def test_the_name_of_an_empty_folder_is_searched(tmp_path: Path, path: str, shown: str, form: str) -> None:
    (tmp_path / path).mkdir(parents=True)
    (tmp_path / "other").mkdir()
    assert matched(tmp_path) == {(f"table:t/{shown}", form)}


def test_the_name_of_an_empty_file_is_searched(tmp_path: Path) -> None:
    put(tmp_path, f"{ADDRESS}.parquet", b"")
    assert matched(tmp_path) == {("table:t/….parquet", "file name, utf-8")}


@pytest.mark.parametrize(
    ("target", "form"),
    [
        (f"gone/{ADDRESS}.csv", "link target, utf-8"),
        (f"/gone/email={quote(ADDRESS)}", "link target, url-encoded"),
        ("gone/customer_id=17", "link target, partition folder"),
    ],
)
def test_what_a_link_points_to_is_searched_also_when_it_is_not_there(tmp_path: Path, target: str, form: str) -> None:
    (tmp_path / "link").symlink_to(target)
    found = searched(tmp_path)
    assert {(m.place, m.form) for m in found.matches} == {("table:t/link", form)}
    assert found.unreadable == ()


def test_the_name_of_a_link_is_searched(tmp_path: Path) -> None:
    (tmp_path / ADDRESS).symlink_to("gone")
    assert matched(tmp_path) == {("table:t/…", "file name, utf-8")}


def test_a_folder_outside_that_is_linked_to_is_searched(tmp_path: Path) -> None:
    put(tmp_path, "outside/x.txt", ADDRESS.encode())
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "link").symlink_to(tmp_path / "outside")
    assert matched(tmp_path / "table") == {("table:t/link/x.txt", "utf-8")}


def test_folders_that_link_to_each_other_end(tmp_path: Path) -> None:
    """Each such link doubles the paths that lead to every file."""
    for number in range(12):
        put(tmp_path, f"{number}/x.txt", ADDRESS.encode())
        for other in range(12):
            (tmp_path / str(number) / f"link{other}").symlink_to(tmp_path / str(other))
    assert len(matched(tmp_path)) == 12


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert searched(tmp_path).clean


# --- hostile names


@pytest.mark.parametrize(
    "part", [".json", "a", "1", "1 ", "%25", "1234567a", ".", "25", "12 34 5 x", "@", "%2540", "é"]
)
def test_a_long_name_takes_a_moment(part: str) -> None:
    """A name of a megabyte took hours when its time grew with the square of its length."""
    name = part * (200_000 // len(part)) + "X"
    start = time.process_time()
    Names(Needles([ADDRESS]), EXACT).shown(name)
    search_name(name, Needles([ADDRESS]))
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("R-20261124-ABC234-bob@shop.example", "…"),
        ("bob@shop.example+ann@shop.example", "…"),
        ("20261124-bob%2540shop.example.csv.gz", "….csv.gz"),
        ("a.json.b.json", "a.json.b.json"),
    ],
)
def test_addresses_in_longer_names_are_not_shown(name: str, shown: str) -> None:
    assert Names(Needles([ADDRESS]), EXACT).shown(name) == shown
