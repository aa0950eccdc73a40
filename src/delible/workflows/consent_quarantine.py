"""Broken consent rows that wait: which are mended, which have waited too long, and who is told of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from delible.errors import Problem
from delible.model.record import AuditEntry
from delible.store.keys import Keys
from delible.store.ledger import Ledger
from delible.store.quarantine import KEPT, BrokenRow, Quarantine
from delible.store.workspace import Workspace
from delible.workflows.consent_files import Row

LAPSED = "consent.lapse"
"""What the audit ledger calls it when rows are removed that nobody mended."""

_ACTOR = "delible"
_TOLD_OF = timedelta(days=365)
"""So long builds and audit reports tell of rows that have lapsed."""
_WHOSE = frozenset({"subject", "pii_principal_id", "piiPrincipalId"})


class Waiting:
    """The broken rows of one file, and which of them a later import of the file takes in."""

    def __init__(self, quarantine: Quarantine, origin: str) -> None:
        self._quarantine, self._origin = quarantine, origin
        self._rows = quarantine.opened(origin)
        self._ids = {row.id for row in self._rows}
        self.mended: set[str] = set()

    def seen(self, sound: Row) -> None:
        """Note which waiting rows a sound row of the file mends."""
        if not self._rows:
            return
        self.mended |= {row_id(self._quarantine, self._origin, sound)} & self._ids
        self.mended |= {row.id for row in self._rows if row.line == sound.number and mends(sound.raw, row)}


def mends(sound: bytes, broken: BrokenRow) -> bool:
    """Return whether a sound row on a broken one's line is the same row without its fault.

    It is when all keys but the wrong one are equal. A row that could not be read, or of which it is unclear whose it
    is, nobody can tell from another day's.
    """
    wrong = broken.key.partition(".")[0]
    if wrong in _WHOSE or wrong == "line":
        return False
    try:
        was = json.loads(broken.row)
    except ValueError:
        return False
    return isinstance(was, Mapping) and _without(was, wrong) == _without(json.loads(sound), wrong)


def row_id(quarantine: Quarantine, origin: str, row: Row) -> str:
    """Return what is the same for the same row of the same file."""
    return quarantine.digest(origin, row.raw.decode("utf-8", "surrogateescape") or f"line {row.number}")


def lapse(workspace: Workspace, keys: Keys, *, now: datetime) -> int:
    """Remove rows that have waited too long, and record how many; what they said was never taken in."""
    quarantine = Quarantine(workspace, keys)
    old = [row.id for row in quarantine.all() if now - row.at >= KEPT]
    if old:
        entry = AuditEntry(actor=_ACTOR, action=LAPSED, object="consents", outcome="done", counts={"rows": len(old)})
        Ledger(workspace, keys).append([entry], now)
    return quarantine.forget(old) if old else 0


def quarantine_gaps(workspace: Workspace, keys: Keys, *, now: datetime) -> tuple[Problem, ...]:
    """Return that broken rows wait, or have lapsed within a year: a withdrawal may be among them (Art. 7(3))."""
    rows = Quarantine(workspace, keys).all()
    lapsed = Ledger(workspace, keys).records(action_prefix=LAPSED, since=now - _TOLD_OF)
    return tuple(_gaps(rows, sum(record.counts["rows"] for record in lapsed)))


def _gaps(rows: Sequence[BrokenRow], lapsed: int) -> Iterable[Problem]:
    if rows:
        since = min(row.at for row in rows).date()
        text = f"broken consent rows in quarantine, the first since {since}: {len(rows)}. What they say does not count."
        text += " See: delible consent quarantine"
        yield Problem("consent.quarantine_gap", text, "consents")
    if lapsed:
        text = f"broken consent rows that lapsed in quarantine within a year: {lapsed}. They were never taken in."
        yield Problem("consent.lapsed_gap", text, "consents")


def _without(value: Any, key: str) -> Any:
    """Return a JSON value without a key, at any depth."""
    if isinstance(value, Mapping):
        return {name: _without(inner, key) for name, inner in value.items() if name != key}
    return [_without(inner, key) for inner in value] if isinstance(value, list) else value
