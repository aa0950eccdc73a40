"""The physical stages of one table, each once, each resumable, for erasure and for retention."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from delible.model.plan import Stage, TableStep
from delible.model.record import AuditRecord
from delible.workflows.clock import Clock
from delible.workflows.journal import Journal, Step

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_PROPERTY = "property."


@dataclass(frozen=True)
class Treated:
    """What a run did to a table so far.

    Args:
        waiting_until: When the retention window has passed, for tables that must wait for it.
    """

    step: TableStep
    rows: int = 0
    mentions: int = 0
    files_rewritten: int = 0
    bytes_rewritten: int = 0
    files_removed: int = 0
    log_files_removed: int = 0
    waiting_until: datetime | None = None

    @property
    def state(self) -> str:
        """One word for a person."""
        if not self.step.stages:
            return "kept"
        return "erased" if self.waiting_until is None else "waiting"


@dataclass(frozen=True)
class Run:
    """What the stages of all tables of one run share."""

    spark: SparkSession
    journal: Journal
    clock: Clock
    plan: str
    immediate: bool
    progress: Callable[[str], None]

    def mark(self, what: str) -> str:
        """Return the mark that this run's commits to a table carry in Delta's history."""
        return f"delible:{self.plan}:{what}"


def treat(run: Run, step: TableStep, rewrite: Callable[[], Step], *, thing: str | None = None) -> Treated:
    """Take one table through merge, purge, VACUUM and log expiry, as far as its window allows now.

    Args:
        rewrite: The logical erasure; returns rows, mentions, files and bytes. Running it again after a crash finds
            nothing left to do, and counts what the crashed run had committed from the table's history.
        thing: Name in the journal, when a plan has more than one step on a table.
    """
    from delible.lake import purge
    from delible.lake.erase import marked

    if not step.stages:
        return Treated(step)
    table, thing = step.table, thing or f"table:{step.table}"
    mark = run.mark(thing.removeprefix("table:"))
    run.progress(f"{table}: rewriting {step.rows} rows")
    with marked(run.spark, mark):
        merged = run.journal.once(thing, Stage.MERGE, lambda _: rewrite())

        def hidden(_: AuditRecord) -> Step:
            purge.purge_deletion_vectors(run.spark, step.location, table=table)
            return Step()

        purged = run.journal.once(thing, Stage.PURGE, hidden)
        done = Treated(
            step,
            rows=merged.counts.get("rows", 0),
            mentions=merged.counts.get("mentions", 0),
            files_rewritten=merged.counts.get("files", 0),
            bytes_rewritten=merged.counts.get("bytes", 0),
        )
        open_at = purged.at + timedelta(hours=0 if run.immediate else step.wait_hours)
        if run.clock() < open_at:
            return replace(done, waiting_until=open_at)
        run.progress(f"{table}: removing old files and log entries")
        vacuumed = run.journal.once(thing, Stage.VACUUM, lambda _: _vacuumed(run, step))
        expired = _expired(run, step, thing)
    return replace(
        done,
        files_removed=vacuumed.counts.get("files_removed", 0),
        log_files_removed=expired.counts.get("log_files_removed", 0),
    )


def _vacuumed(run: Run, step: TableStep) -> Step:
    from delible.lake import purge

    hours = 0 if run.immediate else None
    removed = purge.vacuum(run.spark, step.location, table=step.table, hours=hours)
    return Step({"files_removed": removed})


def _expired(run: Run, step: TableStep, thing: str) -> AuditRecord:
    """Expire the log behind a fresh checkpoint.

    The table's own properties are set aside for it. They are in the record of the beginning, so that a rerun after a
    crash in between puts back what the table had, not what the crash left.
    """
    from delible.lake import purge
    from delible.lake.facts import open_table

    known = run.journal.done(thing, Stage.EXPIRE_LOG)
    if known is not None:
        return known
    found = purge.properties(open_table(run.spark, step.location, table=step.table))
    begun = run.journal.begin(thing, Stage.EXPIRE_LOG, {f"{_PROPERTY}{k}": v for k, v in found.items()})
    original = {k.removeprefix(_PROPERTY): v for k, v in begun.detail.items() if k.startswith(_PROPERTY)}
    version = purge.checkpoint(run.spark, step.location, original=original, forget=run.immediate)
    older = None if run.immediate else run.clock() - timedelta(hours=step.wait_hours)
    removed = purge.expire_log(step.location, below=version, older_than=older)
    return run.journal.finish(thing, Stage.EXPIRE_LOG, Step({"log_files_removed": removed}, {"version": str(version)}))
