"""Requests: taken in, listed, approved, refused, carried out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

from delible.decide.deadline import confirm_by, due_date
from delible.errors import InputError
from delible.model.identity import Agency
from delible.model.policy import Controller
from delible.model.rectification import Correction
from delible.model.request import Request
from delible.model.restriction import RestrictionGround
from delible.model.terms import Regime, Right
from delible.store.requests import NewRequest, refs_of
from delible.store.submissions import spelled
from delible.store.workspace import Workspace
from delible.workflows.calendars import calendar_of, zone_of
from delible.workflows.control import Control
from delible.workflows.corrections import read_corrections
from delible.workflows.identifiers import read_people

_SAY_EVERY = 1_000
_FIRST_DAY = date(2018, 5, 25)
"""The GDPR applies from then on (Art. 99(2)), and the CCPA later: an earlier day of receipt is a slip."""
_CALIFORNIAN = frozenset({Right.OPT_OUT, Right.LIMIT})
"""Cal. Civ. Code 1798.120, 1798.121. Under the GDPR's clock of a month an opt-out would be acted on too late."""


def submit_requests(  # noqa: PLR0913 - each is a column of the register
    workspace: Workspace,
    *,
    right: Right,
    regime: Regime,
    identifiers: str,
    actor: str,
    now: datetime,
    received: datetime | None = None,
    agent: bool = False,
    restriction: RestrictionGround | None = None,
    corrections: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Request]:
    """Register one request per line of an identifiers file as one batch, all or none; each has its own deadline.

    Args:
        received: When the controller got them; the statutory clock starts here. The present by default. A line with a
            time of its own under `received` has its clock start there.
        agent: An authorised agent asks for all of them; none is approved before the agent's authority is on record.
        restriction: The ground of restrictions, where it was said.
        corrections: For rectification, the file with each person's corrections, in the same order.

    Raises:
        InputError: `identifiers.*`, `corrections.*`, `request.received`, `request.ground`, `controller.*`;
            `request.regime` for a law that the controller's `regimes` does not name; `policy.missing_file` without a
            controller's file, since nobody can tell then what an identifier is.
    """
    if restriction is not None and right is not Right.RESTRICTION:
        raise InputError("request.ground", f"a request for {right} has no ground of Art. 18(1).", where="--ground")
    if right in _CALIFORNIAN and regime is not Regime.CCPA:
        raise InputError(
            "request.right",
            f"only the CCPA knows the right '{right}'.",
            where="--right",
            fix="Who wants that under the GDPR objects (Art. 21): --right objection.",
        )
    control = Control(workspace)
    received = received or now
    controller = control.policies.controller
    _refuse_foreign(controller, regime)
    kinds, zone, working = controller.identifiers, zone_of(controller), calendar_of(controller, regime)
    people = read_people(identifiers, controller)
    if any((person.received or received) > now for person in people):
        raise InputError("request.received", "the time of receipt lies in the future.", where="--received")
    if any((person.received or received).date() < _FIRST_DAY for person in people):
        raise InputError(
            "request.received", f"nobody had these rights before {_FIRST_DAY}; look at the year.", where="--received"
        )
    corrected = _corrections(control, right, corrections, len(people))
    new = []
    for number, person in enumerate(people, 1):
        since = person.received or received
        refs = refs_of(person.identifiers, kinds, control.keys)
        new.append(
            NewRequest(
                right=right,
                regime=regime,
                identifiers=spelled(person.identifiers, kinds),
                refs=refs,
                received=since,
                due=due_date(right, regime, since, is_working_day=working, zone=zone),
                confirm_by=confirm_by(right, regime, since, is_working_day=working, zone=zone),
                agent=Agency.CLAIMED if agent else None,
                restriction=restriction,
                corrections=corrected[number - 1],
            )
        )
        if number % _SAY_EVERY == 0:
            progress(f"read {number} of {len(people)} people")
    if len(people) >= _SAY_EVERY:
        progress(f"recording {len(people)} requests as one batch")
    made = control.requests.submit(new, actor=actor, now=now)
    if len(people) >= _SAY_EVERY:
        progress(f"recorded {len(made)} requests, {sum(r.duplicate_of is not None for r in made)} of them duplicates")
    return made


def _refuse_foreign(controller: Controller, regime: Regime) -> None:
    """Refuse a request under a law that the controller does not answer under: no deadline of it was ever proven.

    Where the policy names no laws, all are allowed. A law more gives a person rights and takes none away, so here what
    is missing must not turn anybody down.
    """
    if regime not in controller.regimes:
        raise InputError(
            "request.regime",
            f"the controller does not answer requests under {regime.upper()}; nothing is recorded.",
            where="--regime",
            fix=f"Allowed: {', '.join(controller.regimes)} (regimes of policies/controller.yaml). Whoever is owed an "
            "answer under another law: add it there, and give the day of receipt by --received.",
        )


def _corrections(control: Control, right: Right, source: str | None, people: int) -> list[tuple[Correction, ...]]:
    if (right is Right.RECTIFICATION) != (source is not None):
        raise InputError(
            "request.corrections",
            "--corrections FILE and --right rectification belong together: what is right has to be said.",
            where="--corrections",
        )
    if source is None:
        return [()] * people
    found = read_corrections(source, control.policies)
    if len(found) != people:
        raise InputError(
            "corrections.count",
            f"there are {people} people and {len(found)} lines of corrections; each person needs one, in their order.",
            where=source,
        )
    return found


def show_request(workspace: Workspace, request_id: str) -> tuple[Request, list[dict[str, object]]]:
    """Return one request and its history from the ledger."""
    control = Control(workspace)
    request = control.requests.get(request_id)
    history: list[dict[str, object]] = [
        {"at": r.at, "actor": r.actor, "action": r.action, "outcome": r.outcome, "sequence": r.sequence}
        | ({"recipient": recipient} if (recipient := r.object.partition("/notice:")[2]) else {})
        for r in control.ledger.records(object_prefix=f"request:{request_id}")
    ]
    return request, history


def approve_request(workspace: Workspace, request_id: str, *, actor: str, now: datetime) -> Request:
    """Approve one request; see `approve_requests`."""
    return approve_requests(workspace, [request_id], actor=actor, now=now)[0]


def approve_requests(workspace: Workspace, request_ids: Sequence[str], *, actor: str, now: datetime) -> list[Request]:
    """Approve requests, all or none; with the policy's two-person rule somebody else than who submitted them.

    The store itself reads the rules and enforces them.

    Raises:
        BlockedError: `request.same_person`, `request.unverified`, `request.agent_unproven`, `request.transition`.
    """
    return Control(workspace).requests.approve_all(list(dict.fromkeys(request_ids)), actor, now)
