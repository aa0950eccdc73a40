"""Apply corrections: one MERGE per table, purge, expire, and search for what was wrong (Art. 16, §1798.106).

The stages are those of an erasure: the old value must not be read any more from an older version, a log or a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from delible.errors import BlockedError, DelibleError, ResidueError
from delible.model.cost import TableComparison
from delible.model.lineage import LineageRun
from delible.model.plan import RectificationPlan, RectificationStep
from delible.model.proof import Verification
from delible.model.record import AuditEntry, AuditRecord
from delible.model.rectification import Change, changes_of
from delible.model.request import ENDED, Request
from delible.model.subject import KeyRole, KeyRow, own_keys
from delible.model.terms import RequestState
from delible.store.members import releases_with
from delible.store.plans import check_seal
from delible.store.workspace import Workspace
from delible.workflows.access_files import remove_packages
from delible.workflows.clock import Clock
from delible.workflows.control import Control
from delible.workflows.dataset_publish import register_all_shown
from delible.workflows.erasure_fit import (
    RUNNABLE,
    refuse_held,
    refuse_moved_tables,
    refuse_overtaken,
)
from delible.workflows.journal import Journal, Step
from delible.workflows.lineage_events import describe_rectification, rectification_run
from delible.workflows.notices import prepare_notices, queue_after
from delible.workflows.rectification_holds import refuse_held_corrections
from delible.workflows.rectification_proof import search_old_values
from delible.workflows.rectification_search import Meant, find_meaning
from delible.workflows.search import every_ref, refs_of_keys
from delible.workflows.spark import alone, session_for
from delible.workflows.stages import Run, Work, treat_tables
from delible.workflows.succession import carry_over, moved_identifiers, undecided
from delible.workflows.treated import Treated, reported
from delible.workflows.unfinished import forget_plan, keep_plan, overtaken_rectifications

S = RequestState


@dataclass(frozen=True)
class Rectified:
    """Where the plan stands after this run; as `workflows.erasure.Erased`."""

    plan: RectificationPlan
    requests: tuple[Request, ...]
    tables: tuple[Treated, ...]
    verification: Verification | None
    releases: tuple[str, ...] = ()

    @property
    def compared(self) -> tuple[TableComparison, ...]:
        """Nothing: what corrections cost is not estimated."""
        return ()


def apply_rectification(
    workspace: Workspace,
    plan: RectificationPlan,
    *,
    actor: str,
    now: datetime,
    meant: Meant | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Rectified:
    """Carry out a plan, or go on with it; a finished plan is only reported.

    Args:
        workspace: Where.
        plan: What.
        actor: Who.
        now: When.
        meant: What planning found, when it was just now.
        progress: Told what is being done.

    Raises:
        PlanError: `plan.edited`.
        StalePlanError: `plan.stale` when policies, tables or requests have moved; nothing has changed then.
        BlockedError: `request.held`, `table.held`, `rectification.open_request`.
        ResidueError: `rectification.residue` with the places at which an old value still stands.
        ConflictError: `workspace.busy`.
    """
    control = Control(workspace)
    check_seal(plan, control.keys)
    with alone(workspace), ExitStack() as recording:
        requests = control.requests.named([r.id for r in plan.requests])
        clock = Clock(now)
        journal = Journal(
            control.ledger,
            run=f"plan:{plan.id}",
            verb="rectification",
            actor=actor,
            policy=plan.policy_fingerprint,
            clock=clock,
        )
        if all(r.state is S.COMPLETED for r in requests):
            control.requests.reconcile()
            control.requests.sweep(clock())
            queue_after(control, [r.id for r in requests], actor=actor, now=clock(), progress=progress)
            control.notices.reconcile()
            _close(control, journal, plan)
            return Rectified(plan, tuple(requests), tuple(reported(journal, s) for s in plan.tables), None)
        refuse_overtaken(control, journal, plan, requests, clock())
        lineage = recording.enter_context(rectification_run(workspace, plan, control.policies, clock))
        run = Run(
            session_for(workspace),
            journal,
            clock,
            plan.id,
            plan.immediate,
            progress,
            partial(refuse_held, control, plan, clock),
        )
        refuse_moved_tables(control, run, plan)
        if journal.done("all", "find") is None:
            begun = {r.id for p in overtaken_rectifications(workspace, plan) for r in p.requests}
            meant = meant or find_meaning(run.spark, control, requests, begun=begun)
            refuse_held_corrections(control, plan, clock(), every_ref(control, meant.searched.found))
            _refuse_undecided(control, meant, [r.id for r in requests])
        keep_plan(workspace, plan)
        journal.begin("all", "apply", {"requests": str(len(requests))})
        waiting = [r.id for r in requests if r.state in RUNNABLE - {S.IN_PROGRESS}]
        if waiting:
            control.requests.transition_all(waiting, S.IN_PROGRESS, actor=actor, now=clock())
        if meant is not None:
            journal.once("all", "find", partial(_stored, control, run, requests, meant, actor))
        kept = control.requests.vault.get([r.id for r in requests])
        keys, changes = own_keys(kept), changes_of(kept)
        work = [Work(s, partial(_rewrite, control, s, keys, changes), f"table:{s.table}") for s in plan.tables]
        try:
            treated = treat_tables(run, work, control.policies.tables)
        except DelibleError:
            # A table that is stopped, such as by a hold, does not keep waiting what came in meanwhile.
            _carry_again(control, run, plan, kept, actor)
            raise
        _carry_again(control, run, plan, kept, actor)
        return _conclude(control, run, plan, requests, treated, kept, actor, lineage)


def _refuse_undecided(control: Control, meant: Meant, planned: Sequence[str]) -> None:
    changes = (c for group in meant.changes.values() for c in group)
    moved = moved_identifiers(control, meant.searched.found.keys, meant.searched.found.shared, changes)
    problems = undecided(control, moved, planned)
    if problems:
        raise BlockedError.of(tuple(problems.values()))


def _stored(control: Control, run: Run, requests: Sequence[Request], meant: Meant, actor: str, _: AuditRecord) -> Step:
    """Keep keys and changes before the first row changes: afterwards nobody could tell what was wrong."""
    found, now = meant.searched.found, run.clock()
    changes = [c for group in meant.changes.values() for c in group]
    control.requests.vault.put([*found.keys, *found.shared, *(c.key() for c in changes)], now)
    for request, refs in meant.searched.refs.items():
        control.requests.add_refs(request, refs, now)
    own = own_keys(control.requests.vault.get([r.id for r in requests]))
    moved = moved_identifiers(control, found.keys, found.shared, changes)
    left = carry_over(control, moved, own, actor=actor, now=now)
    if left:
        run.progress(f"{left} consent(s) under a corrected identifier may be somebody else's: ask the person again")
    reached = {r: {c.table for c in group} for r, group in meant.changes.items() if group}
    prepare_notices(control, reached, own, actor=actor, now=now)
    counts = {"keys": len(found.keys), "changes": len(changes), "consents_left": left}
    return Step(counts, {"rebuild": ",".join(meant.rebuild)})


def _carry_again(control: Control, run: Run, plan: RectificationPlan, kept: list[KeyRow], actor: str) -> None:
    """Carry over what came in under the old identifiers while the rows were being corrected, once they are right.

    Nobody who submits an objection waits for a run, and a run may take hours, or a retention window. So each run does
    it, and once more at the end: afterwards the old identifiers are forgotten.
    """
    shared = [k for k in kept if k.role is KeyRole.SHARED]
    moved = moved_identifiers(control, own_keys(kept), shared, changes_of(kept))
    merged = [run.journal.done(f"table:{s.table}", "merge") for s in plan.tables if s.stages]
    until = max((record.at for record in merged if record is not None), default=None)
    if not moved or until is None:
        return
    left = carry_over(control, moved, own_keys(kept), actor=actor, now=run.clock(), corrected=until)
    if all(merged):
        run.journal.finish("all", "carry", Step({"consents_left": left}))


def _rewrite(
    control: Control, step: RectificationStep, keys: Sequence[KeyRow], changes: Sequence[Change], run: Run
) -> Step:
    from delible.lake.erase import done_under
    from delible.lake.rectify import rectify

    here = [c for c in changes if c.table == step.table]
    policy = control.policies.tables[step.table]
    rectify(run.spark, step.location, policy, control.policies.controller, keys, here)
    done = done_under(step.location, run.marks(step.table), step.version)
    return Step(
        {"rows": done.rows, "files": done.files, "bytes": done.bytes, "bytes_replaced": done.replaced},
        {"action": step.action, "version": str(step.version), "columns": ",".join(step.columns)},
    )


def _conclude(
    control: Control,
    run: Run,
    plan: RectificationPlan,
    requests: Sequence[Request],
    treated: tuple[Treated, ...],
    kept: list[KeyRow],
    actor: str,
    lineage: LineageRun,
) -> Rectified:
    ids, keys, changes = [r.id for r in requests], own_keys(kept), changes_of(kept)
    describe_rectification(lineage, plan, control.policies, treated)
    if any(t.waiting_until is not None for t in treated):
        after = control.requests.transition_all(ids, S.WAITING_RETENTION_WINDOW, actor=actor, now=run.clock())
        return Rectified(plan, tuple(after), treated, None)
    own = refs_of_keys(control, keys)
    remove_packages(control, [ref for refs in own.values() for ref in refs], now=run.clock(), actor=actor)
    run.progress("searching for the old values")
    verification = search_old_values(control, plan.tables, keys, changes, now=run.clock())
    describe_rectification(lineage, plan, control.policies, treated, verification)
    counts = verification.counts
    run.journal.begin("all", "verify")
    if not verification.clean:
        run.journal.note("all", "verify", "failed", Step(counts))
        control.requests.transition_all(ids, S.PARTLY_COMPLETED, actor=actor, now=run.clock())
        places = (*(m.place for m in verification.matches), *verification.unreadable)
        raise ResidueError(
            "rectification.residue",
            f"an old value still stands at {len(verification.matches)} place(s); "
            f"{len(verification.unreadable)} file(s) could not be read.",
            where=", ".join(places[:5]),
            fix="Correct what stands in other columns with a request of its own, remove anything else, and apply this "
            "plan again.",
        )
    run.journal.finish("all", "verify", Step(counts))
    whose = {r.id: own.get(r.id, ()) for r in plan.requests}
    register_all_shown(control.workspace, control.keys, actor=actor, now=run.clock())
    holding = releases_with(control.workspace, whose, key_version=control.keys.version)
    releases = {*holding.unknown, *(name for names in holding.inside.values() for name in names)}
    # A run that died here has closed them already.
    closed = {
        r.object for r in control.ledger.records(action_prefix="rectification.close") if r.detail.get("plan") == plan.id
    }
    entries = [
        _closing(plan, r.id, r.rows, counts, len(holding.inside.get(r.id, ())), changes, actor)
        for r in plan.requests
        if f"request:{r.id}" not in closed
    ]
    control.ledger.append(entries, run.clock())
    _carry_again(control, run, plan, kept, actor)
    after = control.requests.transition_all(ids, S.COMPLETED, actor=actor, now=run.clock())
    queue_after(control, ids, actor=actor, now=run.clock(), progress=run.progress)
    _close(control, run.journal, plan)
    return Rectified(plan, tuple(after), treated, verification, tuple(sorted(releases)))


def _closing(
    plan: RectificationPlan,
    request: str,
    rows: Mapping[str, int],
    counts: Mapping[str, int],
    releases: int,
    changes: Sequence[Change],
    actor: str,
) -> AuditEntry:
    """Return the closing record of one request: what was corrected where, how it was proven, and no value."""
    own = [c for c in changes if c.request == request]
    proofs = {f"proof.{p}": sum(c.proof == p for c in own) for p in ("bytes", "column", "rows")}
    return AuditEntry(
        actor=actor,
        action="rectification.close",
        object=f"request:{request}",
        outcome="done",
        counts={**counts, **{f"rows.{t}": n for t, n in rows.items()}, **proofs, "releases": releases},
        detail={
            "plan": plan.id,
            "policy": plan.policy_fingerprint[:16],
            "columns": ",".join(sorted({c.kind for c in own})),
            "rebuild": ",".join(plan.rebuild),
        },
    )


def _close(control: Control, journal: Journal, plan: RectificationPlan) -> None:
    journal.finish("all", "apply", Step({"requests": len(plan.requests)}))
    if all(r.state in ENDED for r in control.requests.named([r.id for r in plan.requests])):
        for each in (*overtaken_rectifications(control.workspace, plan), plan):
            forget_plan(control.workspace, each)
