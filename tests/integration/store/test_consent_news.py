"""Rows that came into the consent ledger after one of its versions, whatever they say of when they were recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable

from delible.model.consent import ConsentRecord
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, LegalBasis
from delible.store.consent_news import Arrivals
from delible.store.consents import Consents
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


def test_nobody_can_tell_once_rows_lie_in_other_files(workspace: Workspace) -> None:
    consents = Consents(workspace)
    for n in range(3):
        consents.append([said(n)])
    version = consents.version()
    DeltaTable(consents.location).optimize.compact()
    assert told(workspace, version) is None
    assert told(workspace, consents.version()) == set()


def test_nobody_can_tell_when_the_log_does_not_reach_back(workspace: Workspace) -> None:
    consents = Consents(workspace)
    for n in range(3):
        consents.append([said(n)])
    DeltaTable(consents.location).create_checkpoint()
    for n in range(3):
        (Path(consents.location) / "_delta_log" / f"{n:020}.json").unlink()
    assert told(workspace, 1) is None
    assert told(workspace, consents.version()) == set()


@pytest.mark.parametrize(("ahead", "all_of_it"), [(timedelta(minutes=-5), False), (timedelta(minutes=5), True)])
def test_a_version_at_an_instant_is_one_that_was_surely_there(
    workspace: Workspace, ahead: timedelta, all_of_it: bool
) -> None:
    consents = Consents(workspace)
    consents.append([said(1)])
    assert Arrivals(workspace).version_at(datetime.now(UTC) + ahead) == (consents.version() if all_of_it else -1)
