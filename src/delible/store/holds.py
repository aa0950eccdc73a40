"""Legal holds on people; holds on whole tables are policies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from delible.errors import BlockedError, InputError
from delible.model.record import SubjectHold
from delible.model.subject import SubjectRef
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
_CATEGORY = "category:"
"""Beside the references stand the data categories that a hold is limited to."""


class Holds:
    """Holds as events: placed once, released once."""

    def __init__(self, workspace: Workspace) -> None:
        self._table = ControlTable(workspace, SPEC)

    def place(self, hold: SubjectHold) -> None:
        """Record a new hold.

        Raises:
            InputError: `hold.exists` when the id is taken, `hold.no_subject` without references.
        """
        if not hold.refs:
            raise InputError("hold.no_subject", "a hold needs at least one data subject.", where=f"hold {hold.id}")

        def build(snapshot: Snapshot) -> Write:
            if any(known.id == hold.id for known in _fold(snapshot)):
                raise InputError("hold.exists", "there is a hold with this id.", where=f"hold {hold.id}")
            covered = " ".join((*hold.refs, *(f"{_CATEGORY}{c}" for c in hold.categories)))
            row = (hold.id, _PLACED, hold.placed, covered, hold.reason, hold.owner)
            return Write([row], {_CHAIN: snapshot.transaction(_CHAIN) + 1})

        self._table.upkeep(self._table.commit(build)[1])

    def release(self, hold_id: str, now: datetime) -> SubjectHold:
        """End a hold and return it.

        Raises:
            InputError: `hold.unknown`.
            BlockedError: `hold.released` when it has ended already.
        """
        released: list[SubjectHold] = []

        def build(snapshot: Snapshot) -> Write:
            hold = next((x for x in _fold(snapshot) if x.id == hold_id), None)
            if hold is None:
                raise InputError("hold.unknown", "there is no such hold.", fix="List them with: delible hold list")
            if hold.released is not None:
                raise BlockedError("hold.released", "the hold has been released already.", where=f"hold {hold_id}")
            released[:] = [hold.model_copy(update={"released": now})]
            row = (hold_id, _RELEASED, now, None, None, None)
            return Write([row], {_CHAIN: snapshot.transaction(_CHAIN) + 1})

        self._table.upkeep(self._table.commit(build)[1])
        return released[0]

    def all(self) -> list[SubjectHold]:
        """Return all holds, also released ones, in the order in which they were placed."""
        return _fold(self._table.snapshot())

    def active(self) -> list[SubjectHold]:
        """Return the holds that have not been released."""
        return [hold for hold in self.all() if hold.released is None]


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
