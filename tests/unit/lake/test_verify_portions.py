"""What several passes find together, and what they must not show."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from delible.lake.search import verify
from delible.lake.search.typed_keys import TypedKeys
from delible.lake.search.verify import Folder, search
from delible.model.proof import FileDigest
from delible.model.terms import Normalise

NOW = datetime(2026, 1, 31, tzinfo=UTC)
VALUES = ["adalbertina", "zachariasson"]


def test_a_place_that_spells_a_value_of_another_pass_is_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zachariasson.txt").write_text("about adalbertina")
    (tmp_path / "adalbertina.gz").write_bytes(b"\x1f\x8b\x08 damaged")
    monkeypatch.setattr(verify, "MOST_AT_ONCE", 1)
    digests: list[FileDigest] = []
    found = search([Folder("table:t", str(tmp_path))], VALUES, now=NOW, digests=digests)
    told = f"{found} {digests}"
    assert found.matches
    assert found.unreadable
    assert digests
    assert not any(value in told for value in VALUES)


def test_without_hiding_it_would_be_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zachariasson.txt").write_text("about adalbertina")
    monkeypatch.setattr(verify, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(verify.Outcome, "hide", lambda *_: None)
    assert "zachariasson" in str(search([Folder("table:t", str(tmp_path))], VALUES, now=NOW))


def test_a_value_counts_once_however_many_columns_it_is_compared_in(tmp_path: Path) -> None:
    keys = TypedKeys(frozenset({"17", VALUES[0]}), Normalise.EXACT)
    folders = [Folder(f"table:{n}", str(tmp_path), {"number": keys, "other": keys}) for n in range(3)]
    found = search(folders, VALUES, now=NOW)
    assert (found.values_searched, found.values_in_columns) == (3, 1)
