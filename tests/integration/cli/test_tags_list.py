"""The list of verdicts explains its own columns, and cuts no category short."""

from __future__ import annotations

from datetime import datetime

import pytest

from delible.cli import main
from delible.model.record import TagFinding
from delible.store.tags import Tags
from delible.store.workspace import Workspace

CATEGORY = "user.demographic.date_of_birth"


def verdict(column: str, now: datetime, category: str | None = None) -> TagFinding:
    return TagFinding(
        table="customer_statistics",
        column=column,
        category=category,
        entity=None if category is None else "DATE_TIME",
        confidence=0.9 if category else 0.0,
        sampled=1_000,
        hits=1_000 if category else 0,
        bound=0.0 if category else 0.003,
        evidence=("name",),
        version=0,
        at=now,
    )


def test_the_list_of_verdicts_has_a_legend(
    workspace: Workspace, now: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    Tags(workspace).put([verdict("date_of_birth", now, CATEGORY), verdict("orders_count", now)])
    assert main.main(["tags", "list", "--workspace", str(workspace.root)]) == 0
    out = capsys.readouterr().out
    assert CATEGORY in out
    assert "none, below 0.30%" in out
    _, _, legend = out.partition("\n\n")
    assert [
        word for word in ("category", "none", "sure", "hits", "proposed") if f"\n{word} " not in f"\n{legend}"
    ] == []
