"""Which legal holds stop corrections: asked in the same way by planning, by each step, and when holds are settled."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from delible.decide.holds import held_changes, hold_on, touching
from delible.decide.rectification import followers
from delible.errors import BlockedError, Problem
from delible.model.plan import RectificationPlan
from delible.model.record import SubjectHold
from delible.model.rectification import changes_of, corrections_of
from delible.model.subject import SubjectRef
from delible.workflows.control import Control
from delible.workflows.search import refs_of_keys

Columns = dict[str, set[str]]


def changed_columns(control: Control, request_ids: Collection[str]) -> dict[str, Columns]:
    """Return the columns that corrections change, by request and table: with all that may follow them."""
    kept = control.requests.vault.get(request_ids)
    tables = control.policies.tables
    found: dict[str, Columns] = {request: {} for request in request_ids}
    for request, asked in corrections_of(kept).items():
        for correction in asked:
            if correction.table in tables and correction.column in tables[correction.table].columns:
                follow, _ = followers(control.policies, correction)
                for table, column in ((correction.table, correction.column), *((f.table, f.column) for f in follow)):
                    found[request].setdefault(table, set()).add(column)
    for change in changes_of(kept):
        found[change.request].setdefault(change.table, set()).add(change.column)
    return found


def correction_holds(control: Control, request_ids: Collection[str]) -> dict[str, list[SubjectHold]]:
    """Return, by request of rectification, the active holds on people that would stop it if they cover its person."""
    active = control.holds.active()
    if not any(hold.categories for hold in active):
        return dict.fromkeys(request_ids, active)
    # Nobody can tell what a request changes whose corrections cannot be decrypted: every hold of its person's counts.
    readable = set(request_ids) - control.requests.vault.undecryptable(request_ids)
    changed = changed_columns(control, readable)
    return {r: touching(active, control.policies, changed[r]) if r in changed else active for r in request_ids}


def held_corrections(control: Control, refs: Mapping[str, Collection[SubjectRef]]) -> dict[str, str]:
    """Return the requests of rectification whose data subject is under a hold that stops them, each with the hold.

    Args:
        control: The control plane.
        refs: References of each request's data subject.
    """
    holds = correction_holds(control, refs)
    found = {request: hold_on(own, holds[request]) for request, own in refs.items()}
    return {request: hold.id for request, hold in found.items() if hold is not None}


def refuse_held_corrections(
    control: Control, plan: RectificationPlan, now: datetime, refs: Mapping[str, Sequence[SubjectRef]] | None = None
) -> None:
    """Refuse to go on when a hold covers a person, or something that the plan changes.

    Args:
        control: The control plane.
        plan: The plan.
        now: When.
        refs: What was just found of each request's data subject, and is not stored yet.

    Raises:
        BlockedError: `request.held`, `table.held`.
    """
    ids = [r.id for r in plan.requests]
    stored = refs_of_keys(control, control.requests.vault.get(ids))
    own = {r.id: {*r.refs, *stored.get(r.id, ()), *(refs or {}).get(r.id, ())} for r in control.requests.named(ids)}
    held = held_corrections(control, own)
    problems = [
        Problem("request.held", f"legal hold {hold} covers the data subject.", f"request:{request}")
        for request, hold in held.items()
    ]
    asked = changed_columns(control, ids).values()
    changed = {}
    for step in plan.tables:
        if step.table in control.policies.tables:
            columns = {*step.columns, *(c for each in asked for c in each.get(step.table, ()))}
            changed[step.table] = columns or set(control.policies.tables[step.table].columns)
    problems += [
        Problem("table.held", f"legal hold '{hold}' covers what is corrected in table '{table}'.", f"table:{table}")
        for table, hold in held_changes(control.policies, changed, now.date()).items()
    ]
    if problems:
        raise BlockedError.of(problems)
