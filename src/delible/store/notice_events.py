"""Events of notices: what each one changes, and what the audit ledger is told of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from delible.model.notice import Notice, NoticeState
from delible.model.record import AuditEntry
from delible.model.subject import SubjectRef
from delible.model.terms import Regime, Right

N = NoticeState

COLUMNS = {
    "n": "long",
    "at": "timestamp",
    "notice": "string",
    "state": "string",
    "actor": "string",
    "request": "string",
    "recipient": "string",
    "right": "string",
    "regime": "string",
    "tables": "string",
    "refs": "string",
    "sealed": "string",
    "acknowledge_by": "timestamp",
    "by": "string",
    "failure": "string",
}

_RECORDED = {
    N.PREPARED: ("notice.prepare", "done"),
    N.QUEUED: ("notice.queue", "done"),
    N.SENDING: ("notice.send", "started"),
    N.SENT: ("notice.send", "done"),
    N.FAILED: ("notice.send", "failed"),
    N.ACKNOWLEDGED: ("notice.acknowledge", "done"),
}
"""Action and outcome of each event in the audit ledger."""


class Event(NamedTuple):
    """One row; fields that an event does not touch are None."""

    n: int
    at: datetime
    notice: str
    state: str
    actor: str
    request: str
    recipient: str
    right: str | None = None
    regime: str | None = None
    tables: str | None = None
    refs: str | None = None
    sealed: str | None = None
    acknowledge_by: datetime | None = None
    by: str | None = None
    failure: str | None = None


def fold(events: Iterable[Event]) -> list[Notice]:
    """Return the notices that the events make, in the order of their first; events must be in order."""
    return folded(events, {})


def folded(events: Iterable[Event], before: dict[str, Notice]) -> list[Notice]:
    """Return notices after more events, with those that the events make."""
    states: dict[str, dict[str, Any]] = {key: dict(notice) for key, notice in before.items()}
    for event in events:
        state = states.setdefault(event.notice, _begun(event))
        if state.get("state") is N.ACKNOWLEDGED:  # how a sending ended that the answer had overtaken
            continue
        state |= {"state": N(event.state), "changed": event.at, "failure": event.failure}
        match state["state"]:
            case N.PREPARED:
                tables, refs = (event.tables or "").split(), (event.refs or "").split()
                state |= {"tables": tuple(tables), "refs": tuple(map(SubjectRef, refs)), "sealed": event.sealed}
            case N.QUEUED:
                state |= {"queued": event.at, "acknowledge_by": event.acknowledge_by}
            case N.SENDING:
                state["attempts"] += 1
            case N.ACKNOWLEDGED:
                state["acknowledged_by"] = event.by
    return [Notice.model_construct(**fields) for fields in states.values()]


def _begun(event: Event) -> dict[str, Any]:
    return {
        "id": event.notice,
        "request": event.request,
        "recipient": event.recipient,
        "right": Right(event.right) if event.right else None,
        "regime": Regime(event.regime) if event.regime else None,
        "tables": (),
        "refs": (),
        "sealed": None,
        "made": event.at,
        "queued": None,
        "acknowledge_by": None,
        "attempts": 0,
        "acknowledged_by": None,
    }


def moved(notice: Notice, to: NoticeState, actor: str, now: datetime) -> Event:
    """Return the event that moves a notice to another state."""
    return Event(0, now, notice.id, to.value, actor, notice.request, notice.recipient)


def ledger_entry(event: Event) -> AuditEntry:
    """Return an event's audit entry; who answered stays in the register, since the ledger can never be corrected."""
    action, outcome = _RECORDED[N(event.state)]
    counts = {"tables": len(event.tables.split())} if event.tables else {}
    return AuditEntry(
        actor=event.actor,
        action=action,
        object=f"request:{event.request}/notice:{event.recipient}",
        outcome=outcome,
        counts=counts,
        detail={"failure": event.failure} if event.failure else {},
    )
