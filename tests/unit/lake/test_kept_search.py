"""Where values that an exception keeps may stand: the kept columns of live data and what the log says of them."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from delible.lake.search.kept import KeptValues
from delible.lake.search.typed_keys import TypedKeys
from delible.lake.search.verify import Folder, search
from delible.model.terms import Normalise

ANN, BOB = "ann@people.example", "bob@people.example"
KEPT = KeptValues(frozenset({ANN}), frozenset(), frozenset({"email"}))
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def parquet(**columns: list[object]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="none")
    return sink.getvalue()


DATA = {
    "in the kept column": ({"email": [ANN], "note": ["x"]}, False),
    "its name in capitals": ({"Email": [ANN], "note": ["x"]}, False),
    "in another column": ({"email": [BOB], "note": [f"mail {ANN}"]}, True),
    "in both": ({"email": [ANN], "note": [ANN]}, True),
    "in a part of another column": ({"email": [ANN], "who": [{"email": ANN}]}, True),
}


@pytest.mark.parametrize(("columns", "residue"), DATA.values(), ids=DATA)
def test_data(columns: dict[str, list[object]], residue: bool) -> None:
    assert bool(KEPT.in_data(io.BytesIO(parquet(**columns)))) is residue


def stats(**bounds: object) -> str:
    return json.dumps({"numRecords": 1, "minValues": bounds, "maxValues": bounds})


LOG = {
    "bounds of the kept column": ({"add": {"path": "a", "stats": stats(email=ANN, id=1)}}, False),
    "partition values of the kept column": ({"add": {"path": "a", "partitionValues": {"email": ANN}}}, False),
    "in a checksum": ({"allFiles": [{"path": "a", "stats": stats(email=ANN)}]}, False),
    "bounds of another column": ({"add": {"path": "a", "stats": stats(note=ANN)}}, True),
    "in a predicate": ({"commitInfo": {"operationParameters": {"predicate": f"email = '{ANN}'"}}}, True),
    "in a path": ({"add": {"path": f"email={ANN}/a", "stats": stats(email=ANN)}}, True),
    "in a line that is no JSON": (f"{{{ANN}", True),
}


@pytest.mark.parametrize(("entry", "residue"), LOG.values(), ids=LOG)
def test_log(entry: object, residue: bool) -> None:
    line = entry if isinstance(entry, str) else json.dumps(entry)
    assert bool(KEPT.in_log(io.BytesIO(b'{"txn": {}}\n' + line.encode()), parquet=False)) is residue


@pytest.mark.parametrize(("column", "residue"), [("email", False), ("note", True)])
def test_a_checkpoint_in_both_of_its_forms(column: str, residue: bool) -> None:
    bounds = {"minValues": {column: ANN}, "maxValues": {column: ANN}}
    parsed = parquet(add=[{"path": "a", "stats_parsed": bounds}])
    written = parquet(add=[{"path": "a", "stats": json.dumps(bounds)}])
    for content in (parsed, written):
        assert bool(KEPT.in_log(io.BytesIO(content), parquet=True)) is residue


def test_a_whole_row_may_stand_in_every_column() -> None:
    whole = KeptValues(frozenset({ANN}), frozenset(), None)
    assert not whole.in_data(io.BytesIO(parquet(email=[ANN], note=[ANN])))


def found(root: Path) -> set[str]:
    typed = {"id": TypedKeys(frozenset({"7", "8"}), Normalise.EXACT)}
    rest = {"id": TypedKeys(frozenset({"8"}), Normalise.EXACT)}
    folder = Folder("table:t", str(root), typed, kept=(KEPT,), kept_typed=rest, live=frozenset({"live.parquet"}))
    return {m.place for m in search([folder], [ANN, BOB], now=NOW).matches}


def test_only_live_files_of_the_table_may_hold_them(tmp_path: Path) -> None:
    (tmp_path / "_delta_log").mkdir()
    (tmp_path / "live.parquet").write_bytes(parquet(id=[7], email=[ANN]))
    (tmp_path / "_delta_log" / "1.json").write_text(json.dumps({"add": {"path": "x", "stats": stats(email=ANN, id=7)}}))
    assert found(tmp_path) == set()
    for name in ("old.parquet", "_change_data/live.parquet", "live.txt", "_delta_log/.1.json.crc"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(parquet(id=[7], email=[ANN]))
        assert found(tmp_path), name
        path.unlink()
    (tmp_path / "live.parquet").write_bytes(parquet(id=[8], email=[BOB]))  # somebody whom nothing protects
    assert {p.rpartition(":")[2] for p in found(tmp_path)} >= {"id", "email"}
