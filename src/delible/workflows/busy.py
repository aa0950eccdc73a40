"""A stage of a table that others write to: done anew until they are quiet, or given up with a record."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from delible.errors import ConflictError
from delible.workflows.journal import Step

if TYPE_CHECKING:
    from delible.workflows.stages import Run

T = TypeVar("T")


def undisturbed(run: Run, thing: str, stage: str, work: Callable[[], T]) -> T:
    """Do a stage's work, anew whenever another writer of the table came first.

    Raises:
        ConflictError: `table.busy` when others kept coming; the ledger then has the stage as waiting.
    """
    from delible.lake.conflicts import patiently

    table = thing.removeprefix("table:").partition("/")[0]

    def again(attempt: int, kind: str) -> None:
        run.progress(f"{table}: another writer came first ({kind}); {stage} is tried again after attempt {attempt}")

    try:
        return patiently(work, table=table, again=again)
    except ConflictError as error:
        if error.code == "table.busy":
            run.journal.note(thing, stage, "waiting", Step({}, {"for": "a quiet moment"}))
        raise
