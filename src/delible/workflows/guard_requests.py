"""Erasure requests that only `guard` asks for: made with their origin, and finished after a kill by the next look.

Whose they are is in the register and the ledger from their receipt on, since planning treats them with more care.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from delible.model.record import AuditEntry
from delible.model.request import ENDED, Request
from delible.model.terms import RequestState, Right
from delible.store.requests import NewRequest
from delible.workflows.control import Control

_ERASE = "guard.erase"


def requested_by_guard(control: Control) -> frozenset[str]:
    """Return the requests that nobody but this guard asked for."""
    made = (r.id for r in control.requests.of_right(Right.ERASURE) if r.again is not None)
    return _recorded(control).union(made)


def left_behind(control: Control) -> list[Request]:
    """Return the open requests that a look began to make and was killed before it was through with them."""
    open_ones = [r for r in control.requests.of_right(Right.ERASURE) if r.again is not None and r.state not in ENDED]
    recorded = _recorded(control) if open_ones else frozenset()
    return [r for r in open_ones if r.id not in recorded]


def erase_again(
    control: Control, new: Sequence[NewRequest], left: Iterable[Request], *, actor: str, now: datetime
) -> list[Request]:
    """Register requests, and approve them and those that were left behind where one person's word is enough.

    The policy is that word. That a request is done with is recorded last, so whatever is killed before is gone on with.

    Args:
        new: With their origin under `again`.
        left: See `left_behind`.
    """
    begun = [*left, *(r for r in control.requests.submit(new, actor=actor, now=now) if r.state not in ENDED)]
    controller = control.policies.controller
    alone = not (controller.two_person_approval or controller.identity_check)
    ready = [r.id for r in begun if alone and _is_untouched(r) and not r.second_person]
    approved = {r.id: r for r in control.requests.approve_all(ready, actor, now)} if ready else {}
    made = [approved.get(r.id, r) for r in begun]
    entries = [
        AuditEntry(
            actor=actor, action=_ERASE, object=f"request:{r.id}", outcome="done", detail={"again": r.again or ""}
        )
        for r in made
    ]
    control.ledger.append(entries, now)
    return made


def _is_untouched(request: Request) -> bool:
    """Return whether a request awaits its first approval, and nobody has begun to ask who it is about."""
    return request.state is RequestState.AWAITING_APPROVAL and request.verification is None


def _recorded(control: Control) -> frozenset[str]:
    return frozenset(record.object.removeprefix("request:") for record in control.ledger.records(action_prefix=_ERASE))
