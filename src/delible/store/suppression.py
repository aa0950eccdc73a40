"""The suppression list: references of people who were erased, so that replays and backups cannot bring them back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from delible.model.subject import SubjectRef
from delible.store.tables import ControlTable, Snapshot, TableSpec, Write, any_of
from delible.store.workspace import Workspace

SPEC = TableSpec(
    name="suppression",
    columns={"ref": "string", "request": "string", "at": "timestamp"},
    indexed=0,
    noun="suppression",
)
_CHAIN = "suppression"
_FEW = 200
"""So many requests are looked up by name; beyond, reading the whole list is quicker."""


class Suppression:
    """References of erased people, with the request and the time."""

    def __init__(self, workspace: Workspace) -> None:
        self._table = ControlTable(workspace, SPEC)

    @property
    def location(self) -> str:
        """Where the table is, made empty if it was never written, so that Spark can read it."""
        return self._table.created()

    def add(self, refs: Collection[SubjectRef], request: str, now: datetime) -> int:
        """Add a request's references; see `add_all`."""
        return self.add_all({request: refs}, now)

    def add_all(self, refs: Mapping[str, Collection[SubjectRef]], now: datetime) -> int:
        """Add references by request, in one commit; those that were added before change nothing.

        Returns:
            How many are new.
        """
        named = sorted(request for request, own in refs.items() if own)
        if not named:
            return 0
        where = f"WHERE {any_of('request', named)}" if len(named) <= _FEW else ""

        def build(snapshot: Snapshot) -> Write | None:
            known = set(snapshot.rows(where, columns=("request", "ref")))
            fresh = [
                (ref, request, now)
                for request in named
                for ref in dict.fromkeys(refs[request])
                if (request, ref) not in known
            ]
            return Write(fresh, {_CHAIN: snapshot.transaction(_CHAIN) + 1}) if fresh else None

        written, after = self._table.commit(build)
        self._table.upkeep(after)
        return len(written.rows) if written is not None else 0

    def rows(self) -> list[tuple[SubjectRef, str, datetime]]:
        """Return all suppressed references, each with the request and the time."""
        return [(SubjectRef(ref), request, at) for ref, request, at in self._table.snapshot().rows()]

    def refs(self) -> frozenset[SubjectRef]:
        """Return all suppressed references."""
        return frozenset(SubjectRef(row[0]) for row in self._table.snapshot().rows(columns=("ref",)))
