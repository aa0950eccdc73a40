"""The end of a swap: that it is recorded, and that the old folder goes."""

from __future__ import annotations

from pathlib import Path

from delible.model.plan import Stage, TableStep
from delible.model.record import AuditRecord
from delible.workflows.journal import Journal, Step
from delible.workflows.stages import Run


def note_swap(journal: Journal, table: str, step: TableStep | None) -> None:
    """Record that a translation stands in its table's place.

    Args:
        step: None where the plan itself is not at hand any more.
    """
    thing = f"table:{table}"
    translated = journal.done(thing, Stage.TRANSLATE)
    counts = dict(translated.counts) if translated is not None else {}
    # Copies in old versions are in the record of the translation: a person knows their rows of now.
    counts |= {"rows": step.rows, "shared_rows": step.shared_rows} if step is not None else {}
    detail = {"action": str(step.action), "version": str(step.version)} if step is not None else {}
    journal.finish(thing, Stage.MERGE, Step(counts, detail))


def end_swap(run: Run, name: str, table: Path) -> tuple[AuditRecord, AuditRecord]:
    """Remove the old folder of a swap, once; return the records of that and of its end.

    Raises:
        ConflictError: `history.writer`.
    """
    from delible.lake.history import swap as history_swap

    thing, old = f"table:{name}", history_swap.old_folder(table, run.plan)
    run.progress(f"{name}: removing the old folder")
    vacuumed = run.journal.once(thing, Stage.VACUUM, lambda begun: _removed(run, table, old, begun))
    return vacuumed, run.journal.once(thing, Stage.EXPIRE_LOG, lambda _: _ended(table, run.plan))


def _removed(run: Run, table: Path, old: Path, begun: AuditRecord) -> Step:
    from delible.lake.history import swap as history_swap

    if old.exists():
        history_swap.carry(old, table)
        history_swap.adopt(table, old, since=history_swap.last_of(table, run.plan))
        translated = run.journal.record(begun.object.partition("/")[2], Stage.TRANSLATE, "started")
        history_swap.refuse_writing(old, since=translated.at if translated is not None else begun.at, now=run.clock())
    return Step({"files_removed": history_swap.remove_old(table, run.plan)})


def _ended(table: Path, plan: str) -> Step:
    from delible.lake.history import swap as history_swap

    version = history_swap.last_of(table, plan)
    history_swap.forget(table, plan)
    return Step({"log_files_removed": 0}, {"version": str(version)})
