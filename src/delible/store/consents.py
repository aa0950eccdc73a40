"""The consent ledger: append-only, bitemporal, by keyed reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from delible.model.consent import ConsentRecord
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentGiver, ConsentStatus, LegalBasis
from delible.store.tables import ControlTable, Row, Snapshot, TableSpec, Write, any_of
from delible.store.workspace import Workspace

COLUMNS = {
    "ref": "string",
    "kind": "string",
    "purpose": "string",
    "status": "string",
    "legal_basis": "string",
    "notice_version": "string",
    "valid_from": "timestamp",
    "valid_until": "timestamp",
    "recorded_at": "timestamp",
    "source": "string",
    "jurisdiction": "string",
    "age": "long",
    "given_by": "string",
}
"""A record's columns, as Delta spells their types. Ledgers of earlier versions lack the last until they are written."""

ARRIVAL = "arrival"
"""The Delta version by which a row came into the ledger, whatever files it is merged into later; NULL in older rows."""

SPEC = TableSpec(
    name="consents",
    columns=COLUMNS | {ARRIVAL: "long"},
    indexed=0,
    noun="consent",
)
IMPORTS = "consents.imported"
"""Numbers the imports, so that each is in the audit ledger once."""
_ABOUT = "delible.import"
_AT_ONCE = 1_000
"""So many references are looked up by name at a time."""
_FEW = 20_000
"""Beyond so many references, reading the whole ledger is quicker."""


class Told(NamedTuple):
    """A record as a file tells it.

    Args:
        dated: The file says when it was recorded. Otherwise it is the time of the import, and the same statement is not
            taken for another one when it comes again later.
    """

    record: ConsentRecord
    dated: bool = False

    @property
    def identity(self) -> tuple[object, ...]:
        """What is equal for one statement that comes twice."""
        return _identity(self.record, self.dated)


class Taken(NamedTuple):
    """How many records an import added, and its number; None where it added none."""

    records: int
    number: int | None


class Consents:
    """All statements of consent."""

    def __init__(self, workspace: Workspace) -> None:
        self._table = ControlTable(workspace, SPEC)

    @property
    def location(self) -> str:
        """Where the table is, made empty if it was never written, so that Spark can read it."""
        return self._table.created()

    def version(self) -> int:
        """Return the table's newest version, made empty if it was never written."""
        self._table.created()
        return self._table.snapshot().version

    @property
    def written(self) -> bool:
        """Whether the table is there."""
        return self._table.snapshot().version >= 0

    def append(self, records: Sequence[ConsentRecord]) -> None:
        """Add records as one commit."""
        if not records:
            return

        def build(snapshot: Snapshot) -> Write:
            arrival = _next(snapshot)
            return Write([_row(record, arrival) for record in records], next_only=True)

        _, after = self._table.commit(build)
        self._table.upkeep(after)

    def take_in(self, told: Sequence[Told], about: Callable[[int], str], *, beyond: int = 0) -> Taken:
        """Add what the ledger does not hold yet as one commit, and return how much that was.

        Two imports at the same time see each other.

        Args:
            about: Given how much it is, what the commit says of the import; see `unrecorded`.
            beyond: The number of the import is a later one: also where the table is an older copy, or was lost.
        """
        if not told:
            return Taken(0, None)
        refs = {each.record.ref for each in told}

        def build(snapshot: Snapshot) -> Write | None:
            known: set[tuple[object, ...]] = set()
            for record in _of_refs(snapshot, refs):
                known |= {_identity(record, True), _identity(record, False)}
            fresh, arrival = [], _next(snapshot)
            for each in told:
                if each.identity not in known:
                    fresh.append(_row(each.record, arrival))
                    known |= {_identity(each.record, True), _identity(each.record, False)}
            number = max(snapshot.transaction(IMPORTS), beyond) + 1
            said = {_ABOUT: json.dumps([number, about(len(fresh))])}
            return Write(fresh, {IMPORTS: number}, about=said, next_only=True) if fresh else None

        written, after = self._table.commit(build)
        self._table.upkeep(after)
        return Taken(len(written.rows), written.transactions[IMPORTS]) if written is not None else Taken(0, None)

    def unrecorded(self, recorded: int) -> tuple[dict[int, str | None], int]:
        """Return what was said of each import after a number, and the last number.

        None for an import whose commit the log does not reach any more.
        """
        snapshot = self._table.snapshot()
        last = snapshot.transaction(IMPORTS)
        found: dict[int, str | None] = dict.fromkeys(range(recorded + 1, last + 1))
        if found and snapshot.delta is not None:
            said = (json.loads(entry[_ABOUT]) for entry in snapshot.delta.history() if _ABOUT in entry)
            found |= {number: about for number, about in said if number in found}
        return found, last

    def all(self) -> list[ConsentRecord]:
        """Return all records in the order in which the controller learned of them."""
        return list(_records(self._table.snapshot(), _IN_ORDER))

    def for_refs(self, refs: Collection[SubjectRef]) -> list[ConsentRecord]:
        """Return the records of these references in the order in which the controller learned of them."""
        found = _of_refs(self._table.snapshot(), refs)
        return sorted(found, key=lambda r: (r.recorded_at, r.ref, r.purpose))


_IN_ORDER = 'ORDER BY "recorded_at", "ref", "purpose"'


def _of_refs(snapshot: Snapshot, refs: Collection[SubjectRef]) -> list[ConsentRecord]:
    if len(refs) > _FEW:
        wanted = frozenset(refs)
        return [record for record in _records(snapshot, "") if record.ref in wanted]
    names = sorted(refs)
    parts = [names[n : n + _AT_ONCE] for n in range(0, len(names), _AT_ONCE)]
    return [record for part in parts for record in _records(snapshot, f"WHERE {any_of('ref', part)}")]


def _records(snapshot: Snapshot, tail: str) -> Iterable[ConsentRecord]:
    return (_record(dict(zip(COLUMNS, row, strict=True))) for row in snapshot.each(tail, columns=tuple(COLUMNS)))


def _next(snapshot: Snapshot) -> int:
    """Return the version of the commit that comes after a snapshot; the first commit of a table makes it empty."""
    return max(snapshot.version, 0) + 1


def _row(record: ConsentRecord, arrival: int) -> Row:
    return (*(getattr(record, name) for name in COLUMNS), arrival)


def _record(fields: dict[str, object]) -> ConsentRecord:
    said = fields | {
        "status": ConsentStatus(str(fields["status"])),
        "legal_basis": LegalBasis(str(fields["legal_basis"])),
        "given_by": ConsentGiver(str(fields.get("given_by") or ConsentGiver.DATA_SUBJECT)),
    }
    return ConsentRecord.model_validate(said)


def _identity(record: ConsentRecord, dated: bool) -> tuple[object, ...]:
    return tuple(getattr(record, name) for name in COLUMNS if dated or name != "recorded_at")
