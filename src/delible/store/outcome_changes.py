"""What ends a request for now, and what ends a restriction: an exception, and a lifting that was told before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from delible.decide.restriction import may_lift
from delible.errors import BlockedError, Problem
from delible.model.base import canonical
from delible.model.exception import KeptPart
from delible.model.request import Request
from delible.model.terms import RequestState
from delible.store.request_changes import moved
from delible.store.request_events import LIFT_TOLD, LIFTED, Event, details


def partly_completed(
    request: Request, kept: Sequence[KeptPart], *, plan: str, letter: str, actor: str, now: datetime
) -> Event:
    """Return the event by which an erasure ends for now, with what exceptions keep of it.

    Args:
        request: As it stands.
        kept: What is kept; the policies' own words stay out of the ledger.
        plan: The plan that carried the rest out.
        letter: SHA-256 of the answer to the data subject (Art. 12(4)).
        actor: Who.
        now: When.

    Raises:
        BlockedError: `request.transition`.
    """
    parts = [part.model_dump(mode="json", exclude={"owner", "reason"}) for part in kept]
    event = moved(request, RequestState.PARTLY_COMPLETED, actor=actor, now=now)
    return event._replace(detail=details(kept=canonical(parts).decode(), kept_by=plan, letter=letter))


def lift_told(request: Request, *, actor: str, now: datetime, reason: str, letter: str) -> Event:
    """Return the event that records that the data subject is told of the lifting of a restriction (Art. 18(3)).

    Args:
        request: As it stands.
        actor: Who.
        now: When.
        reason: Why it is lifted; the data subject is told.
        letter: SHA-256 of the letter.

    Raises:
        BlockedError: `request.no_restriction`, `request.lifted`.
    """
    _check(may_lift(request, told=True))
    return Event(0, now, request.id, LIFT_TOLD, None, None, actor, reason=reason, detail=details(letter=letter))


def lifted(request: Request, *, actor: str, now: datetime) -> Event:
    """Return the event that lifts a restriction, of which the data subject has been told before (Art. 18(3)).

    Raises:
        BlockedError: `request.no_restriction`, `request.lifted`, `request.not_told`.
    """
    _check(may_lift(request))
    return Event(0, now, request.id, LIFTED, None, None, actor)


def _check(problem: Problem | None) -> None:
    if problem is not None:
        raise BlockedError.of((problem,))
