"""Apply an erasure plan: delete, purge, expire, search every byte, certify.

Find wholly, then forget. Every step is in the ledger before and after it, is done once, and can be run again after a
crash: the same command then goes on where the other one ended.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from delible.decide.holds import hold_on
from delible.errors import BlockedError, ResidueError, StalePlanError
from delible.model.plan import ErasurePlan, TableStep
from delible.model.proof import Verification
from delible.model.record import AuditRecord
from delible.model.request import Request
from delible.model.subject import KeyRole, KeyRow
from delible.model.terms import RequestState, Right
from delible.store.plans import check_seal
from delible.store.workspace import Workspace
from delible.workflows.access import remove_packages
from delible.workflows.certificates import certify
from delible.workflows.clock import Clock
from delible.workflows.control import Control
from delible.workflows.erasure_plan import refuse_held_tables
from delible.workflows.journal import Journal, Step
from delible.workflows.lineage_events import erasure_events
from delible.workflows.search import Searched, find_people
from delible.workflows.spark import alone, session_for
from delible.workflows.stages import Run, Treated, treat
from delible.workflows.unfinished import forget_plan, keep_plan
from delible.workflows.verification import search_everything

S = RequestState
_AGAIN = "Make a new plan with: delible erasure plan"
_RUNNABLE = frozenset({S.SCHEDULED, S.IN_PROGRESS, S.WAITING_RETENTION_WINDOW, S.PARTLY_COMPLETED})


@dataclass(frozen=True)
class Erased:
    """Where the plan stands after this run.

    Args:
        verification: The byte search, or None while tables wait for their windows.
    """

    plan: ErasurePlan
    requests: tuple[Request, ...]
    tables: tuple[Treated, ...]
    verification: Verification | None


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
        BlockedError: `request.held`.
        ResidueError: `erasure.residue` with the places at which identifiers still stand.
        ConflictError: `workspace.busy`.
    """
    control = Control(workspace)
    check_seal(plan, control.keys)
    with alone(workspace):
        requests = [control.requests.get(r.id) for r in plan.requests]
        clock = Clock(now)
        journal = Journal(
            control.ledger,
            run=f"plan:{plan.id}",
            verb="erasure",
            actor=actor,
            policy=plan.policy_fingerprint,
            clock=clock,
        )
        if all(r.state is S.COMPLETED for r in requests):
            _close(control, journal, plan)
            return Erased(plan, tuple(requests), tuple(_reported(journal, s) for s in plan.tables), None)
        _still_fits(control, journal, plan, requests, clock())
        spark = session_for(workspace)
        run = Run(spark, journal, clock, plan.id, plan.immediate, progress)
        _tables_still_fit(control, run, plan)
        found = _found(control, run, requests, searched)
        keep_plan(workspace, plan)
        journal.begin("all", "apply", {"requests": str(len(requests))})
        _start(control, requests, actor, clock())
        keys = _keys(control, run, requests, found)
        treated = tuple(treat(run, step, partial(_rewrite, run, control, step, keys)) for step in plan.tables)
        return _conclude(control, run, plan, requests, treated, keys, actor)


def _still_fits(
    control: Control, journal: Journal, plan: ErasurePlan, requests: Sequence[Request], today: datetime
) -> None:
    """Refuse a plan that policies, requests or holds have overtaken.

    Once all rows are rewritten the policies may change: what is left is to remove the bytes, and a request must not
    wait for ever because somebody edited a file during its window. A hold stops whatever is left, at any time.
    """
    merged = all(journal.done(f"table:{s.table}", "merge") is not None for s in plan.tables if s.stages)
    if plan.policy_fingerprint != control.policies.fingerprint and not (merged and journal.done("all", "find")):
        raise StalePlanError(
            "plan.stale", "the policies have changed since the plan was made.", where=f"plan {plan.id}", fix=_AGAIN
        )
    active = control.holds.active()
    for request in requests:
        where = f"request:{request.id}"
        if request.state not in _RUNNABLE or request.right is not Right.ERASURE:
            raise StalePlanError(
                "plan.stale", f"a planned request is now in state '{request.state}'.", where=where, fix=_AGAIN
            )
        hold = hold_on(request.refs, active)
        if hold is not None:
            raise BlockedError("request.held", f"legal hold {hold.id} covers the data subject.", where=where)
    refuse_held_tables(control.policies, [s.table for s in plan.tables if s.stages], today)


def _tables_still_fit(control: Control, run: Run, plan: ErasurePlan) -> None:
    """Refuse when a table is at another version than the plan saw, unless this plan has begun to rewrite it."""
    from delible.lake.facts import version_of

    if run.journal.done("all", "find") is not None:
        return
    locations = control.locations()
    for name, seen in plan.seen.items():
        version = version_of(run.spark, locations[name], table=name)
        if version != seen:
            raise StalePlanError(
                "plan.stale",
                f"table '{name}' was planned at version {seen} and is now at {version}.",
                where=f"table:{name}",
                fix=_AGAIN,
            )


def _start(control: Control, requests: Sequence[Request], actor: str, now: datetime) -> None:
    waiting = [r.id for r in requests if r.state in _RUNNABLE - {S.IN_PROGRESS}]
    if waiting:
        control.requests.transition_all(waiting, S.IN_PROGRESS, actor=actor, now=now)


def _found(control: Control, run: Run, requests: Sequence[Request], known: Searched | None) -> Searched | None:
    """Return what the requests reach, or None when this plan has found it before.

    Raises:
        BlockedError: `request.held` when somebody has been put under a hold since the plan was made, be it by an
            identifier that only the search reveals.
    """
    if run.journal.done("all", "find") is not None:
        return None
    given = [k for k in control.requests.vault.get([r.id for r in requests]) if k.role == KeyRole.GIVEN]
    searched = known or find_people(run.spark, control, given)
    active = control.holds.active()
    for request, refs in searched.refs.items():
        hold = hold_on(refs, active)
        if hold is not None:
            raise BlockedError(
                "request.held", f"legal hold {hold.id} covers the data subject.", where=f"request:{request}"
            )
    return searched


def _keys(control: Control, run: Run, requests: Sequence[Request], searched: Searched | None) -> list[KeyRow]:
    """Return all keys of the run, stored once and kept encrypted until the requests end.

    After the first table has been rewritten they could no longer be found.
    """
    ids = [r.id for r in requests]
    vault = control.requests.vault
    if searched is not None:
        run.journal.once("all", "find", partial(_stored, control, run, ids, searched))
    return vault.get(ids)


def _stored(control: Control, run: Run, ids: Sequence[str], searched: Searched, _: AuditRecord) -> Step:
    salt = KeyRow(ids[0], _salt_kind(run.plan), secrets.token_hex(32), KeyRole.FOUND)
    control.requests.vault.put([*searched.found.keys, salt], run.clock())
    for request, refs in searched.refs.items():
        control.requests.add_refs(request, refs, run.clock())
    return Step({"keys": len(searched.found.keys)})


def _salt_kind(plan: str) -> str:
    return f"plan.{plan}.salt"


def _rewrite(run: Run, control: Control, step: TableStep, keys: Sequence[KeyRow]) -> Step:
    from delible.lake.columns import pads_of
    from delible.lake.erase import done_under, erase_rows, marked, mask_mentions
    from delible.lake.facts import open_table

    policy, controller = control.policies.tables[step.table], control.policies.controller
    salt = next(k.value for k in keys if k.kind == _salt_kind(run.plan))
    mark = run.mark(step.table)
    if step.rows:
        erase_rows(run.spark, step.location, policy, controller, keys, pads_of(bytes.fromhex(salt)))
    if step.mentions:
        with marked(run.spark, f"{mark}:mentions"):
            mask_mentions(run.spark, step.location, policy, controller, keys)
    handle = open_table(run.spark, step.location, table=step.table)
    rows, mentions = (done_under(handle, m, step.version) for m in (mark, f"{mark}:mentions"))
    return Step(
        {
            "rows": rows.rows,
            "shared_rows": step.shared_rows,
            "mentions": mentions.rows,
            "files": rows.files + mentions.files,
            "bytes": rows.bytes + mentions.bytes,
        },
        {"action": step.action, "version": str(step.version)},
    )


def _conclude(
    control: Control,
    run: Run,
    plan: ErasurePlan,
    requests: Sequence[Request],
    treated: tuple[Treated, ...],
    keys: Sequence[KeyRow],
    actor: str,
) -> Erased:
    ids = [r.id for r in requests]
    if any(t.waiting_until is not None for t in treated):
        after = control.requests.transition_all(ids, S.WAITING_RETENTION_WINDOW, actor=actor, now=run.clock())
        return Erased(plan, tuple(after), treated, None)
    refs = [ref for request_id in ids for ref in control.requests.get(request_id).refs]
    remove_packages(control, refs, now=run.clock(), actor=actor)
    run.progress("searching every byte")
    verification = search_everything(control, keys, now=run.clock())
    counts = {
        "files_searched": verification.files_searched,
        "bytes_searched": verification.bytes_searched,
        "values_searched": verification.values_searched,
        "matches": sum(m.count for m in verification.matches),
        "unreadable": len(verification.unreadable),
    }
    run.journal.begin("all", "verify")
    if not verification.clean:
        run.journal.note("all", "verify", "failed", Step(counts))
        control.requests.transition_all(ids, S.PARTLY_COMPLETED, actor=actor, now=run.clock())
        raise ResidueError(
            "erasure.residue",
            f"identifiers still stand at {len(verification.matches)} place(s); "
            f"{len(verification.unreadable)} file(s) could not be read.",
            where=", ".join([*(m.place for m in verification.matches), *verification.unreadable][:5]),
            fix="See `delible erasure verify` for all places; `erasure apply` with the same plan tries again.",
        )
    run.journal.finish("all", "verify", Step(counts))
    current = [control.requests.get(i) for i in ids]
    for request in current:
        control.suppression.add(request.refs, request.id, run.clock())
        certify(control, run, plan, request, treated, verification)
    begun = run.journal.begin("all", "apply").at
    erasure_events(control.workspace, plan, treated, verification, started=begun, now=run.clock())
    after = control.requests.transition_all(ids, S.COMPLETED, actor=actor, now=run.clock())
    _close(control, run.journal, plan)
    return Erased(plan, tuple(after), treated, verification)


def _close(control: Control, journal: Journal, plan: ErasurePlan) -> None:
    """Record that the plan is finished, also when the run that finished it died before it could."""
    journal.finish("all", "apply", Step({"requests": len(plan.requests)}))
    forget_plan(control.workspace, plan)


def _reported(journal: Journal, step: TableStep) -> Treated:
    """Return what the ledger says was done to a table."""

    def counts(stage: str) -> dict[str, int]:
        record = journal.done(f"table:{step.table}", stage)
        return record.counts if record is not None else {}

    merged = counts("merge")
    return Treated(
        step,
        rows=merged.get("rows", 0),
        mentions=merged.get("mentions", 0),
        files_rewritten=merged.get("files", 0),
        bytes_rewritten=merged.get("bytes", 0),
        files_removed=counts("vacuum").get("files_removed", 0),
        log_files_removed=counts("expire_log").get("log_files_removed", 0),
    )
