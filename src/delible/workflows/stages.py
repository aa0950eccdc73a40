"""The physical stages of all tables of a plan, each once, each resumable, for erasure, rectification and retention."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from delible.errors import BlockedError
from delible.model.cost import TableCost
from delible.model.plan import Stage, TableStep
from delible.model.policy import TablePolicy
from delible.model.record import AuditRecord
from delible.plan.order import erasure_waves
from delible.plan.rates import MILLISECONDS, OTHERS
from delible.workflows.busy import undisturbed
from delible.workflows.clock import Clock
from delible.workflows.journal import Journal, Step
from delible.workflows.removal import begin_expiry, expired, vacuumed, window
from delible.workflows.treated import Treated, treated_by

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_AT_ONCE = max(1, min(4, (os.cpu_count() or 1) // 2))
"""A driver with two cores is kept busy by one table (measured: four at once took 84 s instead of 65), and more than
four would wait for each other at Spark's scheduler."""
_COVERED = "with"
"""Detail of a stage's record that names the step whose stage did it for this one, too."""


@dataclass(frozen=True)
class Run:
    """What the stages of all tables of one run share.

    Args:
        guard: Refuses a stage of a table, such as for a hold that came while other tables were treated.
        before_vacuum: Is told of a table whose old files are about to be removed.
        removing: Go on to VACUUM and log expiry; without it a table's rows are rewritten, and no more.
    """

    spark: SparkSession
    journal: Journal
    clock: Clock
    plan: str
    immediate: bool
    progress: Callable[[str], None]
    guard: Guard = lambda *_: None
    before_vacuum: Callable[[TableStep], None] = lambda _: None
    removing: bool = True

    def mark(self, what: str) -> str:
        """Return the mark that this run's commits to a table carry in Delta's history."""
        from delible.lake.commits import mark_of

        return mark_of(self.plan, what)

    def marks(self, what: str) -> tuple[str, ...]:
        """Return the marks of all commits that rewrite rows of a table, mentions included."""
        mark = self.mark(what)
        return (mark, f"{mark}:mentions")


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

    @property
    def name(self) -> str:
        """The step's name in the marks of its commits."""
        return self.thing.removeprefix("table:")


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
        return treat(replace(run, spark=spark), work)


def treat(run: Run, work: Sequence[Work]) -> dict[str, Treated]:
    """Take one table through merge, purge, VACUUM and log expiry, as far as its window allows now.

    Args:
        work: The steps on the table, such as those of several rules: each has its rows rewritten by itself, and what
            rewrites or removes the table's files as a whole is done once for all.

    Returns:
        What was done, by thing.
    """
    done = {each.thing: Treated(each.step) for each in work if not each.step.stages}
    done |= {each.thing: each.whole(run) for each in work if each.step.stages and each.whole is not None}
    left = [each for each in work if each.thing not in done]
    return done | (_treat_files(run, left) if left else {})


def _treat_files(run: Run, work: Sequence[Work]) -> dict[str, Treated]:
    from delible.lake.erase import marked

    lead, step, journal = work[0], work[0].step, run.journal
    for each in work:
        if journal.done(each.thing, Stage.MERGE) is None:
            run.guard(run, each.step, Stage.MERGE)
            run.progress(f"{step.table}: rewriting {each.step.rows} rows")
        with marked(run.spark, run.mark(each.name)):
            journal.once(each.thing, Stage.MERGE, _timed(run, each.thing, Stage.MERGE, _rewriting(run, each)))

    def states() -> dict[str, Treated]:
        return {each.thing: treated_by(journal, each.step, each.thing) for each in work}

    with marked(run.spark, mark := run.mark(lead.name)):
        purged = _for_all(run, work, Stage.PURGE, _timed(run, lead.thing, Stage.PURGE, _purging(run, work)))
        if not run.removing:
            return states()
        late = (record for each in work for record in journal.rounds(each.thing, Stage.LATE))
        hours = max(window(run, each.step) for each in work)
        open_at = max(record.at for record in (*purged, *late)) + timedelta(hours=hours)
        if run.clock() < open_at:
            return {thing: replace(done, waiting_until=open_at) for thing, done in states().items()}
        if any(journal.done(each.thing, Stage.EXPIRE_LOG) is None for each in work):
            try:
                run.guard(run, step, Stage.VACUUM)
            except BlockedError as error:
                return {thing: replace(done, held=tuple(error.problems)) for thing, done in states().items()}
        run.progress(f"{step.table}: removing old files and log entries")
        vacuuming = _timed(run, lead.thing, Stage.VACUUM, lambda _: vacuumed(run, step, hours, mark))
        _for_all(run, work, Stage.VACUUM, vacuuming)
        expiring = _timed(run, lead.thing, Stage.EXPIRE_LOG, lambda begun: expired(run, step, hours, begun))
        _for_all(run, work, Stage.EXPIRE_LOG, expiring, begin=lambda thing: begin_expiry(run, step, thing))
    return states()


def _for_all(
    run: Run,
    work: Sequence[Work],
    stage: Stage,
    do: Callable[[AuditRecord], Step],
    begin: Callable[[str], object] = lambda _: None,
) -> tuple[AuditRecord, ...]:
    """Do a stage for the first step, and note it for all others whose rows had been rewritten when it began.

    Others there are only in plans that an earlier version of this program began: it took each step through all stages
    by itself. Such a step has the stage done for itself.

    Args:
        begin: Records the beginning for a thing, where that takes more than its name.
    """
    journal, lead = run.journal, work[0]

    def alone(thing: str) -> AuditRecord:
        if journal.done(thing, stage) is None:
            begin(thing)
        return journal.once(thing, stage, do)

    first = alone(lead.thing)
    begun = journal.record(lead.thing, stage, "started") or first
    records = [first]
    for each in work[1:]:
        merged = journal.done(each.thing, Stage.MERGE)
        if merged is None or merged.sequence > begun.sequence:
            records.append(alone(each.thing))
            continue
        version = {k: v for k, v in first.detail.items() if k == "version"}
        records.append(journal.finish(each.thing, stage, Step({}, {_COVERED: lead.name, **version})))
    return tuple(records)


def _rewriting(run: Run, work: Work) -> Callable[[AuditRecord], Step]:
    def rewritten(_: AuditRecord) -> Step:
        made = work.rewrite(run)
        return replace(made, counts={**made.counts, **_expected(work.cost), **_beside(run, work.step)})

    return rewritten


def _purging(run: Run, work: Sequence[Work]) -> Callable[[AuditRecord], Step]:
    from delible.lake import purge
    from delible.lake.erase import purged_under

    marks = [mark for each in work for mark in run.marks(each.name)]
    location, since = work[0].step.location, min(each.step.version for each in work)

    def purged(_: AuditRecord) -> Step:
        purge.purge_deletion_vectors(run.spark, location, table=work[0].step.table)
        made = purged_under(location, marks, since)
        counts = {"files": made.files, "bytes": made.bytes, "bytes_replaced": made.replaced}
        return Step({**counts, **_beside(run, work[0].step)})

    return purged


def _beside(run: Run, step: TableStep) -> dict[str, int]:
    """Return that others have written files since the plan, where they have: it knew those that were there."""
    from delible.lake.others import wrote_files

    return {OTHERS: 1} if wrote_files(step.location, run.mark(""), step.version) else {}


def _timed(run: Run, thing: str, stage: Stage, work: Callable[[AuditRecord], Step]) -> Callable[[AuditRecord], Step]:
    """Return the work with its time among its counts, unless an earlier run began it: what that did is not seen."""
    again = run.journal.record(thing, stage, "started") is not None

    def measured(begun: AuditRecord) -> Step:
        started = monotonic()
        made = undisturbed(run, thing, stage, lambda: work(begun))
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
