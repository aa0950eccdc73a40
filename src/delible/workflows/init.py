"""A new workspace, whose making is the first record of its ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from delible.model.record import AuditEntry
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.workspace import create_workspace


@dataclass(frozen=True)
class NewWorkspace:
    """Where it is, and which key it signs with."""

    root: Path
    policies: str
    key_id: str


def init_workspace(folder: Path, *, actor: str, now: datetime) -> NewWorkspace:
    """Make a workspace and record it.

    Raises:
        InputError: `workspace.exists`, or `workspace.invalid` when the folder cannot be made.
    """
    workspace = create_workspace(folder)
    keys = load_keys(workspace)
    entry = AuditEntry(
        actor=actor, action="workspace.created", object="workspace", outcome="done", detail={"key": keys.key_id}
    )
    Ledger(workspace, keys).append([entry], now)
    return NewWorkspace(workspace.root, workspace.config.policies, keys.key_id)
