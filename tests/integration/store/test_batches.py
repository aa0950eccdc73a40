"""What concerns all requests of a run is recorded in one commit, and a second time changes nothing."""

from __future__ import annotations

from datetime import datetime

from deltalake import DeltaTable

from delible.model.subject import SubjectRef
from delible.store.ledger import Ledger
from delible.store.suppression import Suppression
from delible.store.workspace import Workspace
from delible.workflows.clock import Clock
from delible.workflows.journal import Journal, Step


def journal(ledger: Ledger, now: datetime) -> Journal:
    return Journal(ledger, run="plan:E-1", verb="erasure", actor="tests", policy="f" * 64, clock=Clock(now))


def test_a_step_of_many_things_is_in_the_ledger_twice_each_and_in_two_commits(
    workspace: Workspace, ledger: Ledger, now: datetime
) -> None:
    outcomes = {f"request:R-{n}": Step({"releases": n}) for n in range(300)}
    first = journal(ledger, now)
    begun = first.begin("request:R-7", "certify")  # by a run that died then
    done = journal(ledger, now).once_each("certify", outcomes)
    assert {thing: r.counts["releases"] for thing, r in done.items()} == {f"request:R-{n}": n for n in range(300)}
    records = ledger.records()
    assert len(records) == len({(r.object, r.outcome) for r in records}) == 600
    assert records[0] == begun
    assert DeltaTable(workspace.store_table("audit")).version() <= 4
    assert journal(ledger, now).once_each("certify", outcomes) == done
    assert journal(ledger, now).once("request:R-7", "certify", lambda _: Step()) == done["request:R-7"]
    assert ledger.records() == records
    assert ledger.verify().intact


def test_suppression_takes_each_reference_of_each_request_once(workspace: Workspace, now: datetime) -> None:
    listed = Suppression(workspace)
    refs = {f"R-{n}": (SubjectRef(f"v1.{n}"), SubjectRef("v1.shared"), SubjectRef(f"v1.{n}")) for n in range(300)}
    listed.add(refs["R-5"], "R-5", now)
    assert listed.add_all({**refs, "R-none": ()}, now) == 598
    assert listed.add_all(refs, now) == 0
    assert sorted((request, ref) for ref, request, _ in listed.rows()) == sorted(
        (request, ref) for request, own in refs.items() for ref in set(own)
    )
