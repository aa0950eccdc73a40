"""The end of a table's old bytes: VACUUM, what failed writes left, and the log's old entries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from delible.model.plan import Stage, TableStep
from delible.model.record import AuditRecord
from delible.workflows.journal import Step

if TYPE_CHECKING:
    from delible.workflows.stages import Run

_PROPERTY = "property."


def vacuumed(run: Run, step: TableStep, hours: int) -> Step:
    """Remove old files, and what failed writes left of files that VACUUM does not look at.

    Where windows are closed and somebody else has committed since the plan was made, files that no log entry names stay
    for a while: they may be of a write that has not come to its commit.

    Args:
        hours: The age that the leftovers must have.
    """
    from delible.lake import leftovers, purge
    from delible.lake.erase import commits_of_others

    run.before_vacuum(step)
    now = run.clock()
    spared = frozenset[str]()
    older_than = now - timedelta(hours=hours) if hours else None
    if run.immediate and commits_of_others(step.location, since=step.version):
        older_than = now - leftovers.UNDER_WAY
        found = leftovers.leftovers(step.location)
        unnamed = (f for f in found if f.kind is leftovers.Kind.UNNAMED)
        spared = frozenset(f.path for f in unnamed if f.modified >= older_than)
        if spared:
            run.progress(f"{step.table}: {len(spared)} file(s) of writes that may be under way are left in place")
    done = purge.vacuum(run.spark, step.location, table=step.table, hours=0 if run.immediate else None, spared=spared)
    found = leftovers.leftovers(step.location)
    removed = leftovers.remove_leftovers(step.location, found, older_than=older_than)
    purge.remove_empty_folders(step.location)
    left = sum(f.kind is leftovers.Kind.UNNAMED for f in found)
    counts = {"files_removed": done.files, "leftovers_removed": removed, "unnamed_left": left}
    return Step(counts, {"hours": str(done.hours)})


def begin_expiry(run: Run, step: TableStep, thing: str) -> None:
    """Record that a table's log is about to be expired, with the properties that are set aside for it.

    A rerun after a crash in between puts back what the table had, not what the crash left.
    """
    from delible.lake import purge

    if run.journal.record(thing, Stage.EXPIRE_LOG, "started") is not None:
        return
    found: Mapping[str, str] = purge.properties(run.spark, step.location, table=step.table)
    if purge.set_aside(found):
        # A run of another plan was killed here: the table's own properties are in its record.
        left = run.journal.left_open(step.table, Stage.EXPIRE_LOG)
        found = _properties(left) if left else found
    run.journal.begin(thing, Stage.EXPIRE_LOG, {f"{_PROPERTY}{k}": v for k, v in found.items()})


def expired(run: Run, step: TableStep, hours: int, begun: AuditRecord) -> Step:
    """Expire the log behind a fresh checkpoint.

    Args:
        hours: The age that log files must have.
        begun: What `begin_expiry` recorded.
    """
    from delible.lake import purge

    original = _properties(begun.detail)
    version = purge.checkpoint(run.spark, step.location, original=original, forget=run.immediate)
    older = None if run.immediate else run.clock() - timedelta(hours=hours)
    removed = purge.expire_log(step.location, below=version, older_than=older)
    return Step({"log_files_removed": removed}, {"version": str(version)})


def _properties(detail: Mapping[str, str]) -> dict[str, str]:
    return {k.removeprefix(_PROPERTY): v for k, v in detail.items() if k.startswith(_PROPERTY)}
