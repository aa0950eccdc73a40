"""Imports that are killed: the audit ledger has the intent before, and tells each outcome once, with true counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from consent_shop import NOW, SAID, consent_shop, lines, take_in
from delible.model.record import AuditRecord
from delible.store import tables
from delible.store.consents import Consents
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.workspace import Workspace
from delible.workflows.consent import list_quarantine

ROWS = [SAID | {"subject": {"email": f"p{n}@person.example"}} for n in range(3)]
COMMITS = 5
"""Intent, consents, quarantine, outcome, and one beyond: a run that is not killed."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = consent_shop(tmp_path)
    Consents(made).version()
    return made


def records(workspace: Workspace) -> list[AuditRecord]:
    return Ledger(workspace, load_keys(workspace)).records(action_prefix="consent.import")


def killed(workspace: Workspace, source: str, monkeypatch: pytest.MonkeyPatch, commit: int, *, after: bool) -> int:
    """Import with a kill right before, or right after, one of the commits; return how many there were."""
    whole, done = tables.write_deltalake, []

    def counted(*given: Any, **named: Any) -> None:
        if len(done) == commit and not after:
            raise KeyboardInterrupt
        whole(*given, **named)
        done.append(1)
        if len(done) == commit + 1 and after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tables, "write_deltalake", counted)
        try:
            take_in(workspace, source)
        except KeyboardInterrupt:
            return len(done)
    return len(done)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("commit", range(COMMITS))
def test_the_ledger_tells_what_was_recorded_wherever_a_run_dies(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commit: int, after: bool
) -> None:
    source = lines(tmp_path, *ROWS, b"{")
    commits = killed(workspace, source, monkeypatch, commit, after=after)
    assert commits == min(commit + after, COMMITS - 1)
    taken = len(Consents(workspace).all())
    assert taken == (len(ROWS) if commits > 1 else 0)
    assert take_in(workspace, source).new == len(ROWS) - taken
    assert len(Consents(workspace).all()) == len(ROWS)
    assert len(list_quarantine(workspace, now=NOW)) == 1
    told = records(workspace)
    done = [r for r in told if r.outcome == "done"]
    assert sum(r.counts["new"] for r in done) == len(ROWS)
    begun = [r.detail["import"] for r in told if r.outcome == "started"]
    assert len(begun) == (2 if commits else 1)
    ended = [r.detail["import"] for r in done]
    assert len(set(ended)) == len(ended)
    assert set(ended) <= set(begun)
    assert (begun[0] in ended) == (commits > 1 or not commits)
    assert Ledger(workspace, load_keys(workspace)).verify().intact


def test_an_outcome_whose_commit_has_left_the_log_is_told_without_counts(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(workspace, lines(tmp_path, *ROWS), monkeypatch, 1, after=True)
    monkeypatch.setattr("delible.store.consents._ABOUT", "another")
    take_in(workspace, lines(tmp_path, *ROWS))
    assert [(r.outcome, r.counts.get("new")) for r in records(workspace)] == [
        ("started", None),
        ("uncounted", None),
        ("started", None),
        ("done", 0),
    ]
