"""The ledger from outside: checked, exported, and its first record."""

import json
from pathlib import Path

import pytest

from delible.cli.main import main

HASH = "0" * 64


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.setenv("DELIBLE_ACTOR", "ops@controller")
    assert main(["init", str(tmp_path / "shop")]) == 0
    capsys.readouterr()
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"


def exported(shop: Path) -> list[dict[str, object]]:
    assert main(["audit", "export", "--out", "ledger.jsonl"]) == 0
    return [json.loads(line) for line in (shop / "ledger.jsonl").read_text().splitlines()]


def test_the_first_record_is_the_making_of_the_workspace(shop: Path) -> None:
    first = exported(shop)[0]
    assert (first["sequence"], first["action"], first["actor"]) == (1, "workspace.created", "ops@controller")


def test_init_overwrites_nothing(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()}
    assert main(["init", str(shop)]) == 2
    assert "workspace.exists" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()} == before


def test_export_overwrites_nothing(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exported(shop)
    assert main(["audit", "export", "--out", "ledger.jsonl"]) == 2
    assert "output.exists" in capsys.readouterr().err


def test_an_intact_ledger_is_0(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {"status": "ok", "records": 1, "intact": True, "head": 1, "head_behind": False}


def test_a_removed_ledger_file_is_4(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    next((shop / "store" / "audit").rglob("*.parquet")).unlink()
    assert main(["audit", "verify", "--json"]) == 4
    document = json.loads(capsys.readouterr().out)
    assert document["status"] == "error"
    assert document["intact"] is False
    assert all(error["code"].startswith("ledger.") for error in document["errors"])


@pytest.mark.parametrize(
    "known", ["", "1", "1:", ":ff", "1:xyz", "-1:" + "0" * 64, "1:" + "0" * 63, "\u0661:" + "0" * 64]
)
def test_a_noted_record_of_another_form_is_2(known: str, shop: Path) -> None:
    assert main(["audit", "verify", f"--known={known}"]) == 2


def test_a_noted_record_is_compared(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = exported(shop)[0]["hash"]
    assert main(["audit", "verify", "--known", f"1:{first}"]) == 0
    assert main(["audit", "verify", "--known", f"1:{HASH}"]) == 4
    assert main(["audit", "verify", "--known", f"2:{first}"]) == 4
