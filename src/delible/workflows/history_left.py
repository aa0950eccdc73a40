"""What plans that nobody goes on with have left beside tables whose history they kept.

The old folder has the rows of everybody, and nothing but its own plan would look for it again. So whichever erasure
comes next ends the swap first, as that plan would have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from delible.errors import BlockedError, ConflictError
from delible.model.plan import ErasurePlan, Stage
from delible.workflows.control import Control
from delible.workflows.erasure_fit import refuse_held
from delible.workflows.history_end import end_swap, note_swap
from delible.workflows.journal import Journal
from delible.workflows.stages import Run
from delible.workflows.unfinished import begun_plans


def finish_renames(control: Control) -> None:
    """Put a translation in its table's place where a run was killed between the two renames: there is no table."""
    from delible.lake.history.swap import left_beside, swapped

    for _, table in _local_tables(control):
        for plan, left in left_beside(table).items():
            if "old" in left and not table.exists():
                swapped(table, plan)


def end_left(control: Control, run: Run, actor: str) -> None:
    """Remove translations and old folders that other plans have left, in their plans' name.

    An old folder stays while a hold covers somebody of its plan: the byte search says so.

    Raises:
        ConflictError: `history.left` for folders of a plan that the ledger does not know; `history.late_commit`,
            `history.writer` as for the plan itself.
    """
    from delible.lake.history import swap as history_swap
    from delible.lake.session import forget_log

    for name, table in _local_tables(control):
        for plan, left in history_swap.left_beside(table).items():
            if plan == run.plan:
                continue
            folders = sorted(left & {"new", "old", "gone"})
            if folders and not control.ledger.records(object_prefix=f"plan:{plan}/"):
                raise ConflictError(
                    "history.left",
                    f"beside table '{name}' lies what a plan has left that this workspace's ledger does not know.",
                    where=str(history_swap.beside(table, plan, folders[0])),
                    fix="It may hold rows of anybody. Apply that plan where it was made, or remove the folder.",
                )
            if left & {"old", "gone"}:
                forget_log(run.spark, str(table))
                if not _ended(control, _as_run_of(control, run, plan, actor), name, table):
                    continue
            run.progress(f"{name}: removing what plan {plan} has left")
            history_swap.remove(history_swap.new_folder(table, plan))
            history_swap.forget(table, plan)


def _ended(control: Control, run: Run, name: str, table: Path) -> bool:
    """End another plan's swap; return whether it is over."""
    from delible.lake.history import swap as history_swap

    own = [p for p in begun_plans(control.workspace) if isinstance(p, ErasurePlan) and p.id == run.plan]
    try:
        for plan in own:
            refuse_held(control, plan, run.clock)
    except BlockedError as error:
        run.progress(f"{name}: the old folder of plan {run.plan} stays: {error.message}")
        return False
    if run.journal.done(f"table:{name}", Stage.MERGE) is None:
        old = history_swap.old_folder(table, run.plan)
        history_swap.refuse_late_commit(old, last=history_swap.last_of(table, run.plan))
        note_swap(run.journal, name, next((s for p in own for s in p.tables if s.table == name), None))
    end_swap(run, name, table)
    return True


def _as_run_of(control: Control, run: Run, plan: str, actor: str) -> Run:
    """Return the run under another plan's name, so that its journal says what became of it."""
    policy = control.policies.fingerprint
    journal = Journal(control.ledger, run=f"plan:{plan}", verb="erasure", actor=actor, policy=policy, clock=run.clock)
    return replace(run, plan=plan, journal=journal)


def _local_tables(control: Control) -> Iterator[tuple[str, Path]]:
    """Yield the tables in this machine's file system: only their folders are ever swapped."""
    from delible.lake.history.state import folder_of, is_local

    for name, location in control.locations().items():
        if is_local(location):
            yield name, folder_of(location)
