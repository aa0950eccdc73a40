"""Fifty processes submit, approve, refuse, hold and verify at once; the register and the ledger tell one story."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from datetime import datetime
from typing import Any

import pytest

from delible.model.request import TRANSITIONS, Request
from delible.model.terms import RequestState
from delible.store.ledger import Ledger
from delible.store.requests import Requests
from delible.store.workspace import Workspace

S = RequestState
PROCESSES = 50

CROWD = """
import os
import sys
import traceback
from contextlib import contextmanager
from datetime import UTC, date, datetime

import delible.store.ledger
import delible.store.tables
from delible.errors import BlockedError
from delible.model.identity import Verification
from delible.model.subject import Identifier, IdentifierKind
from delible.model.terms import Regime, RequestState, Right
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.request_changes import held, resumed, verified
from delible.store.requests import NewRequest, Requests, refs_of
from delible.store.workspace import open_workspace

root, processes, own, *contested = sys.argv[1:]
workspace = open_workspace(root)
keys = load_keys(workspace)
now = datetime(2026, 11, 24, tzinfo=UTC)
kinds = {"email": IdentifierKind()}


def person(name):
    who = (Identifier(kind="email", value=name + "@x.example"),)
    refs = refs_of(who, kinds, keys)
    return NewRequest(
        right=Right.ERASURE, regime=Regime.GDPR, identifiers=who, refs=refs, received=now, due=date(2026, 12, 24)
    )


def tried(step):
    try:
        step()
    except BlockedError:
        pass


def live(number):
    requests = Requests(workspace, keys, Ledger(workspace, keys))
    me = f"p{number}"
    made = requests.submit([person(f"{me}.{n}") for n in range(int(own))], actor=me, now=now)
    shared = requests.submit([person("everybody")], actor=me, now=now)
    requests.approve(made[0].id, "second", now, True)
    steps = (
        lambda i: requests.approve(i, me, now, True),
        lambda i: requests.transition(i, RequestState.REFUSED, actor=me, now=now),
        lambda i: requests.change([i], lambda r: held(r, "H-1", actor=me, now=now), now),
        lambda i: requests.change([i], lambda r: resumed(r, actor=me, now=now), now),
        lambda i: requests.transition(i, RequestState.VERIFYING_IDENTITY, actor=me, now=now),
        lambda i: requests.change(
            [i], lambda r: verified(r, Verification.REASONABLE, actor=me, now=now, due=r.due, paused=0), now
        ),
    )
    for n, request_id in enumerate(contested):
        # Whoever refuses comes late, so that the others have something to contend for.
        tried(lambda: steps[(number + n) % 6 if number > 12 or (number + n) % 6 != 1 else 0](request_id))


children = []
for number in range(int(processes)):
    child = os.fork()
    if not child:
        try:
            live(number)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    children.append(child)
sys.exit(max(os.waitpid(child, 0)[1] for child in children) != 0)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("own", "contested"), [(1, 2), pytest.param(2, 4, marks=pytest.mark.matrix)])
def test_fifty_processes_at_once_lose_nothing_fork_nothing_and_move_nothing_twice(
    requests: Requests, people: Any, now: datetime, workspace: Workspace, ledger: Ledger, own: int, contested: int
) -> None:
    of_all = requests.submit([people.request(f"c{n}@x.example") for n in range(contested)], actor="desk", now=now)
    ids = [r.id for r in of_all]
    command = [sys.executable, "-c", CROWD, str(workspace.root), str(PROCESSES), str(own), *ids]
    subprocess.run(command, check=True, timeout=500)

    check = ledger.verify()
    assert check.intact, check.problems
    found = requests.all()
    assert requests.reconcile() == 0
    assert len(found) == contested + PROCESSES * (own + 1), "no request is lost"
    owned = [r for r in found if r.submitted_by.startswith("p")]
    shared = [r for r in owned if r.state is S.DUPLICATE]
    assert len(shared) == PROCESSES - 1, "one is the first, and all others are its duplicates"
    assert len({r.duplicate_of for r in shared}) == 1
    assert sum(r.state is S.SCHEDULED for r in owned) == PROCESSES
    told = one_story(ledger, found)
    assert check.records == told
    assert requests.vault.requests().keys() == {r.id for r in found if r.state is not S.REFUSED}


def one_story(ledger: Ledger, found: list[Request]) -> int:
    """Each record starts where the one before it ended, on a way that the model names; return how many there are."""
    histories = defaultdict(list)
    records = ledger.records()
    for record in records:
        histories[record.object.removeprefix("request:")].append(record)
    assert histories.keys() == {r.id for r in found}
    for request in found:
        first, *moves = [r for r in histories[request.id] if r.action != "request.verified"]
        state = S(first.outcome)
        assert state is S.RECEIVED
        for move in moves:
            assert S(move.detail["from"]) is state, "no transition starts from a state that was left"
            state = S(move.outcome)
            assert state in TRANSITIONS[S(move.detail["from"])]
        assert state is request.state
    return len(records)
