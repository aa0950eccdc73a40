"""List the verdicts on columns, what waits for a person, and pin what a person decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from delible.decide.increment import ScanRecord, reach
from delible.decide.pins import Basis
from delible.decide.sampling import Reach
from delible.errors import InputError, did_you_mean
from delible.model.record import AuditEntry, TagFinding
from delible.model.taxonomy import CATEGORIES
from delible.model.terms import TagState
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.pins import Pins
from delible.store.scans import Scans
from delible.store.tags import Tags
from delible.store.workspace import Workspace
from delible.workflows.scan_verdicts import Known
from delible.workflows.tables import list_tables
from delible.workflows.verdicts import check_reason, table_and_column


def list_tags(workspace: Workspace) -> list[TagFinding]:
    """Return the verdict that counts for each column."""
    return Tags(workspace).latest()


def reaches_of(workspace: Workspace) -> dict[tuple[str, str], Reach]:
    """Return what the scans can and cannot rule out, by table and column."""
    known = Scans(workspace).latest()
    return {(table, column): reach(r, facts) for table, r in known.items() for column, facts in r.facts.items()}


def review_tag(
    workspace: Workspace,
    column: str,
    *,
    accept: bool,
    reason: str,
    category: str | None = None,
    special: bool = False,
    actor: str,
    now: datetime,
) -> TagFinding:
    """Pin the verdict on `TABLE.COLUMN`; later scans do not change it.

    Args:
        category: With `accept`, what the column really holds.
        special: With `accept`, that it is a special category (Art. 9), whatever its category.

    Raises:
        InputError: `tags.column`, `tags.reason`, `tags.category`, `tags.special`, `tags.unknown`.
    """
    table, path = table_and_column(column)
    check_reason(reason)
    if category is not None and (not accept or category not in CATEGORIES):
        hint = did_you_mean(category, CATEGORIES).strip()
        words = "is no data category." if accept else "belongs to --accept."
        raise InputError("tags.category", f"the category {words}", where="--category", fix=hint or None)
    if special and not accept:
        raise InputError("tags.special", "a special category belongs to --accept.", where="--special")
    ledger = Ledger(workspace, load_keys(workspace))
    state = TagState.ACCEPTED if accept else TagState.REJECTED
    pinned = Tags(workspace).pin(table, path, state=state, reason=reason, now=now, category=category, special=special)
    Pins(workspace).put(_basis(workspace, pinned))
    detail = {"category": pinned.category or "none", "special": "yes" if pinned.special else "no"}
    entry = AuditEntry(
        actor=actor, action="tags.review", object=f"column:{table}.{path}", outcome=state.value, detail=detail
    )
    ledger.append([entry], now)
    return pinned


def contradictions(workspace: Workspace) -> dict[tuple[str, str], str]:
    """Return why a person has to look at a decision again, by table and column; those that fit are left out."""
    known, scans = Known.of(workspace), Scans(workspace).latest()
    found = {}
    for (table, column), pinned in known.pins.items():
        record = scans.get(table)
        source = record.source if record is not None else None
        words = known.contradiction(pinned, kind=_kind(record, column), source=source)
        if words is not None:
            found[table, column] = words
    return found


def gone_columns(workspace: Workspace, findings: Sequence[TagFinding]) -> frozenset[tuple[str, str]]:
    """Return the columns of which a verdict is kept though they, or their tables, are there no more.

    A column is told from the newest scan's record. Tables in a warehouse in an object store are taken to be there.
    """
    remote = "://" in workspace.config.warehouse
    there = {known.table for known in list_tables(workspace) if known.size is not None}
    scans = Scans(workspace).latest()
    return frozenset(
        (f.table, f.column)
        for f in findings
        if (f.table not in there and not remote) or (f.table in scans and f.column not in scans[f.table].facts)
    )


def _basis(workspace: Workspace, pin: TagFinding) -> Basis:
    record = Scans(workspace).newest(pin.table)
    then = Tags(workspace).pinned()[pin.table, pin.column].then
    seen = then if then is not None else pin
    return Basis(
        table=pin.table,
        column=pin.column,
        kind=_kind(record, pin.column),
        source=record.source if record is not None else None,
        category=seen.category,
        entity=seen.entity,
        hits=seen.hits,
        sampled=seen.sampled,
        at=pin.at,
    )


def _kind(record: ScanRecord | None, column: str) -> str | None:
    facts = record.facts.get(column) if record is not None else None
    return facts.kind if facts is not None else None
