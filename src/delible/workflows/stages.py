"""The physical stages of one table, each once, each resumable, for erasure and for retention."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from delible.errors import BlockedError, Problem
from delible.model.cost import TableCost
from delible.model.plan import Stage, TableStep
from delible.model.policy import TablePolicy
from delible.model.proof import KeptHistory
from delible.model.record import AuditRecord
from delible.model.terms import RectificationAction
from delible.plan.order import erasure_waves
from delible.plan.rates import MILLISECONDS
from delible.store.versions import Bucket, is_bucket
from delible.workflows.clock import Clock
from delible.workflows.journal import Journal, Step

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_PROPERTY = "property."
_AT_ONCE = max(1, min(4, (os.cpu_count() or 1) // 2))
"""A driver with two cores is kept busy by one table (measured: four at once took 84 s instead of 65), and more than
four would wait for each other at Spark's scheduler."""


@dataclass(frozen=True)
class Treated:
    """What a run did to a table so far.

    Args:
        version: The table's version after log expiry; None before that, and for tables that are kept.
        files_purged: Files that the purge rewrote.
        bytes_rewritten: Bytes that MERGE and purge wrote.
        bytes_replaced: Bytes of the files that these took the place of.
        rewriting, removing: Milliseconds of MERGE and purge, and of VACUUM and log expiry; None where they have not
            ended, or where a crash cut one in two.
        waiting_until: When the retention window has passed, for tables that must wait for it.
        held: Why a hold keeps the old bytes of a table whose rows are rewritten.
        history: What was kept of the table's old versions.
    """

    step: TableStep
    rows: int = 0
    mentions: int = 0
    files_rewritten: int = 0
    files_purged: int = 0
    bytes_rewritten: int = 0
    bytes_replaced: int = 0
    rewriting: int | None = None
    removing: int | None = None
    files_removed: int = 0
    log_files_removed: int = 0
    version: int | None = None
    waiting_until: datetime | None = None
    held: tuple[Problem, ...] = ()
    history: KeptHistory | None = None

    @property
    def state(self) -> str:
        """One word for a person."""
        if not self.step.stages:
            return "kept"
        if self.waiting_until is not None or self.held:
            return "waiting"
        return "corrected" if self.step.action is RectificationAction.CORRECT else "erased"


@dataclass(frozen=True)
class Run:
    """What the stages of all tables of one run share.

    Args:
        guard: Refuses a stage of a table, such as for a hold that came while other tables were treated.
        before_vacuum: Is told of a table whose old files are about to be removed.
    """

    spark: SparkSession
    journal: Journal
    clock: Clock
    plan: str
    immediate: bool
    progress: Callable[[str], None]
    guard: Guard = lambda *_: None
    before_vacuum: Callable[[TableStep], None] = lambda _: None

    def mark(self, what: str) -> str:
        """Return the mark that this run's commits to a table carry in Delta's history."""
        return f"delible:{self.plan}:{what}"


Guard = Callable[[Run, TableStep, Stage], None]


@dataclass(frozen=True)
class Work:
    """One step of a plan, and how its rows are rewritten.

    Args:
        rewrite: The logical erasure; returns rows, mentions, files and bytes. Running it again after a crash finds
            nothing left to do, and counts what the crashed run had committed from the table's history.
        thing: Name in the journal.
        cost: What the step was expected to cost; the ledger has it beside what it did cost.
        whole: Does all stages itself, for a table whose history is kept.
    """

    step: TableStep
    rewrite: Callable[[Run], Step]
    thing: str
    cost: TableCost | None = None
    whole: Callable[[Run], Treated] | None = None


def treat_tables(
    run: Run, work: Sequence[Work], tables: Mapping[str, TablePolicy], *, skip_held: bool = False
) -> tuple[Treated, ...]:
    """Take all tables of a plan through their stages, several at once, upstream tables before derived ones.

    Most of a stage is Spark's planning and Delta's bookkeeping, which leave a cluster idle; each table has a session
    of its own, since marks and the retention check are session settings. A table that fails does not stop the others
    of its wave, so that the next run has less left to do; the first failure is then raised. A table whose old bytes a
    hold keeps stops no other table at all.

    Args:
        skip_held: Return such tables, instead of raising for them in the end.

    Raises:
        BlockedError: What the run's guard raises.
    """
    by_table: dict[str, list[Work]] = {}
    for each in work:
        by_table.setdefault(each.step.table, []).append(each)
    treated: dict[str, Treated] = {}
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="table") as pool:
        unknown = tuple(name for name in by_table if name not in tables)
        for wave in (*erasure_waves(tables, by_table), unknown):
            begun = [pool.submit(_treat_one, run, by_table[name]) for name in wave]
            wait(begun)
            for future in begun:
                treated.update(future.result())
    held = tuple(problem for each in treated.values() for problem in each.held)
    if held and not skip_held:
        raise BlockedError.of(held)
    return tuple(treated[each.thing] for each in work)


def _treat_one(run: Run, work: Sequence[Work]) -> dict[str, Treated]:
    from delible.lake.session import own_session

    with own_session(run.spark) as spark:
        own = replace(run, spark=spark)
        return {each.thing: treat(own, each) for each in work}


def treat(run: Run, work: Work) -> Treated:
    """Take one table through merge, purge, VACUUM and log expiry, as far as its window allows now."""
    from delible.lake import purge
    from delible.lake.erase import marked, purged_under

    step, table, thing = work.step, work.step.table, work.thing
    if not step.stages:
        return Treated(step)
    if work.whole is not None:
        return work.whole(run)
    mark = run.mark(thing.removeprefix("table:"))
    if run.journal.done(thing, Stage.MERGE) is None:
        run.guard(run, step, Stage.MERGE)
    run.progress(f"{table}: rewriting {step.rows} rows")
    with marked(run.spark, mark):

        def rewritten(_: AuditRecord) -> Step:
            made = work.rewrite(run)
            return replace(made, counts={**made.counts, **_expected(work.cost)})

        def hidden(_: AuditRecord) -> Step:
            purge.purge_deletion_vectors(run.spark, step.location, table=table)
            made = purged_under(step.location, mark, step.version)
            return Step({"files": made.files, "bytes": made.bytes, "bytes_replaced": made.replaced})

        run.journal.once(thing, Stage.MERGE, _timed(run, thing, Stage.MERGE, rewritten))
        purged = run.journal.once(thing, Stage.PURGE, _timed(run, thing, Stage.PURGE, hidden))
        done = _treated(run.journal, step, thing)
        open_at = purged.at + timedelta(hours=0 if run.immediate else step.wait_hours)
        if run.clock() < open_at:
            return replace(done, waiting_until=open_at)
        if run.journal.done(thing, Stage.EXPIRE_LOG) is None:
            try:
                run.guard(run, step, Stage.VACUUM)
            except BlockedError as error:
                return replace(done, held=tuple(error.problems))
        run.progress(f"{table}: removing old files and log entries")
        run.journal.once(thing, Stage.VACUUM, _timed(run, thing, Stage.VACUUM, lambda _: _vacuumed(run, step)))
        _expired(run, step, thing)
    return _treated(run.journal, step, thing)


def _timed(run: Run, thing: str, stage: Stage, work: Callable[[AuditRecord], Step]) -> Callable[[AuditRecord], Step]:
    """Return the work with its time among its counts, unless an earlier run began it: what that did is not seen."""
    again = run.journal.record(thing, stage, "started") is not None

    def measured(begun: AuditRecord) -> Step:
        started = monotonic()
        made = work(begun)
        took = {} if again else {MILLISECONDS: int((monotonic() - started) * 1000)}
        return replace(made, counts={**made.counts, **took})

    return measured


def _expected(cost: TableCost | None) -> dict[str, int]:
    """Return what a step was expected to cost, at most, as the ledger has it beside what it did cost."""
    if cost is None:
        return {}
    return {
        "estimated_rows": cost.rows.high if cost.rows is not None else 0,
        "estimated_files": cost.files.high,
        "estimated_bytes": cost.bytes.high,
        "estimated_seconds": cost.rewrite_seconds.high + cost.removal_seconds.high,
        "table_files": cost.total_files,
        "table_bytes": cost.total_bytes,
    }


def version_after(journal: Journal, thing: str) -> int | None:
    """Return a table's version behind its log expiry, by the ledger; None before."""
    expired = journal.done(thing, Stage.EXPIRE_LOG)
    return int(expired.detail["version"]) if expired is not None else None


def _vacuumed(run: Run, step: TableStep) -> Step:
    from delible.lake import purge

    run.before_vacuum(step)
    hours = 0 if run.immediate else None
    vacuumed = purge.vacuum(run.spark, step.location, table=step.table, hours=hours)
    if is_bucket(step.location):
        Bucket(step.location).remove_folder_markers()
    return Step({"files_removed": vacuumed.files}, {"hours": str(vacuumed.hours)})


def _expired(run: Run, step: TableStep, thing: str) -> AuditRecord:
    """Expire the log behind a fresh checkpoint.

    The table's own properties are set aside for it. They are in the record of the beginning, so that a rerun after a
    crash in between puts back what the table had, not what the crash left.
    """
    from delible.lake import purge

    known = run.journal.done(thing, Stage.EXPIRE_LOG)
    if known is not None:
        return known
    found = purge.properties(run.spark, step.location, table=step.table)
    if purge.set_aside(found):
        # A run of another plan was killed here: the table's own properties are in its record.
        left = run.journal.left_open(step.table, Stage.EXPIRE_LOG)
        found = {k.removeprefix(_PROPERTY): v for k, v in left.items() if k.startswith(_PROPERTY)} if left else found
    again, started = run.journal.record(thing, Stage.EXPIRE_LOG, "started") is not None, monotonic()
    begun = run.journal.begin(thing, Stage.EXPIRE_LOG, {f"{_PROPERTY}{k}": v for k, v in found.items()})
    original = {k.removeprefix(_PROPERTY): v for k, v in begun.detail.items() if k.startswith(_PROPERTY)}
    version = purge.checkpoint(run.spark, step.location, original=original, forget=run.immediate)
    older = None if run.immediate else run.clock() - timedelta(hours=step.wait_hours)
    removed = purge.expire_log(step.location, below=version, older_than=older)
    took = {} if again else {MILLISECONDS: int((monotonic() - started) * 1000)}
    made = Step({"log_files_removed": removed, **took}, {"version": str(version)})
    return run.journal.finish(thing, Stage.EXPIRE_LOG, made)


def reported(journal: Journal, step: TableStep) -> Treated:
    """Return what the ledger says was done to a table."""
    return _treated(journal, step, f"table:{step.table}")


def _treated(journal: Journal, step: TableStep, thing: str) -> Treated:
    def counts(stage: Stage) -> dict[str, int]:
        record = journal.done(thing, stage)
        return record.counts if record is not None else {}

    def milliseconds(*stages: Stage) -> int | None:
        took = [counts(stage).get(MILLISECONDS) for stage in stages]
        return sum(t for t in took if t is not None) if None not in took else None

    merged, purged = counts(Stage.MERGE), counts(Stage.PURGE)
    return Treated(
        step,
        rows=merged.get("rows", 0),
        mentions=merged.get("mentions", 0),
        files_rewritten=merged.get("files", 0),
        files_purged=purged.get("files", 0),
        bytes_rewritten=merged.get("bytes", 0) + purged.get("bytes", 0),
        bytes_replaced=merged.get("bytes_replaced", 0) + purged.get("bytes_replaced", 0),
        rewriting=milliseconds(Stage.MERGE, Stage.PURGE),
        removing=milliseconds(Stage.VACUUM, Stage.EXPIRE_LOG),
        files_removed=counts(Stage.VACUUM).get("files_removed", 0),
        log_files_removed=counts(Stage.EXPIRE_LOG).get("log_files_removed", 0),
        version=version_after(journal, thing),
        history=history_kept(journal, thing),
    )


def history_kept(journal: Journal, thing: str) -> KeptHistory | None:
    """Return what the ledger says was kept of a table's old versions."""
    compared = journal.done(thing, Stage.COMPARE)
    if compared is None:
        return None
    return KeptHistory(
        first=compared.counts["first"], versions=compared.counts["versions"], rows=compared.counts["rows"]
    )
