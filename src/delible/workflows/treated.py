"""What a run did to a table so far, by the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from delible.errors import Problem
from delible.model.plan import Stage, TableStep
from delible.model.proof import KeptHistory
from delible.model.terms import RectificationAction
from delible.plan.rates import MILLISECONDS
from delible.workflows.journal import Journal


@dataclass(frozen=True)
class Treated:
    """What a run did to a table so far.

    Args:
        version: The table's version after log expiry; None before that, and for tables that are kept.
        files_purged: Files that the purge rewrote.
        bytes_rewritten: Bytes that MERGE and purge wrote.
        bytes_replaced: Bytes of the files that these took the place of.
        leftovers_removed: Files of failed writes that VACUUM does not look at.
        unnamed_left: Data files that no log entry names and that stay: too young, or of a write under way.
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
    leftovers_removed: int = 0
    unnamed_left: int = 0
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


def reported(journal: Journal, step: TableStep) -> Treated:
    """Return what the ledger says was done to a table."""
    return treated_by(journal, step, f"table:{step.table}")


def treated_by(journal: Journal, step: TableStep, thing: str) -> Treated:
    """Return the same for one of a plan's things, such as one rule on a table."""

    def counts(stage: Stage) -> dict[str, int]:
        record = journal.done(thing, stage)
        return record.counts if record is not None else {}

    def milliseconds(*stages: Stage) -> int | None:
        took = [counts(stage).get(MILLISECONDS) for stage in stages]
        return sum(t for t in took if t is not None) if None not in took else None

    merged, purged = counts(Stage.MERGE), counts(Stage.PURGE)
    late = [record.counts for record in journal.rounds(thing, Stage.LATE)]

    def rewritten(name: str) -> int:
        return sum(each.get(name, 0) for each in (merged, *late))

    return Treated(
        step,
        rows=rewritten("rows"),
        mentions=rewritten("mentions"),
        files_rewritten=rewritten("files"),
        files_purged=purged.get("files", 0),
        bytes_rewritten=rewritten("bytes") + purged.get("bytes", 0),
        bytes_replaced=rewritten("bytes_replaced") + purged.get("bytes_replaced", 0),
        rewriting=milliseconds(Stage.MERGE, Stage.PURGE),
        removing=milliseconds(Stage.VACUUM, Stage.EXPIRE_LOG),
        files_removed=counts(Stage.VACUUM).get("files_removed", 0),
        log_files_removed=counts(Stage.EXPIRE_LOG).get("log_files_removed", 0),
        leftovers_removed=counts(Stage.EXPIRE_LOG).get("leftovers_removed", 0),
        unnamed_left=counts(Stage.EXPIRE_LOG).get("unnamed_left", 0),
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


def version_after(journal: Journal, thing: str) -> int | None:
    """Return a table's version behind its log expiry, by the ledger; None before."""
    expired = journal.done(thing, Stage.EXPIRE_LOG)
    return int(expired.detail["version"]) if expired is not None else None
