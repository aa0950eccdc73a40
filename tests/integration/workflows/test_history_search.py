"""Where no table's old versions are to be kept row by row, the rows of now are searched once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from delible.lake import facts
from delible.lake import find as lake_find
from delible.lake.history import find as history_find
from delible.workflows import history
from delible.workflows.control import Control
from small_shop import make_workspace


@pytest.mark.parametrize(("kept", "searches"), [({"tickets"}, 1), ({"customers", "tickets"}, 2)])
def test_one_search_tells_all_where_the_rows_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: set[str], searches: int
) -> None:
    control: Any = Control(make_workspace(tmp_path / "shop"))
    seen: list[str] = []
    searched = SimpleNamespace(found="now")
    past = SimpleNamespace(rows=None, history=SimpleNamespace(model_copy=lambda update: update))
    monkeypatch.setattr(facts, "version_of", lambda *_, **__: 0)
    monkeypatch.setattr(facts, "read", lambda *_, **__: SimpleNamespace(schema=None))
    monkeypatch.setattr(history_find, "past_of", lambda *_: past)
    found = SimpleNamespace(keys=(), tables={})
    monkeypatch.setattr(lake_find, "find", lambda *_: seen.append("past") or found)
    monkeypatch.setattr(history, "find_people", lambda *_, **__: seen.append("now") or searched)
    monkeypatch.setattr(history, "_together", lambda _control, now, _past: now)
    today: Any = None
    made = history.search_history(today, control, [], kept, today=today)
    assert len(seen) == searches
    assert made.searched is searched
    assert set(made.history) == kept
    assert made.history["tickets"] is None, "its rows lose columns, and no row"
