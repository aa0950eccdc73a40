"""Column verdicts: what each scan found, and what a person decided about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from delible.decide.pins import Pinned
from delible.errors import InputError
from delible.model.record import ARTICLE_9, TagFinding
from delible.model.taxonomy import category_of
from delible.model.terms import TagState
from delible.store.tables import ControlTable, Row, Snapshot, TableSpec, Write
from delible.store.workspace import Workspace

SPEC = TableSpec(
    name="tags",
    columns={
        "n": "long",
        "table": "string",
        "column": "string",
        "category": "string",
        "entity": "string",
        "confidence": "double",
        "sampled": "long",
        "hits": "long",
        "bound": "double",
        "evidence": "string",
        "state": "string",
        "reason": "string",
        "version": "long",
        "at": "timestamp",
    },
    indexed=0,
    noun="tags",
)
_CHAIN = "tags"
_STATE = tuple(SPEC.columns).index("state")
_SCANNED = (TagState.PROPOSED, TagState.REVIEW)
"""What a scan says, and never over a person's decision."""
_Make = Callable[[Snapshot], list[TagFinding]]


class Tags:
    """All verdicts, append-only; the newest counts, unless a person has pinned one."""

    def __init__(self, workspace: Workspace) -> None:
        self._table = ControlTable(workspace, SPEC)

    @property
    def location(self) -> str:
        """Where the table is, made empty if it was never written, so that Spark can read it."""
        return self._table.created()

    def put(self, findings: Sequence[TagFinding]) -> None:
        """Record the verdicts of a scan as one commit."""
        if findings:
            self._add(lambda _: list(findings))

    def pin(
        self,
        table: str,
        column: str,
        *,
        state: TagState,
        reason: str,
        now: datetime,
        category: str | None = None,
        special: bool = False,
    ) -> TagFinding:
        """Record a person's decision about a column; later scans do not change it.

        Args:
            category: The category that the person says it is, where the scan was wrong or found none. What the scan
                had counted of another one is no evidence of it.
            special: The person says that it is a special category (Art. 9), also where the category has no such key.

        Raises:
            InputError: `tags.unknown` when no scan has seen the column.
        """

        def decided(snapshot: Snapshot) -> list[TagFinding]:
            found = _of_column(snapshot, table, column)
            change: dict[str, object] = {"state": state, "reason": reason, "at": now}
            if category is not None and category != found.category:
                change |= {"category": category, "evidence": ("person",), "confidence": 1.0}
                if found.entity is None or category_of(found.entity) != category:
                    change |= {"entity": None, "hits": 0}
            decided = found.model_copy(update=change)
            if special and not decided.special:
                decided = decided.model_copy(update={"evidence": (*decided.evidence, ARTICLE_9)})
            return [decided]

        return self._add(decided)[0]

    def reopen(self, table: str, column: str, *, reason: str, now: datetime) -> TagFinding:
        """Take a decision about a column back: what the last scan said counts again, until the next one.

        Raises:
            InputError: `tags.unknown` when no scan has seen the column; `tags.not_pinned` when nobody decided on it.
        """

        def taken_back(snapshot: Snapshot) -> list[TagFinding]:
            if not _of_column(snapshot, table, column).state.pinned:
                raise InputError("tags.not_pinned", "nobody has decided on this column.", where=f"{table}.{column}")
            said = [x for x in _all(snapshot) if (x.table, x.column) == (table, column) and x.state in _SCANNED]
            return [said[-1].model_copy(update={"state": TagState.REOPENED, "reason": reason, "at": now})]

        return self._add(taken_back)[0]

    def pinned(self) -> dict[tuple[str, str], Pinned]:
        """Return each decision that counts, with what scans said before it and after it, by table and column."""
        scanned: dict[tuple[str, str], TagFinding] = {}
        found: dict[tuple[str, str], Pinned] = {}
        for each in _all(self._table.snapshot()):
            key = (each.table, each.column)
            if each.state in _SCANNED:
                scanned[key] = each
                if key in found:
                    found[key] = replace(found[key], now=each)
            elif each.state.pinned:
                found[key] = Pinned(each, scanned.get(key), None)
            else:
                found.pop(key, None)
        return found

    def latest(self) -> list[TagFinding]:
        """Return the verdict that counts for each column, by table and column."""
        return _latest(self._table.snapshot())

    def history(self) -> list[TagFinding]:
        """Return all verdicts in the order in which they were recorded."""
        return _all(self._table.snapshot())

    def _add(self, make: _Make) -> list[TagFinding]:
        made: list[TagFinding] = []

        def build(snapshot: Snapshot) -> Write:
            made[:] = make(snapshot)
            start = snapshot.transaction(_CHAIN)
            return Write([_row(start + i, x) for i, x in enumerate(made, 1)], {_CHAIN: start + len(made)})

        self._table.upkeep(self._table.commit(build)[1])
        return made


def _latest(snapshot: Snapshot) -> list[TagFinding]:
    counts: dict[tuple[str, str], Row] = {}
    for row in snapshot.rows('ORDER BY "n"'):
        key = (row[1], row[2])
        pinned = key in counts and TagState(counts[key][_STATE]).pinned
        if not pinned or TagState(row[_STATE]) not in _SCANNED:
            counts[key] = row
    return [_finding(counts[key]) for key in sorted(counts)]


def _of_column(snapshot: Snapshot, table: str, column: str) -> TagFinding:
    found = next((x for x in _latest(snapshot) if (x.table, x.column) == (table, column)), None)
    if found is None:
        raise InputError("tags.unknown", "no scan has seen this column.", where=f"{table}.{column}")
    return found


def _all(snapshot: Snapshot) -> list[TagFinding]:
    return [_finding(row) for row in snapshot.rows('ORDER BY "n"')]


def _row(n: int, finding: TagFinding) -> Row:
    fields = finding.model_dump() | {"n": n, "evidence": json.dumps(finding.evidence), "state": finding.state.value}
    return tuple(fields[name] for name in SPEC.columns)


def _finding(row: Row) -> TagFinding:
    fields = dict(zip(SPEC.columns, row, strict=True))
    del fields["n"]
    fields["evidence"] = tuple(json.loads(fields["evidence"]))
    fields["state"] = TagState(fields["state"])
    return TagFinding(**fields)
