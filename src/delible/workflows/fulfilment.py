"""Carry out approved requests: each right by its own workflow, and none kept waiting by another's trouble."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from delible.decide.exception import still_kept
from delible.decide.objection import STANDING
from delible.errors import BlockedError, DelibleError, InputError, Problem, TamperError, concerns_all, gravity
from delible.model.plan import ErasurePlan, RectificationPlan
from delible.model.request import ENDED, Request
from delible.model.terms import RequestState, Right
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.erasure import Erased, apply_erasure
from delible.workflows.erasure_fit import OVERTAKING
from delible.workflows.erasure_plan import PLANNABLE, kept_problem, plan_due_erasures
from delible.workflows.objection import Heeded, heed, reaching_nobody, unready
from delible.workflows.plans import made_immediate
from delible.workflows.rectification import Rectified, apply_rectification
from delible.workflows.rectification_plan import plan_rectifications
from delible.workflows.restriction import restrict_processing
from delible.workflows.resumption import hold_requests, settle_holds
from delible.workflows.search import Searched
from delible.workflows.treated import Treated
from delible.workflows.unfinished import (
    states_under,
    unfinished_erasures,
    unfinished_rectifications,
    unusable_plans,
)

if TYPE_CHECKING:
    from delible.workflows.access import BuiltPackage

S = RequestState
MOST_AT_ONCE = 100_000
"""Requests of one plan: their keys, references and certificates pass through the driver's memory."""


@dataclass(frozen=True)
class Fulfilled:
    """What one `fulfil` did.

    Args:
        packages: Folder of each access package, by request.
        left_out: Requests that could not be carried out, each with the reason.
        failure: The error that the command ends with, after everything else was done.
        letters: Answers to data subjects of whose rows exceptions keep something, by request.
        releases: Dataset releases that were cut before and hold somebody of the requests, or cannot tell.
    """

    requests: tuple[Request, ...]
    erasures: tuple[Erased, ...]
    packages: dict[str, Path]
    left_out: tuple[Problem, ...]
    failure: DelibleError | None = None
    releases: tuple[str, ...] = ()
    rectifications: tuple[Rectified, ...] = ()
    letters: Mapping[str, Path] = field(default_factory=dict)

    @property
    def runs(self) -> tuple[Rectified | Erased, ...]:
        """The runs that changed tables, corrections first."""
        return (*self.rectifications, *self.erasures)

    @property
    def tables(self) -> tuple[Treated, ...]:
        """What was done to tables, in the same order."""
        return tuple(t for run in self.runs for t in run.tables)


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
    """Carry out approved requests: plans that were begun, then each right by its own workflow.

    In this order: restrictions; objections, opt-outs and limits; access packages; corrections; one erasure run.
    Access comes before erasure: who asked for both gets the copy of what is then erased. The trouble of one request,
    plan or table keeps no other waiting: it is what the command ends with.

    Raises:
        DelibleError: When nothing could be done at all, with the reasons; the gravest gives the class.
        SetupError, ConflictError, TamperError: At once, when it would meet everything else, too
            (`errors.concerns_all`).
    """
    control = Control(workspace)
    wanted = {control.requests.get(i).id for i in request_ids} or None
    control.requests.sweep(now)  # a process that ended a request may have died before it forgot the identifiers
    settle_holds(control, actor=actor, now=now)
    run = _Fulfilment(workspace, immediate, accept_no_match, actor, now, progress)
    run.left_out += unusable_plans(workspace)
    begun = run.go_on(control, wanted)
    register = control.requests.all()
    due = [
        r
        for r in register
        if r.id not in begun
        and r.state is not S.HELD
        and not still_kept(r, control.policies.exceptions, now.date())
        and (r.id in wanted if wanted is not None else r.state in PLANNABLE)
    ]
    run.left_out += [
        kept_problem(r)
        for r in register
        if wanted is not None and r.id in wanted and still_kept(r, control.policies.exceptions, now.date())
    ]
    run.left_out += [
        Problem("request.held", f"legal hold {r.held_by} covers the data subject.", f"request:{r.id}")
        for r in register
        if r.state is S.HELD and (wanted is None or r.id in wanted)
    ]
    run.restrict([r.id for r in due if r.right is Right.RESTRICTION])
    run.heed(control, [r for r in due if r.right in STANDING])
    run.give_access([r.id for r in due if r.right in (Right.ACCESS, Right.PORTABILITY)])
    run.correct(control, [r.id for r in due if r.right is Right.RECTIFICATION])
    run.erase(control, [r.id for r in due if r.right is Right.ERASURE])
    if not run.has_done:
        raise run.failure or BlockedError("request.nothing_due", "no request is approved and waiting.")
    runs: tuple[Rectified | Erased, ...] = (*run.rectifications, *run.erasures)
    done = {r.id for e in runs for r in e.requests} | set(run.packages) | {x.id for x in due}
    letters = {request: path for e in run.erasures for request, path in e.letters.items()}
    releases = dict.fromkeys((*run.heeded.releases, *(name for e in runs for name in e.releases)))
    requests = tuple(r for r in control.requests.all() if r.id in done)
    return Fulfilled(
        requests,
        tuple(run.erasures),
        run.packages,
        tuple(run.left_out),
        run.failure,
        tuple(sorted(releases)),
        tuple(run.rectifications),
        letters,
    )


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
    rectifications: list[Rectified] = field(default_factory=list)
    packages: dict[str, Path] = field(default_factory=dict)
    restricted: list[str] = field(default_factory=list)
    left_out: list[Problem] = field(default_factory=list)
    raised: list[DelibleError] = field(default_factory=list)
    heeded: Heeded = field(default_factory=lambda: Heeded((), ()))

    @property
    def has_done(self) -> bool:
        """Whether something was carried out, or gone on with."""
        return bool(self.erasures or self.rectifications or self.packages or self.heeded.requests or self.restricted)

    @property
    def failure(self) -> DelibleError | None:
        """What the command ends with: the gravest first, such as residue before what could not be begun."""
        left = [BlockedError.of(self.left_out)] if self.left_out else []
        errors = sorted([*self.raised, *left], key=gravity)
        if not errors:
            return None
        # An input that could not be used says that nothing has changed, which is not so when others were carried out.
        kind = DelibleError if self.has_done and isinstance(errors[0], InputError) else type(errors[0])
        return kind.of([problem for error in errors for problem in error.problems])

    def go_on(self, control: Control, wanted: set[str] | None) -> set[str]:
        """Go on with plans that were begun; return the requests that nothing more is to be done for in this run."""
        begun: set[str] = set()
        for plan in unfinished_erasures(self.workspace):
            states = states_under(control, plan, wanted)
            # It ended with residue, or with what exceptions keep: a plan for what is left goes on from it.
            left = S.PARTLY_COMPLETED in states.values() and set(states.values()) <= ENDED | {S.PARTLY_COMPLETED}
            begun |= set() if left else self._gone_on(control, plan.id, partial(self._go_on, plan), states)
        for correcting in unfinished_rectifications(self.workspace):
            states = states_under(control, correcting, wanted)
            begun |= self._gone_on(control, correcting.id, partial(self._go_on_correcting, correcting), states)
        return begun

    def _gone_on(self, control: Control, plan: str, work: Callable[[], None], states: Collection[str]) -> set[str]:
        """Go on with one plan; return those of its requests that are not to be planned anew.

        What has overtaken a plan, such as a hold on one of its people, must not keep the others waiting for ever. A new
        plan goes on from what this one has done, and says whom it leaves out.
        """
        if not states:
            return set()
        try:
            work()
        except BlockedError as error:
            requests = control.requests.named(sorted(states))
            overtaken = OVERTAKING.issuperset(p.code for p in error.problems)
            anew = {r.id for r in requests if overtaken and r.state in PLANNABLE}
            if all(r.id in anew or r.state in ENDED | {S.HELD} for r in requests):
                self.progress(f"plan {plan} does not fit any more, and is planned anew: {error.message}")
            else:
                self.left_out += error.problems
            return set(states) - anew
        except DelibleError as error:
            self._noted(error)
        return set(states)

    def restrict(self, request_ids: Sequence[str]) -> None:
        """Carry out restrictions, before anything else reads the rows."""
        for request_id in request_ids:
            self._tried(partial(self._restrict, request_id))

    def _restrict(self, request_id: str) -> None:
        restrict_processing(
            self.workspace,
            request_id,
            accept_no_match=self.accept_no_match,
            actor=self.actor,
            now=self.now,
            progress=self.progress,
        )
        self.restricted.append(request_id)

    def heed(self, control: Control, requests: Sequence[Request]) -> None:
        """Complete objections, opt-outs and limits, first of all: what is built meanwhile heeds them already.

        Those that reach nobody are asked about, unless that was accepted beforehand: then nothing need be searched.
        """
        self.left_out += [p for r in requests if (p := unready(r)) is not None]
        ready = [r for r in requests if unready(r) is None]
        if ready:
            self._tried(partial(self._heed, control, ready))

    def _heed(self, control: Control, requests: Sequence[Request]) -> None:
        if not self.accept_no_match:
            readable = set(self._readable(control, [r.id for r in requests]))
            asked = [r for r in requests if r.id in readable]
            missing = reaching_nobody(control, asked, self.progress, now=self.now) if asked else []
            self.left_out += missing
            requests = [r for r in asked if f"request:{r.id}" not in {p.where for p in missing}]
        if requests:
            self.heeded = heed(control, requests, actor=self.actor, now=self.now)

    def give_access(self, request_ids: Sequence[str]) -> None:
        """Build the access packages."""
        from delible.workflows.access import build_access_package

        for request_id in request_ids:
            self._tried(partial(self._package, build_access_package, request_id))

    def correct(self, control: Control, request_ids: Sequence[str]) -> None:
        """Plan and apply one rectification for all."""
        if wanted := self._readable(control, request_ids):
            self._tried(partial(self._correct, wanted))

    def erase(self, control: Control, request_ids: Sequence[str]) -> None:
        """Plan and apply one erasure for all, of very many one for each `MOST_AT_ONCE`."""
        wanted = self._readable(control, request_ids)
        for start in range(0, len(wanted), MOST_AT_ONCE):
            self._tried(partial(self._erase, wanted[start : start + MOST_AT_ONCE]))

    def _readable(self, control: Control, request_ids: Sequence[str]) -> list[str]:
        """Leave out whose identifiers cannot be decrypted: one plan for all would keep all of them waiting."""
        damaged = control.requests.vault.undecryptable(request_ids)
        message = "a stored identifier cannot be decrypted: it was changed, or the key is another."
        self.raised += [TamperError("keys.undecryptable", message, where=f"request:{r}") for r in sorted(damaged)]
        return [r for r in request_ids if r not in damaged]

    def _go_on(self, plan: ErasurePlan) -> None:
        self._apply(made_immediate(self.workspace, plan) if self.immediate else plan)

    def _go_on_correcting(self, plan: RectificationPlan) -> None:
        plan = made_immediate(self.workspace, plan) if self.immediate else plan
        done = apply_rectification(self.workspace, plan, actor=self.actor, now=self.now, progress=self.progress)
        self.rectifications.append(done)

    def _correct(self, request_ids: Sequence[str]) -> None:
        planned = plan_rectifications(
            self.workspace,
            now=self.now,
            request_ids=request_ids,
            immediate=self.immediate,
            progress=self.progress,
            on_held=self._hold,
        )
        self.left_out += planned.left_out
        self.rectifications.append(
            apply_rectification(
                self.workspace,
                planned.plan,
                actor=self.actor,
                now=self.now,
                meant=planned.meant,
                progress=self.progress,
            )
        )

    def _erase(self, request_ids: Sequence[str]) -> None:
        planned = plan_due_erasures(
            self.workspace,
            now=self.now,
            request_ids=request_ids,
            immediate=self.immediate,
            accept_no_match=self.accept_no_match,
            progress=self.progress,
            on_held=self._hold,
        )
        self.left_out += planned.left_out
        self._apply(planned.plan, planned.searched)

    def _hold(self, holds: Mapping[str, str]) -> None:
        hold_requests(Control(self.workspace), holds, actor=self.actor, now=self.now)

    def _apply(self, plan: ErasurePlan, searched: Searched | None = None) -> None:
        self.erasures.append(
            apply_erasure(
                self.workspace, plan, actor=self.actor, now=self.now, searched=searched, progress=self.progress
            )
        )

    def _package(self, build: Callable[..., BuiltPackage], request_id: str) -> None:
        built = build(
            self.workspace,
            request_id,
            accept_no_match=self.accept_no_match,
            actor=self.actor,
            now=self.now,
            progress=self.progress,
        )
        self.packages[request_id] = built.folder

    def _tried(self, work: Callable[[], None]) -> None:
        try:
            work()
        except DelibleError as error:
            self._noted(error)

    def _noted(self, error: DelibleError) -> None:
        """Keep the trouble of one piece of work for the end of the command, unless it would meet everything else."""
        if concerns_all(error):
            raise error
        if isinstance(error, BlockedError):
            self.left_out += error.problems
        else:
            self.raised.append(error)
