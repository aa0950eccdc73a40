"""Old bytes of held people: VACUUM and log expiry act on whole tables, so each plan asks for the people of all plans.

Whoever is put under a hold after their rows were deleted or changed, and before the window has passed, has them in the
table's old files only. Destroying those would destroy what the hold is there for (Art. 17(3)(e)).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from delible.decide.holds import covers, hold_on
from delible.decide.restriction import opposes_erasure, restricts
from delible.errors import BlockedError, Problem
from delible.model.plan import ErasurePlan, RectificationPlan, RetentionPlan, TableStep
from delible.model.policy import TablePolicy
from delible.model.record import AuditRecord, SubjectHold
from delible.model.request import ENDED, Request
from delible.model.subject import KeyRow, SubjectRef, own_keys
from delible.model.terms import Right
from delible.store.plans import AnyPlan
from delible.workflows.control import Control
from delible.workflows.held import Held, held_digest
from delible.workflows.search import refs_of_keys
from delible.workflows.stages import Run
from delible.workflows.unfinished import begun_plans, unusable_plans

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_STARTED, _DONE = "started", "done"


def refuse_losing(control: Control, run: Run, table: str) -> None:
    """Refuse to remove a table's old files while rows of held people stand nowhere else.

    Rows that somebody has put back into the table are no obstacle any more.

    Args:
        run: A run with a Spark session of its own; the plan that it carries out is asked about like all others.

    Raises:
        BlockedError: `request.held` or `request.opposed` with one problem per request, `table.held` for what retention
            removed, `plan.unusable` while a kept plan cannot be read.
    """
    active = control.holds.active()
    if not active and not any(restricts(r) for r in control.requests.of_right(Right.RESTRICTION)):
        return
    problems = [_perhaps(problem, table) for problem in unusable_plans(control.workspace)]
    plans = begun_plans(control.workspace)
    # Anew for each table, since other runs go on meanwhile; once for all plans, since the ledger is long.
    records = records_of_plans(control)
    for plan in plans:
        step = next(iter(steps_with_old_rows(records, plan, table)), None)
        if step is None:
            continue
        if isinstance(plan, RetentionPlan):
            problems += _kept_from_retention(control, run, plan, step)
        else:
            problems += _kept_for_requests(control, run, plan, step, active)
    if problems:
        raise BlockedError.of(problems)


def held_in_window(
    control: Control, plan: ErasurePlan | RectificationPlan, step: TableStep, active: Collection[SubjectHold]
) -> dict[str, SubjectHold]:
    """Return the plan's unfinished requests whose data subjects a hold covers in a table."""
    policy = control.policies.tables.get(step.table)
    here = [h for h in active if policy is None or covers(h.categories, policy)]
    holds = {r: hold_on(refs, here) for r, refs in _whose_rows(control, plan).items()} if here else {}
    return {request: hold for request, hold in holds.items() if hold is not None}


def _opposed_in_window(control: Control, plan: ErasurePlan | RectificationPlan) -> dict[str, Request]:
    """Return the unfinished erasures whose data subjects now oppose them (Art. 18(1)(b))."""
    restrictions = control.requests.of_right(Right.RESTRICTION)
    if isinstance(plan, RectificationPlan) or not restrictions:
        return {}
    every = _whose_rows(control, plan)
    opposed = {request: opposes_erasure(refs, restrictions) for request, refs in every.items()}
    return {request: by for request, by in opposed.items() if by is not None}


def _whose_rows(control: Control, plan: ErasurePlan | RectificationPlan) -> dict[str, set[SubjectRef]]:
    """Return the plan's unfinished requests, with the references of each.

    Rows may have come after the search: where none were planned, some may have gone all the same.
    """
    requests = [r for r in control.requests.named(sorted(r.id for r in plan.requests)) if r.state not in ENDED]
    found = refs_of_keys(control, control.requests.vault.get([r.id for r in requests]))
    return {r.id: {*r.refs, *found.get(r.id, ())} for r in requests}


def _kept_for_requests(
    control: Control,
    run: Run,
    plan: ErasurePlan | RectificationPlan,
    step: TableStep,
    active: Collection[SubjectHold],
) -> Iterator[Problem]:
    held = held_in_window(control, plan, step, active)
    opposed = {r: by for r, by in _opposed_in_window(control, plan).items() if r not in held}
    if not held and not opposed:
        return
    policy, steps = control.policies.tables.get(step.table), before_own_commits(plan, step)
    lost = {
        request: lost_before(run, steps, _rows_of(control, run, policy, request)) if policy is not None else None
        for request in (*held, *opposed)
    }
    for request, hold in held.items():
        if lost[request] != 0:
            yield Problem(
                "request.held",
                f"legal hold {hold.id} covers the data subject, {_only_there(step, lost[request])}",
                f"request:{request}",
            )
    for request, restriction in opposed.items():
        if lost[request] != 0:
            message = (
                f"the data subject has opposed erasure since, and asked for restriction ({restriction.id}, GDPR Art. "
                f"18(1)(b)), {_only_there(step, lost[request], 'Refuse or lift the restriction')}"
            )
            yield Problem("request.opposed", message, f"request:{request}")


def rows_of_held(
    control: Control, run: Run, plan: AnyPlan, step: TableStep
) -> Iterator[Callable[[DataFrame], DataFrame | None]]:
    """Yield what picks the rows of each person who is held now, as they stood in a step's version."""
    if isinstance(plan, RetentionPlan):
        if _came_later(control, plan):
            yield partial(_held_back, control, run, plan, step)
        return
    active, policy = control.holds.active(), control.policies.tables.get(step.table)
    kept = {**held_in_window(control, plan, step, active), **_opposed_in_window(control, plan)}
    for request in kept:
        if policy is not None:
            yield _rows_of(control, run, policy, request)


def _rows_of(control: Control, run: Run, policy: TablePolicy, request: str) -> Callable[[DataFrame], DataFrame | None]:
    """Return what picks the rows of a request's person."""
    return partial(_reached, control, run, policy, own_keys(control.requests.vault.get([request])))


def before_own_commits(plan: AnyPlan, step: TableStep) -> list[TableStep]:
    """Return a plan's step at each version just before a commit of the plan that changed rows, oldest first.

    Rows may have come or changed after the plan's own version, and what others did to them since is no loss. Where the
    log does not tell of all commits since, that version stands for those that it does not tell of.
    """
    from delible.lake.commits import current_version, file_commits, mark_of

    if step.history is not None:  # its commits are in another folder
        return [step]
    since = list(file_commits(step.location, since=step.version))
    own = [c.version - 1 for c in since if c.changes_rows and c.is_of(mark_of(plan.id))]
    whole = len(since) == current_version(step.location) - step.version
    return [step.model_copy(update={"version": v}) for v in sorted({*own, *([] if whole else [step.version])})]


def lost_before(run: Run, steps: Sequence[TableStep], chosen: Callable[[DataFrame], DataFrame | None]) -> int | None:
    """Return how many rows of one of these versions, at most, only old files hold; None where nobody can tell."""
    from delible.lake.lost import lost_rows

    counts = [lost_rows(run.spark, step.location, step.version, chosen) for step in steps]
    return None if None in counts else max((n for n in counts if n is not None), default=0)


def _reached(
    control: Control, run: Run, policy: TablePolicy, keys: Sequence[KeyRow], frame: DataFrame
) -> DataFrame | None:
    from delible.lake.lost import rows_of_keys

    return rows_of_keys(run.spark, frame, policy, control.policies.controller, keys)


def _kept_from_retention(control: Control, run: Run, plan: RetentionPlan, step: TableStep) -> Iterator[Problem]:
    """Yield what a hold or restriction that came after the rows were judged would have kept.

    An access request that comes then keeps nothing: the rows were gone before it.
    """
    if not _came_later(control, plan):
        return
    steps = before_own_commits(plan, step)
    lost = lost_before(run, steps, partial(_held_back, control, run, plan, steps[0])) if steps else 0
    if lost != 0:
        yield Problem(
            "table.held", f"a legal hold or restriction covers people, {_only_there(step, lost)}", f"table:{step.table}"
        )


def _came_later(control: Control, plan: RetentionPlan) -> bool:
    """Return whether others are held than when the rows were judged.

    The clocks of two machines differ, so only plans of earlier versions, which do not say who was held, go by them.
    """
    if plan.held:
        return plan.held != held_digest(control, claims=True, accessing=True)
    placed = any(h.placed > plan.created for h in control.holds.active())
    restrictions = control.requests.of_right(Right.RESTRICTION)
    return placed or any(restricts(r) and r.changed > plan.created for r in restrictions)


def _held_back(control: Control, run: Run, plan: RetentionPlan, step: TableStep, frame: DataFrame) -> DataFrame | None:
    from delible.lake.facts import read
    from delible.lake.lost import rows_held_back
    from delible.lake.retention import Judging

    policies = control.policies
    versions = {**{s.table: s.version for s in plan.tables if s.stages}, step.table: step.version}
    frames = {n: read(run.spark, at, version=versions.get(n)) for n, at in control.locations().items()}
    people = Held.of(run.spark, control, frames, claims=True, accessing=False)
    rules = tuple(r for r in policies.retention.values() if r.table == step.table)
    own = {s.rule: s.as_of for s in plan.tables if s.table == step.table}
    judging = Judging(policies.tables[step.table], rules, min(own.values()), frames, people.combinations(step.table))
    return rows_held_back(frame, judging, own)


def _perhaps(problem: Problem, table: str) -> Problem:
    """Say what an unusable plan means for a table's old files: it may be the one that rewrote held people's rows."""
    message = (
        f"this kept plan cannot be used ({problem.code}), so nobody can tell whether rows of held people stand only in "
        f"old files of table '{table}' because of it; until then they stay. Put back a copy of the file. Where there "
        "is none, see to the holds and restrictions that came while it ran, and remove it."
    )
    return Problem("plan.unusable", message, problem.where)


def _only_there(step: TableStep, lost: int | None, release: str = "Release the hold") -> str:
    rows = "of whom it cannot be told whether rows stand" if lost is None else f"of whom {lost} row(s) stand"
    return (
        f"{rows} only in old files of table '{step.table}' (version {step.version}). {release}, or put the rows "
        "back into the table with `delible hold put-back`; until then its old files stay."
    )


def records_of_plans(control: Control) -> list[AuditRecord]:
    """Return what the ledger tells of all plans."""
    return control.ledger.records(object_prefix="plan:")


def steps_with_old_rows(records: Sequence[AuditRecord], plan: AnyPlan, table: str) -> list[TableStep]:
    """Return what a plan did to a table, each with the version whose rows may stand only in its old files.

    A run that was killed in a MERGE has left a beginning without an end, and nobody can tell from the ledger whether it
    had committed. Where the table was purged and its old files removed since, whatever stood in them is gone, or was
    never missing; only what the plan has committed after that, when it went on, can be lost: the log has its marks.
    """
    from delible.lake.commits import commits, mark_of

    steps = [s for s in plan.tables if s.table == table and s.stages and has_old_files(records, plan.id, s)]
    begun = [r for s in steps for r in _records(records, f"plan:{plan.id}/table:{s.table}", "merge", _STARTED)]
    last = max((r.sequence for r in begun), default=0)
    ends = (r for r in records if r.action.endswith(".purge") and r.outcome == _DONE and _table_of(r) == table)
    purged = next((r.at for r in ends if begun and r.sequence > last), None)
    if purged is None or not any(before >= purged for before in _vacuumed_before(records, table)):
        return steps
    own = [c.version for c in commits(steps[0].location) if c.is_of(mark_of(plan.id))]
    return [s.model_copy(update={"version": min(own) - 1}) for s in steps] if own else []


def has_old_files(records: Sequence[AuditRecord], plan: str, step: TableStep) -> bool:
    """Return whether a plan has begun to rewrite a table, and no VACUUM has surely removed what it left.

    VACUUM removes what is older, when it begins, than the window that it goes by. So neither its end counts, which may
    come hours later, nor the window that a plan expected: the table's owner may have lengthened it since.

    Args:
        records: Those of all plans, of which each may have run the VACUUM.
    """
    thing = f"plan:{plan}/table:{step.table}"
    begun = [*_records(records, thing, "merge", _STARTED)]
    if not begun:
        return False
    purged = [*_records(records, thing, "purge", _DONE)]
    if len(purged) < len(begun):
        return True
    last = max(record.at for record in purged)
    return not any(before >= last for before in _vacuumed_before(records, step.table))


def _vacuumed_before(records: Sequence[AuditRecord], table: str) -> Iterator[datetime]:
    """Yield, per VACUUM of a table, the instant up to which it has removed what was no longer needed.

    One that was killed and run again counts from its first beginning.
    """
    begun: dict[str, datetime] = {}
    for r in records:
        if r.action.endswith(".vacuum") and _table_of(r) == table:
            if r.outcome == _STARTED:
                begun.setdefault(r.object, r.at)
            elif r.outcome == _DONE and "hours" in r.detail and r.object in begun:
                yield begun[r.object] - timedelta(hours=int(r.detail["hours"]))


def _records(records: Sequence[AuditRecord], thing: str, step: str, outcome: str) -> Iterator[AuditRecord]:
    """Yield the records of a plan's step on a thing, for retention of each rule."""
    for record in records:
        exact = record.object == thing or record.object.startswith(f"{thing}/")
        if exact and record.action.endswith(f".{step}") and record.outcome == outcome:
            yield record


def _table_of(record: AuditRecord) -> str:
    return record.object.partition("/table:")[2].partition("/")[0]
