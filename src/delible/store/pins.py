"""What each decision about a column was based on, beside the decisions themselves (`store.tags`)."""

from __future__ import annotations

from dataclasses import asdict

from delible.decide.pins import Basis
from delible.store.tables import ControlTable, Snapshot, TableSpec, Write
from delible.store.workspace import Workspace

SPEC = TableSpec(
    name="tag_pins",
    columns={
        "n": "long",
        "table": "string",
        "column": "string",
        "kind": "string",
        "source": "string",
        "category": "string",
        "entity": "string",
        "hits": "long",
        "sampled": "long",
        "at": "timestamp",
    },
    indexed=0,
    noun="tags",
)
_CHAIN = "pins"


class Pins:
    """All records, append-only; the newest of a column counts, if it belongs to the decision that counts."""

    def __init__(self, workspace: Workspace) -> None:
        self._table = ControlTable(workspace, SPEC)

    def put(self, basis: Basis) -> None:
        """Record what a decision was based on; its time is the decision's."""

        def build(snapshot: Snapshot) -> Write:
            n = snapshot.transaction(_CHAIN) + 1
            fields = asdict(basis) | {"n": n}
            return Write([tuple(fields[name] for name in SPEC.columns)], {_CHAIN: n})

        self._table.upkeep(self._table.commit(build)[1])

    def latest(self) -> dict[tuple[str, str], Basis]:
        """Return the newest record of each column, by table and column."""
        found = {}
        for row in self._table.snapshot().rows('ORDER BY "n"'):
            fields = dict(zip(SPEC.columns, row, strict=True))
            del fields["n"]
            found[fields["table"], fields["column"]] = Basis(**fields)
        return found
