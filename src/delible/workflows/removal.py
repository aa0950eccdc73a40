"""The end of a table's old bytes: VACUUM, what failed writes left, and the log's old entries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from delible.model.plan import Stage, TableStep
from delible.model.record import AuditRecord
from delible.store.versions import Bucket, is_bucket
from delible.workflows.journal import Step

if TYPE_CHECKING:
    from delible.workflows.stages import Run

_PROPERTY = "property."
WRITERS_HOURS = 1
"""Who still writes to a table reads its files: without a window VACUUM would take them away. So where others have
written since the plan, `immediate` is not taken at its word."""


def window(run: Run, step: TableStep) -> int:
    """Return the hours for which a table's old files stay after its last rewrite."""
    if not run.immediate:
        return step.wait_hours
    from delible.lake.others import others_since

    return WRITERS_HOURS if others_since(step.location, run.mark(""), step.version).rows else 0


def vacuumed(run: Run, step: TableStep, hours: int, mark: str) -> Step:
    """Remove the table's old files.

    Where windows are closed and somebody else has committed since the plan was made, files that no log entry names stay
    for a while: they may be of a write that has not come to its commit.

    Args:
        hours: The age that files must have, where windows are closed.
        mark: That of the commits.
    """
    from delible.lake import leftovers, purge

    run.before_vacuum(step)
    spared = frozenset[str]()
    if run.immediate and (since := _under_way(run, step)) is not None:
        found = (f for f in leftovers.leftovers(step.location) if f.kind is leftovers.Kind.UNNAMED)
        spared = frozenset(f.path for f in found if f.modified >= since)
        if spared:
            run.progress(f"{step.table}: {len(spared)} file(s) of writes that may be under way are left in place")
    done = purge.vacuum(
        run.spark,
        step.location,
        table=step.table,
        hours=hours if run.immediate else None,
        spared=spared,
        mark=mark,
        since=step.version,
    )
    if is_bucket(step.location):
        Bucket(step.location).remove_folder_markers()
    return Step({"files_removed": done.files}, {"hours": str(done.hours)})


def _under_way(run: Run, step: TableStep) -> datetime | None:
    """Return since when files may be of a write under way; None where nobody else has committed since the plan."""
    from delible.lake.leftovers import UNDER_WAY
    from delible.lake.others import commits_of_others

    return run.clock() - UNDER_WAY if commits_of_others(step.location, since=step.version) else None


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
    """Expire the log behind a fresh checkpoint, and remove what failed writes left that VACUUM does not look at.

    Args:
        hours: The age that files must have.
        begun: What `begin_expiry` recorded.
    """
    from delible.lake import leftovers, log_expiry, purge

    older = run.clock() - timedelta(hours=hours) if hours else None
    finished = _under_way(run, step) if run.immediate else older
    version = purge.checkpoint(run.spark, step.location, original=_properties(begun.detail), forget=run.immediate)
    removed = log_expiry.expire_log(step.location, below=version, older_than=older, finished_before=finished)
    found = leftovers.leftovers(step.location)  # only now: the log is short
    counts = {
        "log_files_removed": removed,
        "leftovers_removed": leftovers.remove_leftovers(step.location, found, older_than=finished),
        "unnamed_left": sum(f.kind is leftovers.Kind.UNNAMED for f in found),
    }
    purge.remove_empty_folders(step.location)
    return Step(counts, {"version": str(version)})


def _properties(detail: Mapping[str, str]) -> dict[str, str]:
    return {k.removeprefix(_PROPERTY): v for k, v in detail.items() if k.startswith(_PROPERTY)}
