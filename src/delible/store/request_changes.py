"""What may become of a request: the event that a change makes, or the reason why there is no such change."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime

from delible.decide.identity import GROUNDS_OF, unproven, unshown
from delible.decide.objection import not_taken_back
from delible.errors import BlockedError
from delible.model.base import canonical
from delible.model.identity import Agency, Document, EvidencePath, Verification
from delible.model.policy import Controller
from delible.model.request import ENDED, TRANSITIONS, RefusalGround, Request
from delible.model.subject import SubjectRef
from delible.model.terms import RequestState, Right, words
from delible.store.request_events import (
    AGENT_PROVEN,
    CONFIRMED,
    EXTENDED,
    MOVED,
    REFS_FOUND,
    TAKEN_BACK,
    VERIFIED,
    Event,
    details,
)

S = RequestState
HOLDABLE = frozenset(state for state, ways in TRANSITIONS.items() if S.HELD in ways)


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


def approved(
    request: Request, actor: str, now: datetime, require_second_person: bool, controller: Controller | None = None
) -> Event:
    """Return the event that approves a request and schedules it.

    Args:
        require_second_person: Ask for it whatever the policies say; they, or the rule under which the request was
            submitted, ask for it as well, and nobody who calls this can ask for less.
        controller: What the policies say now; None where there are none.

    Raises:
        BlockedError: `request.transition` when it does not await approval; `request.same_person` when a second person
            is required and the submitter approves; `request.unverified` or `request.agent_unproven`.
    """
    if request.state is not S.AWAITING_APPROVAL:
        raise _no_way(request, S.SCHEDULED)
    second = (
        require_second_person or request.second_person or (controller is not None and controller.two_person_approval)
    )
    if second and _same(actor, request.submitted_by):
        raise BlockedError(
            "request.same_person",
            "who submitted the request may not approve it.",
            where=f"request {request.id}",
            fix="Ask a second person to approve it.",
        )
    doubt = unproven(
        request,
        check_everybody=controller is not None and controller.identity_check,
        sensitive=controller is not None and controller.sensitive_data,
    )
    if doubt is not None:
        raise BlockedError(
            doubt.code, doubt.message, where=doubt.where, fix="Record what was shown with: delible request verify ID"
        )
    return Event(0, now, request.id, MOVED, request.state.value, S.SCHEDULED.value, actor, approved_by=actor)


def refused(request: Request, ground: RefusalGround, *, actor: str, now: datetime, reason: str) -> Event:
    """Return the event that refuses a request on a ground that its law knows.

    Raises:
        BlockedError: `request.ground`, `request.transition`.
    """
    if request.regime not in GROUNDS_OF[ground]:
        raise BlockedError(
            "request.ground",
            f"{request.regime.upper()} does not know the ground '{ground}'.",
            where=f"request {request.id}",
            fix=f"Possible: {', '.join(g for g, laws in GROUNDS_OF.items() if request.regime in laws)}.",
        )
    if ground is RefusalGround.COMPELLING_GROUNDS and request.right is not Right.OBJECTION:
        raise BlockedError(
            "request.ground",
            "compelling legitimate grounds outweigh an objection (Art. 21(1)), and no other right.",
            where=f"request {request.id}",
        )
    event = moved(request, S.REFUSED, actor=actor, now=now, reason=reason)
    return event._replace(detail=details(ground=ground.value))


def extended(
    request: Request, due: date, *, actor: str, now: datetime, reason: str, notice: str | None = None
) -> Event:
    """Return the event that sets a later due date, with the digest of the notice that tells the data subject.

    Raises:
        BlockedError: `request.ended`, `request.extended` when the one prolongation is used, or `request.not_later`.
    """
    _check_open(request)
    if request.extended:
        raise BlockedError(
            "request.extended", "a request is prolonged once, and this one was.", where=f"request {request.id}"
        )
    if due <= request.due:
        raise BlockedError(
            "request.not_later", f"the request is due on {request.due} already.", where=f"request {request.id}"
        )
    event = Event(0, now, request.id, EXTENDED, None, None, actor, reason=reason, due=due.isoformat())
    return event._replace(detail=details(notice=notice))


def confirmed(request: Request, *, actor: str, now: datetime) -> Event:
    """Return the event that records that receipt was confirmed (11 CCR 7021(a)).

    Raises:
        BlockedError: `request.ended`, `request.confirmed`, `request.no_confirmation` where the law asks for none.
    """
    _check_open(request)
    where = f"request {request.id}"
    if request.confirm_by is None:
        raise BlockedError(
            "request.no_confirmation", f"{request.regime.upper()} asks for no confirmation of receipt.", where=where
        )
    if request.confirmed is not None:
        raise BlockedError("request.confirmed", "receipt was confirmed already.", where=where)
    return Event(0, now, request.id, CONFIRMED, None, None, actor)


def verified(
    request: Request,
    level: Verification,
    *,
    actor: str,
    now: datetime,
    due: date,
    paused: int,
    declaration: Document | None = None,
    account: bool = False,
) -> Event:
    """Return the event that records how surely the data subject is known; it settles a doubt, if there is one.

    Args:
        request: The request as it stands.
        level: The degree that was reached.
        actor: Who has seen the proof.
        now: When.
        due: The last day, with the days that the clock stood still.
        paused: All days that it stood still so far.
        declaration: The data subject's signed declaration (11 CCR 7062(c)).
        account: They have authenticated themselves anew in their account (11 CCR 7061(a)).

    Raises:
        BlockedError: `request.transition` when the request neither awaits approval nor the settling of a doubt;
            `request.no_declaration` for the CCPA's higher degree without one and without an account.
    """
    missing = unshown(request, level, declaration=declaration is not None, account=account)
    if missing is not None:
        raise BlockedError(
            missing.code, missing.message, where=missing.where, fix="Give --declaration FILE, or --account."
        )
    said = {"verification": level.value, "account": "yes" if account else None, **_facts(declaration=declaration)}
    if request.state is S.AWAITING_APPROVAL:
        return Event(0, now, request.id, VERIFIED, None, None, actor, detail=details(**said))
    if request.state is not S.VERIFYING_IDENTITY:
        raise _no_way(request, S.AWAITING_APPROVAL)
    event = moved(request, S.AWAITING_APPROVAL, actor=actor, now=now, due=due if due != request.due else None)
    return event._replace(detail=details(**said, paused=paused or None))


def agent_proven(
    request: Request, agency: Agency, *, actor: str, now: datetime, permission: Document, proof: Document | None
) -> Event:
    """Return the event that records an agent's authority by the digests of what was shown (11 CCR 7063).

    Args:
        request: The request as it stands.
        agency: What kind of authority was shown.
        actor: Who has seen it.
        now: When.
        permission: The data subject's signed permission, or the power of attorney.
        proof: What shows who the agent is.

    Raises:
        BlockedError: `request.ended`, or `request.no_agent` when the data subject asks in person.
    """
    _check_open(request)
    if request.agent is None:
        raise BlockedError(
            "request.no_agent",
            "the request did not come through an agent.",
            where=f"request {request.id}",
            fix="Submit requests that do with --agent.",
        )
    said = details(agent=agency.value, **_facts(permission=permission, agent_proof=proof))
    return Event(0, now, request.id, AGENT_PROVEN, None, None, actor, detail=said)


def held(request: Request, hold: str, *, actor: str, now: datetime) -> Event | None:
    """Return the event that holds a request for a legal hold, or None when it is not in a state to be held."""
    if request.state not in HOLDABLE:
        return None
    return moved(request, S.HELD, actor=actor, now=now)._replace(detail=details(held_by=hold))


def resumed(request: Request, *, actor: str, now: datetime) -> Event | None:
    """Return the event by which a held request goes on where it was, or None when it is not held any more."""
    if request.state is not S.HELD:
        return None
    return moved(request, S.SCHEDULED if request.approved_by else S.AWAITING_APPROVAL, actor=actor, now=now)


def taken_back(request: Request, *, actor: str, now: datetime, reason: str | None, prompted: bool) -> Event:
    """Return the event that ends an objection, opt-out or limit that was carried out: its data subject takes it back.

    Args:
        request: The request as it stands.
        actor: Who records it.
        now: When.
        reason: What was said, naming no person.
        prompted: The controller had asked the data subject to think again.

    Raises:
        BlockedError: `request.not_taken_back`.
    """
    why_not = not_taken_back(request, now, prompted=prompted)
    if why_not is not None:
        raise BlockedError("request.not_taken_back", f"{why_not}.", where=f"request {request.id}")
    said = details(prompted="yes" if prompted else "no")
    return Event(0, now, request.id, TAKEN_BACK, None, None, actor, reason=reason, detail=said)


def refs_carried(request: Request, refs: Sequence[SubjectRef], actor: str, now: datetime) -> Event | None:
    """Return the event that adds the references of corrected identifiers, also to a request that has ended.

    What stands against the use of somebody's data must go on standing under their corrected identifier.
    """
    fresh = " ".join(dict.fromkeys(ref for ref in refs if ref not in request.refs))
    return Event(0, now, request.id, REFS_FOUND, None, None, actor, refs=fresh) if fresh else None


def refs_found(
    request: Request, refs: Sequence[SubjectRef], actor: str, now: datetime, evidence: Sequence[EvidencePath] = ()
) -> Event | None:
    """Return the event that adds references and how they were reached, or None when all of it is there.

    Raises:
        BlockedError: `request.ended`.
    """
    _check_open(request)
    fresh = " ".join(dict.fromkeys(ref for ref in refs if ref not in request.refs))
    paths = tuple(evidence)
    if not fresh and (not paths or paths == request.evidence):
        return None
    said = details(evidence=canonical([p.model_dump(mode="json") for p in paths]).decode() if paths else None)
    return Event(0, now, request.id, REFS_FOUND, None, None, actor, refs=fresh or None, detail=said)


def _facts(**documents: Document | None) -> dict[str, object]:
    """Return what is recorded of documents: nothing of what they say, and no name of a file."""
    facts: dict[str, object] = {}
    for name, document in documents.items():
        if document is not None:
            facts |= {name: document.sha256, f"{name}_bytes": document.bytes, f"{name}_form": document.form}
    return facts


def _no_way(request: Request, to: RequestState) -> BlockedError:
    ways = ", ".join(sorted(map(words, TRANSITIONS[request.state]))) or "none, it has ended"
    step = _NEXT.get(request.state)
    return BlockedError(
        "request.transition",
        f"a request that is {words(request.state)} cannot become {words(to)}.",
        where=f"request {request.id}",
        fix=f"Possible now: {ways}." + (f" Next: {step}" if step else ""),
    )


def reopened_as(ended: Event) -> RequestState:
    """Return the state of a duplicate whose first request ended unanswered: a doubt about who asks is not over with it.

    Otherwise whoever could not show who they are would be answered by asking twice (Art. 12(6), 11 CCR 7060).
    """
    ground = json.loads(ended.detail or "{}").get("ground")
    doubted = ended.state_before == RequestState.VERIFYING_IDENTITY or ground == RefusalGround.IDENTITY_NOT_VERIFIED
    return RequestState.VERIFYING_IDENTITY if doubted else RequestState.AWAITING_APPROVAL


_NEXT = {
    RequestState.VERIFYING_IDENTITY: "delible request verify ID --level LEVEL",
    RequestState.AWAITING_APPROVAL: "delible request approve ID",
    RequestState.SCHEDULED: "delible request fulfil",
    RequestState.WAITING_RETENTION_WINDOW: "delible request fulfil, once the window has passed",
}
"""The command that usually comes next."""


def _check_open(request: Request) -> None:
    if request.state in ENDED:
        raise BlockedError("request.ended", f"the request is {words(request.state)}.", where=f"request {request.id}")


def _same(one: str, other: str) -> bool:
    first, second = (unicodedata.normalize("NFKC", name).strip().casefold() for name in (one, other))
    return first == second
