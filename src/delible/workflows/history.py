"""Keep a table's old versions without the due people: find them there, translate, compare, swap, remove the old folder.

Nothing of the table changes before the swap: a run that dies earlier begins the translation anew. The swap is two
renames, which a rerun finishes; the old folder then goes file by file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from delible.errors import BlockedError, ConflictError
from delible.model.plan import History, Stage, TableStep
from delible.model.subject import KeyRole, KeyRow
from delible.model.terms import ErasureAction, Normalise
from delible.workflows.control import Control
from delible.workflows.history_end import end_swap, note_swap
from delible.workflows.journal import Step
from delible.workflows.search import Searched, find_people, refs_of_keys
from delible.workflows.stages import Run
from delible.workflows.treated import Treated, history_kept, version_after

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from delible.lake.find import Found
    from delible.lake.history.log import Banned
    from delible.lake.history.translate import Translation

_ATTEMPTS = 5
"""So often commits of other writers are taken in before the run gives up."""


@dataclass(frozen=True)
class PastSearched:
    """What the old versions hold.

    Args:
        searched: What was found, with what only old versions tell.
        history: Per table whose history is kept, its retained versions; `rows` is 0 where nobody due is in any. None
            where rows are not deleted, or the store is another than this machine's.
    """

    searched: Searched
    history: Mapping[str, History | None]


def search_history(
    spark: SparkSession, control: Control, given: Sequence[KeyRow], tables: Collection[str], *, today: date
) -> PastSearched:
    """Follow all links and paths over the rows of all retained versions, then find what that reaches now.

    Args:
        tables: Whose history is kept.

    Raises:
        BlockedError: `history.outside`, `history.schema`.
        ConflictError: `history.unreadable`.
        InputError: `table.missing`.
    """
    from delible.lake.facts import read, version_of
    from delible.lake.find import find
    from delible.lake.history.find import past_of
    from delible.lake.history.state import is_local

    policies = control.policies
    frames: dict[str, DataFrame] = {}
    past = {}
    for name, location in control.locations().items():
        frames[name] = read(spark, location, version=version_of(spark, location, table=name))
        policy = policies.tables[name]
        deleted = policy.subject and policy.erasure.action is ErasureAction.DELETE_ROW
        if name in tables and deleted and is_local(location):
            past[name] = past_of(spark, policies, name, location, frames[name].schema)
            frames[name] = past[name].rows
    if not past:
        # The same rows as now: one search tells all.
        return PastSearched(find_people(spark, control, given, today=today), dict.fromkeys(tables))
    found = find(spark, policies, frames, given)
    reaching = [k for k in found.keys if k.role in (KeyRole.GIVEN, KeyRole.FOUND)]
    searched = find_people(spark, control, list(dict.fromkeys((*given, *reaching))), today=today)
    history: dict[str, History | None] = dict.fromkeys(tables)
    for name, each in past.items():
        table = found.tables.get(name)
        counts = {"rows": table.due.rows, "files": table.files, "bytes": table.bytes} if table is not None else {}
        history[name] = each.history.model_copy(update=counts)
    return PastSearched(_together(control, searched, found), history)


def _together(control: Control, searched: Searched, past: Found) -> Searched:
    """Return what both searches found: rows as they are now, keys as all versions have them.

    What only the newest version says to be one person's alone may be somebody else's in an old one, which stays.
    """
    now = searched.found
    evidence = {k for k in past.keys if k.role is KeyRole.EVIDENCE}
    keys = tuple(dict.fromkeys(k for k in (*now.keys, *past.keys) if k.role is not KeyRole.EVIDENCE or k in evidence))
    requests = {*past.rows_of, *now.rows_of}
    found = replace(
        now,
        keys=keys,
        shared=tuple(dict.fromkeys((*now.shared, *past.shared))),
        ambiguous=now.ambiguous | past.ambiguous,
        rows_of={r: {**past.rows_of.get(r, {}), **now.rows_of.get(r, {})} for r in requests},
        merging={**now.merging, **past.merging},
    )
    return replace(searched, found=found, refs=refs_of_keys(control, keys))


def treat_history(control: Control, step: TableStep, keys: Sequence[KeyRow], run: Run) -> Treated:
    """Take one table through translation, comparison, swap and removal of the old folder.

    Raises:
        ConflictError: `history.moving` when other writers kept coming between, `history.differs`,
            `history.late_commit`, `history.writer`: nothing is lost, and the same command goes on.
        StalePlanError: `plan.stale` when rows of others that hold an identifier of the due people have come.
    """
    from delible.lake.history import swap as history_swap
    from delible.lake.history.state import folder_of
    from delible.lake.session import forget_log

    thing, table = f"table:{step.table}", folder_of(step.location)
    journal, old = run.journal, history_swap.old_folder(table, run.plan)
    if journal.done(thing, Stage.MERGE) is None:
        last = history_swap.swapped(table, run.plan)
        if last is None:
            run.guard(run, step, Stage.MERGE)
            try:
                run.guard(run, step, Stage.VACUUM)
            except BlockedError as error:
                return Treated(step, held=tuple(error.problems))
            translation = _translated(control, step, keys, run, table)
            journal.begin(thing, Stage.MERGE, {"version": str(translation.last)})
            history_swap.swap(table, run.plan, last=translation.last)
            _take_in_late(run, translation, table, old)
        else:
            history_swap.refuse_late_commit(old, last=last)
        forget_log(run.spark, step.location)
        note_swap(journal, step.table, step)
    if journal.done(thing, Stage.VACUUM) is None:
        # The old folder is the only place where somebody who was put under a hold since has rows: it stays whole.
        try:
            run.guard(run, step, Stage.MERGE)
        except BlockedError as error:
            return Treated(step, held=tuple(error.problems))
    vacuumed, expired = end_swap(run, step.table, table)
    forget_log(run.spark, step.location)
    merged = journal.done(thing, Stage.MERGE)
    counts = merged.counts if merged is not None else {}
    return Treated(
        step,
        rows=counts.get("rows", 0),
        files_rewritten=counts.get("files", 0),
        bytes_rewritten=counts.get("bytes", 0),
        files_removed=vacuumed.counts.get("files_removed", 0),
        log_files_removed=expired.counts.get("log_files_removed", 0),
        version=version_after(journal, thing),
        history=history_kept(journal, thing),
    )


def _translated(control: Control, step: TableStep, keys: Sequence[KeyRow], run: Run, table: Path) -> Translation:
    """Translate and compare until no other writer has come between."""
    from delible.lake.history.compare import compare
    from delible.lake.history.state import Log
    from delible.lake.history.swap import new_folder
    from delible.lake.history.translate import Translation

    thing = f"table:{step.table}"
    run.journal.begin(thing, Stage.TRANSLATE)
    run.progress(f"{step.table}: translating the history")
    banned = _banned(control, step, keys, table)
    translation = Translation(table, new_folder(table, run.plan), banned, run.spark)
    translation.run()
    _refuse_other_count(step, translation)
    for _ in range(_ATTEMPTS):
        run.journal.begin(thing, Stage.COMPARE)
        run.progress(f"{step.table}: comparing {translation.last - translation.first + 1} versions")
        same = compare(
            table, translation.new, first=translation.first, last=translation.last, due=banned.due, spark=run.spark
        )
        if Log.of(table).last == translation.last:
            break
        translation.advance()
    else:
        raise ConflictError(
            "history.moving",
            f"other writers kept changing table '{step.table}' while its history was translated.",
            where=thing,
            fix="The table is as it was. Apply the plan again when they have ended.",
        )
    done = translation.rewritten
    counts = {"rows": translation.removed_rows, "files": len(done), "bytes": sum(d.size for d in done)}
    run.journal.finish(thing, Stage.TRANSLATE, Step(counts, {"dropped": str(translation.dropped)}))
    compared = {"first": translation.first, "versions": same.versions, "rows": same.rows, "changes": same.changes}
    run.journal.finish(thing, Stage.COMPARE, Step(compared))
    return translation


def _refuse_other_count(step: TableStep, translation: Translation) -> None:
    """Refuse to swap when the files lost another number of rows than Spark found in them by a join of its own.

    Raises:
        ConflictError: `history.differs`.
    """
    planned = step.history
    if planned is None or (planned.first, planned.last) != (translation.first, translation.last):
        return
    if planned.rows != translation.removed_rows:
        raise ConflictError(
            "history.differs",
            f"{planned.rows} rows of table '{step.table}' were planned, and {translation.removed_rows} would go.",
            where=f"table:{step.table}",
            fix="The table is as it was. Leave out --keep-history, and report this.",
        )


def _banned(control: Control, step: TableStep, keys: Sequence[KeyRow], table: Path) -> Banned:
    from delible.lake.history.due import Due
    from delible.lake.history.find import stored_names
    from delible.lake.history.log import Banned
    from delible.lake.history.state import retained
    from delible.lake.mentions import telling_numbers, telling_values
    from delible.lake.reach import kind_of
    from delible.lake.search.forms import Needles
    from delible.lake.search.typed_keys import TypedKeys

    policy, controller = control.policies.tables[step.table], control.policies.controller
    names = stored_names(retained(table).newest.schema)
    reaching = [k for k in keys if k.role in (KeyRole.GIVEN, KeyRole.FOUND)]
    owned = {k.request for k in reaching if k.kind == controller.subject}

    def by_column(some: Sequence[KeyRow]) -> Iterator[tuple[str, TypedKeys]]:
        for reach in policy.subject:
            kind = kind_of(policy, reach)
            how = controller.identifiers[kind].normalise if kind in controller.identifiers else Normalise.EXACT
            values = frozenset(k.value for k in some if k.kind == kind)
            if values:
                yield names.get(reach.column.lower(), reach.column), TypedKeys(values, how)

    owners = [r.column.lower() for r in policy.subject if r.identifies == controller.subject]
    due = Due(
        tuple(by_column(reaching)),
        frozenset(names.get(column, column).lower() for column in owners),
        tuple(by_column([k for k in reaching if k.request not in owned])),
    )
    needles = Needles(telling_values(keys, controller), telling_numbers(keys, controller))
    return Banned(needles, frozenset(k.value.lower() for k in keys), due)


def _take_in_late(run: Run, translation: Translation, table: Path, old: Path) -> None:
    """Take in a commit that a writer made in the instant between the last look and the swap.

    Raises:
        ConflictError: `history.late_commit` when another writer has taken its number in the new folder already, or it
            cannot be translated.
    """
    from delible.lake.history.swap import late_commit, note

    translation.old, translation.new = old, table
    try:
        if translation.advance():
            note(table, run.plan, translation.last)
    except (FileExistsError, BlockedError):
        raise late_commit(old, translation.last + 1) from None


def work_of(control: Control, step: TableStep, keys: Sequence[KeyRow]) -> Callable[[Run], Treated] | None:
    """Return what does all stages of a step whose table keeps its history; None for any other."""
    return None if step.history is None else partial(treat_history, control, step, keys)
