"""The consent ledger: append-only, bitemporal, by keyed reference."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
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
"""Column name to type, as Delta spells it. A ledger of an earlier version lacks the last three until it is written."""

SPEC = TableSpec(
    name="consents",
    columns=COLUMNS,
    indexed=0,
    noun="consent",
)
_IMPORTS = "consents.import"
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
        rows = [_row(record) for record in records]
        _, after = self._table.commit(lambda _: Write(rows))
        self._table.upkeep(after)

    def take_in(self, told: Sequence[Told]) -> int:
        """Add what the ledger does not hold yet as one commit, and return how much that was.

        Two imports at the same time see each other.
        """
        if not told:
            return 0
        refs = {each.record.ref for each in told}

        def build(snapshot: Snapshot) -> Write | None:
            known: set[tuple[object, ...]] = set()
            for record in _of_refs(snapshot, refs):
                known |= {_identity(record, True), _identity(record, False)}
            fresh = []
            for each in told:
                if each.identity not in known:
                    fresh.append(_row(each.record))
                    known |= {_identity(each.record, True), _identity(each.record, False)}
            return Write(fresh, {_IMPORTS: snapshot.transaction(_IMPORTS) + 1}) if fresh else None

        written, after = self._table.commit(build)
        self._table.upkeep(after)
        return len(written.rows) if written is not None else 0

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


def _row(record: ConsentRecord) -> Row:
    return tuple(getattr(record, name) for name in COLUMNS)


def _record(fields: dict[str, object]) -> ConsentRecord:
    said = fields | {
        "status": ConsentStatus(str(fields["status"])),
        "legal_basis": LegalBasis(str(fields["legal_basis"])),
        "given_by": ConsentGiver(str(fields.get("given_by") or ConsentGiver.DATA_SUBJECT)),
    }
    return ConsentRecord.model_validate(said)


def _identity(record: ConsentRecord, dated: bool) -> tuple[object, ...]:
    return tuple(getattr(record, name) for name in COLUMNS if dated or name != "recorded_at")
