"""Erasure and retention runs per table, as the ledger recorded their stages, and how far each is proven."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Literal

from delible.model.base import Frozen
from delible.model.plan import Stage
from delible.model.record import AuditRecord
from delible.plan.rates import OTHERS

_OBJECT = re.compile(r"plan:(?P<plan>[^/]+)/table:(?P<table>[^/]+)(?:/(?P<rule>.+))?", re.DOTALL)
_WHOLE = re.compile(r"plan:(?P<plan>[^/]+)/all", re.DOTALL)
_ENDS = frozenset({"done", "failed"})
_Key = tuple[str, str, str | None]
"""Plan, table, and the retention rule for retention plans."""
_LEFT_OUT = frozenset({"kept", "skipped"})
_STAGES = frozenset(stage.value for stage in Stage)


class ProofState(StrEnum):
    """How far it is proven that the bytes are gone."""

    RESIDUE = "residue"
    FAILED = "failed"
    INCOMPLETE = "incomplete"
    WAITING = "waiting"
    REMOVED = "removed"
    PROVEN = "proven"
    KEPT = "kept"


PROOF_MEANING: dict[ProofState, str] = {
    ProofState.RESIDUE: "a byte search found the identifiers again",
    ProofState.FAILED: "a stage failed and has not been repeated",
    ProofState.INCOMPLETE: "the byte search could not read every file",
    ProofState.WAITING: "later stages have still to run",
    ProofState.REMOVED: "old files and log entries are gone; no byte search was made",
    ProofState.PROVEN: "every file was searched and nothing was found",
    ProofState.KEPT: "left in place under an exception",
}


class TableRun(Frozen):
    """What one plan did to one table.

    Args:
        stages: Stage to its latest outcome, in the stages' order.
        rule: The retention rule, for retention plans.
        bytes_replaced: Of the data files that were rewritten; None in records of earlier versions.
        estimated_bytes: What the plan expected of that, at most.
        others_wrote: Others have written files since the plan, which did not know them.
    """

    plan: str
    table: str
    rule: str | None
    proof: ProofState
    rows: int
    shared_rows: int
    mentions: int
    files_removed: int
    log_files_removed: int
    matches: int
    bytes_replaced: int | None = None
    estimated_bytes: int | None = None
    others_wrote: bool = False
    stages: dict[str, str]
    first: datetime
    last: datetime


class ByteSearch(Frozen):
    """One search of all bytes for identifiers that should be gone.

    Args:
        about: What it was made for: `plan:…`, `request:…`, or `identifiers` that somebody gave for it.
        matches: Places where an identifier stood. Before an erasure that is no fault.
    """

    about: str
    at: datetime
    files_searched: int
    bytes_searched: int
    matches: int
    unreadable: int


def table_runs(
    records: Iterable[AuditRecord], kind: Literal["erasure", "retention"], *, start: datetime, end: datetime
) -> tuple[TableRun, ...]:
    """Return one line per plan, table and rule that was worked on within the period, in the order of their beginning.

    A stage that ran again after an interruption adds to what it removed before; a byte search replaces the earlier
    one, and a search that was made for the whole plan counts for each of its tables.
    """
    found: dict[_Key, list[tuple[Stage, AuditRecord]]] = defaultdict(list)
    searches: dict[str, AuditRecord] = {}
    for record in records:
        if not record.action.startswith(f"{kind}.") or record.at > end:
            continue
        verb = record.action.partition(".")[2]
        if verb not in _STAGES:
            continue
        if place := _OBJECT.fullmatch(record.object):
            found[place["plan"], place["table"], place["rule"]].append((Stage(verb), record))
        elif (whole := _WHOLE.fullmatch(record.object)) and verb == Stage.VERIFY:
            searches[whole["plan"]] = record
    runs = []
    for key, steps in found.items():
        if key[0] in searches:
            steps.append((Stage.VERIFY, searches[key[0]]))
        runs.append(_run(key, steps, searched=kind == "erasure"))
    return tuple(sorted((r for r in runs if r.last >= start), key=lambda r: (r.first, r.plan, r.table)))


def byte_searches(records: Iterable[AuditRecord], *, start: datetime, end: datetime) -> tuple[ByteSearch, ...]:
    """Return the byte searches that ended within the period, oldest first."""
    return tuple(
        ByteSearch(
            about=record.object.removesuffix("/all"),
            at=record.at,
            files_searched=record.counts.get("files_searched", 0),
            bytes_searched=record.counts.get("bytes_searched", 0),
            matches=record.counts.get("matches", 0),
            unreadable=record.counts.get("unreadable", 0),
        )
        for record in records
        if record.action == "erasure.verify" and record.outcome in _ENDS and start <= record.at <= end
    )


def _run(key: _Key, steps: Sequence[tuple[Stage, AuditRecord]], *, searched: bool) -> TableRun:
    plan, table, rule = key
    latest = dict(steps)
    done = [record for _, record in steps if record.outcome == "done"]

    def total(stage: Stage, name: str) -> int:
        return sum(r.counts.get(name, 0) for s, r in steps if s is stage and r.outcome == "done")

    search = latest.get(Stage.VERIFY)
    seen = search.counts if search is not None else {}
    stages = {stage.value: latest[stage].outcome for stage in Stage if stage in latest}
    return TableRun(
        plan=plan,
        table=table,
        rule=rule,
        proof=_proof(stages, seen, searched=searched),
        rows=total(Stage.MERGE, "rows"),
        shared_rows=max((r.counts.get("shared_rows", 0) for r in done), default=0),
        mentions=total(Stage.MERGE, "mentions"),
        files_removed=total(Stage.VACUUM, "files_removed"),
        log_files_removed=total(Stage.EXPIRE_LOG, "log_files_removed"),
        matches=seen.get("matches", 0),
        bytes_replaced=(
            total(Stage.MERGE, "bytes_replaced") + total(Stage.PURGE, "bytes_replaced")
            if any("bytes_replaced" in r.counts for r in done)
            else None
        ),
        estimated_bytes=next((r.counts["estimated_bytes"] for r in done if "estimated_bytes" in r.counts), None),
        others_wrote=any(OTHERS in r.counts for r in done),
        stages=stages,
        first=min(r.at for _, r in steps),
        last=max(r.at for _, r in steps),
    )


def _proof(stages: dict[str, str], seen: dict[str, int], *, searched: bool) -> ProofState:
    if seen.get("matches", 0):
        return ProofState.RESIDUE
    if seen.get("unreadable", 0):
        return ProofState.INCOMPLETE
    if "failed" in stages.values():
        return ProofState.FAILED
    if stages.get(Stage.VERIFY) == "done":
        return ProofState.PROVEN
    if stages.get(Stage.MERGE) in _LEFT_OUT:
        return ProofState.KEPT
    gone = all(stages.get(stage) == "done" for stage in (Stage.MERGE, Stage.VACUUM, Stage.EXPIRE_LOG))
    return ProofState.REMOVED if gone and not searched else ProofState.WAITING
