"""Requests: taken in, listed, approved, refused, carried out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from delible.decide.deadline import due_date
from delible.errors import BlockedError, InputError, Problem
from delible.model.request import ENDED, Request
from delible.model.terms import Regime, RequestState, Right
from delible.store.requests import NewRequest, refs_of
from delible.store.submissions import spelled
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.erasure import Erased, apply_erasure
from delible.workflows.erasure_plan import made_immediate, plan_due_erasures
from delible.workflows.identifiers import read_identifiers
from delible.workflows.unfinished import unfinished_erasures

FULFILLED = frozenset({Right.ERASURE, Right.ACCESS, Right.PORTABILITY})
"""Rights that `fulfil` carries out; the others are registered, and answered by hand."""


@dataclass(frozen=True)
class Fulfilled:
    """What one `fulfil` did.

    Args:
        packages: Folder of each access package, by request.
        left_out: Requests that could not be carried out, each with the reason.
    """

    requests: tuple[Request, ...]
    erasures: tuple[Erased, ...]
    packages: dict[str, Path]
    left_out: tuple[Problem, ...]


def submit_requests(
    workspace: Workspace,
    *,
    right: Right,
    regime: Regime,
    identifiers: str,
    actor: str,
    now: datetime,
    received: datetime | None = None,
) -> list[Request]:
    """Register one request per line of an identifiers file, all or none.

    Args:
        received: When the controller got them; the statutory clock starts here. The present by default.

    Raises:
        InputError: `identifiers.*`, `request.received`.
    """
    control = Control(workspace)
    received = received or now
    if received > now:
        raise InputError("request.received", "the time of receipt lies in the future.", where="--received")
    controller = control.policies.controller
    kinds, people = controller.identifiers, read_identifiers(identifiers, controller)
    refs = [refs_of(person, kinds, control.keys) for person in people]
    new = [
        NewRequest(
            right=right,
            regime=regime,
            identifiers=spelled(person, kinds),
            refs=own,
            received=received,
            due=due_date(right, regime, received),
        )
        for person, own in zip(people, refs, strict=True)
    ]
    return control.requests.submit(new, actor=actor, now=now)


def list_requests(workspace: Workspace, *, open_only: bool = False) -> list[Request]:
    """Return the register, what is due first on top."""
    requests = Control(workspace).requests.all()
    wanted = [r for r in requests if not open_only or r.state not in ENDED]
    return sorted(wanted, key=lambda r: (r.state in ENDED, r.due, r.id))


def show_request(workspace: Workspace, request_id: str) -> tuple[Request, list[dict[str, object]]]:
    """Return one request and its history from the ledger."""
    control = Control(workspace)
    request = control.requests.get(request_id)
    history: list[dict[str, object]] = [
        {"at": r.at, "actor": r.actor, "action": r.action, "outcome": r.outcome, "sequence": r.sequence}
        for r in control.ledger.records(object_prefix=f"request:{request_id}")
    ]
    return request, history


def approve_request(workspace: Workspace, request_id: str, *, actor: str, now: datetime) -> Request:
    """Approve a request; with the policy's two-person rule somebody else than who submitted it.

    Raises:
        BlockedError: `request.same_person`, `request.transition`.
    """
    control = Control(workspace)
    second = control.policies.controller.two_person_approval
    return control.requests.approve(request_id, actor, now, require_second_person=second)


def refuse_request(workspace: Workspace, request_id: str, *, reason: str, actor: str, now: datetime) -> Request:
    """Refuse a request, with the ground (Art. 12(4))."""
    return Control(workspace).requests.transition(request_id, RequestState.REFUSED, actor=actor, now=now, reason=reason)


def fulfil_requests(
    workspace: Workspace,
    request_ids: Sequence[str] = (),
    *,
    immediate: bool = False,
    accept_no_match: bool = False,
    actor: str,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
) -> Fulfilled:
    """Carry out approved requests: go on with plans that were begun, then access packages, then one erasure run.

    Access comes before erasure: who asked for both gets the copy of what is then erased.

    Raises:
        BlockedError: When nothing could be done at all, with the reasons.
        ResidueError: `erasure.residue`.
    """
    from delible.workflows.access import build_access_package

    control = Control(workspace)
    wanted = {control.requests.get(i).id for i in request_ids} or None
    erasures: list[Erased] = []
    stuck: list[Problem] = []
    begun: set[str] = set()
    for plan in unfinished_erasures(workspace):
        planned_ids = {r.id for r in plan.requests}
        if wanted is not None and not wanted & planned_ids:
            continue
        begun |= planned_ids
        try:
            going_on = made_immediate(workspace, plan) if immediate else plan
            erasures.append(apply_erasure(workspace, going_on, actor=actor, now=now, progress=progress))
        except BlockedError as blocked:
            # One plan that is stuck must not keep everybody else waiting.
            stuck += blocked.problems
    due = [
        r
        for r in control.requests.all()
        if r.id not in begun and (r.id in wanted if wanted is not None else r.state is RequestState.SCHEDULED)
    ]
    left_out = stuck + [
        Problem("request.by_hand", f"a request for {r.right} is answered by hand in this version.", f"request:{r.id}")
        for r in due
        if r.right not in FULFILLED
    ]
    packages = {}
    for request in due:
        if request.right in (Right.ACCESS, Right.PORTABILITY):
            packages[request.id] = build_access_package(
                workspace, request.id, actor=actor, now=now, progress=progress
            ).folder
    erase = [r.id for r in due if r.right is Right.ERASURE]
    if erase:
        try:
            planned = plan_due_erasures(
                workspace,
                now=now,
                request_ids=erase,
                immediate=immediate,
                accept_no_match=accept_no_match,
                progress=progress,
            )
        except BlockedError as blocked:
            if not (erasures or packages):
                raise
            left_out += blocked.problems
        else:
            left_out += planned.left_out
            erasures.append(
                apply_erasure(
                    workspace, planned.plan, actor=actor, now=now, searched=planned.searched, progress=progress
                )
            )
    if not (erasures or packages):
        first = left_out[0] if left_out else Problem("request.nothing_due", "no request is approved and waiting.")
        raise BlockedError(first.code, first.message, where=first.where, problems=tuple(left_out))
    done = {r.id for e in erasures for r in e.requests} | set(packages) | {x.id for x in due}
    return Fulfilled(
        tuple(r for r in control.requests.all() if r.id in done), tuple(erasures), packages, tuple(left_out)
    )
