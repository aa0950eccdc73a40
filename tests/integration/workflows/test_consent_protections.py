"""Protections of consents that no other test held: each of these fails once its protection is taken out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from delible.errors import InputError
from delible.model.terms import Normalise
from delible.store.consents import Consents
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.requests import Requests
from delible.store.suppression import Suppression
from delible.store.workspace import Workspace, create_workspace
from delible.workflows import consent_import
from delible.workflows.consent import Imported, import_consents, list_quarantine, show_consents, standing_requests
from store_fixtures import People

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
EMAIL = "a@person.example"
ROW: dict[str, Any] = {
    "subject": {"email": EMAIL},
    "purpose": "training",
    "status": "given",
    "notice_version": "3",
    "valid_from": "2026-01-01T00:00:00Z",
    "recorded_at": "2026-01-01T00:00:00Z",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = create_workspace(tmp_path / "shop")
    policies = made.path("policies")
    (policies / "controller.yaml").write_text(
        "controller: Fennel & Co\ncontact: privacy@fennel.example\nsubject: email\n"
        "identifiers:\n  email: {normalise: lower}\n"
    )
    (policies / "purposes" / "training.yaml").write_text(
        "purpose: training\ndescription: training\nlegal_basis: consent\n"
    )
    return made


def take_in(workspace: Workspace, *lines: bytes, name: str = "rows.jsonl") -> Imported:
    path = workspace.root / name
    path.write_bytes(b"\n".join((json.dumps(ROW).encode(), *lines, b"")))
    return import_consents(workspace, str(path), form="native", actor="tests", now=NOW)


def test_a_file_of_too_many_broken_rows_is_not_what_it_was_taken_for(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert consent_import._MOST_BROKEN == 10_000
    monkeypatch.setattr(consent_import, "_MOST_BROKEN", 3)
    with pytest.raises(InputError) as refused:
        take_in(workspace, *[b"{}"] * 9)
    assert len(refused.value.problems) == 4  # what comes after one too many is not read
    assert (list(Consents(workspace).all()), list_quarantine(workspace, now=NOW)) == ([], [])
    assert take_in(workspace, b"{}", b"[]", b"x").quarantined == 3


@pytest.mark.parametrize(("name", "shown"), [(f"{EMAIL}.jsonl", "a file"), ("rows.jsonl", "rows.jsonl")])
def test_a_file_s_name_that_is_an_address_is_not_kept(workspace: Workspace, name: str, shown: str) -> None:
    take_in(workspace, b"{}", name=name)
    assert [row.file for row in list_quarantine(workspace, now=NOW)] == [shown]


def test_an_erasure_counts_from_when_it_was_known(workspace: Workspace) -> None:
    take_in(workspace)
    ref = load_keys(workspace).ref("email", EMAIL, Normalise.LOWER)
    Suppression(workspace).add([ref], "R-1", NOW)
    who = workspace.root / "who.jsonl"
    who.write_text(json.dumps({"email": EMAIL}) + "\n")

    def kept(known_at: datetime) -> bool:
        [person] = show_consents(workspace, str(who), as_of=NOW, known_at=known_at)
        return person.purposes[0].keep

    assert [kept(at) for at in (NOW - DAY, NOW - timedelta(seconds=1), NOW, NOW + DAY)] == [True, True, False, False]


def test_a_request_stands_from_when_it_was_received(workspace: Workspace) -> None:
    """A letter that is entered today and counts as received tomorrow stands against nobody today."""
    keys = load_keys(workspace)
    new = People(keys, NOW + DAY).request(EMAIL)
    Requests(workspace, keys, Ledger(workspace, keys)).submit([new], actor="tests", now=NOW)
    standing = [len(standing_requests(workspace, keys, until=at)) for at in (NOW, NOW + DAY, NOW + 2 * DAY)]
    assert standing == [0, 1, 1]
