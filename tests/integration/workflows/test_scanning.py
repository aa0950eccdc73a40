"""Which files of a table a scan reads, from the log that delta-rs writes; no row is looked at and no JVM started."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from arro3.core import Array, DataType, Table
from deltalake import DeltaTable, write_deltalake

from delible.cli.main import main
from delible.decide.increment import ScanRecord, reach
from delible.decide.sampling import Bound
from delible.decide.tagging import ColumnFacts
from delible.model.detection import DEFAULT_DETECTION
from delible.model.terms import TagState
from delible.report.tag_list import category_words
from delible.store.snapshots import table_snapshot
from delible.store.tags import Tags
from delible.store.workspace import Workspace
from delible.workflows.scan_verdicts import bounded
from delible.workflows.scanning import Extent, Step, drift_of, step
from delible.workflows.tables import chosen_tables
from delible.workflows.verdicts import judged

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BOUND = Bound(0.95, Fraction(1, 1_000))
ROWS = 100_000

Next = Callable[..., Step]


def rows(n: int, **columns: Any) -> Table:
    kinds = {int: DataType.int64(), str: DataType.utf8()}
    arrays = [Array([value] * n, kinds[type(value)]) for value in columns.values()]
    return Table.from_arrays(arrays, names=list(columns))


@pytest.fixture
def place(workspace: Workspace) -> str:
    location = str(workspace.path(workspace.config.warehouse) / "notes")
    write_deltalake(location, rows(ROWS, note="x"))
    return location


@pytest.fixture
def last() -> list[ScanRecord]:
    return []


@pytest.fixture
def following(workspace: Workspace, place: str, last: list[ScanRecord]) -> Next:
    def following(extent: Extent = Extent(BOUND), *, anew: bool = False) -> Step:  # noqa: B008 -- frozen
        (known,) = chosen_tables(workspace, ["notes"])
        made = step(known, last[-1] if last else None, extent, "1", anew=anew, spark=None)  # type: ignore[arg-type] # unused
        facts = [ColumnFacts(column, kind, rows=made.expected) for column, kind in made.schema.items()]
        last.append(made.record(facts if made.read.files else [], drift_of(made, {}), NOW))
        return made

    return following


def test_only_new_files_are_read_and_their_evidence_is_added(
    place: str, following: Next, last: list[ScanRecord]
) -> None:
    first = following()
    assert (len(first.read.files), len(first.selection["files"]), first.before) == (1, 1, None)
    assert following(Extent(), anew=True).selection["files"] is None, "all rows of all files: the table itself"
    last.clear()
    following()
    assert 3_000 < first.expected < 3_500
    assert not following().read.files
    write_deltalake(place, rows(ROWS, note="y"), mode="append")
    second = following()
    assert (len(second.read.files), len(second.snapshot.files)) == (1, 2)
    assert second.selection["plain"]
    (path,) = second.selection["files"]
    assert path.endswith(".parquet")
    assert last[-1].facts["note"].rows == first.expected + second.expected
    assert last[-1].rows == 2 * ROWS
    DeltaTable(place).optimize.compact()
    third = following()
    assert (len(third.snapshot.files), third.read.files) == (1, frozenset())
    assert len(following(anew=True).read.files) == 1


def test_a_file_that_optimize_mixed_from_new_and_known_ones_is_read(place: str, following: Next) -> None:
    following()
    write_deltalake(place, rows(10, note="y"), mode="append")
    DeltaTable(place).optimize.compact()
    mixed = following()
    assert len(mixed.read.files) == 1


def test_a_log_that_is_gone_makes_files_new_again(place: str, following: Next) -> None:
    following()
    write_deltalake(place, rows(ROWS, note="y"), mode="append")
    following()
    DeltaTable(place).optimize.compact()
    DeltaTable(place).create_checkpoint()
    for commit in Path(place, "_delta_log").glob("*.json"):
        commit.unlink()
    assert len(following().read.files) == 1


def test_a_scan_starts_anew_where_former_ones_do_not_carry_it(place: str, following: Next) -> None:
    following()
    assert following(Extent(Bound(0.99, Fraction(1, 1_000)))).before is None
    assert following(Extent(BOUND)).before is not None
    assert following(Extent()).before is None
    assert following(Extent(Bound(0.99, Fraction(1, 90_000)))).before is not None, "every row was read"
    assert following(Extent(values=10)).before is not None


def test_evidence_of_rows_that_are_gone_is_left_aside_with_most_of_them(place: str, following: Next) -> None:
    following()
    write_deltalake(place, rows(ROWS, note="y"), mode="append")
    write_deltalake(place, rows(ROWS, note="z"), mode="append")
    following()
    DeltaTable(place).delete("note = 'z'")
    write_deltalake(place, rows(ROWS, note="w"), mode="append")
    assert following().before is not None, "one file of three"
    write_deltalake(place, rows(3 * ROWS, note="z"), mode="overwrite")
    assert following().before is None, "all of them"


def test_a_table_at_an_older_version_than_was_read_is_read_anew(following: Next) -> None:
    made = following()
    for version, goes_on in ((made.snapshot.version, True), (made.snapshot.version + 1, False)):
        last = replace(made.record([], (), NOW), version=version)
        after = step(made.known, last, made.extent, "1", anew=False, spark=None)  # type: ignore[arg-type] # unused
        assert (after.before is not None) is goes_on


def test_a_look_anew_draws_other_rows(following: Next) -> None:
    made = following()
    last = made.record([], (), NOW)
    seeds = [
        step(made.known, last, made.extent, "1", anew=anew, spark=None).seed  # type: ignore[arg-type] # unused
        for anew in (False, True)
    ]
    assert seeds == [0, 1]


def test_a_column_of_another_type_is_read_anew(following: Next) -> None:
    made = following()
    for schema, goes_on in (({"note": "string"}, True), ({"note": "int"}, False), ({}, True)):
        last = made.record([], (), NOW)
        after = step(made.known, replace(last, schema=schema), made.extent, "1", anew=False, spark=None)  # type: ignore[arg-type]
        assert (after.before is not None) is goes_on


def mapped(place: str, names: dict[str, str]) -> None:
    """Commit a schema whose columns stand under other names in the files."""
    log = Path(place) / "_delta_log"
    table = DeltaTable(place)
    schema = json.loads(table.schema().to_json())
    for number, (each, (name, physical)) in enumerate(zip(schema["fields"], names.items(), strict=True), 1):
        each["name"] = name
        each["metadata"] = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": physical}
    metadata = {
        "id": str(table.metadata().id), "format": {"provider": "parquet", "options": {}}, "partitionColumns": [],
        "schemaString": json.dumps(schema), "configuration": {"delta.columnMapping.mode": "name"},
    }  # fmt: skip
    actions = [{"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}, {"metaData": metadata}]
    (log / f"{table.version() + 1:020}.json").write_text("\n".join(map(json.dumps, actions)))


def test_a_name_that_stands_for_another_column_than_before_is_read_anew(place: str, following: Next) -> None:
    write_deltalake(place, rows(ROWS, note="x", code="y"), mode="overwrite", schema_mode="overwrite")
    following()
    mapped(place, {"note": "note", "code": "code"})
    assert following().before is not None, "mapped, and nothing renamed"
    mapped(place, {"code": "note", "note": "code"})
    assert following().before is None, "two names were swapped"
    mapped(place, {"other": "note", "note": "code"})
    assert following().before is None, "one was renamed"
    assert following().before is not None


def test_rows_of_people_whose_restriction_ended_are_read(following: Next) -> None:
    made = following()

    def next_scan(last: ScanRecord, *withheld: str) -> Step:
        return step(made.known, last, made.extent, "1", anew=False, spark=None, withheld=withheld)  # type: ignore[arg-type]

    first = step(made.known, None, made.extent, "1", anew=True, spark=None, withheld=["ann", "bob"])  # type: ignore[arg-type]
    record = first.record([], (), NOW)
    assert next_scan(record, "bob", "ann", "cem").before is not None
    assert next_scan(record, "ann").before is None
    assert next_scan(record).before is None


@pytest.mark.parametrize("kind", ["string", "binary", "variant"])
def test_evidence_of_documents_stays_when_nothing_new_is_read(
    following: Next, last: list[ScanRecord], kind: str
) -> None:
    made = following()
    facts = {"note": ColumnFacts("note", kind), "note.$.mail": ColumnFacts("note.$.mail", "string", values=3, rows=3)}
    before = replace(last[-1], schema={"note": kind}, facts=facts)
    after = replace(made, before=before, schema={"note": kind}).record([], (), NOW)
    assert after.facts["note.$.mail"].values == 3


def test_chosen_values_carry_no_bound(following: Next, last: list[ScanRecord]) -> None:
    following(Extent(values=100))
    assert last[-1].most == 100
    assert following(Extent(values=50)).before is not None
    assert following(Extent(values=200)).before is None
    assert following(Extent(BOUND)).before is None


def test_some_rows_may_go_before_everything_is_read_again(place: str, following: Next) -> None:
    for note, n in (("five in a hundred", ROWS // 20), ("ten", ROWS // 10)):
        write_deltalake(place, rows(n, note=note), mode="append")
    following()
    DeltaTable(place).delete("note = 'five in a hundred'")
    kept = following()
    assert (kept.before is not None, len(kept.read.files)) == (True, 0)
    DeltaTable(place).delete("note = 'ten'")
    assert following().before is None, "of so few rows, more had to be drawn"


def test_a_table_made_anew_under_its_old_path_is_another(place: str, following: Next) -> None:
    following()
    shutil.rmtree(place)
    write_deltalake(place, rows(ROWS, note="x"))
    made = following()
    assert made.before is None
    assert drift_of(made, {}) == ()


def test_a_new_column_is_a_gap_until_somebody_maps_it(place: str, following: Next, last: list[ScanRecord]) -> None:
    following()
    write_deltalake(place, rows(1, note="x", added="y"), mode="append", schema_mode="merge")
    assert drift_of(following(), {"added": True}) == ()
    assert last[-1].drift == ("added",)
    again = following()
    assert last[-1].drift == ("added",), "it is told until it is mapped"
    assert drift_of(again, {"added": True}) == ()


def test_partitioned_and_strange_paths(place: str) -> None:
    parted = f"{place}_parted"
    write_deltalake(parted, rows(3, note="x", part="a b%"), partition_by=["part"])
    write_deltalake(parted, rows(3, note="x", part="c"), partition_by=["part"], mode="append")
    files = table_snapshot(parted, 1).files.values()
    assert sorted((file.path.split("/")[0], file.plain) for file in files)[1:] == [("part=c", True)]
    assert [file.plain for file in files if "part=c" not in file.path] == [False]


@pytest.mark.parametrize(("of", "read", "bound"), [(9, 9, 0.0), (9, 0, 1.0), (0, 0, 0.0)])
def test_a_table_whose_rows_could_not_be_read_is_not_clean(
    following: Next, of: int, read: int, bound: float, capsys: pytest.CaptureFixture[str], workspace: Workspace
) -> None:
    made = replace(following(Extent()).record([], (), NOW), rows=of, rate=1.0, most=None)
    record = replace(made, facts={"c7": ColumnFacts("c7", "string", complete=True, rows=read)})
    verdicts = judged(list(record.facts.values()), DEFAULT_DETECTION, table="notes", version=0, at=NOW)
    found = [bounded(each, reach(record, record.facts[each.column])) for each in verdicts]
    assert [(each.category, each.bound) for each in found] == [(None, bound)]
    Tags(workspace).put(found)
    assert main(["tags", "list", "--workspace", str(workspace.root)]) == 0
    (line,) = (each for each in capsys.readouterr().out.splitlines() if each.startswith("  c7"))
    assert ("not looked at" in line) is (bound == 1.0)


def test_a_bound_of_names_that_nobody_looked_for_stays(following: Next) -> None:
    facts = ColumnFacts("c7", "string", 100, True, shapes={"unread_text": 100}, rows=100)
    record = replace(following(Extent()).record([], (), NOW), rows=100, rate=1.0, most=None, facts={"c7": facts})
    (verdict,) = judged([facts], DEFAULT_DETECTION, table="notes", version=0, at=NOW)
    found = bounded(verdict, reach(record, facts))
    assert (found.category, found.bound, found.state) == (None, 1.0, TagState.REVIEW)
    assert category_words(found) == "none, names not looked for"
