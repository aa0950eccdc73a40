"""Legal holds on people; holds on whole tables are policies.

A hold is in the audit ledger before it is placed or released, and after: whatever the ledger lacks, because a process
died in between, the next look writes. So no hold is in force that the ledger does not tell of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from delible.errors import BlockedError, InputError
from delible.model.record import AuditEntry, SubjectHold
from delible.model.subject import SubjectRef
from delible.store.ledger import Ledger
from delible.store.tables import ControlTable, Row, Snapshot, TableSpec, Write
from delible.store.workspace import Workspace

SPEC = TableSpec(
    name="holds",
    columns={
        "hold": "string",
        "event": "string",
        "at": "timestamp",
        "refs": "string",
        "reason": "string",
        "owner": "string",
    },
    indexed=0,
    noun="hold",
)
_CHAIN = "holds"
_PLACED, _RELEASED = "placed", "released"
_OBJECT, _PLACE, _RELEASE = "hold:", "hold.place", "hold.release"
_STARTED, _DONE = "started", "done"
_UNKNOWN = "delible"
_CATEGORY = "category:"
"""Beside the references stand the data categories that a hold is limited to."""


class Holds:
    """Holds as events: placed once, released once."""

    def __init__(self, workspace: Workspace, ledger: Ledger) -> None:
        self._table = ControlTable(workspace, SPEC)
        self._ledger = ledger

    def place(self, holds: Sequence[SubjectHold], *, actor: str, now: datetime) -> None:
        """Record new holds: all of them in one commit or none, each with its own audit records.

        Raises:
            InputError: `hold.exists` when an id is taken, `hold.no_subject` without references.
        """
        for hold in holds:
            if not hold.refs:
                raise InputError("hold.no_subject", "a hold needs at least one data subject.", where=f"hold {hold.id}")

        def build(snapshot: Snapshot) -> Write:
            known = {row[0] for row in snapshot.rows(columns=("hold",))}
            for hold in holds:
                if hold.id in known:
                    raise InputError("hold.exists", "there is a hold with this id.", where=f"hold {hold.id}")
                known.add(hold.id)
            rows = [(h.id, _PLACED, h.placed, _covered(h), h.reason, h.owner) for h in holds]
            return Write(rows, {_CHAIN: snapshot.transaction(_CHAIN) + 1})

        if holds:
            self._ledger.append([ledger_entry(_PLACE, h, actor, _STARTED) for h in holds], now)
            self._table.upkeep(self._table.commit(build)[1])
            self.reconcile()

    def release(self, hold_id: str, *, actor: str, now: datetime) -> SubjectHold:
        """End a hold and return it.

        Raises:
            InputError: `hold.unknown`.
            BlockedError: `hold.released` when it has ended already.
        """
        released: list[SubjectHold] = []

        def build(snapshot: Snapshot) -> Write:
            hold = _in_force(snapshot, hold_id)
            released[:] = [hold.model_copy(update={"released": now})]
            row = (hold_id, _RELEASED, now, None, None, None)
            return Write([row], {_CHAIN: snapshot.transaction(_CHAIN) + 1})

        hold = _in_force(self._table.snapshot(), hold_id)
        self._ledger.append([ledger_entry(_RELEASE, hold, actor, _STARTED)], now)
        self._table.upkeep(self._table.commit(build)[1])
        self.reconcile({hold_id: actor})
        return released[0]

    def reconcile(self, by: Mapping[str, str] | None = None) -> int:
        """Write the audit records of holds whose writer died before it could; return how many.

        Two who come at once write them once: the ledger is read anew whenever somebody else has written to it.

        Args:
            by: Who has just released a hold, by its id; otherwise it is who the ledger says had begun.

        Raises:
            TamperError: `ledger.broken`.
        """
        if not self.all():
            # No hold, no record that is owed: who places one now writes its own. The ledger is long.
            return 0

        def pending(recorded: int) -> tuple[list[tuple[AuditEntry, datetime]], int]:
            records = self._ledger.records(object_prefix=_OBJECT)
            done = {(r.object, r.action) for r in records if r.outcome == _DONE}
            begun = {(r.object, r.action): r.actor for r in reversed(records) if r.outcome == _STARTED}
            lacking = []
            for hold in self.all():
                for action, at in ((_PLACE, hold.placed), (_RELEASE, hold.released)):
                    key = (f"{_OBJECT}{hold.id}", action)
                    if at is not None and key not in done:
                        actor = (by or {}).get(hold.id) if action == _RELEASE else None
                        lacking.append((ledger_entry(action, hold, actor or begun.get(key, _UNKNOWN), _DONE), at))
            return lacking, recorded + 1

        return len(self._ledger.drain(_CHAIN, pending))

    def all(self) -> list[SubjectHold]:
        """Return all holds, also released ones, in the order in which they were placed."""
        return _fold(self._table.snapshot())

    def active(self) -> list[SubjectHold]:
        """Return the holds that have not been released."""
        return [hold for hold in self.all() if hold.released is None]


def ledger_entry(action: str, hold: SubjectHold, actor: str, outcome: str) -> AuditEntry:
    """Return the audit entry of what is done with a hold; reason and owner stay here, since they may name somebody."""
    return AuditEntry(
        actor=actor,
        action=action,
        object=f"{_OBJECT}{hold.id}",
        outcome=outcome,
        counts={"refs": len(hold.refs)},
        detail={"categories": " ".join(hold.categories)} if hold.categories else {},
    )


def _covered(hold: SubjectHold) -> str:
    return " ".join((*hold.refs, *(f"{_CATEGORY}{category}" for category in hold.categories)))


def _in_force(snapshot: Snapshot, hold_id: str) -> SubjectHold:
    hold = next((x for x in _fold(snapshot) if x.id == hold_id), None)
    if hold is None:
        raise InputError("hold.unknown", "there is no such hold.", fix="List them with: delible hold list")
    if hold.released is not None:
        raise BlockedError("hold.released", "the hold has been released already.", where=f"hold {hold_id}")
    return hold


def _fold(snapshot: Snapshot) -> list[SubjectHold]:
    rows = snapshot.rows('ORDER BY "at", "event"')
    ends = {row[0]: row[2] for row in rows if row[1] == _RELEASED}
    return [_hold(row, ends) for row in _placed(rows)]


def _placed(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row[1] == _PLACED]


def _hold(row: Row, ends: dict[str, datetime]) -> SubjectHold:
    hold_id, _, at, refs, reason, owner = row
    return SubjectHold(
        id=hold_id,
        refs=tuple(SubjectRef(ref) for ref in refs.split() if not ref.startswith(_CATEGORY)),
        categories=tuple(c.removeprefix(_CATEGORY) for c in refs.split() if c.startswith(_CATEGORY)),
        reason=reason,
        owner=owner,
        placed=at,
        released=ends.get(hold_id),
    )
