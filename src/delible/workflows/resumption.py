"""Requests that a legal hold stops, and that go on by themselves when it is released."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial

from delible.decide.holds import hold_on, lasts
from delible.model.record import SubjectHold
from delible.model.request import Request
from delible.model.terms import RequestState, Right
from delible.store.request_changes import HOLDABLE, held, resumed
from delible.workflows.control import Control
from delible.workflows.held import stopping_holds
from delible.workflows.rectification_holds import correction_holds

STOPPED = frozenset({Right.ERASURE, Right.RECTIFICATION})
"""What a hold stops: it forbids to destroy and to alter, and nothing else. Access is given, and an objection heeded,
under it."""


def settle_holds(control: Control, *, actor: str, now: datetime) -> list[Request]:
    """Hold what a legal hold covers, let go on what none covers any more, and return what changed.

    Whoever places or releases a hold calls it, and `fulfil` before it begins: a hold on tables or categories may have
    ended by its date or with its file, and a process may have died between a release and this. A request that such a
    hold has stopped goes on when that hold is over; if another one covers its rows, planning finds out.
    """
    control.holds.reconcile()
    erasing = stopping_holds(control)
    requests = [r for r in control.requests.all() if r.right in STOPPED and r.state in HOLDABLE | {RequestState.HELD}]
    correcting = correction_holds(control, [r.id for r in requests if r.right is Right.RECTIFICATION])
    lasting = {h.hold for h in control.policies.legal_holds.values() if lasts(h, now.date())}
    to_hold: dict[str, str] = {}
    to_resume: list[str] = []
    for request in requests:
        active = correcting.get(request.id, erasing)
        hold = hold_on(request.refs, active)
        if request.state in HOLDABLE and hold is not None:
            to_hold[request.id] = hold.id
        elif request.state is RequestState.HELD and hold is None and _is_over(request, active, lasting):
            to_resume.append(request.id)
    changed = hold_requests(control, to_hold, actor=actor, now=now)
    if to_resume:
        changed += control.requests.change(to_resume, partial(resumed, actor=actor, now=now), now)
    return changed


def _is_over(request: Request, active: Sequence[SubjectHold], lasting: Collection[str]) -> bool:
    return request.held_by is not None and request.held_by not in {*lasting, *(hold.id for hold in active)}


def hold_requests(control: Control, holds: Mapping[str, str], *, actor: str, now: datetime) -> list[Request]:
    """Hold requests for legal holds, by request id; those that cannot be held any more stay as they are.

    A hold may cover a person under an identifier that the request does not name, or a table in which the person stands,
    and only the search of the tables shows it.
    """
    if not holds:
        return []
    return control.requests.change(list(holds), lambda r: held(r, holds[r.id], actor=actor, now=now), now)
