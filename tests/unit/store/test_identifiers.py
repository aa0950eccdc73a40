import os
import time
from datetime import datetime
from pathlib import Path

import pytest

from delible.errors import SetupError, TamperError
from delible.model.subject import KeyRole, KeyRow
from delible.store.identifiers import IdentifierVault
from delible.store.keys import Keys
from delible.store.objects import LocalFolder
from delible.store.workspace import Workspace


@pytest.fixture
def vault(workspace: Workspace, keys: Keys) -> IdentifierVault:
    return IdentifierVault(workspace, keys)


def row(request: str, value: str, role: str = "given", kind: str = "email") -> KeyRow:
    return KeyRow(request=request, kind=kind, value=value, role=KeyRole(role))


def ciphertexts(vault: IdentifierVault, request: str) -> list[bytes]:
    return [r[4] for r in vault._table.snapshot().rows() if r[0] == request]


def holding(root: Path, texts: list[bytes]) -> list[str]:
    files = [f for f in root.rglob("*") if f.is_file()]
    return [f.name for f in files if any(text in f.read_bytes() for text in texts)]


def test_rows_come_back_and_repeats_are_kept_once(vault: IdentifierVault, now: datetime) -> None:
    rows = [row("R-1", "a@x.example"), row("R-1", "7", "found", "orders.order_id"), row("R-2", "lone \ud800")]
    assert vault.put([*rows, rows[0]], now) == 3
    assert vault.put(rows[:2], now) == 0
    assert sorted(vault.get(["R-1"]), key=lambda r: r.kind) == rows[:2]
    assert vault.get(["R-2"]) == rows[2:]
    assert vault.get([]) == vault.get(["R-3", "' OR ''='"]) == []
    assert vault.requests() == {"R-1": now, "R-2": now}


def test_a_value_is_masked() -> None:
    assert "a@x.example" not in repr(row("R-1", "a@x.example"))


def test_forgotten_rows_leave_no_ciphertext_in_any_file(
    vault: IdentifierVault, now: datetime, workspace: Workspace
) -> None:
    for i in range(5):
        vault.put([row("R-1", f"a{i}@x.example"), row("R-2", f"b{i}@x.example")], now)
    gone, staying = ciphertexts(vault, "R-1"), ciphertexts(vault, "R-2")
    folder = workspace.root / "store" / "identifiers"
    assert holding(folder, gone), "the search can find a ciphertext"
    kept = vault.get(["R-2"])
    vault.forget(["R-1", "R-9"])
    assert holding(folder, gone) == []
    assert holding(folder, staying)
    assert vault.get(["R-1"]) == []
    assert set(vault.get(["R-2"])) == set(kept)
    vault.forget(["R-2"])
    assert holding(folder, staying) == []
    assert vault.put([row("R-3", "c@x.example")], now) == 1
    assert len(vault.get(["R-3"])) == 1


def test_a_forgetting_that_died_before_it_removed_files_is_finished_later(
    vault: IdentifierVault, now: datetime, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.put([row("R-1", "a@x.example")], now)
    gone = ciphertexts(vault, "R-1")
    folder = workspace.root / "store" / "identifiers"

    def die(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LocalFolder, "remove", die)
        with pytest.raises(KeyboardInterrupt):
            vault.forget(["R-1"])
    assert holding(folder, gone)
    vault.forget([])
    assert holding(folder, gone), "it may be a file that another process is about to commit"
    for file in folder.glob("*.parquet"):
        os.utime(file, (time.time() - 3_700,) * 2)
    vault.forget([])
    assert holding(folder, gone) == []


def test_many_small_commits_are_rewritten_without_leftovers(
    vault: IdentifierVault, now: datetime, workspace: Workspace
) -> None:
    for i in range(40):
        vault.put([row(f"R-{i}", f"a{i}@x.example")], now)
    assert len(list((workspace.root / "store" / "identifiers").glob("*.parquet"))) < 10
    assert len(vault.requests()) == 40


def test_a_ciphertext_cannot_be_moved_to_another_request(
    vault: IdentifierVault, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.put([row("R-1", "a@x.example")], now)
    sealed = vault._sealed
    monkeypatch.setattr(vault, "_sealed", lambda r, at: ("R-2", *sealed(row("R-1", r.value), at)[1:]))
    vault.put([row("R-2", "b@x.example")], now)
    with pytest.raises(TamperError, check=lambda e: e.code == "keys.undecryptable"):
        vault.get(["R-2"])


def test_a_damaged_vault_is_said_without_a_value(vault: IdentifierVault, now: datetime, workspace: Workspace) -> None:
    vault.put([row("R-1", "a@x.example")], now)
    next((workspace.root / "store" / "identifiers").glob("*.parquet")).unlink()
    with pytest.raises(SetupError, check=lambda e: e.code == "store.unreadable"):
        vault.get(["R-1"])
