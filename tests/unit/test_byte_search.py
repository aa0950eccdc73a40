"""The tests' own byte search finds what it says it finds; it would prove nothing otherwise."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from byte_search import places

ADDRESS = "ann@shop.example"
STATS = json.dumps({"add": {"stats": json.dumps({"maxValues": {"customer_id": 17}})}})


@pytest.mark.parametrize(
    "content",
    [
        b"to: Ann@Shop.Example.",
        ADDRESS.encode("utf-16-le"),
        ADDRESS.encode("utf-16-be"),
        ADDRESS.encode().hex().upper().encode(),
        base64.b64encode(b"to: " + ADDRESS.encode() + b"."),
        gzip.compress(ADDRESS.encode(), mtime=0),
        pa.compress(ADDRESS.encode(), "zstd").to_pybytes(),
    ],
)
def test_texts_are_found_in_every_form(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    assert places(tmp_path, texts=[ADDRESS])
    assert places(tmp_path, texts=["ben@shop.example"]) == []


@pytest.mark.parametrize(
    "column",
    [
        pa.array([ADDRESS.upper()] * 3),
        pa.array([[{"a": ADDRESS}]]),
        pa.array([[(ADDRESS, 1)]], pa.map_(pa.string(), pa.int64())),
        pa.array([base64.b64encode(ADDRESS.encode())]),
    ],
)
def test_texts_are_found_in_parquet_whatever_its_name(column: pa.Array, tmp_path: Path) -> None:
    pq.write_table(pa.table({"c": column}), tmp_path / "leftover", compression="zstd", write_statistics=False)
    assert any("decoded" in place for place in places(tmp_path, texts=[ADDRESS]))


def test_longer_addresses_are_not_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("joann@shop.example, jo.ann@shop.example, ann@shop.example.org")
    assert places(tmp_path, texts=[ADDRESS]) == []


def test_keys_are_found_in_columns_statistics_and_partitions(tmp_path: Path) -> None:
    for name, content in (("a.json", STATS), ("b.crc", STATS.replace("maxValues", "partitionValues"))):
        (tmp_path / name).write_text(content)
    pq.write_table(pa.table({"customer_id": [17, 18]}), tmp_path / "c.bin")
    checkpoint = pa.array(
        [{"partitionValues": [("customer_id", "17")]}],
        pa.struct([("partitionValues", pa.map_(pa.string(), pa.string()))]),
    )
    pq.write_table(pa.table({"add": checkpoint}), tmp_path / "d.parquet")
    (tmp_path / "customer_id=17").mkdir()
    (tmp_path / "customer_id=17" / "e").touch()
    found = places(tmp_path, keys={"customer_id": {17}})
    assert {place.split(":")[0].rsplit("/", 1)[1] for place in found} == {"a.json", "b.crc", "c.bin", "d.parquet", "e"}
    assert places(tmp_path, keys={"customer_id": {170}, "order_id": {17}}) == []
