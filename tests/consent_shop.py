"""A workspace that consents are imported into, and files of rows for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from delible.store.workspace import Workspace, create_workspace
from delible.workflows.consent import Imported, import_consents

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CANARY = "canary-7f3a@person.example"
WHO = {"email": CANARY}
SAID: dict[str, Any] = {
    "subject": WHO,
    "purpose": "training",
    "status": "given",
    "notice_version": "3",
    "valid_from": "2026-01-01T00:00:00Z",
}
POLICIES = {
    "training": "legal_basis: consent\ndpv: ScientificResearch\nsells_or_shares: false\n",
    "ads": "legal_basis: consent\ndpv: dpv:PersonalisedAdvertising\nsells_or_shares: true\n"
    "tcf: {vendor: 755, purposes: [1, 3, 4]}\nconsent: {age: 16, lasts: P13M}\n",
    "measuring": "legal_basis: legitimate_interests\ntcf: {vendor: 755, purposes: [7]}\n",
    "support": "legal_basis: contract\nsells_or_shares: false\n",
}


def consent_shop(folder: Path) -> Workspace:
    """Return a workspace with four purposes and two kinds of identifiers."""
    made = create_workspace(folder / "shop")
    policies = made.path("policies")
    (policies / "controller.yaml").write_text(
        "controller: Fennel & Co\ncontact: privacy@fennel.example\nsubject: customer_id\nidentifiers:\n"
        "  customer_id: {distinctive: false}\n  email: {normalise: lower}\n"
    )
    for name, more in POLICIES.items():
        (policies / "purposes" / f"{name}.yaml").write_text(f"purpose: {name}\ndescription: {name}\n{more}")
    return made


def lines(folder: Path, *rows: Any, name: str = "rows.jsonl") -> str:
    path = folder / name
    path.write_bytes(b"".join((r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in rows))
    return str(path)


def take_in(workspace: Workspace, source: str, form: str = "native", **more: Any) -> Imported:
    return import_consents(workspace, source, form=form, actor="tests", now=NOW, **more)
