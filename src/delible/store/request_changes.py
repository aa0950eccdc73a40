"""What may become of a request: the event that a change makes, or the reason why there is no such change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from delible.errors import BlockedError
from delible.model.request import ENDED, TRANSITIONS, Request
from delible.model.subject import SubjectRef
from delible.model.terms import RequestState
from delible.store.request_events import EXTENDED, MOVED, REFS_FOUND, Event

S = RequestState


def moved(
    request: Request, to: RequestState, *, actor: str, now: datetime, reason: str | None = None, due: date | None = None
) -> Event:
    """Return the event that moves a request to another state.

    Raises:
        BlockedError: `request.transition` when the model has no such way; `request.needs_approval` when the request
            would be scheduled and nobody approved it.
    """
    if to not in TRANSITIONS[request.state]:
        raise _no_way(request, to)
    if to is S.SCHEDULED and request.approved_by is None:
        raise BlockedError(
            "request.needs_approval",
            "nobody has approved the request.",
            where=f"request {request.id}",
            fix="Approve it with: delible request approve ID",
        )
    later = due.isoformat() if due else None
    return Event(0, now, request.id, MOVED, request.state.value, to.value, actor, reason=reason, due=later)


def approved(request: Request, actor: str, now: datetime, require_second_person: bool) -> Event:
    """Return the event that approves a request and schedules it.

    Raises:
        BlockedError: `request.transition` when it does not await approval; `request.same_person` when a second person
            is required and the submitter approves.
    """
    if request.state is not S.AWAITING_APPROVAL:
        raise _no_way(request, S.SCHEDULED)
    if require_second_person and _same(actor, request.submitted_by):
        raise BlockedError(
            "request.same_person",
            "who submitted the request may not approve it.",
            where=f"request {request.id}",
            fix="Ask a second person to approve it.",
        )
    return Event(0, now, request.id, MOVED, request.state.value, S.SCHEDULED.value, actor, approved_by=actor)


def extended(request: Request, due: date, *, actor: str, now: datetime, reason: str) -> Event:
    """Return the event that sets a later due date.

    Raises:
        BlockedError: `request.ended`, or `request.not_later`.
    """
    _check_open(request)
    if due <= request.due:
        raise BlockedError(
            "request.not_later", f"the request is due on {request.due} already.", where=f"request {request.id}"
        )
    return Event(0, now, request.id, EXTENDED, None, None, actor, reason=reason, due=due.isoformat())


def refs_found(request: Request, refs: Sequence[SubjectRef], actor: str, now: datetime) -> Event | None:
    """Return the event that adds references, or None when all of them are there.

    Raises:
        BlockedError: `request.ended`.
    """
    _check_open(request)
    fresh = " ".join(dict.fromkeys(ref for ref in refs if ref not in request.refs))
    return Event(0, now, request.id, REFS_FOUND, None, None, actor, refs=fresh) if fresh else None


def _no_way(request: Request, to: RequestState) -> BlockedError:
    ways = ", ".join(sorted(TRANSITIONS[request.state])) or "none, it has ended"
    return BlockedError(
        "request.transition",
        f"a request that is {request.state} cannot become {to}.",
        where=f"request {request.id}",
        fix=f"Possible now: {ways}.",
    )


def _check_open(request: Request) -> None:
    if request.state in ENDED:
        raise BlockedError("request.ended", f"the request is {request.state}.", where=f"request {request.id}")


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
