"""The consent ledger: append-only, bitemporal, by keyed reference."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from delible.model.consent import ConsentRecord
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, LegalBasis
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
}
"""Column name to type, as Delta spells it."""

SPEC = TableSpec(
    name="consents",
    columns=COLUMNS,
    indexed=0,
    noun="consent",
)


class Consents:
    """All statements of consent."""

    def __init__(self, workspace: Workspace) -> None:
        self._table = ControlTable(workspace, SPEC)

    @property
    def location(self) -> str:
        """Where the table is, made empty if it was never written, so that Spark can read it."""
        return self._table.created()

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

    def all(self) -> list[ConsentRecord]:
        """Return all records in the order in which the controller learned of them."""
        return _records(self._table.snapshot(), "")

    def for_refs(self, refs: Collection[SubjectRef]) -> list[ConsentRecord]:
        """Return the records of these references in the order in which the controller learned of them."""
        return _records(self._table.snapshot(), f"WHERE {any_of('ref', sorted(refs))}") if refs else []


def _records(snapshot: Snapshot, where: str) -> list[ConsentRecord]:
    return [_record(row) for row in snapshot.rows(f'{where} ORDER BY "recorded_at", "ref", "purpose"')]


def _row(record: ConsentRecord) -> Row:
    return tuple(getattr(record, name) for name in COLUMNS)


def _record(row: Row) -> ConsentRecord:
    fields = dict(zip(COLUMNS, row, strict=True))
    fields["status"] = ConsentStatus(fields["status"])
    fields["legal_basis"] = LegalBasis(fields["legal_basis"])
    return ConsentRecord(**fields)
