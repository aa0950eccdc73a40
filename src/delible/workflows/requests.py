"""Requests: taken in, listed, approved, refused, carried out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from delible.decide.deadline import due_date
from delible.errors import BlockedError, DelibleError, InputError, Problem, ResidueError
from delible.model.plan import ErasurePlan
from delible.model.request import ENDED, Request
from delible.model.terms import Regime, RequestState, Right
from delible.store.requests import NewRequest, refs_of
from delible.store.submissions import spelled
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.erasure import Erased, apply_erasure
from delible.workflows.erasure_plan import PLANNABLE, made_immediate, plan_due_erasures
from delible.workflows.identifiers import read_identifiers
from delible.workflows.search import Searched
from delible.workflows.unfinished import unfinished_erasures, unusable_plans

if TYPE_CHECKING:
    from delible.workflows.access import BuiltPackage

FULFILLED = frozenset({Right.ERASURE, Right.ACCESS, Right.PORTABILITY})
"""Rights that `fulfil` carries out; the others are registered, and answered by hand."""


@dataclass(frozen=True)
class Fulfilled:
    """What one `fulfil` did.

    Args:
        packages: Folder of each access package, by request.
        left_out: Requests that could not be carried out, each with the reason.
        failure: The error that the command ends with, after everything else was done.
    """

    requests: tuple[Request, ...]
    erasures: tuple[Erased, ...]
    packages: dict[str, Path]
    left_out: tuple[Problem, ...]
    failure: DelibleError | None = None


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
    control = Control(workspace)
    wanted = {control.requests.get(i).id for i in request_ids} or None
    run = _Fulfilment(workspace, immediate, accept_no_match, actor, now, progress)
    run.left_out += unusable_plans(workspace)
    begun = run.go_on(control, wanted)
    due = [
        r
        for r in control.requests.all()
        if r.id not in begun and (r.id in wanted if wanted is not None else r.state in PLANNABLE)
    ]
    run.left_out += [
        Problem("request.by_hand", f"a request for {r.right} is answered by hand in this version.", f"request:{r.id}")
        for r in due
        if r.right not in FULFILLED
    ]
    run.give_access([r.id for r in due if r.right in (Right.ACCESS, Right.PORTABILITY)])
    run.erase([r.id for r in due if r.right is Right.ERASURE])
    if not (run.erasures or run.packages):
        run.left_out = run.left_out or [Problem("request.nothing_due", "no request is approved and waiting.")]
        raise run.failure or BlockedError.of(run.left_out)
    done = {r.id for e in run.erasures for r in e.requests} | set(run.packages) | {x.id for x in due}
    requests = tuple(r for r in control.requests.all() if r.id in done)
    return Fulfilled(requests, tuple(run.erasures), run.packages, tuple(run.left_out), run.failure)


@dataclass
class _Fulfilment:
    """One `fulfil`: what it did so far, and what stood in its way, which must not keep everybody else waiting."""

    workspace: Workspace
    immediate: bool
    accept_no_match: bool
    actor: str
    now: datetime
    progress: Callable[[str], None]
    erasures: list[Erased] = field(default_factory=list)
    packages: dict[str, Path] = field(default_factory=dict)
    left_out: list[Problem] = field(default_factory=list)
    residue: list[Problem] = field(default_factory=list)

    @property
    def failure(self) -> DelibleError | None:
        """What the command ends with: residue is worse than what could not be begun."""
        if self.residue:
            return ResidueError.of((*self.residue, *self.left_out))
        return BlockedError.of(self.left_out) if self.left_out else None

    def go_on(self, control: Control, wanted: Collection[str] | None) -> set[str]:
        """Go on with plans that were begun; return the requests that they are about."""
        begun: set[str] = set()
        for plan in unfinished_erasures(self.workspace):
            planned = {r.id for r in plan.requests}
            if wanted is not None and planned.isdisjoint(wanted):
                continue
            if all(r.state is RequestState.PARTLY_COMPLETED for r in control.requests.named(sorted(planned))):
                # It ended with residue: a plan for what is left goes on from it.
                continue
            begun |= planned
            self._tried(partial(self._go_on, plan))
        return begun

    def give_access(self, request_ids: Sequence[str]) -> None:
        """Build the access packages."""
        from delible.workflows.access import build_access_package

        for request_id in request_ids:
            self._tried(partial(self._package, build_access_package, request_id))

    def erase(self, request_ids: Sequence[str]) -> None:
        """Plan and apply one erasure for all."""
        if request_ids:
            self._tried(partial(self._erase, request_ids))

    def _go_on(self, plan: ErasurePlan) -> None:
        self._apply(made_immediate(self.workspace, plan) if self.immediate else plan)

    def _erase(self, request_ids: Sequence[str]) -> None:
        planned = plan_due_erasures(
            self.workspace,
            now=self.now,
            request_ids=request_ids,
            immediate=self.immediate,
            accept_no_match=self.accept_no_match,
            progress=self.progress,
        )
        self.left_out += planned.left_out
        self._apply(planned.plan, planned.searched)

    def _apply(self, plan: ErasurePlan, searched: Searched | None = None) -> None:
        self.erasures.append(
            apply_erasure(
                self.workspace, plan, actor=self.actor, now=self.now, searched=searched, progress=self.progress
            )
        )

    def _package(self, build: Callable[..., BuiltPackage], request_id: str) -> None:
        built = build(self.workspace, request_id, actor=self.actor, now=self.now, progress=self.progress)
        self.packages[request_id] = built.folder

    def _tried(self, work: Callable[[], None]) -> None:
        try:
            work()
        except ResidueError as error:
            self.residue += error.problems
        except BlockedError as error:
            self.left_out += error.problems
