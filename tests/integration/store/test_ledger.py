import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.errors import TamperError
from delible.model.base import digest
from delible.model.record import GENESIS, AuditEntry, AuditRecord
from delible.store import ledger as chain
from delible.store import ledger_check, tables
from delible.store.head import Head
from delible.store.keys import Keys
from delible.store.ledger import Ledger
from delible.store.ledger_check import canonical_body
from delible.store.objects import Folder
from delible.store.tables import to_micros
from delible.store.workspace import Workspace


def entry(name: str = "orders", **counts: int) -> AuditEntry:
    return AuditEntry(actor="ops", action="erasure.merge", object=f"table:{name}", outcome="done", counts=counts)


def test_an_empty_ledger_is_intact(ledger: Ledger) -> None:
    check = ledger.verify()
    assert (check.records, check.intact, check.head) == (0, True, 0)
    assert ledger.records() == []
    assert ledger.head() == (0, GENESIS)


def test_records_come_back_as_they_were_chained(ledger: Ledger, now: datetime) -> None:
    first = ledger.append([entry("a", rows=1), entry("b")], now)
    second = ledger.append([entry("c")], now + timedelta(seconds=1))
    assert ledger.records() == first + second
    assert [r.sequence for r in first + second] == [1, 2, 3]
    assert first[0].previous == GENESIS
    assert second[0].previous == first[1].hash
    assert all(r.intact() for r in ledger.records())
    assert ledger.head() == (3, second[0].hash)
    assert ledger.verify().intact
    assert ledger.append([], now) == []


def test_records_are_found_by_prefix_and_half_open_time(ledger: Ledger, now: datetime) -> None:
    later = now + timedelta(microseconds=1)
    ledger.append([entry("a"), entry("it's %_")], now)
    ledger.append([entry("ab")], later)
    assert [r.sequence for r in ledger.records(object_prefix="table:a")] == [1, 3]
    assert [r.sequence for r in ledger.records(object_prefix="table:it's %")] == [2]
    assert [r.sequence for r in ledger.records(action_prefix="x")] == []
    assert [r.sequence for r in ledger.records(since=later)] == [3]
    assert [r.sequence for r in ledger.records(until=later)] == [1, 2]


def test_times_are_kept_in_utc(ledger: Ledger, now: datetime) -> None:
    elsewhere = now.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert ledger.append([entry()], elsewhere)[0].at == now
    assert ledger.records()[0].at.tzinfo is UTC
    with pytest.raises(ValueError, match="time zone"):
        ledger.append([entry()], now.replace(tzinfo=None))


def test_a_step_that_is_recorded_is_not_recorded_again(ledger: Ledger, now: datetime) -> None:
    assert len(ledger.append([entry()], now, also=[("run:1", 1)])) == 1
    assert ledger.append([entry()], now, also=[("run:1", 1)]) == []
    assert len(ledger.append([entry()], now, also=[("run:1", 2)])) == 1
    assert ledger.verify().records == 2


def test_an_export_holds_every_record_and_the_last_signature(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    ledger.append([entry("a"), entry("b")], now)
    assert ledger.export(tmp_path / "out.jsonl") == 2
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [x["signature"] is None for x in lines] == [True, False]
    for line in lines:
        del line["signature"]
        assert AuditRecord.model_validate(line).intact()


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    actor=TEXT,
    object_=TEXT,
    counts=st.dictionaries(TEXT, st.integers(), max_size=3),
    detail=st.dictionaries(TEXT, TEXT, max_size=3),
    at=st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    sequence=st.integers(1, 2**62),
)
def test_the_quick_hash_is_the_models_hash(
    actor: str, object_: str, counts: dict[str, int], detail: dict[str, str], at: datetime, sequence: int
) -> None:
    said = AuditEntry(actor=actor, action="a.b", object=object_, outcome="done", counts=counts, detail=detail)
    record = AuditRecord.sealed(said, sequence=sequence, at=at, previous=GENESIS)
    texts = [json.dumps(x, sort_keys=True, separators=(",", ":"), ensure_ascii=False) for x in (counts, detail)]
    body = canonical_body((sequence, to_micros(at), actor, "a.b", object_, "done", *texts, GENESIS))
    assert digest(json.loads(body)) == record.hash


def test_a_border_between_columns_cannot_be_moved() -> None:
    whole = (1, 0, "a", "a.b", "o", "done", '{"x":1}', '{"a":"b","detail":"c"}', GENESIS)
    moved = (*whole[:6], '{"x":1},"detail":{"a":"b"', '"c"}', GENESIS)
    assert canonical_body(whole)
    with pytest.raises(ValueError, match="JSON"):
        canonical_body(moved)


def test_a_crash_between_commit_and_head_is_no_tampering(
    ledger: Ledger, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(self: Ledger, snapshot: tables.Snapshot) -> tables.Snapshot:
        raise KeyboardInterrupt

    for crashed in range(1, 4):
        with monkeypatch.context() as patch:
            patch.setattr(tables.ControlTable, "upkeep", die)
            with pytest.raises(KeyboardInterrupt):
                ledger.append([entry()], now)
        check = ledger.verify()
        assert (check.intact, check.head) == (True, crashed), check.problems
    ledger.append([entry()], now)
    assert ledger.verify().intact


def test_many_commits_are_merged_and_stay_intact(ledger: Ledger, now: datetime) -> None:
    for _ in range(34):
        ledger.append([entry()], now)
    check = ledger.verify()
    assert (check.records, check.intact) == (34, True), check.problems
    assert len(ledger._table.snapshot().files()) < 10
    assert [r.sequence for r in ledger.records()] == list(range(1, 35))


def test_an_outbox_is_drained_once(ledger: Ledger, now: datetime) -> None:
    def pending(recorded: int) -> tuple[list[tuple[AuditEntry, datetime]], int]:
        return [(entry(), now)] * (3 - recorded), 3

    assert len(ledger.drain("box", pending)) == 3
    assert ledger.drain("box", pending) == []
    assert ledger.ready("box") == 3


WRITERS = """
import os
import sys
import traceback
from contextlib import contextmanager
from datetime import UTC, datetime

import delible.store.ledger
import delible.store.tables
from delible.model.record import AuditEntry
from delible.store.keys import load_keys
from delible.store.workspace import open_workspace

@contextmanager
def no_turn(location):
    yield False

root, writers, times, locked = sys.argv[1:]
if locked == "no":
    delible.store.ledger.turn = delible.store.tables.turn = no_turn
workspace = open_workspace(root)
ledger = delible.store.ledger.Ledger(workspace, load_keys(workspace))
said = AuditEntry(actor="ops", action="a.b", object="table:orders", outcome="done")
children = []
for _ in range(int(writers)):
    child = os.fork()
    if not child:
        try:
            for _ in range(int(times)):
                ledger.append([said], datetime(2026, 11, 24, tzinfo=UTC))
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    children.append(child)
sys.exit(max(os.waitpid(child, 0)[1] for child in children) != 0)
"""


@pytest.mark.parametrize(("writers", "times", "locked"), [(8, 20, "yes"), (4, 5, "no")])
def test_writers_at_once_make_one_chain(
    workspace: Workspace, keys: Keys, writers: int, times: int, locked: str
) -> None:
    command = [sys.executable, "-c", WRITERS, str(workspace.root), str(writers), str(times), locked]
    subprocess.run(command, check=True, timeout=120)
    check = Ledger(workspace, keys).verify()
    assert (check.records, check.intact, check.head) == (writers * times, True, writers * times), check.problems


def test_a_broken_chain_is_not_continued(ledger: Ledger, now: datetime, workspace: Workspace) -> None:
    ledger.append([entry()], now)
    (workspace.root / "store" / "head.json").write_text("{}")
    with pytest.raises(TamperError, check=lambda e: e.code == "ledger.broken"):
        ledger.append([entry()], now)


@contextmanager
def _no_turn(_location: str) -> Iterator[bool]:
    yield False


def heads(ledger: Ledger, now: datetime, workspace: Workspace) -> tuple[Path, bytes, bytes]:
    """Append three times; return the head file, what it held after the first, and what it holds now."""
    head = workspace.root / "store" / "head.json"
    ledger.append([entry()], now)
    old = head.read_bytes()
    ledger.append([entry()], now)
    ledger.append([entry()], now)
    return head, old, head.read_bytes()


def test_a_head_that_still_moves_is_no_damage_and_one_that_stays_behind_is(
    ledger: Ledger, now: datetime, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without turns, a slow writer puts an old head over a newer one, and mends that a moment later."""
    head, old, newest = heads(ledger, now, workspace)
    monkeypatch.setattr(tables, "turn", _no_turn)
    monkeypatch.setattr(chain, "turn", _no_turn)

    head.write_bytes(old)
    monkeypatch.setattr(chain, "sleep", lambda _: head.write_bytes(newest))
    ledger.append([entry()], now)
    assert ledger.verify().intact

    head.write_bytes(old)
    monkeypatch.setattr(chain, "sleep", lambda _: None)
    with pytest.raises(TamperError, match="older than the last commit"):
        ledger.append([entry()], now)


def test_a_writer_that_mends_a_head_looks_whether_it_is_still_the_newest(
    ledger: Ledger, keys: Keys, now: datetime, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without turns, others commit between the moment when a killed writer's head is found and when it is mended."""
    file = workspace.root / "store" / "head.json"
    ledger.append([entry()], now)
    killed = file.read_bytes()
    ledger.append([entry()], now)
    file.write_bytes(killed)
    monkeypatch.setattr(tables, "turn", _no_turn)
    monkeypatch.setattr(chain, "turn", _no_turn)
    real, other, calls = chain.write_head, Ledger(workspace, keys), []

    def slow(folder: Folder, head: Head) -> None:
        calls.append(head.sequence)
        if len(calls) == 1:
            other.append([entry()], now)
            other.append([entry()], now)
        real(folder, head)

    monkeypatch.setattr(chain, "write_head", slow)
    ledger.append([entry()], now)
    check = ledger.verify()
    assert (check.records, check.intact) == (5, True), check.problems


@pytest.mark.parametrize("name", ["head.json", "former.json"])
def test_a_writer_looks_whether_what_it_signed_still_stands(
    name: str, ledger: Ledger, now: datetime, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without turns, a slow writer puts its older file over a newer one, and may be killed before it mends that."""
    file = workspace.root / "store" / name
    while not file.exists():
        ledger.append([entry()], now)
    before = file.read_bytes()
    while file.read_bytes() == before:
        ledger.append([entry()], now)
    monkeypatch.setattr(chain, "turn", _no_turn)
    monkeypatch.setattr(tables, "turn", _no_turn)
    real, calls = chain.write_head, []

    def replaced(folder: Folder, head: Head) -> None:
        real(folder, head)
        calls.append(head.sequence)
        if len(calls) == 1:
            file.write_bytes(before)

    monkeypatch.setattr(chain, "write_head", replaced)
    ledger.append([entry()], now)
    check = ledger.verify()
    assert (check.intact, check.records, len(calls)) == (True, check.head, 2), check.problems


def test_a_verification_waits_for_a_writer_that_is_about_to_sign(
    ledger: Ledger, now: datetime, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, old, newest = heads(ledger, now, workspace)
    monkeypatch.setattr(ledger_check, "turn", _no_turn)

    head.write_bytes(old)
    monkeypatch.setattr(ledger_check, "sleep", lambda _: head.write_bytes(newest))
    assert ledger.verify().intact

    head.write_bytes(old)
    monkeypatch.setattr(ledger_check, "sleep", lambda _: None)
    assert not ledger.verify().intact
