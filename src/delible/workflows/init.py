"""A new workspace, whose making is the first record of its ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from delible.model.policy import NOT_YET_SAID
from delible.model.record import AuditEntry
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.policies import CONTROLLER
from delible.store.workspace import create_workspace

_TEMPLATE = f"""\
# Who decides about the data (GDPR Art. 4(7)), and by which identifiers people are told apart.
# `delible policy check` names what is still to be said; `delible policy schema` lists every key.

controller: {NOT_YET_SAID}   # the organisation's name, as certificates and reports shall show it
contact: {NOT_YET_SAID}      # where data subjects reach it, such as an address for privacy questions
jurisdiction: EU
regimes: [gdpr, ccpa]  # requests are taken in under these laws; deadlines are proved by the shortest

# Each kind of identifier that a table holds or a data subject may give. Keep those that you have, name them as you do.
#   normalise    how two are compared: exact; lower (e-mail addresses); digits (telephone numbers)
#   distinctive  false for values such as small numbers: found in bytes they prove nothing, so they are looked for
#                in their own columns only
identifiers:
  customer_id:
    normalise: exact
    distinctive: false
  email:
    normalise: lower
  phone:
    normalise: digits

# The kind that stands for one person. Two different values of it are two people, until somebody says otherwise.
subject: customer_id

# two_person_approval: true   # who submits a request may not approve it
"""


@dataclass(frozen=True)
class NewWorkspace:
    """Where it is, and which key it signs with."""

    root: Path
    policies: str
    key_id: str


def init_workspace(folder: Path, *, actor: str, now: datetime) -> NewWorkspace:
    """Make a workspace with a `controller.yaml` to be filled in, and record it; a file that is there stays.

    Raises:
        InputError: `workspace.exists`, or `workspace.invalid` when the folder cannot be made.
    """
    workspace = create_workspace(folder)
    controller = workspace.path(workspace.config.policies) / CONTROLLER
    if not controller.exists():
        controller.write_text(_TEMPLATE, encoding="utf-8")
    keys = load_keys(workspace)
    entry = AuditEntry(
        actor=actor, action="workspace.created", object="workspace", outcome="done", detail={"key": keys.key_id}
    )
    Ledger(workspace, keys).append([entry], now)
    return NewWorkspace(workspace.root, workspace.config.policies, keys.key_id)
