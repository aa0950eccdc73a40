"""Combinations of quasi-identifiers, as each scan measured them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from delible.model.uniqueness import Combination
from delible.store.tables import ControlTable, Row, Snapshot, TableSpec, Write
from delible.store.workspace import Workspace

SPEC = TableSpec(
    name="tag_combinations",
    columns={
        "n": "long",
        "table": "string",
        "columns": "string",
        "rows": "long",
        "unique": "long",
        "groups": "long",
        "smallest": "long",
        "one_in": "long",
        "version": "long",
        "at": "timestamp",
    },
    indexed=0,
    noun="tags",
)
_CHAIN = "combinations"


class Combinations:
    """All measurements, append-only; those of a table's newest scan count."""

    def __init__(self, workspace: Workspace) -> None:
        self._table = ControlTable(workspace, SPEC)

    def put(self, measured: Sequence[Combination]) -> None:
        """Record what one scan measured, as one commit."""
        if not measured:
            return

        def build(snapshot: Snapshot) -> Write:
            start = snapshot.transaction(_CHAIN)
            rows = [_row(start + i, each) for i, each in enumerate(measured, 1)]
            return Write(rows, {_CHAIN: start + len(rows)})

        self._table.upkeep(self._table.commit(build)[1])

    def latest(self) -> list[Combination]:
        """Return what the newest scan of each table measured, in the order in which it was put."""
        found = [_combination(row) for row in self._table.snapshot().rows('ORDER BY "n"')]
        newest = {each.table: each.at for each in found}
        return [each for each in found if each.at == newest[each.table]]


def _row(n: int, each: Combination) -> Row:
    fields = each.model_dump() | {"n": n, "columns": json.dumps(each.columns)}
    return tuple(fields[name] for name in SPEC.columns)


def _combination(row: Row) -> Combination:
    fields = dict(zip(SPEC.columns, row, strict=True))
    del fields["n"]
    return Combination(**fields | {"columns": tuple(json.loads(fields["columns"]))})
