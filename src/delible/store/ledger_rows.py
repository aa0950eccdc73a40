"""How audit records stand in the ledger's table."""

from __future__ import annotations

import json
from functools import lru_cache
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
    """Return the record that a row holds."""
    sequence, at, actor, action, object_, outcome, counts, detail, previous, own, _ = row
    # Half a million of them are read for a report: so it takes half the time of keyword arguments.
    return AuditRecord.model_validate(
        {
            "sequence": sequence,
            "at": at,
            "actor": actor,
            "action": action,
            "object": object_,
            "outcome": outcome,
            "counts": _parsed(counts),
            "detail": _parsed(detail),
            "previous": previous,
            "hash": own,
        }
    )


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Any:
    """Return a JSON value; the same few stand in most records, and each record gets a copy of its own."""
    return json.loads(text)
