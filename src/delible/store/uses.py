"""What was made with releases: models and training runs, as somebody registered them; append-only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from delible.model.record import AuditEntry, release_name
from delible.model.release import Use
from delible.store.ledger import Ledger
from delible.store.tables import ControlTable, Snapshot, TableSpec, Write
from delible.store.workspace import Workspace

SPEC = TableSpec(
    name="uses",
    columns={
        "n": "long",
        "dataset": "string",
        "version": "long",
        "by": "string",
        "owner": "string",
        "run": "string",
        "at": "timestamp",
        "actor": "string",
        "ended": "long",
    },
    indexed=3,
    noun="dataset",
)
_CHAIN = "uses"


class Uses:
    """All uses; each is in the ledger once, also when a run is killed between the two."""

    def __init__(self, workspace: Workspace, ledger: Ledger) -> None:
        self._table, self._ledger = ControlTable(workspace, SPEC), ledger

    def put(self, use: Use) -> bool:
        """Record a use or its end, and return whether it is new: the same with the same owner and run is no news."""

        def build(snapshot: Snapshot) -> Write | None:
            last = {_same(known): known for known in _read(snapshot)}.get(_same(use))
            if last is not None and (last.owner, last.ended) == (use.owner, use.ended):
                return None
            n = snapshot.transaction(_CHAIN) + 1
            return Write([_row(n, use)], {_CHAIN: n})

        written, after = self._table.commit(build)
        self._ledger.drain(_CHAIN, self._pending)
        self._table.upkeep(after)
        return written is not None

    def all(self) -> list[Use]:
        """Return the uses that have not ended; of the same thing and run, only what was registered last counts."""
        return _in_use(self._table.snapshot())

    def owner_of(self, dataset: str, version: int, by: str, run: str | None) -> str | None:
        """Return who was named last for something in use: for what the same run made, before the same by any other."""
        known = [u for u in self.all() if (u.dataset, u.version, u.by) == (dataset, version, by) and u.owner]
        return max(known, key=lambda u: (u.run == run, u.at)).owner if known else None

    def _pending(self, recorded: int) -> tuple[Sequence[tuple[AuditEntry, datetime]], int]:
        snapshot = self._table.snapshot()
        rows = snapshot.rows(f'WHERE "n" > {recorded} ORDER BY "n"')
        return [(_entry(_use(row)), _use(row).at) for row in rows], snapshot.transaction(_CHAIN)


def is_used(workspace: Workspace, dataset: str, version: int) -> bool:
    """Return whether anything that was registered as made with a release is still in use."""
    return any((u.dataset, u.version) == (dataset, version) for u in _in_use(ControlTable(workspace, SPEC).snapshot()))


def _in_use(snapshot: Snapshot) -> list[Use]:
    return [use for use in {_same(use): use for use in _read(snapshot)}.values() if not use.ended]


def _same(use: Use) -> tuple[str, int, str, str | None]:
    return use.dataset, use.version, use.by, use.run


def _entry(use: Use) -> AuditEntry:
    named = {"by": use.by, "owner": use.owner, "run": use.run}
    return AuditEntry(
        actor=use.actor,
        action="dataset.use",
        object=f"dataset:{release_name(use.dataset, use.version)}",
        outcome="ended" if use.ended else "done",
        detail={name: value for name, value in named.items() if value is not None},
    )


def _row(n: int, use: Use) -> tuple[Any, ...]:
    fields = use.model_dump() | {"n": n, "ended": int(use.ended)}
    return tuple(fields[name] for name in SPEC.columns)


def _read(snapshot: Snapshot) -> list[Use]:
    return [_use(row) for row in snapshot.rows('ORDER BY "n"')]


def _use(row: tuple[Any, ...]) -> Use:
    fields = dict(zip(SPEC.columns, row, strict=True))
    del fields["n"]
    return Use(**(fields | {"ended": bool(fields["ended"])}))
