"""Data subjects' requests: their lines, and the only ways from state to state."""

from __future__ import annotations

from datetime import date, datetime

from delible.model.base import Frozen
from delible.model.subject import SubjectRef
from delible.model.terms import Regime, RequestState, Right

S = RequestState

TRANSITIONS: dict[RequestState, frozenset[RequestState]] = {
    S.RECEIVED: frozenset({S.VERIFYING_IDENTITY, S.AWAITING_APPROVAL, S.DUPLICATE, S.REFUSED, S.WITHDRAWN, S.HELD}),
    S.VERIFYING_IDENTITY: frozenset({S.AWAITING_APPROVAL, S.REFUSED, S.EXPIRED, S.WITHDRAWN}),
    S.AWAITING_APPROVAL: frozenset({S.SCHEDULED, S.HELD, S.REFUSED, S.WITHDRAWN, S.VERIFYING_IDENTITY}),
    S.HELD: frozenset({S.AWAITING_APPROVAL, S.SCHEDULED, S.REFUSED, S.WITHDRAWN}),
    S.SCHEDULED: frozenset({S.IN_PROGRESS, S.HELD, S.REFUSED, S.WITHDRAWN, S.VERIFYING_IDENTITY}),
    S.IN_PROGRESS: frozenset({S.WAITING_RETENTION_WINDOW, S.COMPLETED, S.PARTLY_COMPLETED}),
    S.WAITING_RETENTION_WINDOW: frozenset({S.IN_PROGRESS, S.COMPLETED, S.PARTLY_COMPLETED}),
    S.PARTLY_COMPLETED: frozenset({S.IN_PROGRESS}),
    S.COMPLETED: frozenset(),
    S.REFUSED: frozenset(),
    S.EXPIRED: frozenset(),
    S.DUPLICATE: frozenset(),
    S.WITHDRAWN: frozenset(),
}
"""Once bytes may have been touched (in progress), a request can no longer be refused or withdrawn."""

ENDED = frozenset({S.COMPLETED, S.REFUSED, S.EXPIRED, S.DUPLICATE, S.WITHDRAWN})
"""States after which the raw identifiers are forgotten."""


class Request(Frozen):
    """One request as the register keeps it: keyed references, never identifiers (11 CCR 7101).

    Args:
        refs: One reference per identifier that was given; later also those that were found by following links.
        due: Last day for the answer.
        duplicate_of: The first request of the same person for the same right.
        reason: Why it was held, refused or extended: words of the operator, who is told to name no person.
    """

    id: str
    right: Right
    regime: Regime
    state: RequestState
    received: datetime
    due: date
    refs: tuple[SubjectRef, ...]
    submitted_by: str
    approved_by: str | None = None
    duplicate_of: str | None = None
    reason: str | None = None
    changed: datetime
