"""A table's old versions without the due people, made and read without a JVM: delta-rs writes and reads the tables."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import types as T

from byte_search import places
from delible.errors import BlockedError, ConflictError
from delible.lake.history import swap as history_swap
from delible.lake.history.compare import compare
from delible.lake.history.find import _METADATA, _arrow, _File, _read, _refuse_other_schema
from delible.lake.history.log import ERASED
from delible.lake.history.state import key_of, path_of, retained
from delible.lake.history.translate import Translation
from delible.model.policy import TablePolicy
from history_tables import DUE, OTHERS, TEXTS, banned_in, by_delta_rs, email, history_of, people, rows_at, versions

KEYS = {"customer_id": set(DUE)}
CDF = {"delta.enableChangeDataFeed": "true"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a plain table, which tests copy."""
    folder = tmp_path_factory.mktemp("history")
    by_delta_rs(folder / "plain", CDF, partitioned=False, checkpoint=True)
    by_delta_rs(folder / "parts", CDF, partitioned=True, checkpoint=False)
    return folder


@pytest.fixture(params=["plain"])
def table(request: pytest.FixtureRequest, made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / request.param, tmp_path / "table")
    return tmp_path / "table"


def translated(table: Path) -> Translation:
    translation = Translation(table, table.with_name("new"), banned_in(table))
    translation.run()
    return translation


def compared(translation: Translation) -> int:
    due = translation.banned.due
    return compare(translation.old, translation.new, first=translation.first, last=translation.last, due=due).versions


@pytest.mark.parametrize("feed", [{}, CDF], ids=["no feed", "change feed"])
@pytest.mark.parametrize("partitioned", [False, True], ids=["plain", "by identifier"])
@pytest.mark.parametrize("checkpoint", [False, True], ids=["fresh", "checkpointed"])
@pytest.mark.parametrize("vectors", [False, True], ids=["no vectors", "deletion vectors"])
def test_every_version_is_the_old_one_less_the_due_rows(
    feed: dict[str, str], partitioned: bool, checkpoint: bool, vectors: bool, tmp_path: Path
) -> None:
    table = tmp_path / "table"
    by_delta_rs(table, feed, partitioned=partitioned, checkpoint=checkpoint, vectors=vectors)
    before = {v: rows_at(table, v, due=False) for v in versions(table)}
    history = history_of(table)
    assert len(before) == 8 - partitioned + 3 * vectors, "nothing is to compact in partitions of one person"
    assert places(table, texts=TEXTS)
    copies = [row for path in table.rglob("*.parquet") if "_delta_log" not in path.parts for row in _keys(path)]
    translation = translated(table)
    assert translation.removed_rows == sum(key in DUE for key in copies)
    assert compared(translation) == len(before)
    log = retained(translation.new).log
    for version in log.commits:
        named = [(name, key_of(body)) for name, body in log.actions(version) if name in ("add", "remove")]
        keys = Counter(key for _, key in named)
        assert set(keys.values()) <= {1}, "a commit may not both add and remove a file"
    assert history_of(translation.new) == history
    shutil.rmtree(table)
    translation.new.rename(table)
    assert {v: rows_at(table, v) for v in versions(table)} == before
    assert places(table, texts=TEXTS, keys=KEYS) == []
    assert not list(table.rglob("*.crc"))
    for version, _, time in history:
        at = datetime.fromtimestamp(time / 1e9, UTC) + timedelta(milliseconds=1)
        opened = DeltaTable(str(table))
        opened.load_as_version(at)
        assert opened.version() == version


def _keys(file: Path) -> list[int]:
    return pq.ParquetFile(file).read(columns=["customer_id"]).column(0).to_pylist()


def test_files_without_due_rows_are_the_old_files(table: Path) -> None:
    translation = translated(table)
    same = [d for d in translation.paths.done.values() if not d.rewritten]
    assert same
    assert all((table / d.path).samefile(translation.new / d.path) for d in same)


def test_other_columns_values_and_types_stay_as_they_were(table: Path) -> None:
    translation = translated(table)
    for done in translation.rewritten:
        old, new = (pq.read_table(f / p) for f, p in ((table, done.path), (translation.new, done.new_path)))
        left = [row for row in old.to_pylist() if row["customer_id"] not in DUE]
        assert new.to_pylist() == left
        assert new.schema.names == old.schema.names


def test_statistics_are_those_of_the_rows_that_stay(table: Path) -> None:
    translation = translated(table)
    for name, add in retained(translation.new).files():
        if name == "add":
            rows = pq.read_table(translation.new / add["path"])
            stats = json.loads(add["stats"])
            assert stats["numRecords"] == rows.num_rows
            if rows.num_rows:
                ids = rows.column("customer_id").to_pylist()
                assert (stats["minValues"]["customer_id"], stats["maxValues"]["customer_id"]) == (min(ids), max(ids))
                assert stats["minValues"]["email"] <= min(rows.column("email").to_pylist())
                assert stats["maxValues"]["email"] >= max(rows.column("email").to_pylist())


def test_values_in_old_conditions_go_and_other_conditions_stay(table: Path) -> None:
    DeltaTable(str(table)).delete("customer_id = 1 AND amount > 0")
    translation = translated(table)
    texts = {v: (translation.new / "_delta_log" / f"{v:020d}.json").read_text() for v in versions(table)}
    assert ERASED in texts[2]
    assert "customer_id = 7" in texts[3]
    assert ERASED in texts[6]
    assert ERASED in texts[8]
    assert "customer_id = 1" not in texts[8]


def test_what_no_retained_version_names_stays_behind(table: Path) -> None:
    (table / "part-left-over.parquet").write_bytes(b"p001@people.example")
    (table / "_delta_log" / f"{7:020d}.crc").write_text("{}")
    translation = translated(table)
    assert places(translation.new, texts=TEXTS) == []
    assert not list(translation.new.rglob("*left-over*"))


@pytest.mark.parametrize("lost", [2, 4])
def test_versions_that_lack_a_file_are_dropped_and_the_others_are_read(lost: int, table: Path) -> None:
    """As after a VACUUM: files that only older versions name are gone."""
    live = {p for v in range(lost, len(versions(table))) for p in DeltaTable(str(table), version=v).file_uris()}
    for file in table.rglob("*.parquet"):
        if "_delta_log" not in file.parts and str(file) not in live:
            file.unlink()
    kept = retained(table)
    before = {v: rows_at(table, v, due=False) for v in range(kept.first, kept.last + 1)}
    translation = translated(table)
    assert (translation.first, translation.dropped) == (lost, lost)
    assert compared(translation) == len(before)
    shutil.rmtree(table)
    translation.new.rename(table)
    assert versions(table) == list(before)
    assert {v: rows_at(table, v) for v in before} == before
    assert places(table, texts=TEXTS, keys=KEYS) == []


def test_a_log_that_was_expired_begins_with_its_checkpoint(table: Path) -> None:
    [checkpoint] = (table / "_delta_log").glob("*.checkpoint.parquet")
    first = int(checkpoint.name[:20])
    for version in range(first):
        (table / "_delta_log" / f"{version:020d}.json").unlink()
    before = {v: rows_at(table, v, due=False) for v in versions(table)}
    translation = translated(table)
    assert translation.first == first > 0
    compared(translation)
    shutil.rmtree(table)
    translation.new.rename(table)
    assert {v: rows_at(table, v) for v in before} == before
    assert places(table, texts=TEXTS, keys=KEYS) == []


def test_a_table_whose_newest_version_cannot_be_read_is_refused(table: Path) -> None:
    Path(DeltaTable(str(table)).file_uris()[0]).unlink()
    with pytest.raises(ConflictError) as caught:
        retained(table)
    assert caught.value.code == "history.unreadable"


def test_files_outside_of_the_folder_are_refused(table: Path) -> None:
    commit = table / "_delta_log" / f"{7:020d}.json"
    commit.write_text(commit.read_text().replace('"path":"', '"path":"file:///elsewhere/'))
    with pytest.raises(ValueError, match="outside"):
        retained(table)


@pytest.mark.parametrize("table", ["plain"], indirect=True)
def test_a_wrong_path_in_the_new_log_is_caught(table: Path) -> None:
    """Break the mapping on purpose: a commit points to another file than the one that was made for it."""
    translation = translated(table)
    other = next(d for d in translation.paths.done.values() if not d.rewritten and d.rows)
    rewritten = [d for d in translation.rewritten if d.rows and not d.path.startswith("_change")]
    broken = next(d for d in rewritten if d.rows != other.rows)
    translation.paths.done[broken.path] = replace(broken, new_path=other.path)
    for version in versions(table):
        (translation.new / "_delta_log" / f"{version:020d}.json").unlink()
        translation._commit(retained(table).log, version)
    with pytest.raises(ConflictError) as caught:
        compared(translation)
    assert caught.value.code == "history.differs"
    assert "rows of version" in caught.value.message


def _drop_a_row(new: Path, translation: Translation) -> None:
    file = new / next(d.new_path for d in translation.rewritten if d.rows)
    rows = pq.read_table(file)
    pq.write_table(rows.slice(1), file)


def _change_a_value(new: Path, translation: Translation) -> None:
    file = new / next(d.new_path for d in translation.rewritten if d.rows)
    rows = pq.read_table(file)
    index = rows.column_names.index("home")
    homes = [{**home, "street": "Elsewhere"} for home in rows.column("home").to_pylist()]
    pq.write_table(
        rows.set_column(index, rows.schema.field(index), pa.array(homes, rows.schema.field(index).type)), file
    )


def _take_a_change_away(new: Path, translation: Translation) -> None:
    files = [d for d in translation.paths.done.values() if d.path.startswith("_change_data") and d.rows]
    commit = next(c for c in (new / "_delta_log").glob("*.json") if files[0].new_path in c.read_text())
    lines = [line for line in commit.read_text().splitlines() if files[0].new_path not in line]
    time = commit.stat()
    commit.write_text("\n".join(lines))
    os.utime(commit, ns=(time.st_atime_ns, time.st_mtime_ns))


def _touch_a_commit(new: Path, translation: Translation) -> None:
    os.utime(new / "_delta_log" / f"{3:020d}.json")


BREAKS = {
    "rows of version": _drop_a_row,
    "rows": _change_a_value,
    "change feed": _take_a_change_away,
    "operation or time of version(s) 3": _touch_a_commit,
}


@pytest.mark.parametrize("said", BREAKS)
def test_whatever_else_differs_is_caught(said: str, table: Path) -> None:
    translation = translated(table)
    compared(translation)
    BREAKS[said](translation.new, translation)
    with pytest.raises(ConflictError) as caught:
        compared(translation)
    assert caught.value.code == "history.differs"
    assert said in caught.value.message


def test_a_value_in_a_tables_own_description_is_refused(table: Path) -> None:
    DeltaTable(str(table)).alter.set_table_description(f"asked by {email(DUE[0])}")
    with pytest.raises(BlockedError) as caught:
        translated(table)
    assert caught.value.code == "history.named"
    assert email(DUE[0]) not in str(caught.value)


def test_commits_of_writers_that_come_meanwhile_are_taken_in(table: Path) -> None:
    translation = translated(table)
    write_deltalake(str(table), people(30, 31), mode="append")
    DeltaTable(str(table)).delete("customer_id = 30")
    write_deltalake(str(table), people(1, 2), mode="append")
    assert translation.advance() == 3
    assert compared(translation) == 11
    assert rows_at(translation.new, 10) == rows_at(table, 10, due=False)
    assert places(translation.new, texts=TEXTS, keys=KEYS) == []


PLAN = "E-1"


def test_the_swap_is_gone_on_with_wherever_it_was_cut(table: Path) -> None:
    translation = translated(table)
    new, old = history_swap.new_folder(table, PLAN), history_swap.old_folder(table, PLAN)
    translation.new.rename(new)
    assert history_swap.swapped(table, PLAN) is None
    history_swap.note(table, PLAN, translation.last)
    table.rename(old)
    assert history_swap.swapped(table, PLAN) == translation.last, "cut between the two renames"
    assert versions(table) == list(range(8))
    assert not new.exists()
    assert history_swap.swapped(table, PLAN) == translation.last, "cut behind them"
    assert history_swap.remove(old) > 0
    history_swap.forget(table, PLAN)
    assert sorted(p.name for p in table.parent.iterdir()) == ["table"]


def test_a_commit_into_the_old_folder_is_not_lost(table: Path) -> None:
    translated(table)
    with pytest.raises(ConflictError) as caught:
        history_swap.refuse_late_commit(table, last=6)
    assert caught.value.code == "history.late_commit"
    history_swap.refuse_late_commit(table, last=7)


def test_a_writer_who_wrote_before_the_swap_and_committed_behind_it_keeps_the_files(table: Path) -> None:
    translation = translated(table)
    write_deltalake(str(table), people(40, 41), mode="append")
    late = f"{8:020d}.json"
    (table / "_delta_log" / late).rename(translation.new / "_delta_log" / late)
    assert history_swap.adopt(translation.new, table, since=7) == 1
    assert sum(rows_at(translation.new, 8).values()) == sum(rows_at(translation.new, 7).values()) + 2


def test_the_old_folder_stays_while_a_writer_is_at_work(table: Path) -> None:
    now = datetime.now(UTC)
    (table / ".part-of-somebody.parquet.crc").write_bytes(b"crc")
    history_swap.refuse_writing(table, since=now - timedelta(minutes=1), now=now)
    (table / "part-being-written.parquet").write_bytes(b"PAR1")
    with pytest.raises(ConflictError) as caught:
        history_swap.refuse_writing(table, since=now - timedelta(minutes=1), now=datetime.now(UTC))
    assert caught.value.code == "history.writer"
    later = datetime.now(UTC) + timedelta(hours=2)
    history_swap.refuse_writing(table, since=now - timedelta(minutes=1), now=later)


@pytest.mark.parametrize("table", ["plain", "parts"], indirect=True)
def test_the_find_step_sees_every_row_of_every_file(table: Path) -> None:
    """Also partition values, which are not in the files, and columns that came later."""
    names = {"customer_id": "customer_id", "email": "email"}
    kinds = {"customer_id": T.LongType(), "email": T.StringType(), "later": T.TimestampType(), "_metadata": _METADATA}
    schema = pa.schema([pa.field(name, _arrow(kind)) for name, kind in kinds.items()])
    kept = retained(table)
    files = {path_of(body): body["partitionValues"] for _, body in kept.files()}
    tasks = [_File(path, (table / path).stat().st_size, values) for path, values in files.items()]
    batches = [batch for task in tasks for batch in _read(task, root=table, schema=schema, names=names)]
    rows = pa.Table.from_batches(batches, schema).to_pylist()
    assert len(rows) == sum(pq.read_metadata(table / path).num_rows for path in files)
    assert {row["email"] for row in rows} >= set(TEXTS)
    assert {row["_metadata"]["file_path"] for row in rows} <= set(files)
    assert all(row["later"] is None for row in rows)


def test_a_version_in_which_nobody_can_be_told_is_refused(table: Path) -> None:
    policy = TablePolicy.model_validate(
        {
            "table": "t",
            "path": "t",
            "description": "t",
            "subject": [{"column": "login", "identifies": "login"}],
            "columns": {"login": "user.unique_id"},
        }
    )
    with pytest.raises(BlockedError) as caught:
        _refuse_other_schema(retained(table), policy)
    assert caught.value.code == "history.schema"


def test_all_others_are_there(table: Path) -> None:
    translation = translated(table)
    found = pa.concat_tables([pq.read_table(p, columns=["customer_id"]) for p in translation.new.glob("*.parquet")])
    assert set(OTHERS) <= set(found.column("customer_id").to_pylist())
