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


class Suppression:
    """References of erased people, with the request and the time."""

    def __init__(self, workspace: Workspace) -> None:
        self._table = ControlTable(workspace, SPEC)

    @property
    def location(self) -> str:
        """Where the table is, made empty if it was never written, so that Spark can read it."""
        return self._table.created()

    def add(self, refs: Collection[SubjectRef], request: str, now: datetime) -> int:
        """Add a request's references; those it added before change nothing. Return how many are new."""
        return self.add_all({request: refs}, now)

    def add_all(self, refs: Mapping[str, Collection[SubjectRef]], now: datetime) -> int:
        """Add the references of many requests in one commit; see `add`."""
        wanted = {request: tuple(dict.fromkeys(own)) for request, own in refs.items() if own}

        def build(snapshot: Snapshot) -> Write | None:
            rows = snapshot.rows(f"WHERE {any_of('request', list(wanted))}", columns=("ref", "request"))
            known = {(ref, request) for ref, request, *_ in rows}
            fresh = [(ref, r, now) for r, own in wanted.items() for ref in own if (ref, r) not in known]
            return Write(fresh, {_CHAIN: snapshot.transaction(_CHAIN) + 1}) if fresh else None

        if not wanted:
            return 0
        written, after = self._table.commit(build)
        self._table.upkeep(after)
        return len(written.rows) if written is not None else 0

    def rows(self) -> list[tuple[SubjectRef, str, datetime]]:
        """Return all suppressed references, each with the request and the time."""
        return [(SubjectRef(ref), request, at) for ref, request, at in self._table.snapshot().rows()]

    def refs(self) -> frozenset[SubjectRef]:
        """Return all suppressed references."""
        return frozenset(SubjectRef(row[0]) for row in self._table.snapshot().rows(columns=("ref",)))
