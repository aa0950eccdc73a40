"""Whatever is done to the ledger's files, `verify` says so and never raises."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from delible.errors import TamperError
from delible.model.record import AuditEntry, AuditRecord
from delible.store import ledger_check, tables
from delible.store.head import changed, read_former, read_head
from delible.store.keys import Keys, load_keys
from delible.store.ledger import Ledger
from delible.store.ledger_check import LedgerCheck, canonical_body, signing_message
from delible.store.tables import Row, Write, to_micros
from delible.store.workspace import Workspace, create_workspace


@pytest.fixture
def filled(ledger: Ledger, now: datetime) -> Ledger:
    for group in (["a", "b"], ["c", "d", "e"], ["f"]):
        ledger.append([_entry(name) for name in group], now)
    return ledger


def _entry(name: str) -> AuditEntry:
    return AuditEntry(
        actor="ops",
        action="erasure.merge",
        object=f"table:{name}",
        outcome="done",
        counts={"rows": 7},
        detail={"v": "1"},
    )


def rewritten(ledger: Ledger, change: Callable[[list[Row]], list[Row]]) -> LedgerCheck:
    """Rewrite the table as somebody would who has the disk but not the keys."""

    def build(snapshot: object) -> Write:
        rows = change(ledger._table.snapshot().rows('ORDER BY "sequence"'))
        return Write(rows, {"audit": max(row[0] or 0 for row in rows)}, mode="overwrite")

    ledger._table.commit(build)
    return ledger.verify()


def codes(check: LedgerCheck) -> set[str]:
    assert check.intact == (not check.problems)
    return {problem.code.removeprefix("ledger.") for problem in check.problems}


def with_field(index: int, value: object) -> Callable[[list[Row]], list[Row]]:
    return lambda rows: [r if r[0] != 3 else (*r[:index], value, *r[index + 1 :]) for r in rows]


FIELDS = ("sequence", "at", "actor", "action", "object", "outcome", "counts", "detail", "previous", "hash")


@pytest.mark.parametrize(
    ("index", "value"),
    [
        *((i, x) for i in (2, 3, 4, 5, 6, 7, 8, 9) for x in ("x", None, "")),
        (0, 99),
        (0, 2),
        (0, -1),
        (0, None),
        (1, None),
        (1, datetime.fromisoformat("2026-11-24T09:30:00.123457+00:00")),
        (6, '{"rows": 7}'),
        (6, '{"rows":7,"rows":7}'),
        (6, '{"rows":8}'),
        (7, '{"v":"2"}'),
        (7, "[]"),
    ],
    ids=lambda x: FIELDS[x] if isinstance(x, int) and 0 <= x < len(FIELDS) else repr(x)[:20],
)
def test_a_changed_field_is_found(filled: Ledger, index: int, value: object) -> None:
    found = codes(rewritten(filled, with_field(index, value)))
    assert found & {"changed", "chain", "missing", "doubled", "inserted"}, found


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda rows: rows[:2] + rows[3:], "missing"),
        (lambda rows: rows[1:], "missing"),
        (lambda rows: [*rows, rows[2]], "doubled"),
        (lambda rows: [*rows, rows[-1]], "doubled"),
        (lambda rows: [*rows[:2], (3, *rows[3][1:]), (4, *rows[2][1:]), *rows[4:]], "changed"),
        (lambda rows: rows[:5], "truncated"),
        (lambda rows: rows[:3], "truncated"),
    ],
    ids=["removed", "first removed", "doubled", "last doubled", "reordered", "last cut off", "cut in a commit"],
)
def test_removed_doubled_reordered_and_cut_records_are_found(
    filled: Ledger, change: Callable[[list[Row]], list[Row]], expected: str
) -> None:
    assert expected in codes(rewritten(filled, change))


def rechained(rows: list[Row]) -> list[Row]:
    """Chain the records anew, as somebody can who knows the format but has no key."""
    previous, made = "0" * 64, []
    for sequence, row in enumerate(rows, 1):
        fields = (sequence, *row[1:8], previous)
        body = canonical_body((sequence, to_micros(row[1]), *fields[2:]))
        previous = hashlib.sha256(body).hexdigest()
        made.append((*fields, previous, row[10]))
    return made


@pytest.mark.parametrize("forge", ["inserted", "changed", "appended"])
def test_a_chain_that_was_made_anew_has_no_genuine_tail(filled: Ledger, now: datetime, forge: str) -> None:
    def change(rows: list[Row]) -> list[Row]:
        fake = (0, now, "ops", "a.b", "table:x", "done", "{}", "{}", "", "", None)
        at = {"inserted": 2, "appended": len(rows)}.get(forge)
        new = [*rows[:at], fake, *rows[at:]] if at else [with_field(5, "failed")([r])[0] for r in rows]
        return rechained(new)

    check = rewritten(filled, change)
    assert "tail" in codes(check)
    assert not codes(check) & {"changed", "missing", "doubled", "chain"}, "the forgery itself is well made"
    with pytest.raises(TamperError, check=lambda e: e.code == "ledger.broken"):
        filled.append([_entry("next")], now)


def test_another_workspaces_signature_is_not_genuine(filled: Ledger, tmp_path: Path) -> None:
    stranger = load_keys(create_workspace(tmp_path / "other"))

    def change(rows: list[Row]) -> list[Row]:
        new = rechained(rows[:-1])
        return [*new[:-1], (*new[-1][:10], stranger.sign(signing_message(new[-1][9])))]

    assert "tail" in codes(rewritten(filled, change))


def test_an_older_or_foreign_head_is_found(filled: Ledger, now: datetime, workspace: Workspace, tmp_path: Path) -> None:
    head = workspace.root / "store" / "head.json"
    old = head.read_bytes()
    filled.append([_entry("g")], now)
    newest = head.read_bytes()
    head.write_bytes(old)
    assert codes(filled.verify()) == set(), "one commit behind is what a crash leaves"
    assert filled.verify().behind, "and it is said"
    head.write_bytes(newest)
    assert not filled.verify().behind
    filled.append([_entry("h")], now)
    head.write_bytes(old)
    assert codes(filled.verify()) == {"head"}
    with pytest.raises(TamperError):
        filled.append([_entry("i")], now)
    for damage in (b"", b"{", b"[]", newest.replace(b'"sequence":7', b'"sequence":6'), b"\xff" * 9):
        head.write_bytes(damage)
        assert "head" in codes(filled.verify())
    head.unlink()
    assert codes(filled.verify()) == {"head"}


def test_a_table_that_was_put_back_is_found(
    filled: Ledger, now: datetime, workspace: Workspace, tmp_path: Path
) -> None:
    table, head = workspace.root / "store" / "audit", workspace.root / "store" / "head.json"
    shutil.copytree(table, tmp_path / "audit")
    shutil.copy(head, tmp_path / "head.json")
    noted = filled.append([_entry("g")], now)[0]
    shutil.rmtree(table)
    shutil.copytree(tmp_path / "audit", table)
    assert codes(filled.verify()) == {"truncated"}
    with pytest.raises(TamperError, check=lambda e: e.code == "ledger.broken"):
        filled.append([_entry("x")], now)
    shutil.copy(tmp_path / "head.json", head)
    assert filled.verify().intact, "nothing on this disk can show that all of it is older"
    assert codes(filled.verify(known=(noted.sequence, noted.hash))) == {"rolled_back"}


def test_a_removed_table_or_commit_is_found(filled: Ledger, workspace: Workspace) -> None:
    log = workspace.root / "store" / "audit" / "_delta_log"
    sorted(log.glob("*.json"))[-1].unlink()
    assert "truncated" in codes(filled.verify())
    shutil.rmtree(log.parent)
    assert codes(filled.verify()) == {"truncated"}


def test_a_removed_or_added_data_file_is_found(filled: Ledger, workspace: Workspace) -> None:
    file = next((workspace.root / "store" / "audit").glob("*.parquet"))
    kept = file.read_bytes()
    file.unlink()
    assert {"file_changed", "unreadable"} <= codes(filled.verify())
    file.write_bytes(kept)
    assert filled.verify().intact


@pytest.fixture(params=[1, 6], ids=["one commit", "compacted"])
def small_store(
    request: pytest.FixtureRequest, ledger: Ledger, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> Ledger:
    """Return a ledger of one commit, or one with checkpoints, a merged file, and files that were superseded."""
    monkeypatch.setattr(tables, "_UPKEEP_EVERY", 4)
    monkeypatch.setattr(tables, "_SMALL_FILES", 3)
    for n in range(request.param):
        ledger.append([_entry("a"), _entry(f"b{n}")], now)
    assert ledger.verify().intact
    return ledger


def flips(store: Path, stride: int) -> Iterator[tuple[str, int]]:
    """Flip one bit of every n-th byte of every file, one at a time, and put it back afterwards."""
    for file in sorted(x for x in store.rglob("*") if x.is_file()):
        whole = file.read_bytes()
        for at in range(0, len(whole), stride):
            file.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
            yield file.name, at
        file.write_bytes(whole)


def test_a_changed_byte_of_any_file_is_found(
    small_store: Ledger, workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    """The whole verification, which damaged files must not bring down; `benchmarks/tampering.py` tries every byte."""
    store = workspace.root / "store"
    stride = max(7, sum(x.stat().st_size for x in store.rglob("*") if x.is_file()) // 250)
    missed = [place for place in flips(store, stride) if small_store.verify().intact]
    capfd.readouterr()
    assert missed == []
    assert small_store.verify().intact


@pytest.mark.parametrize("stride", [23, pytest.param(1, marks=pytest.mark.matrix)])
def test_every_byte_of_every_file_is_under_a_signed_digest(
    small_store: Ledger, workspace: Workspace, keys: Keys, stride: int
) -> None:
    """Whatever Parquet or Delta make of a byte, padding and superseded files included: its file is signed."""
    root, table = small_store._root, small_store._table.folder

    def intact() -> bool:
        findings = ledger_check._Findings()
        head, damage = ledger_check._genuine_head(root, keys)
        if head is None or damage or changed(table, head, head.files):
            return False
        ledger_check._check_former(table, root, head, keys, findings)
        return not findings.problems

    assert intact()
    store = workspace.root / "store"
    assert [place for place in flips(store, stride) if intact()] == []
    assert intact()


def test_a_superseded_file_may_go_and_may_not_change(
    ledger: Ledger, now: datetime, workspace: Workspace, keys: Keys
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_UPKEEP_EVERY", 4)
        patch.setattr(tables, "_SMALL_FILES", 3)
        for name in "abcd":
            ledger.append([_entry(name)], now)
    store = workspace.root / "store"
    former, head = read_former(ledger._root)[0], read_head(ledger._root)
    assert former is not None
    assert head is not None
    data = [name for name in former.files if name.endswith("snappy.parquet")]
    assert data
    assert not former.files.keys() & head.files.keys()
    (store / "audit" / data[0]).unlink()
    assert ledger.verify().intact, "it was cleared away"
    (store / "audit" / data[1]).write_bytes(b"PAR1")
    assert codes(ledger.verify()) == {"file_changed"}


def test_the_list_of_superseded_files_is_guarded_itself(ledger: Ledger, now: datetime, workspace: Workspace) -> None:
    file, head = workspace.root / "store" / "former.json", workspace.root / "store" / "head.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_UPKEEP_EVERY", 4)
        patch.setattr(tables, "_SMALL_FILES", 3)
        for name in "abcd":
            ledger.append([_entry(name)], now)
        old, old_head = file.read_bytes(), head.read_bytes()
        for name in "efgh":
            ledger.append([_entry(name)], now)
    newest = file.read_bytes()
    for damage in (old, b"", b"{}", newest.replace(b'"sequence":', b'"sequence":9')):
        file.write_bytes(damage)
        assert "file_changed" in codes(ledger.verify())
    file.unlink()
    assert "file_changed" in codes(ledger.verify())
    file.write_bytes(newest)
    assert ledger.verify().intact
    head.write_bytes(old_head)
    assert "file_changed" not in codes(ledger.verify()), "a list that is newer than the head is what a crash leaves"


def test_the_number_of_problems_is_bounded(ledger: Ledger, keys: Keys, now: datetime) -> None:
    ledger.append([_entry(str(i)) for i in range(300)], now)
    check = rewritten(ledger, lambda rows: [(*r[:2], "x", *r[3:]) for r in rows])
    assert len(check.problems) == 101
    assert check.problems[-1].code == "ledger.more"


def test_sealed_records_are_what_is_stored(filled: Ledger) -> None:
    assert all(isinstance(r, AuditRecord) and r.intact() for r in filled.records())
