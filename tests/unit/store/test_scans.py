"""Records of scans: the newest of a table, whole; files by digest, which is the same however a path is escaped."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from delible.decide.increment import ScanRecord
from delible.decide.tagging import ColumnFacts
from delible.store.scans import SPEC, Scans, _record, _row
from delible.store.snapshots import file_digest
from delible.store.workspace import Workspace

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FACTS = ColumnFacts("c.$.x", "string", 3, True, {"URL": 1}, {}, {"word": 3}, 30, {"URL": 9})


def test_the_newest_record_of_a_table_comes_back_whole(workspace: Workspace) -> None:
    first = ScanRecord(
        table="o'neil",
        source="s",
        version=3,
        rate=0.1,
        most=None,
        confidence=0.99,
        prevalence="1/50000",
        rows=100,
        detector="1",
        files=frozenset({file_digest("a=1/x.parquet"), file_digest("y.parquet")}),
        schema={"c": "string", "d": "int"},
        drift=("d",),
        facts={FACTS.column: FACTS},
        physical={"c": "col-1"},
        withheld=frozenset({"ab"}),
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    scans = Scans(workspace)
    assert scans.newest("o'neil") is None
    scans.put(first)
    scans.put(replace(first, table="other", version=9))
    assert scans.newest("o'neil") == first
    second = replace(first, version=4, most=7, files=frozenset())
    assert scans.latest() == {"o'neil": first, "other": replace(first, table="other", version=9)}
    scans.put(second)
    assert scans.latest()["o'neil"] == second
    assert scans.newest("o'neil") == second


def test_a_record_of_an_earlier_release_has_columns_alone_as_its_schema() -> None:
    record = ScanRecord("t", "s", 1, 1.0, None, 0.95, "", 1, "1", frozenset(), {"columns": "string"}, (), {}, NOW)
    row = list(_row(1, record))
    row[list(SPEC.columns).index("schema")] = '{"columns": "string"}'
    assert _record(tuple(row)) == record


def test_a_file_has_one_digest() -> None:
    assert file_digest("a=x%20y/p.parquet") == file_digest("a=x y/p.parquet")
    assert file_digest("p.parquet") != file_digest("q.parquet")
    assert len(file_digest("p")) == 8
