"""Rows that came into the consent ledger after one of its versions, whatever they say of when they were recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable

from delible.model.consent import ConsentRecord
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, LegalBasis
from delible.store import consents as consents_store
from delible.store.consent_news import Arrivals
from delible.store.consents import Consents
from delible.store.tables import ControlTable, Write
from delible.store.workspace import Workspace

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def said(n: int) -> ConsentRecord:
    return ConsentRecord(
        ref=SubjectRef(f"v1.{n:064x}"),
        kind="email",
        purpose="training",
        status=ConsentStatus.WITHDRAWN,
        legal_basis=LegalBasis.CONSENT,
        notice_version="1",
        valid_from=LONG_AGO,
        recorded_at=LONG_AGO,
        source="tests",
    )


def told(workspace: Workspace, version: int | None) -> set[int] | None:
    found = Arrivals(workspace).after(version)
    return None if found is None else {int(ref[3:], 16) for ref, _ in found}


def test_rows_of_files_that_were_added_after_a_version_are_news(workspace: Workspace) -> None:
    assert told(workspace, None) is None
    consents = Consents(workspace)
    empty = consents.version()
    assert told(workspace, empty) == set()
    consents.append([said(1), said(2)])
    first = consents.version()
    consents.append([said(3)])
    assert told(workspace, empty) == {1, 2, 3}
    assert told(workspace, first) == {3}
    assert told(workspace, consents.version()) == set()
    assert told(workspace, consents.version() + 1) is None


def test_rows_are_told_by_when_they_came_whatever_files_they_lie_in(workspace: Workspace) -> None:
    """Merged twice, with imports between, and the log of all that gone."""
    consents = Consents(workspace)
    versions = {}
    for n in range(6):
        versions[n] = consents.version()
        consents.append([said(n)])
        if n in (2, 4):
            DeltaTable(consents.location).optimize.compact()
    for n, version in versions.items():
        assert told(workspace, version) == set(range(n, 6)), n
    DeltaTable(consents.location).create_checkpoint()
    for n in range(consents.version()):
        (Path(consents.location) / "_delta_log" / f"{n:020}.json").unlink()
    for n, version in versions.items():
        assert told(workspace, version) == set(range(n, 6)), n
    assert told(workspace, consents.version()) == set()


def test_a_row_says_by_which_version_it_came_also_when_others_write_in_between(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that are merged between the look and the commit are no conflict to Delta; the rows would come by a later
    version than they say."""
    consents = Consents(workspace)
    consents.append([said(0)])
    consents.append([said(1)])
    whole, meddled = ControlTable._write, []

    def late(self: ControlTable, delta: DeltaTable, write: Write) -> None:
        if not meddled:
            meddled.append(DeltaTable(consents.location).optimize.compact())
        whole(self, delta, write)

    monkeypatch.setattr(ControlTable, "_write", late)
    before = consents.version()
    consents.append([said(2)])
    assert meddled
    assert consents.version() == before + 2
    assert told(workspace, before) == told(workspace, before + 1) == {2}
    assert told(workspace, before + 2) == set()


def test_a_ledger_of_an_earlier_version_tells_of_what_came_since(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows do not say when they came: of a version before the first that do, nobody can tell."""
    former = replace(consents_store.SPEC, columns=consents_store.COLUMNS)
    rows = [tuple(getattr(said(n), name) for name in former.columns) for n in range(2)]
    ControlTable(workspace, former).commit(lambda _: Write(rows))
    consents = Consents(workspace)
    old = consents.version()
    assert told(workspace, old) == set()
    assert told(workspace, old - 1) is None
    consents.append([said(2)])  # adds the column first
    assert told(workspace, old) is None
    after = consents.version()
    consents.append([said(3)])
    assert told(workspace, after) == {3}
    assert [r.ref for r in consents.all()] == [said(n).ref for n in range(4)]


@pytest.mark.parametrize(("ahead", "all_of_it"), [(timedelta(minutes=-5), False), (timedelta(minutes=5), True)])
def test_a_version_at_an_instant_is_one_that_was_surely_there(
    workspace: Workspace, ahead: timedelta, all_of_it: bool
) -> None:
    consents = Consents(workspace)
    consents.append([said(1)])
    assert Arrivals(workspace).version_at(datetime.now(UTC) + ahead) == (consents.version() if all_of_it else -1)
