"""Scan tables for personal data, list the verdicts, and pin them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from delible.errors import InputError, did_you_mean
from delible.model.record import AuditEntry, TagFinding
from delible.model.taxonomy import CATEGORIES
from delible.model.terms import TagState
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.tags import Tags
from delible.store.workspace import Workspace
from delible.workflows.guard import guard_tables
from delible.workflows.restriction import restricted_rows
from delible.workflows.tables import chosen_tables

_LONGEST_REASON = 500


@dataclass(frozen=True)
class Scan:
    """What one scan found.

    Args:
        tables: Names of the tables that were read.
        findings: One verdict per leaf column; a pinned one counts on, whatever stands here.
        values: Values that were looked at.
        returned: Rows of erased people that are there again, by table; tables without any are left out.
    """

    tables: tuple[str, ...]
    findings: tuple[TagFinding, ...]
    values: int
    returned: dict[str, int] = field(default_factory=dict)

    @property
    def personal(self) -> int:
        """Number of columns that hold personal data."""
        return sum(finding.category is not None for finding in self.findings)


def scan_tables(
    workspace: Workspace,
    names: Sequence[str] = (),
    *,
    sample: int | None,
    actor: str,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> Scan:
    """Look at columns of tables and record a verdict on each.

    Args:
        names: Tables; all that are there when none is named.
        sample: Distinct values per column; None reads every one.

    Raises:
        InputError: `table.unknown`, `table.missing`, `tags.sample`, `detect.model_missing`.
        DelibleError: `tags.scan_failed`; no verdict of this scan is recorded.
    """
    if sample is not None and sample < 1:
        raise InputError("tags.sample", "a sample has at least one value.", where="--sample")
    ledger = Ledger(workspace, load_keys(workspace))
    tables = chosen_tables(workspace, names)

    from delible.decide.tagging import tag
    from delible.detect.columns import named
    from delible.detect.model_files import check_installed
    from delible.lake.facts import read
    from delible.lake.scan import scan
    from delible.workflows.spark import session_for

    check_installed(workspace.nlp)
    spark = session_for(workspace)
    restricted = restricted_rows(workspace, spark)
    findings: list[TagFinding] = []
    versions: dict[str, int] = {}
    for known in tables:
        progress(f"Scanning {known.table}...")
        frame = restricted.without(known.table, read(spark, known.location, version=known.version))
        versions[known.table] = known.version
        for facts in scan(frame, sample=sample, nlp=workspace.nlp):
            evidence = named(facts.column, table=known.table)
            findings.append(tag(facts, evidence, table=known.table, version=known.version, at=now))
    Tags(workspace).put(findings)
    returned = _returned(workspace, [known.table for known in tables if known.policy], actor, now, progress)
    found = Scan(tuple(versions), tuple(findings), sum(finding.sampled for finding in findings), returned)
    counts = {"tables": len(versions), "columns": len(findings), "values": found.values, "personal": found.personal}
    counts["returned"] = sum(returned.values())
    detail = {f"version:{table}": str(version) for table, version in versions.items()}
    detail["sample"] = "all" if sample is None else str(sample)
    entry = AuditEntry(
        actor=actor, action="tags.scan", object="workspace:tables", outcome="done", counts=counts, detail=detail
    )
    ledger.append([entry], now)
    return found


def _returned(
    workspace: Workspace, names: Sequence[str], actor: str, now: datetime, progress: Callable[[str], None]
) -> dict[str, int]:
    """Return the tables in which rows of erased people are again; a path that leads nowhere yet stops no scan."""
    try:
        found = guard_tables(workspace, names, actor=actor, now=now, erase=False).tables if names else ()
    except InputError as error:
        progress(f"not looked for erased people: {error}")
        return {}
    return {table.table: table.rows for table in found if table.rows}


def list_tags(workspace: Workspace) -> list[TagFinding]:
    """Return the verdict that counts for each column."""
    return Tags(workspace).latest()


def review_tag(
    workspace: Workspace,
    column: str,
    *,
    accept: bool,
    reason: str,
    category: str | None = None,
    actor: str,
    now: datetime,
) -> TagFinding:
    """Pin the verdict on `TABLE.COLUMN`; later scans do not change it.

    Args:
        category: With `accept`, what the column really holds.

    Raises:
        InputError: `tags.column`, `tags.reason`, `tags.category`, `tags.unknown`.
    """
    table, _, path = column.partition(".")
    if not table or not path:
        raise InputError("tags.column", "a column is named as TABLE.COLUMN.", where="TABLE.COLUMN")
    if not reason.strip() or len(reason) > _LONGEST_REASON:
        raise InputError("tags.reason", f"a reason has 1 to {_LONGEST_REASON} characters.", where="--reason")
    if category is not None and (not accept or category not in CATEGORIES):
        hint = did_you_mean(category, CATEGORIES).strip()
        words = "is no data category." if accept else "belongs to --accept."
        raise InputError("tags.category", f"the category {words}", where="--category", fix=hint or None)
    ledger = Ledger(workspace, load_keys(workspace))
    state = TagState.ACCEPTED if accept else TagState.REJECTED
    pinned = Tags(workspace).pin(table, path, state=state, reason=reason, now=now, category=category)
    detail = {"category": pinned.category or "none"}
    entry = AuditEntry(
        actor=actor, action="tags.review", object=f"column:{table}.{path}", outcome=state.value, detail=detail
    )
    ledger.append([entry], now)
    return pinned
