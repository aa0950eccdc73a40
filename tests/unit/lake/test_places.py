"""A place says where, and never whose: names of partition folders and files are matched, and shown without values."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from delible.lake.forms import Needles
from delible.lake.places import Names
from delible.lake.typed_keys import TypedKeys
from delible.lake.verify import Folder, search
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
