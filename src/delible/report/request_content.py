"""The report on one request as people read it."""

from __future__ import annotations

from collections.abc import Iterator

from delible.model.terms import words
from delible.report.content import Block, Column, Content, Section, Table, Text, Value
from delible.report.request import RequestFacts
from delible.report.requests import Punctuality
from delible.report.run_tables import punctuality, run_blocks, search_table


def request_content(facts: RequestFacts) -> Content:
    """Return the report's content."""
    sections = [Section("history", "History", tuple(_history(facts)))]
    if facts.tables:
        sections.append(Section("tables", "Tables", tuple(_tables(facts))))
    return Content(
        title=f"Request {facts.line.id}",
        owner=facts.controller,
        summary=facts.summary,
        figures=(),
        facts=tuple(_said(facts)),
        sections=tuple(sections),
        made=facts.generated_at,
        software="delible",
        foot="This report holds no personal data: the data subject appears only as a number of references.",
    )


def _said(facts: RequestFacts) -> Iterator[tuple[str, Value]]:
    line = facts.line
    yield "State", words(line.state)
    yield "Deadline kept", punctuality(line)
    yield "Received", line.received
    yield "Deadline", line.due
    if line.punctuality is Punctuality.LINKED:
        yield "Answered", facts.first.ended if facts.first and facts.first.ended else "not yet, with the first one"
    else:
        yield "Answered", line.ended or "not yet"
    if facts.reason_kept:
        yield "Reason", "kept in the register of requests"
    yield "Subject references", facts.references
    yield "Submitted by", facts.submitted_by
    yield "Approved by", facts.approved_by
    if facts.duplicate_of:
        yield "Duplicate of", facts.duplicate_of
    yield "Policy fingerprint", facts.policy_fingerprint
    yield "Made at", facts.generated_at


def _history(facts: RequestFacts) -> Iterator[Block]:
    if not facts.events:
        yield Text("The ledger holds no record about this request.")
        return
    columns = (Column("Record", "number"), Column("Time"), Column("Actor"), Column("Action"), Column("Outcome"))
    rows = [(e.sequence, e.at, e.actor, e.action, words(e.outcome)) for e in facts.events]
    yield Table("history-table", "What the audit ledger says about this request", columns, rows)


def _tables(facts: RequestFacts) -> Iterator[Block]:
    caption = "Erasure by plan and table; a plan may serve several requests at once"
    yield from run_blocks("tables-table", caption, facts.tables, ruled=False)
    if facts.searches:
        yield search_table("searches-table", facts.searches)
