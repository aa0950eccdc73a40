"""A whole scan without a JVM: what Spark would count is given, and everything else is the real thing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from arro3.core import Array, DataType, Table
from deltalake import write_deltalake

from delible.decide.tagging import ColumnFacts
from delible.model.terms import TagState
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.workspace import Workspace
from delible.workflows import tagging
from delible.workflows.tag_review import list_tags, review_tag
from delible.workflows.tagging import Scan, scan_tables

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLEAN = {"values": 1_000, "rows": 1_000}
EMAILS = CLEAN | {"hits": {"EMAIL_ADDRESS": 1_000}, "whole": {"EMAIL_ADDRESS": 1_000}}


@pytest.fixture
def scan(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Scan]:
    location = str(workspace.path(workspace.config.warehouse) / "exports")
    restricted = SimpleNamespace(
        control=None,
        refs=frozenset(),
        leaves_out=lambda _: False,
        without=lambda table, rows: rows,
        rows_left_out=lambda *_: 0,
    )
    monkeypatch.setattr(tagging, "restricted_rows", lambda *_: restricted)
    monkeypatch.setattr(tagging, "measure", lambda *_, **__: ())
    monkeypatch.setattr("delible.workflows.spark.session_for", lambda _: None)
    monkeypatch.setattr("delible.lake.sample.draw", lambda *_, **__: None)

    def scan(counts: dict[str, object]) -> Scan:
        rows = Table.from_arrays([Array(["x", "y"], DataType.utf8())], names=["ref"])
        write_deltalake(location, rows, mode="append")
        facts = [ColumnFacts("ref", "string", **counts)]  # type: ignore[arg-type] # counts of several types
        monkeypatch.setattr("delible.lake.scan.scan", lambda *_, **__: facts)
        return scan_tables(workspace, ["exports"], actor="op", now=NOW)

    return scan


def gaps(found: Scan) -> list[tuple[str, str | None]]:
    return [(gap.code, gap.where) for gap in found.gaps]


def test_a_clean_column_that_turns_is_a_gap_of_the_scan_and_of_the_ledger(
    workspace: Workspace, scan: Callable[..., Scan]
) -> None:
    assert gaps(scan(CLEAN)) == []
    assert gaps(scan(EMAILS)) == [("tags.turned", "exports.ref")]
    (finding,) = list_tags(workspace)
    assert (finding.category, finding.state) == ("user.contact.email", TagState.REVIEW)
    newest = list(Ledger(workspace, load_keys(workspace)).records())[-1]
    assert (newest.action, newest.counts["gaps"]) == ("tags.scan", 1)


def test_a_decision_that_a_scan_contradicts_is_a_gap_each_time_until_it_is_made_again(
    workspace: Workspace, scan: Callable[..., Scan]
) -> None:
    scan(CLEAN)
    review_tag(workspace, "exports.ref", accept=False, reason="codes", actor="op", now=NOW)
    assert gaps(scan(CLEAN)) == []
    for _ in range(2):
        assert gaps(scan(EMAILS)) == [("tags.pin_contradicted", "exports.ref")]
    (finding,) = list_tags(workspace)
    assert (finding.category, finding.state) == (None, TagState.REJECTED)
    review_tag(workspace, "exports.ref", accept=True, reason="yes", category="user.contact.email", actor="op", now=NOW)
    assert gaps(scan(EMAILS)) == []
