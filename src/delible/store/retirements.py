"""Releases that were retired: their rows are removed, and what was made with them still has duties; append-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from delible.model.record import AuditEntry, release_name
from delible.model.release import Retirement
from delible.store.ledger import Ledger
from delible.store.tables import ControlTable, Snapshot, TableSpec, Write
from delible.store.workspace import Workspace

SPEC = TableSpec(
    name="retirements",
    columns={
        "n": "long",
        "dataset": "string",
        "version": "long",
        "index_kept": "long",
        "at": "timestamp",
        "actor": "string",
    },
    indexed=3,
    noun="dataset",
)
_CHAIN = "retirements"


class Retirements:
    """All retirements; each is in the ledger once, also when a run is killed between the two."""

    def __init__(self, workspace: Workspace, ledger: Ledger) -> None:
        self._table, self._ledger = ControlTable(workspace, SPEC), ledger

    def put(self, retirement: Retirement) -> bool:
        """Record a retirement, and return whether it is new: a release is retired once."""
        release = (retirement.dataset, retirement.version)

        def build(snapshot: Snapshot) -> Write | None:
            if release in _by_release(snapshot):
                return None
            n = snapshot.transaction(_CHAIN) + 1
            fields = retirement.model_dump() | {"n": n, "index_kept": int(retirement.index_kept)}
            return Write([tuple(fields[name] for name in SPEC.columns)], {_CHAIN: n})

        written, after = self._table.commit(build)
        self.reconcile()
        self._table.upkeep(after)
        return written is not None

    def reconcile(self) -> None:
        """Bring into the ledger what a killed run has recorded."""
        self._ledger.drain(_CHAIN, self._pending)

    def _pending(self, recorded: int) -> tuple[Sequence[tuple[AuditEntry, datetime]], int]:
        snapshot = self._table.snapshot()
        found = [_retirement(row) for row in snapshot.rows(f'WHERE "n" > {recorded} ORDER BY "n"')]
        return [(_entry(each), each.at) for each in found], snapshot.transaction(_CHAIN)


def retirements(workspace: Workspace) -> Mapping[tuple[str, int], Retirement]:
    """Return all retirements by dataset and version."""
    return _by_release(ControlTable(workspace, SPEC).snapshot())


def _by_release(snapshot: Snapshot) -> dict[tuple[str, int], Retirement]:
    return {(r.dataset, r.version): r for r in (_retirement(row) for row in snapshot.rows('ORDER BY "n"'))}


def _entry(retirement: Retirement) -> AuditEntry:
    return AuditEntry(
        actor=retirement.actor,
        action="dataset.retire",
        object=f"dataset:{release_name(retirement.dataset, retirement.version)}",
        outcome="done",
        counts={"index_kept": int(retirement.index_kept)},
    )


def _retirement(row: tuple[Any, ...]) -> Retirement:
    fields = dict(zip(SPEC.columns, row, strict=True))
    del fields["n"]
    return Retirement(**(fields | {"index_kept": bool(fields["index_kept"])}))
