"""What happens to a request between its receipt and its fulfilment, on its clock and about its data subject."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

from delible.decide.danger import Standing, by_danger, due_within, standing
from delible.decide.deadline import clock_for, due_date, may_extend, standstill
from delible.decide.holds import hold_on
from delible.decide.objection import STANDING
from delible.errors import BlockedError, InputError, Problem
from delible.model.identity import Agency, Verification
from delible.model.policy import Controller
from delible.model.request import ENDED, RefusalGround, Request
from delible.model.terms import RequestState
from delible.report.letters import confirmation_notice, extension_notice, unidentified_notice
from delible.store.policies import load_controller
from delible.store.request_changes import agent_proven, confirmed, extended, moved, refused, taken_back, verified
from delible.store.request_events import Event
from delible.store.workspace import Workspace
from delible.workflows.calendars import calendar_of, zone_of
from delible.workflows.control import Control
from delible.workflows.documents import read_document, shown_document
from delible.workflows.held import stopping_holds
from delible.workflows.resumption import STOPPED

S = RequestState
_BEGUN = frozenset({S.IN_PROGRESS, S.WAITING_RETENTION_WINDOW, S.PARTLY_COMPLETED})


@dataclass(frozen=True)
class Told:
    """A request after a step, and the text for its data subject."""

    request: Request
    notice: str


@dataclass(frozen=True)
class Overview:
    """Requests by danger, and the error that the command ends with when one of them is overdue."""

    standings: tuple[Standing, ...]
    failure: BlockedError | None = None


def overview(workspace: Workspace, *, now: datetime, open_only: bool = False, within: int | None = None) -> Overview:
    """Return the register, the most endangered first.

    Args:
        workspace: Where.
        now: The present.
        open_only: Leave out what has ended.
        within: Only requests with a deadline in at most so many days; an overdue one is an error then.
    """
    zone = zone_of(load_controller(workspace))
    control = Control(workspace)
    requests = control.requests.all()
    wanted = [r for r in requests if not (open_only or within is not None) or r.state not in ENDED]
    standings = _with_holds(control, by_danger(wanted, now, zone=zone))
    if within is None:
        return Overview(tuple(standings))
    near = due_within(standings, within)
    late = tuple(Problem("request.overdue", _lateness(s), f"request:{s.request.id}") for s in near if s.overdue)
    return Overview(tuple(near), BlockedError.of(late) if late else None)


def standings_of(workspace: Workspace, requests: Sequence[Request], now: datetime) -> list[Standing]:
    """Return where requests stand by the controller's calendar, in the order in which they are given."""
    zone = zone_of(load_controller(workspace))
    return _with_holds(Control(workspace), [standing(r, now, zone=zone) for r in requests])


def _with_holds(control: Control, standings: Sequence[Standing]) -> list[Standing]:
    """Add the holds on people that stop requests that were begun: their state tells how far they are, and not that."""
    begun = {s.request.id for s in standings if s.request.state in _BEGUN and s.request.right in STOPPED}
    active = stopping_holds(control) if begun and control.holds.active() else []
    found = []
    for each in standings:
        hold = hold_on(each.request.refs, active) if each.request.id in begun else None
        found.append(each if hold is None else replace(each, stopped_by=hold.id))
    return found


def doubt_identity(workspace: Workspace, request_id: str, *, actor: str, now: datetime) -> Request:
    """Record that the data subject was asked who they are (Art. 12(6)); under the GDPR the clock stands still.

    Raises:
        BlockedError: `request.transition`.
    """
    return Control(workspace).requests.transition(request_id, S.VERIFYING_IDENTITY, actor=actor, now=now)


def verify_identity(
    workspace: Workspace,
    request_id: str,
    *,
    level: Verification,
    declaration: Path | None = None,
    account: bool = False,
    actor: str,
    now: datetime,
) -> Request:
    """Record how surely the data subject is known; a doubt is settled, and moves the last day by its length.

    Args:
        workspace: Where.
        request_id: Which.
        level: The degree that was reached.
        declaration: The data subject's signed declaration; the ledger has its digest.
        account: They have authenticated themselves anew in their password-protected account.
        actor: Who has seen it.
        now: When.

    Raises:
        BlockedError: `request.transition`, `request.no_declaration`.
        InputError: `document.unreadable`, `document.identifiers`.
    """
    control = Control(workspace)
    controller = control.policies.controller
    signed = shown_document(declaration, controller) if declaration is not None else None

    def settled(request: Request) -> Event:
        paused, due = request.paused, request.due
        if request.stopped is not None:
            clock = clock_for(request.right, request.regime)
            paused += standstill(clock, request.stopped, now, request.due, zone=zone_of(controller))
        if paused > request.paused:
            due = max(due, _due(controller, request, extended=request.extended, paused=paused))
        return verified(
            request, level, actor=actor, now=now, due=due, paused=paused, declaration=signed, account=account
        )

    return control.requests.change([request_id], settled, now)[0]


def prove_agent(
    workspace: Workspace,
    request_id: str,
    *,
    permission: Path,
    proof: Path | None,
    power_of_attorney: bool,
    actor: str,
    now: datetime,
) -> Request:
    """Record an authorised agent's authority: the digests of the documents that were seen, never their content.

    Raises:
        BlockedError: `request.no_agent`, `request.ended`.
        InputError: `document.unreadable`, `document.identifiers`.
    """
    control = Control(workspace)
    controller = control.policies.controller
    agency = Agency.POWER_OF_ATTORNEY if power_of_attorney else Agency.SIGNED_PERMISSION
    event = partial(
        agent_proven,
        agency=agency,
        actor=actor,
        now=now,
        permission=shown_document(permission, controller),
        proof=shown_document(proof, controller) if proof is not None else None,
    )
    return control.requests.change([request_id], event, now)[0]


def extend_request(
    workspace: Workspace, request_id: str, *, reason: str, notice: Path | None = None, actor: str, now: datetime
) -> Told:
    """Prolong a request's period once, inside the first one, and return the text that tells the data subject so.

    Args:
        workspace: Where.
        request_id: Which.
        reason: Why more time is needed; the data subject is told.
        notice: The text that was or will be sent, instead of the one that this makes. The ledger has its digest.
        actor: Who.
        now: When.

    Raises:
        BlockedError: `request.no_extension`, `request.ended`.
        InputError: `request.no_reason`, `document.unreadable`.
    """
    if not reason.strip():
        raise InputError("request.no_reason", "the law asks for the reason of an extension.", where="--reason")
    control = Control(workspace)
    controller = control.policies.controller
    said = _text(notice) if notice is not None else None
    told: list[str] = []

    def longer(request: Request) -> Event:
        clock = clock_for(request.right, request.regime)
        why_not = may_extend(clock, due=request.due, extended=request.extended, now=now, zone=zone_of(controller))
        if why_not is not None and request.state not in ENDED:
            raise BlockedError("request.no_extension", f"{why_not}.", where=f"request {request.id}")
        due = _due(controller, request, extended=True, paused=request.paused)
        text = said or extension_notice(
            request, due, controller=controller.controller, contact=controller.contact, reason=reason
        )
        told[:] = [text]
        digest = hashlib.sha256(text.encode()).hexdigest()
        return extended(request, due, actor=actor, now=now, reason=reason, notice=digest)

    [request] = control.requests.change([request_id], longer, now)
    return Told(request, told[0])


def confirm_request(workspace: Workspace, request_id: str, *, actor: str, now: datetime) -> Told:
    """Record that receipt was confirmed, and return the text for it (11 CCR 7021(a)).

    Raises:
        BlockedError: `request.confirmed`, `request.no_confirmation`, `request.ended`.
    """
    control = Control(workspace)
    controller = control.policies.controller
    [request] = control.requests.change([request_id], partial(confirmed, actor=actor, now=now), now)
    return Told(request, confirmation_notice(request, controller=controller.controller, contact=controller.contact))


def refuse_request(
    workspace: Workspace,
    request_id: str,
    *,
    reason: str,
    ground: RefusalGround = RefusalGround.OTHER,
    actor: str,
    now: datetime,
) -> Told:
    """Refuse a request on a ground that its law knows (Art. 11(2), 12(4)-(6), 17(3); §1798.105(d), 1798.145).

    Raises:
        BlockedError: `request.ground`, `request.transition`.
    """
    control = Control(workspace)
    event = partial(refused, ground=ground, actor=actor, now=now, reason=reason)
    [request] = control.requests.change([request_id], event, now)
    if ground is not RefusalGround.CANNOT_IDENTIFY:
        return Told(request, "")
    controller = control.policies.controller
    return Told(request, unidentified_notice(request, controller=controller.controller, contact=controller.contact))


def withdraw_request(
    workspace: Workspace,
    request_id: str,
    *,
    reason: str | None = None,
    prompted: bool = False,
    actor: str,
    now: datetime,
) -> Request:
    """Record that the data subject takes the request back: before it is carried out, or what stands since then.

    Args:
        workspace: Where.
        request_id: Which.
        reason: What was said, naming no person.
        prompted: The controller had asked the data subject to think again, which it may not within 12 months of an
            opt-out or limit (Cal. Civ. Code 1798.135(c)(4)).
        actor: Who.
        now: When.

    Raises:
        BlockedError: `request.transition`, `request.not_taken_back`.
    """

    def back(request: Request) -> Event:
        if request.state is S.COMPLETED and request.right in STANDING:
            return taken_back(request, actor=actor, now=now, reason=reason, prompted=prompted)
        return moved(request, S.WITHDRAWN, actor=actor, now=now, reason=reason)

    return Control(workspace).requests.change([request_id], back, now)[0]


def expire_requests(
    workspace: Workspace, request_ids: Sequence[str] = (), *, actor: str, now: datetime
) -> list[Request]:
    """Expire requests whose data subjects did not say who they are within the controller's time for it.

    Args:
        workspace: Where.
        request_ids: Which; all that have waited long enough if none.
        actor: Who.
        now: When.

    Raises:
        BlockedError: `request.not_expired` for a named request that still has time; `request.transition`.
    """
    control = Control(workspace)
    limit = now - timedelta(days=control.policies.controller.identity_days)

    def gone(request: Request) -> Event | None:
        if request.stopped is None or request.stopped <= limit:
            waits = request.state is S.VERIFYING_IDENTITY
            return moved(request, S.EXPIRED, actor=actor, now=now) if waits or request_ids else None
        if not request_ids:
            return None
        raise BlockedError(
            "request.not_expired",
            f"the data subject was asked on {request.stopped:%Y-%m-%d} and still has time.",
            where=f"request {request.id}",
            fix="The time is identity_days of policies/controller.yaml.",
        )

    waiting = [r.id for r in control.requests.all() if r.stopped is not None and r.stopped <= limit]
    wanted = list(request_ids) or waiting
    changed = control.requests.change(wanted, gone, now) if wanted else []
    return [r for r in changed if r.state is S.EXPIRED]


def _text(path: Path) -> str:
    try:
        return read_document(path).decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("document.encoding", "the file is not UTF-8 text.", where=str(path)) from None


def _due(controller: Controller, request: Request, *, extended: bool, paused: int) -> date:
    return due_date(
        request.right,
        request.regime,
        request.received,
        is_working_day=calendar_of(controller, request.regime),
        zone=zone_of(controller),
        extended=extended,
        paused=paused,
    )


def _lateness(standing: Standing) -> str:
    if standing.days_left is not None and standing.days_left < 0:
        return f"the answer was due on {standing.request.due}, {-standing.days_left} day(s) ago."
    return f"receipt had to be confirmed by {standing.request.confirm_by}."
