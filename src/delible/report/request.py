"""The report on one request: where it stands, its history, and what was done to which table.

`report.request_content` says it for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from delible.model.base import Frozen
from delible.model.record import AuditRecord
from delible.model.request import Request
from delible.model.terms import words
from delible.report.erasure import ByteSearch, TableRun, byte_searches, table_runs
from delible.report.requests import Punctuality, RequestLine, request_lines
from delible.report.wording import count, day


class Event(Frozen):
    """One ledger record about the request."""

    sequence: int
    at: datetime
    actor: str
    action: str
    outcome: str


class RequestFacts(Frozen):
    """What the report on one request says; identifiers are not part of it, references are only counted.

    Args:
        first: Where the request stands that this one repeats.
    """

    controller: str
    generated_at: datetime
    policy_fingerprint: str
    summary: str
    line: RequestLine
    references: int
    submitted_by: str
    approved_by: str | None
    duplicate_of: str | None
    first: RequestLine | None
    reason_kept: bool
    plans: tuple[str, ...]
    events: tuple[Event, ...]
    tables: tuple[TableRun, ...]
    searches: tuple[ByteSearch, ...]


def request_facts(
    request: Request,
    records: Sequence[AuditRecord],
    *,
    controller: str,
    policy_fingerprint: str,
    now: datetime,
    first: Request | None = None,
) -> RequestFacts:
    """Return the facts about one request from the ledger's records.

    A plan belongs to the request when a record about the request names it: in its object, or in its details.

    Args:
        request: Which.
        records: The whole ledger.
        controller: Whose register it is.
        policy_fingerprint: Of the policies in force.
        now: The present.
        first: The request that this one repeats, if it is a duplicate.
    """
    own = [r for r in records if _about(request.id, r)]
    plans = tuple(dict.fromkeys(plan for plan in map(_plan, own) if plan))
    about = {f"request:{request.id}", *(f"plan:{plan}" for plan in plans)}
    runs = table_runs(records, "erasure", start=request.received, end=now)
    line = _line_of(request, own, now)
    repeated = None if first is None else _line_of(first, [r for r in records if _about(first.id, r)], now)
    return RequestFacts(
        controller=controller,
        generated_at=now,
        policy_fingerprint=policy_fingerprint,
        summary=_summary(line, request.duplicate_of, repeated),
        line=line,
        references=len(request.refs),
        submitted_by=request.submitted_by,
        approved_by=request.approved_by,
        duplicate_of=request.duplicate_of,
        first=repeated,
        reason_kept=request.reason is not None,
        plans=plans,
        events=tuple(_events(own)),
        tables=tuple(r for r in runs if r.plan in plans),
        searches=tuple(s for s in byte_searches(records, start=request.received, end=now) if s.about in about),
    )


def request_document(facts: RequestFacts) -> dict[str, Any]:
    """Return the facts as a JSON document."""
    return facts.model_dump(mode="json")


def _line_of(request: Request, own: Sequence[AuditRecord], now: datetime) -> RequestLine:
    (line,) = request_lines([request], own, start=min(request.received, now), end=max(request.received, now))
    return line


def _about(request_id: str, record: AuditRecord) -> bool:
    return f"request:{request_id}" in record.object.split("/")


def _plan(record: AuditRecord) -> str | None:
    first, _, _ = record.object.partition("/")
    return first.removeprefix("plan:") if first.startswith("plan:") else record.detail.get("plan")


def _events(records: Iterable[AuditRecord]) -> Iterable[Event]:
    for r in records:
        yield Event(sequence=r.sequence, at=r.at, actor=r.actor, action=r.action, outcome=r.outcome)


def _summary(line: RequestLine, repeats: str | None, first: RequestLine | None) -> str:
    said = f"A request for {words(line.right)} under {line.regime.upper()}, received on {day(line.received)}, "
    match line.punctuality:
        case Punctuality.IN_TIME:
            return said + f"ended as {words(line.state)} after {count(line.days_taken or 0, 'day')}, in time."
        case Punctuality.LATE:
            return said + f"ended as {words(line.state)} after {count(line.days_taken or 0, 'day')}, past its deadline."
        case Punctuality.OVERDUE:
            return said + f"is {words(line.state)} and {count(-(line.days_left or 0), 'day')} overdue."
        case Punctuality.LINKED:
            said += f"repeats {repeats or 'an earlier one'}, "
            if first is None or first.ended is None:
                return said + "and is answered with it."
            return said + f"which ended as {words(first.state)} on {day(first.ended)}, and was answered with it."
        case Punctuality.OPEN:
            return said + f"is {words(line.state)}; {count(line.days_left or 0, 'day')} are left."
