"""What scans have read: one record per table and scan, of counts and of digests of files; never a value or a path."""

from __future__ import annotations

import json
from dataclasses import asdict

from delible.decide.increment import ScanRecord
from delible.decide.tagging import ColumnFacts
from delible.store.tables import ControlTable, Row, Snapshot, TableSpec, Write, literal
from delible.store.workspace import Workspace

SPEC = TableSpec(
    name="scans",
    columns={
        "n": "long",
        "table": "string",
        "source": "string",
        "version": "long",
        "rate": "double",
        "most": "long",
        "confidence": "double",
        "prevalence": "string",
        "rows": "long",
        "detector": "string",
        "files": "binary",
        "schema": "string",
        "drift": "string",
        "facts": "string",
        "at": "timestamp",
    },
    indexed=0,
    noun="tags",
)
_CHAIN = "scans"
_DIGEST = 8


class Scans:
    """All records, append-only; the newest of a table stands for all that was read of it."""

    def __init__(self, workspace: Workspace) -> None:
        self._table = ControlTable(workspace, SPEC)

    def put(self, record: ScanRecord) -> None:
        """Record a scan of one table, made of what it read and of the record that it goes on from."""

        def build(snapshot: Snapshot) -> Write:
            n = snapshot.transaction(_CHAIN) + 1
            return Write([_row(n, record)], {_CHAIN: n})

        self._table.upkeep(self._table.commit(build)[1])

    def newest(self, table: str) -> ScanRecord | None:
        """Return what is known of a table; None when it was never scanned."""
        rows = self._table.snapshot().rows(f'WHERE "table" = {literal(table)} ORDER BY "n" DESC LIMIT 1')
        return _record(rows[0]) if rows else None

    def latest(self) -> dict[str, ScanRecord]:
        """Return what is known of each table."""
        rows = self._table.snapshot().rows('WHERE "n" IN (SELECT max("n") FROM t GROUP BY "table")')
        return {record.table: record for record in map(_record, rows)}


def _row(n: int, record: ScanRecord) -> Row:
    return (
        n,
        record.table,
        record.source,
        record.version,
        record.rate,
        record.most or 0,
        record.confidence,
        record.prevalence,
        record.rows,
        record.detector,
        b"".join(sorted(record.files)),
        json.dumps(
            {
                "columns": dict(record.schema),
                "physical": dict(record.physical),
                "withheld": sorted(record.withheld),
                "withheld_rows": record.withheld_rows,
                "seed": record.seed,
            }
        ),
        json.dumps(record.drift),
        json.dumps([asdict(facts) for facts in record.facts.values()]),
        record.at,
    )


def _record(row: Row) -> ScanRecord:
    fields = dict(zip(SPEC.columns, row, strict=True))
    del fields["n"]
    packed = bytes(fields["files"])
    fields["files"] = frozenset(packed[i : i + _DIGEST] for i in range(0, len(packed), _DIGEST))
    fields["most"] = fields["most"] or None
    schema = json.loads(fields["schema"])
    if not isinstance(schema.get("columns"), dict):  # as it was written before columns' names in the files were known
        schema = {"columns": schema}
    fields["schema"], fields["physical"] = schema["columns"], schema.get("physical", {})
    fields["withheld"] = frozenset(schema.get("withheld", ()))
    fields["withheld_rows"] = schema.get("withheld_rows", fields["rows"] if fields["withheld"] else 0)
    fields["seed"] = schema.get("seed", 0)
    fields["drift"] = tuple(json.loads(fields["drift"]))
    facts = (ColumnFacts(**each) for each in json.loads(fields["facts"]))
    fields["facts"] = {each.column: each for each in facts}
    return ScanRecord(**fields)
