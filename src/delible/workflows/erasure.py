"""Apply an erasure plan: delete, purge, expire, search every byte, certify.

Find wholly, then forget. Every step is in the ledger before and after it, is done once, and can be run again after a
crash: the same command then goes on where the other one ended.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from delible.model.cost import TableComparison
from delible.model.plan import ErasurePlan, TableStep
from delible.model.proof import Verification
from delible.model.record import AuditRecord
from delible.model.request import Request
from delible.model.subject import KeyRole, KeyRow, own_keys
from delible.model.terms import Regime, RequestState
from delible.store.plans import check_seal
from delible.store.workspace import Workspace
from delible.workflows.access_files import remove_packages
from delible.workflows.clock import Clock
from delible.workflows.clones import refuse_clones
from delible.workflows.control import Control
from delible.workflows.erasure_end import Conclusion, close, erasure_journal
from delible.workflows.erasure_fit import (
    RUNNABLE,
    refuse_held,
    refuse_held_people,
    refuse_moved_tables,
    refuse_other_columns,
    refuse_overtaken,
)
from delible.workflows.estimates import comparisons, expected
from delible.workflows.exceptions import has_ended, is_finished
from delible.workflows.file_lists import record_removed
from delible.workflows.held import held_refs, stopping_holds
from delible.workflows.history import search_history, work_of
from delible.workflows.history_left import end_left, finish_renames
from delible.workflows.journal import Step
from delible.workflows.late import Latecomers, Rewrite
from delible.workflows.lineage_events import erasure_run
from delible.workflows.notices import prepare_notices, queue_after
from delible.workflows.search import Searched, every_ref, find_people, protected_rows, refs_of_keys
from delible.workflows.spark import alone, session_for
from delible.workflows.stages import Run, Work, treat_tables
from delible.workflows.treated import Treated, reported
from delible.workflows.unfinished import keep_plan

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

S = RequestState


@dataclass(frozen=True)
class Erased:
    """Where the plan stands after this run.

    Args:
        verification: The byte search, or None while tables wait for their windows.
        releases: Dataset releases that were cut before and hold somebody of the requests, or cannot tell.
        letters: Answers to data subjects of whose rows exceptions keep something, by request.
    """

    plan: ErasurePlan
    requests: tuple[Request, ...]
    tables: tuple[Treated, ...]
    verification: Verification | None
    releases: tuple[str, ...] = ()
    letters: Mapping[str, Path] = field(default_factory=dict)

    @property
    def compared(self) -> tuple[TableComparison, ...]:
        """What the tables cost beside what the plan expected."""
        return comparisons(self.plan, self.tables)


def apply_erasure(
    workspace: Workspace,
    plan: ErasurePlan,
    *,
    actor: str,
    now: datetime,
    searched: Searched | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Erased:
    """Carry out a plan, or go on with it; a finished plan is only reported.

    Args:
        searched: What planning found, when it was just now; it holds as long as no table has moved, which is checked.

    Raises:
        PlanError: `plan.edited`.
        StalePlanError: `plan.stale` when policies, tables or requests have moved; nothing has changed then.
        BlockedError: `request.held`, `table.held`; what no hold keeps has been done by then, once rows were touched.
        ResidueError: `erasure.residue` with the places at which identifiers still stand; requests of whom nothing
            stands have ended then.
        ConflictError: `workspace.busy`; `history.left` for a folder that an unknown plan has left beside a table.
    """
    control = Control(workspace)
    check_seal(plan, control.keys)
    with alone(workspace), ExitStack() as recording:
        finish_renames(control)
        requests = control.requests.named([r.id for r in plan.requests])
        clock = Clock(now)
        journal = erasure_journal(control, plan, actor, clock)
        if is_finished(plan, requests):
            progress("This plan was carried out before: nothing is done now, what it did is told again.")
            # A run that died after its last step may have left identifiers, an unwritten record and recipients untold.
            control.requests.reconcile()
            control.requests.sweep(clock())
            ended = [r.id for r in requests]
            queue_after(control, ended, actor=actor, now=clock(), progress=progress)
            control.notices.reconcile()
            close(control, journal, plan)
            return Erased(plan, tuple(requests), tuple(reported(journal, s) for s in plan.tables), None)
        # Of a plan that left residue with some, or in tables that a hold keeps, the others have ended.
        requests = [r for r in requests if not has_ended(plan, r)]
        refuse_overtaken(control, journal, plan, requests, clock())
        lineage = recording.enter_context(erasure_run(workspace, plan, control.policies, clock))
        spark = session_for(workspace)
        guard = partial(refuse_held, control, plan, clock)
        run = Run(
            spark, journal, clock, plan.id, plan.immediate, progress, guard, partial(record_removed, workspace, plan.id)
        )
        refuse_moved_tables(control, run, plan, just_searched=searched is not None)
        refuse_clones(control, {s.table: s.location for s in plan.tables if s.stages})
        end_left(control, run, actor)
        found = _found(control, run, plan, requests, searched)
        keep_plan(workspace, plan)
        journal.begin("all", "apply", {"requests": str(len(requests))})
        _start(control, requests, actor, clock())
        keys = _keys(control, run, plan, requests, found, actor)
        own = refs_of_keys(control, keys)
        # Now, and not when all is done: a copy of somebody must not lie there while their erasure waits for its window.
        remove_packages(control, {ref for refs in own.values() for ref in refs}, now=clock(), actor=actor)
        held = protected_rows(spark, control, _frames(run, control)) if held_refs(control) else {}
        regimes = {r.id: r.regime for r in requests}

        def rewrite(own: Run, step: TableStep, due: Sequence[KeyRow], mark: str) -> Step:
            return _rewrite(control, own, step, due, regimes, held.get(step.table), mark)

        work = [
            Work(
                s,
                partial(_first, control, plan, s, keys, rewrite),
                f"table:{s.table}",
                expected(plan, s),
                work_of(control, s, keys),
            )
            for s in plan.tables
        ]
        tables = control.policies.tables
        treat_tables(replace(run, removing=False), work, tables, skip_held=True)
        keys = Latecomers(control, run, plan, requests, keys, rewrite).erase()
        own = refs_of_keys(control, keys)
        treated = treat_tables(run, work, tables, skip_held=True)
        end = Conclusion(control, run, plan, tuple(requests), treated, keys, own, actor, lineage).conclude()
        return Erased(plan, end.requests, treated, end.verification, end.releases, end.letters)


def _start(control: Control, requests: Sequence[Request], actor: str, now: datetime) -> None:
    waiting = [r.id for r in requests if r.state in RUNNABLE - {S.IN_PROGRESS}]
    if waiting:
        control.requests.transition_all(waiting, S.IN_PROGRESS, actor=actor, now=now)


def _found(
    control: Control, run: Run, plan: ErasurePlan, requests: Sequence[Request], known: Searched | None
) -> Searched | None:
    """Return what the requests reach, or None when this plan has found it before.

    Raises:
        BlockedError: `request.held` when somebody has been put under a hold since the plan was made, be it by an
            identifier that only the search reveals.
    """
    if run.journal.done("all", "find") is not None:
        return None
    given = own_keys(control.requests.vault.get([r.id for r in requests]))
    kept = {step.table for step in plan.tables if step.history is not None}
    if known is None and kept:
        known = search_history(run.spark, control, given, kept, today=run.clock().date()).searched
    searched = known or find_people(run.spark, control, given)
    refuse_held_people(every_ref(control, searched.found), stopping_holds(control))
    return searched


def _keys(
    control: Control, run: Run, plan: ErasurePlan, requests: Sequence[Request], searched: Searched | None, actor: str
) -> list[KeyRow]:
    """Return all keys of the run but shared ones, stored once and kept encrypted until the requests end.

    After the first table has been rewritten they could no longer be found.
    """
    ids = [r.id for r in requests]
    vault = control.requests.vault
    if searched is not None:
        run.journal.once("all", "find", partial(_stored, control, run, plan, ids, searched, actor))
    return own_keys(vault.get(ids))


def _stored(
    control: Control,
    run: Run,
    plan: ErasurePlan,
    ids: Sequence[str],
    searched: Searched,
    actor: str,
    _: AuditRecord,
) -> Step:
    vault, kind = control.requests.vault, _salt_kind(run.plan)
    # A run that died before the record may have stored one: two salts would give one person two pseudonyms.
    known = any(row.kind == kind for row in vault.get(ids))
    salt = [] if known else [KeyRow(ids[0], kind, secrets.token_hex(32), KeyRole.FOUND)]
    vault.put([*searched.found.keys, *searched.found.shared, *salt], run.clock())
    control.requests.add_all_refs(searched.refs, run.clock(), evidence=searched.found.paths)
    own = own_keys(control.requests.vault.get(ids))
    # A recipient of what stays as it is has nothing to do.
    stays = {s.table for s in plan.tables if s.kept_rows and not s.stages}
    reached = {request: set(rows) - stays for request, rows in searched.found.rows_of.items()}
    prepare_notices(control, reached, own, actor=actor, now=run.clock())
    # A run that died here has left its salt among the keys, and the next one finds it there.
    return Step({"keys": sum(key.kind != kind for key in searched.found.keys)})


def _salt_kind(plan: str) -> str:
    return f"plan.{plan}.salt"


def _first(
    control: Control, plan: ErasurePlan, step: TableStep, keys: Sequence[KeyRow], rewrite: Rewrite, run: Run
) -> Step:
    """Rewrite a table's rows for the first time, if its columns are still those of the plan."""
    refuse_other_columns(control, run, plan, step)
    return rewrite(run, step, keys, run.mark(step.table))


def _rewrite(
    control: Control,
    run: Run,
    step: TableStep,
    keys: Sequence[KeyRow],
    regimes: Mapping[str, Regime],
    protected: DataFrame | None,
    mark: str,
) -> Step:
    from delible.lake.columns import pads_of
    from delible.lake.erase import done_under, erase_rows, marked, mask_mentions, rows_under

    policy, controller = control.policies.tables[step.table], control.policies.controller
    masking = f"{mark}:mentions"
    # A later plan may have ended the request that the salt was stored with.
    salt = next((k.value for k in keys if k.kind == _salt_kind(run.plan)), None) or secrets.token_hex(32)
    if step.rows:
        erase_rows(
            run.spark,
            step.location,
            policy,
            controller,
            keys,
            pads_of(bytes.fromhex(salt)),
            exceptions=[control.policies.exceptions[name] for name in step.exceptions],
            regimes=regimes,
        )
    if step.mentions:
        with marked(run.spark, masking):
            mask_mentions(run.spark, step.location, policy, controller, keys, protected)
    done = done_under(step.location, (mark, masking), step.version)
    mentions = rows_under(step.location, (masking,), step.version)
    return Step(
        {
            "rows": done.rows - mentions,
            "shared_rows": step.shared_rows,
            "kept_rows": step.kept_rows,
            "mentions": mentions,
            "held_mentions": step.held_mentions,
            "files": done.files,
            "bytes": done.bytes,
            "bytes_replaced": done.replaced,
        },
        {"action": step.action, "version": str(step.version)},
    )


def _frames(run: Run, control: Control) -> dict[str, DataFrame]:
    from delible.lake.facts import read

    return {name: read(run.spark, location) for name, location in control.locations().items()}
