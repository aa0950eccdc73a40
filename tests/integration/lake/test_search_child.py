"""A process that searches: the same outcome as here, and a file that kills it is unreadable and nothing more."""

from __future__ import annotations

import gzip
import pickle
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from delible.lake.search import spread
from delible.lake.search.child import Child
from delible.lake.search.spread import spread_folder
from delible.lake.search.typed_keys import TypedKeys
from delible.lake.search.verify import Folder, InFolder, Outcome, Sought, search
from delible.model.proof import FileDigest
from delible.model.terms import Normalise

ANN = "ann.berg@shop.example"
EXACT = {"customer_id": TypedKeys(frozenset({"17"}), Normalise.EXACT)}
DEADLY = """
import os
from delible.lake.search import verify
look = verify.FolderSearch.look
def deadly(self, info, *rest):
    os.abort() if info.base_name.startswith("deadly") else look(self, info, *rest)
verify.FolderSearch.look = deadly
from delible.lake.search.child import main
main()
"""


@pytest.fixture
def nasty(tmp_path: Path) -> Path:
    root = tmp_path / "nasty"
    (root / "_delta_log").mkdir(parents=True)
    (root / "email=ann.berg%40shop.example").mkdir()
    (root / "empty").mkdir()
    rows = pa.table({"customer_id": [17, 4], "mail": [ANN, "bob@shop.example"]})
    pq.write_table(rows, root / "email=ann.berg%40shop.example" / "part-1.parquet", compression="zstd")
    pq.write_table(rows.slice(1), root / "part-2.parquet")
    (root / "part-3.parquet").write_bytes(b"PAR1 damaged PAR1")
    (root / "notes.txt.gz").write_bytes(gzip.compress(f"about {ANN}".encode()))
    (root / "_delta_log" / "0.json").write_text('{"add": {"stats": "{\\"minValues\\": {\\"customer_id\\": 17}}"}}')
    (root / "link").symlink_to("/nowhere/ann.berg@shop.example")
    (root / "zero").write_bytes(b"")
    return root


def folder(root: Path) -> Folder:
    return Folder("table:t", str(root), EXACT)


def by_child(*command: str) -> InFolder:
    def in_folder(each: Folder, sought: Sought, digests: list[FileDigest] | None) -> Outcome:
        from delible.lake.search.verify import listed

        outcome = Outcome()
        paths = [info.path for info in listed(each, outcome)]
        child = Child(each, sought, digests=digests is not None, **({"command": command} if command else {}))
        try:
            for _, found, seen in sorted(child.search(paths), key=lambda f: f[0]):
                outcome.add(found)
                if digests is not None:
                    digests += seen
        finally:
            child.close()
        return outcome

    return in_folder


def test_the_outcome_is_the_same(nasty: Path) -> None:
    here: list[FileDigest] = []
    there: list[FileDigest] = []
    now = datetime.now(UTC)
    plain = search([folder(nasty)], [ANN], now=now, digests=here)
    assert search([folder(nasty)], [ANN], now=now, digests=there, in_folder=by_child()) == plain
    assert here == there
    assert len(plain.matches) > 5
    assert len(here) > 3
    assert plain.unreadable == ("table:t/part-3.parquet",)


def test_a_file_that_kills_its_reader_is_unreadable(nasty: Path) -> None:
    now = datetime.now(UTC)
    plain = search([folder(nasty)], [ANN], now=now)
    for name in ("deadly-1.parquet", "deadly-2.parquet", "_delta_log/deadly.json"):
        (nasty / name).write_bytes(b"x")
    found = search([folder(nasty)], [ANN], now=now, in_folder=by_child(sys.executable, "-c", DEADLY))
    assert found.matches == plain.matches
    assert set(found.unreadable) == {
        "table:t/part-3.parquet",
        "table:t/deadly-1.parquet",
        "table:t/deadly-2.parquet",
        "table:t/_delta_log/deadly.json",
    }


def test_a_process_that_never_starts_is_an_error_and_no_clean_folder(nasty: Path) -> None:
    with pytest.raises(OSError, match="has ended"):
        search(
            [folder(nasty)], [ANN], now=datetime.now(UTC), in_folder=by_child(sys.executable, "-c", "raise SystemExit")
        )


class FakeSpark:
    """Runs what a worker would, and keeps what was shipped to it."""

    def __init__(self) -> None:
        self.shipped: list[bytes] = []
        self.sparkContext = self

    def broadcast(self, data: bytes) -> Any:
        self.shipped.append(data)
        return SimpleNamespace(value=data, destroy=lambda: None)

    def range(self, first: int, end: int, numPartitions: int) -> Any:
        batches = [pa.record_batch({"id": [n]}) for n in range(first, end)]

        def map_in_arrow(task: Any, _: str) -> Any:
            function, arguments = task.func, task.args
            self.shipped.append(pickle.dumps(arguments[1:]))
            rows: Iterator[pa.RecordBatch] = (row for batch in batches for row in function(*arguments, iter([batch])))
            return SimpleNamespace(toArrow=lambda: pa.Table.from_batches(list(rows), spread._ROW))

        return SimpleNamespace(mapInArrow=map_in_arrow)


def test_a_cluster_gets_no_value_and_no_path_in_the_clear(nasty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "_MOST_FILES", 2)
    spark: Any = FakeSpark()
    now = datetime.now(UTC)
    seen: list[FileDigest] = []

    def in_folder(each: Folder, sought: Sought, digests: list[FileDigest] | None) -> Outcome:
        return spread_folder(spark, each, sought, digests, from_bytes=0)

    found = search([folder(nasty)], [ANN], now=now, digests=seen, in_folder=in_folder)
    plain: list[FileDigest] = []
    assert found == search([folder(nasty)], [ANN], now=now, digests=plain)
    assert seen == plain
    assert len(spark.shipped) == 2
    for shipped in spark.shipped:
        assert b"ann.berg" not in shipped
        assert b"part-" not in shipped
    for child, _ in spread._children.values():
        child.close()
    spread._children.clear()


def test_a_small_folder_is_searched_here(nasty: Path) -> None:
    spark: Any = FakeSpark()
    outcome = spread_folder(spark, folder(nasty), Sought((ANN,), ()), None)
    assert outcome.matches
    assert not spark.shipped
