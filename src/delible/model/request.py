"""Data subjects' requests: their lines, and the only ways from state to state."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from delible.model.base import Frozen
from delible.model.exception import KeptPart
from delible.model.identity import Agency, EvidencePath, Verification
from delible.model.restriction import RestrictionGround
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
    S.DUPLICATE: frozenset({S.AWAITING_APPROVAL, S.VERIFYING_IDENTITY}),
    S.WITHDRAWN: frozenset(),
}
"""Once bytes may have been touched (in progress), a request can no longer be refused or withdrawn.

A duplicate is answered by the request that it repeats. When that one ends without having been carried out, it takes its
place: it may have come from somebody else than an agent whose authority nobody could show. A doubt about who asks goes
over to it.
"""

ENDED = frozenset({S.COMPLETED, S.REFUSED, S.EXPIRED, S.DUPLICATE, S.WITHDRAWN})
"""States after which the raw identifiers are forgotten; those of a duplicate once its first request has ended, too."""

UNANSWERED = frozenset({S.REFUSED, S.EXPIRED, S.WITHDRAWN})
"""Ends in which a request answers for none of its duplicates."""


class RefusalGround(StrEnum):
    """Why a request is refused. All are lawful outcomes, and the first is no refusal of a person but of a search.

    `cannot_identify`: the controller can show that it cannot tell who among its data is the data subject, who may then
    give more (GDPR Art. 11(2)). `identity_not_verified`: Art. 12(6), 11 CCR 7060. `manifestly_unfounded`, `excessive`:
    Art. 12(5), §1798.145(h)(3). `exception`: Art. 17(3), §1798.105(d). `compelling_grounds`: Art. 21(1), for objections
    only, which then still stand against direct marketing (Art. 21(3)).
    """

    CANNOT_IDENTIFY = "cannot_identify"
    IDENTITY_NOT_VERIFIED = "identity_not_verified"
    MANIFESTLY_UNFOUNDED = "manifestly_unfounded"
    EXCESSIVE = "excessive"
    EXCEPTION = "exception"
    COMPELLING_GROUNDS = "compelling_grounds"
    OTHER = "other"


class Request(Frozen):
    """One request as the register keeps it: keyed references, never identifiers (11 CCR 7101).

    Args:
        refs: One reference per identifier that was given; later also those that were found by following links.
        due: Last day for the answer.
        duplicate_of: The first request of the same person for the same right.
        reason: Why it was held, refused or extended: words of the operator, who is told to name no person.
        confirm_by: Last day for confirming receipt (11 CCR 7021(a)); None where the law asks for none.
        extended: The one prolongation that the law allows is used.
        paused: Days that the clock stood still so far, because identity was in doubt.
        stopped: Since when it stands still now.
        verification: How surely the data subject is known; a new doubt takes it back.
        agent: What is known of the agent who asks; None when the data subject does.
        held_by: The legal hold that holds it, as long as it is held.
        taken_back: Since when an objection, opt-out or limit that was carried out stands no more.
        second_person: It was submitted under the two-person rule, which a later change of the policy does not lift.
        kept: What exceptions kept of an erasure; the request becomes due again when one of them ends.
        kept_by: The plan that carried the rest out.
        evidence: By which links each kind of identifier was reached.
        restriction: On which ground a restriction was asked for, where that was said.
        lift_told: When the data subject was told that the restriction will be lifted (Art. 18(3)).
        lifted: When it was lifted.
        again: The request that had erased the person before, when nobody but `guard` asked for this one.
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
    confirm_by: date | None = None
    confirmed: datetime | None = None
    extended: bool = False
    paused: int = 0
    stopped: datetime | None = None
    verification: Verification | None = None
    agent: Agency | None = None
    ground: RefusalGround | None = None
    held_by: str | None = None
    second_person: bool = False
    kept: tuple[KeptPart, ...] = ()
    kept_by: str | None = None
    evidence: tuple[EvidencePath, ...] = ()
    restriction: RestrictionGround | None = None
    lift_told: datetime | None = None
    lifted: datetime | None = None
    taken_back: datetime | None = None
    again: str | None = None
