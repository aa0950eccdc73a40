"""The key of a retention plan's pseudonyms: one for all its tables, and gone once the last of them is rewritten."""

from __future__ import annotations

import secrets
from datetime import datetime

from delible.model.plan import RetentionPlan
from delible.model.subject import KeyRole, KeyRow
from delible.model.terms import ColumnErasure
from delible.workflows.control import Control
from delible.workflows.unfinished import kept_ids

_KIND = "plan.salt"
_RETENTION = "T-"


def salt_of(control: Control, plan: RetentionPlan, now: datetime) -> bytes:
    """Return the key of a plan's pseudonyms, the same one in every run of it until `forget_salts`.

    A run that was killed between two tables would otherwise give one person two pseudonyms. It is kept with the
    identifiers of open requests: encrypted, and forgotten so that no file holds it any longer.
    """
    rules = control.policies.retention
    treatments = [t for s in plan.tables if s.rule in rules for t in rules[s.rule].columns.values()]
    if ColumnErasure.PSEUDONYMISE not in treatments:
        return secrets.token_bytes(32)
    vault = control.requests.vault
    salt = next((row.value for row in vault.get([plan.id]) if row.kind == _KIND), None)
    if salt is None:
        salt = secrets.token_hex(32)
        vault.put([KeyRow(plan.id, _KIND, salt, KeyRole.FOUND)], now)
    return bytes.fromhex(salt)


def forget_salts(control: Control, done: RetentionPlan | None = None) -> None:
    """Forget the keys of plans that nobody goes on with, and of one whose tables have all been rewritten.

    Nobody can find out any more whose the pseudonyms were.
    """
    vault = control.requests.vault
    needed = kept_ids(control.workspace) - ({done.id} if done is not None else set())
    gone = {name for name in vault.requests() if name.startswith(_RETENTION)} - needed
    if gone:
        vault.forget(gone)
