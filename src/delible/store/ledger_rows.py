"""How audit records stand in the ledger's table."""

from __future__ import annotations

import json
from typing import Any

from delible.model.base import canonical
from delible.model.record import AuditRecord
from delible.store.tables import Row, TableSpec

SPEC = TableSpec(
    name="audit",
    columns={
        "sequence": "long",
        "at": "timestamp",
        "actor": "string",
        "action": "string",
        "object": "string",
        "outcome": "string",
        "counts": "string",
        "detail": "string",
        "previous": "string",
        "hash": "string",
        "signature": "string",
    },
    indexed=2,
    noun="ledger",
)
_NOTHING = "{}"
_EVERY_FIELD = set(AuditRecord.model_fields)


def row_of(record: AuditRecord, signature: str | None) -> Row:
    """Return a record's row; only the last record of a commit has a signature."""
    return (
        record.sequence,
        record.at,
        record.actor,
        record.action,
        record.object,
        record.outcome,
        canonical(record.counts).decode(),
        canonical(record.detail).decode(),
        record.previous,
        record.hash,
        signature,
    )


def record_of(row: Row) -> AuditRecord:
    """Return the record that a row holds.

    Half a million of them are read for a report, so only one that this toolkit did not write is validated: whoever
    changed it, `audit verify` says so.
    """
    sequence, at, actor, action, object_, outcome, counts, detail, previous, own, _ = row
    numbers: dict[str, Any] = {} if counts == _NOTHING else json.loads(counts)
    said: dict[str, Any] = {} if detail == _NOTHING else json.loads(detail)
    fields: dict[str, Any] = {
        "sequence": sequence,
        "at": at,
        "actor": actor,
        "action": action,
        "object": object_,
        "outcome": outcome,
        "counts": numbers,
        "detail": said,
        "previous": previous,
        "hash": own,
    }
    for found, kind in ((numbers, int), (said, str)):
        if found and not (type(found) is dict and all(type(value) is kind for value in found.values())):
            return AuditRecord(**fields)
    return AuditRecord.model_construct(_EVERY_FIELD, **fields)
