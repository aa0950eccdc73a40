"""What is recorded of a document that was shown, and what evidently is none."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from delible.errors import InputError
from delible.model.identity import Agency, Verification
from delible.model.terms import Regime, Right
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.lifecycle import prove_agent, verify_identity
from delible.workflows.requests import submit_requests
from small_shop import make_workspace, people_file

START = datetime(2026, 3, 10, 9, tzinfo=UTC)
HIGH = Verification.REASONABLY_HIGH


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "shop")


def submit(shop: Workspace) -> str:
    """Return a request that came through an agent."""
    file = people_file(shop.root.parent, {"email": "ann@x.example"})
    how = {"right": Right.ERASURE, "regime": Regime.CCPA, "agent": True, "actor": "desk", "now": START}
    return submit_requests(shop, identifiers=str(file), **how)[0].id


def prove(shop: Workspace, request: str, permission: Path, proof: Path | None = None) -> None:
    prove_agent(shop, request, permission=permission, proof=proof, power_of_attorney=True, actor="desk", now=START)


@pytest.mark.parametrize("as_what", ["permission", "proof", "declaration"])
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "document.unreadable"),
        (None, "document.unreadable"),
        (b'{"email": "ann@x.example"}', "document.identifiers"),
        (
            b'\xef\xbb\xbf{"email": ["ann@x.example"], "received": "2026-03-01"}\r\n\n{"customer_id": 7}\n',
            "document.identifiers",
        ),
    ],
    ids=["empty", "a folder", "the identifiers", "a batch of them"],
)
def test_what_evidently_is_no_document_shows_nothing(
    shop: Workspace, tmp_path: Path, as_what: str, content: bytes | None, code: str
) -> None:
    request = submit(shop)
    paper, file = tmp_path / "signed", tmp_path / "paper"
    paper.write_bytes(b"signed by the data subject")
    file.write_bytes(content) if content is not None else file.mkdir()
    before = Control(shop).ledger.head()
    show: Callable[[], object] = (
        partial(verify_identity, shop, request, level=HIGH, declaration=file, actor="desk", now=START)
        if as_what == "declaration"
        else partial(prove, shop, request, **{"permission": paper, as_what: file})
    )
    with pytest.raises(InputError, check=lambda e: e.code == code):
        show()
    assert Control(shop).ledger.head() == before
    assert Control(shop).requests.get(request).agent is Agency.CLAIMED


def test_a_pipe_is_not_waited_for_and_a_large_file_not_read(shop: Workspace, tmp_path: Path) -> None:
    request = submit(shop)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 64 * 1024 * 1024 + 1)
    for name in ("pipe", "large"):
        with pytest.raises(InputError, check=lambda e: e.code == "document.unreadable"):
            prove(shop, request, tmp_path / name)


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"%PDF-1.7 \x00", "pdf"),
        (b"\xff\xd8\xff\xe0", "image"),
        (b"\x89PNG\r\n\x1a\n", "image"),
        (b"PK\x03\x04", "text"),
        (b"PK\x03\x04\x00\xff", "other"),
        (b'{"email": "ann@x.example", "says": "yes"}', "text"),
    ],
)
def test_of_a_document_its_form_is_recorded_and_not_its_name(
    shop: Workspace, tmp_path: Path, content: bytes, form: str
) -> None:
    request = submit(shop)
    (tmp_path / "ann_roe").write_bytes(content)
    prove(shop, request, tmp_path / "ann_roe")
    [record] = Control(shop).ledger.records(action_prefix="request.agent_proven")
    assert (record.detail["permission_form"], record.detail["permission_bytes"]) == (form, str(len(content)))
    assert "ann" not in str(record.model_dump())
