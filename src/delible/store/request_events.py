"""Events of requests: what each one changes, and what the audit ledger is told of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from delible.model.base import canonical
from delible.model.exception import KeptPart
from delible.model.identity import Agency, EvidencePath, Verification
from delible.model.record import AuditEntry
from delible.model.request import RefusalGround, Request
from delible.model.restriction import RestrictionGround
from delible.model.subject import SubjectRef
from delible.model.terms import Regime, RequestState, Right

S = RequestState

COLUMNS = {
    "n": "long",
    "at": "timestamp",
    "request": "string",
    "event": "string",
    "state_before": "string",
    "state": "string",
    "actor": "string",
    "reason": "string",
    "right": "string",
    "regime": "string",
    "received": "timestamp",
    "due": "string",
    "refs": "string",
    "approved_by": "string",
    "duplicate_of": "string",
    "detail": "string",
}
RECEIVED, MOVED, EXTENDED, REFS_FOUND = "received", "moved", "extended", "refs_found"
CONFIRMED, VERIFIED, AGENT_PROVEN = "confirmed", "verified", "agent_proven"
LIFT_TOLD, LIFTED = "lift_told", "lifted"
TAKEN_BACK = "taken_back"

_FIELDS: dict[str, Callable[[str], Any]] = {
    "confirm_by": date.fromisoformat,
    "paused": int,
    "verification": Verification,
    "agent": Agency,
    "ground": RefusalGround,
    "held_by": str,
    "second_person": lambda _: True,
    "kept": lambda text: tuple(KeptPart.model_validate(part) for part in json.loads(text)),
    "kept_by": str,
    "evidence": lambda text: tuple(EvidencePath.model_validate(path) for path in json.loads(text)),
    "restriction": RestrictionGround,
    "again": str,
}
"""Details that change a field of the request. Others, such as the digest of a document, are only recorded."""
_EVERY_FIELD = set(Request.model_fields)
"""One for all requests: a set of thirty names for each takes more memory than what a request says."""
_LATER = {name: field.default for name, field in Request.model_fields.items() if not field.is_required()}


class Event(NamedTuple):
    """One row of the table; fields that an event does not touch are None.

    `refs` are joined by spaces, and `detail` is a JSON object of short words, digests and numbers, all as strings: no
    operator's words and no identifier, since the ledger is told all of it.
    """

    n: int
    at: datetime
    request: str
    event: str
    state_before: str | None
    state: str | None
    actor: str
    reason: str | None = None
    right: str | None = None
    regime: str | None = None
    received: datetime | None = None
    due: str | None = None
    refs: str | None = None
    approved_by: str | None = None
    duplicate_of: str | None = None
    detail: str | None = None


def details(**fields: object) -> str | None:
    """Return an event's `detail`, without the fields that are None."""
    said = {name: str(value) for name, value in fields.items() if value is not None}
    return canonical(said).decode() if said else None


def fold(events: Iterable[Event]) -> list[Request]:
    """Return the requests that the events make, in the order of their submission; events must be in order."""
    states: dict[str, dict[str, Any]] = {}
    for event in events:
        if event.event == RECEIVED:
            states[event.request] = _begun(event)
        elif event.request in states:
            _apply(states[event.request], event)
    return [Request.model_construct(_EVERY_FIELD, **states.pop(request)) for request in [*states]]


def applied(request: Request, event: Event) -> Request:
    """Return the request after one more event."""
    fields = dict(request)
    _apply(fields, event)
    return Request(**fields)


def ledger_entry(event: Event) -> AuditEntry:
    """Return the audit entry of an event.

    An operator's reason stays in the register: the ledger can never be corrected, and a reason may name somebody.
    """
    detail = {
        "from": event.state_before if event.event == MOVED else None,
        "right": event.right,
        "regime": event.regime,
        "due": event.due,
        "duplicate_of": event.duplicate_of,
        **_said(event),
    }
    return AuditEntry(
        actor=event.actor,
        action=f"request.{event.event}",
        object=f"request:{event.request}",
        outcome=event.state or "done",
        counts={"refs": len(event.refs.split())} if event.refs else {},
        detail={name: value for name, value in detail.items() if value is not None},
    )


def _said(event: Event) -> Mapping[str, str]:
    said: Mapping[str, str] = json.loads(event.detail) if event.detail else {}
    return said


def _begun(event: Event) -> dict[str, Any]:
    fields = _LATER | {
        "id": event.request,
        "right": Right(event.right or ""),
        "regime": Regime(event.regime or ""),
        "state": S.RECEIVED,
        "received": event.received,
        "due": date.fromisoformat(event.due or ""),
        "refs": _split(event.refs),
        "submitted_by": event.actor,
        "approved_by": None,
        "duplicate_of": None,
        "reason": event.reason,
        "changed": event.at,
    }
    _apply_detail(fields, event)
    return fields


def _apply(fields: dict[str, Any], event: Event) -> None:
    fields["changed"] = event.at
    if event.state is not None:
        fields["state"] = S(event.state)
        fields["held_by"], fields["duplicate_of"] = None, None
        fields["kept"], fields["kept_by"] = (), None
        fields["stopped"] = event.at if fields["state"] is S.VERIFYING_IDENTITY else None
        if fields["state"] in (S.VERIFYING_IDENTITY, S.AWAITING_APPROVAL):
            fields["approved_by"] = None
        if fields["state"] is S.VERIFYING_IDENTITY:
            fields["verification"] = None
    if event.due is not None:
        fields["due"] = date.fromisoformat(event.due)
    if event.refs is not None:
        fields["refs"] = tuple(dict.fromkeys((*fields["refs"], *_split(event.refs))))
    for name in ("reason", "approved_by", "duplicate_of"):
        value = getattr(event, name)
        if value is not None:
            fields[name] = value
    if event.event == EXTENDED:
        fields["extended"] = True
    at_last = {CONFIRMED: "confirmed", LIFT_TOLD: "lift_told", LIFTED: "lifted", TAKEN_BACK: "taken_back"}
    if event.event in at_last:
        fields[at_last[event.event]] = event.at
    _apply_detail(fields, event)


def _apply_detail(fields: dict[str, Any], event: Event) -> None:
    for name, value in _said(event).items():
        if name in _FIELDS:
            fields[name] = _FIELDS[name](value)


def _split(refs: str | None) -> tuple[SubjectRef, ...]:
    return tuple(SubjectRef(ref) for ref in (refs or "").split())
