"""Events of requests: what each one changes, and what the audit ledger is told of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

from delible.model.record import AuditEntry
from delible.model.request import Request
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
}
RECEIVED, MOVED, EXTENDED, REFS_FOUND = "received", "moved", "extended", "refs_found"


class Event(NamedTuple):
    """One row of the table; `refs` are joined by spaces, fields that an event does not touch are None."""

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


def fold(events: Iterable[Event]) -> list[Request]:
    """Return the requests that the events make, in the order of their submission; events must be in order."""
    states: dict[str, dict[str, Any]] = {}
    for event in events:
        if event.event == RECEIVED:
            states[event.request] = _begun(event)
        elif event.request in states:
            _apply(states[event.request], event)
    return [Request.model_construct(**fields) for fields in states.values()]


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
    }
    return AuditEntry(
        actor=event.actor,
        action=f"request.{event.event}",
        object=f"request:{event.request}",
        outcome=event.state or "done",
        counts={"refs": len(event.refs.split())} if event.refs else {},
        detail={name: value for name, value in detail.items() if value is not None},
    )


def _begun(event: Event) -> dict[str, Any]:
    return {
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


def _apply(fields: dict[str, Any], event: Event) -> None:
    fields["changed"] = event.at
    if event.state is not None:
        fields["state"] = S(event.state)
        if fields["state"] in (S.VERIFYING_IDENTITY, S.AWAITING_APPROVAL):
            fields["approved_by"] = None
    if event.due is not None:
        fields["due"] = date.fromisoformat(event.due)
    if event.refs is not None:
        fields["refs"] = tuple(dict.fromkeys((*fields["refs"], *_split(event.refs))))
    for name in ("reason", "approved_by", "duplicate_of"):
        value = getattr(event, name)
        if value is not None:
            fields[name] = value


def _split(refs: str | None) -> tuple[SubjectRef, ...]:
    return tuple(SubjectRef(ref) for ref in (refs or "").split())
