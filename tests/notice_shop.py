"""A shop that has erased somebody, and recipients that must be told of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from delible.cli import main
from delible.model.notice import Notice, NoticeState
from delible.model.subject import KeyRole, KeyRow
from delible.model.terms import Regime, RequestState, Right
from delible.store.workspace import Workspace, create_workspace
from delible.workflows.control import Control
from delible.workflows.notices import (
    list_notices,
    prepare_notices,
    queue_after,
    send_notices,
)
from delible.workflows.requests import approve_request, submit_requests
from policy_files import SOUND, write_policies

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MAIL = "ann@people.example"
S, N = RequestState, NoticeState
SECRET = X25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = base64.b64encode(SECRET.public_key().public_bytes_raw()).decode()
FINDS = f"\n  identifiers: [email]\n  public_key: {PUBLIC}"


def described(name: str, notify: str = "") -> str:
    text = f"recipient: {name}\ndescription: x\ncontact: x@{name}.example\nacknowledge_within: P14D\n"
    return text + (f"notify:\n  {notify}\n" if notify else "")


def to(url: str) -> str:
    """Return the route to a recipient on this machine."""
    return f"by: webhook\n  url: {url}\n  private_network: true"


def shop(folder: Path, *notify: tuple[str, str]) -> Workspace:
    workspace = create_workspace(folder / "shop")
    names = ", ".join(name for name, _ in notify)
    files = {f"recipients/{name}.yaml": described(name, how) for name, how in notify}
    table = SOUND["tables/customers.yaml"] + f"recipients: [{names}]\n"
    write_policies(workspace.root / "policies", {**SOUND, **files, "tables/customers.yaml": table})
    return workspace


def begun(workspace: Workspace, count: int = 1) -> tuple[Control, list[str]]:
    """Return requests whose erasure has begun: recipients are prepared, and nothing may be sent yet."""
    people = workspace.root.parent / "people.jsonl"
    people.write_text("".join(json.dumps({"email": MAIL.replace("ann", f"ann{n or ''}")}) + "\n" for n in range(count)))
    made = submit_requests(
        workspace, right=Right.ERASURE, regime=Regime.GDPR, identifiers=str(people), actor="desk", now=NOW
    )
    people.unlink()
    ids = [approve_request(workspace, r.id, actor="officer", now=NOW).id for r in made]
    control = Control(workspace)
    control.requests.transition_all(ids, S.IN_PROGRESS, actor="job", now=NOW)
    keys = control.requests.vault.get(ids)
    keys.append(KeyRow(ids[0], "customer_id", "4711", KeyRole.FOUND))
    prepare_notices(control, {i: {"customers"} for i in ids}, keys, actor="job", now=NOW)
    return control, ids


def done(workspace: Workspace, count: int = 1) -> list[str]:
    """Return requests whose erasure is done and whose recipients are to be told."""
    control, ids = begun(workspace, count)
    control.requests.transition_all(ids, S.COMPLETED, actor="job", now=NOW)
    queue_after(control, ids, actor="job", now=NOW, progress=lambda _: None)
    return ids


def send(workspace: Workspace, *ids: str) -> Sequence[Notice]:
    return send_notices(workspace, ids, actor="desk", now=NOW).notices


def states(workspace: Workspace) -> dict[str, NoticeState]:
    return {x.recipient: x.state for x in list_notices(workspace, actor="desk", now=NOW).notices}


def cli(workspace: Workspace, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = main.main([*words, "--workspace", str(workspace.root), "--json"])
    return code, json.loads(capsys.readouterr().out)


def opened(told: dict[str, Any]) -> dict[str, list[str]]:
    """Return the identifiers that were encrypted for this very notice."""
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    plain = suite.decrypt(
        base64.b64decode(told["identifiers"]), SECRET, info=f"delible notice {told['notice']}".encode()
    )
    found: dict[str, list[str]] = json.loads(plain)
    return found
