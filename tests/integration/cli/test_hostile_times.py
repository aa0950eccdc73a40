"""Instants that no calendar in UTC has are bad input."""

from __future__ import annotations

from pathlib import Path

import pytest

from delible.cli.main import main
from delible.store.workspace import create_workspace


@pytest.mark.parametrize("option", ["--as-of", "--known-at"])
@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-1000", "0001-01-01T00:00:00+1000"])
def test_an_instant_beyond_the_calendar_is_bad_input(
    tmp_path: Path, option: str, time: str, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = create_workspace(tmp_path / "shop")
    (tmp_path / "people.jsonl").write_text('{"email": "a@person.example"}\n')
    words = ["consent", "show", "--identifiers", str(tmp_path / "people.jsonl"), option, time]
    assert main([*words, "--workspace", str(workspace.root), "--json"]) == 2
    assert "1 to 9999" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["consent", "show", "--identifiers", "x", "--as-of"], "give a day or a time, such as 2026-01-31T09:00:00."),
        (["dataset", "impact", "--consents-since"], "give a day or a time, such as 2026-01-31T09:00:00."),
        (["report", "breach", "--files", "x", "--aware-at"], "give a time, such as 2026-01-31T09:00:00."),
        (["report", "audit", "--from"], "give a day, such as 2026-01-31."),
    ],
)
def test_a_wrong_day_is_answered_with_a_right_one(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "31.01.2026"]) == 2
    err = " ".join(capsys.readouterr().err.split())
    assert said in err
    assert "%" not in err
