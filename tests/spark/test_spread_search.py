"""The byte search spread by Spark: the same outcome as here, and nothing of what is looked for in Spark's own words."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from delible.lake.search import spread
from delible.lake.search.spread import spread_folder
from delible.lake.search.typed_keys import TypedKeys
from delible.lake.search.verify import Folder, search
from delible.model.proof import FileDigest
from delible.model.terms import Normalise

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
ANN = "ann.berg@shop.example"


def test_workers_find_what_one_process_finds(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"email={ANN}").mkdir()
    rows = pa.table({"customer_id": [17, 4], "mail": [ANN, "bob@shop.example"]})
    for number in range(6):
        pq.write_table(rows.slice(number % 2), tmp_path / f"part-{number}.parquet", compression="zstd")
    pq.write_table(rows, tmp_path / f"email={ANN}" / "part-9.parquet")
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1 damaged PAR1")
    (tmp_path / "notes.gz").write_bytes(gzip.compress(f"about {ANN}".encode()))
    folder = Folder("table:t", str(tmp_path), {"customer_id": TypedKeys(frozenset({"17"}), Normalise.EXACT)})
    now = datetime.now(UTC)
    here: list[FileDigest] = []
    there: list[FileDigest] = []
    plain = search([folder], [ANN], now=now, digests=here)
    monkeypatch.setattr(spread, "_MOST_FILES", 3)
    explained: list[str] = []
    own = type(spark.range(1)).toArrow

    def kept(frame: object) -> pa.Table:
        explained.append(frame._jdf.queryExecution().toString())  # type: ignore[attr-defined]
        return own(frame)  # type: ignore[arg-type]

    monkeypatch.setattr(type(spark.range(1)), "toArrow", kept)
    spread_all = partial(spread_folder, spark, from_bytes=0)
    assert search([folder], [ANN], now=now, digests=there, in_folder=spread_all) == plain
    assert here == there
    assert len(plain.matches) >= 8
    (plan,) = explained
    assert "MapInArrow" in plan
    assert "ann.berg" not in plan
    assert "part-" not in plan
