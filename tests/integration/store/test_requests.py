import subprocess
import sys
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from delible.errors import BlockedError, ConflictError, InputError, TamperError
from delible.model.request import ENDED, TRANSITIONS, Request
from delible.model.subject import Identifier, IdentifierKind, SubjectRef
from delible.model.terms import Normalise, Regime, RequestState, Right
from delible.store import requests as module
from delible.store.keys import Keys
from delible.store.ledger import Ledger
from delible.store.request_changes import extended
from delible.store.requests import NewRequest, Requests, refs_of
from delible.store.workspace import Workspace

S = RequestState


def blocked(code: str) -> Any:
    return pytest.raises(BlockedError, check=lambda error: error.code == code)


def walk(requests: Requests, request_id: str, *states: RequestState, now: datetime) -> None:
    for state in states:
        if state is S.SCHEDULED:
            requests.approve(request_id, "second", now, require_second_person=True)
        else:
            requests.transition(request_id, state, actor="ops", now=now)


def test_a_store_that_was_never_written_has_no_requests(requests: Requests, now: datetime) -> None:
    assert requests.all() == []
    assert requests.vault.get(["R-20261124-AAAAAA"]) == []
    assert requests.submit([], actor="ops", now=now) == []
    assert requests.reconcile() == requests.sweep(now) == 0
    with pytest.raises(InputError, check=lambda e: e.code == "request.unknown"):
        requests.get("R-20261124-AAAAAA")


def test_a_request_is_kept_with_references_and_encrypted_identifiers(
    requests: Requests, people: Any, now: datetime, workspace: Workspace, ledger: Ledger
) -> None:
    [made] = requests.submit([people.request("Ada@x.example", "+49 30 1")], actor="ops", now=now)
    assert made.state is S.AWAITING_APPROVAL
    assert made.id.startswith("R-20261124-")
    assert len(made.refs) == 2
    assert requests.get(made.id) == made
    assert requests.all() == [made]
    assert [(r.kind, r.value, r.role) for r in sorted(requests.vault.get([made.id]), key=lambda r: r.kind)] == [
        ("email", "Ada@x.example", "given"),
        ("phone", "+49 30 1", "given"),
    ]
    assert [(r.action, r.outcome) for r in ledger.records(object_prefix=f"request:{made.id}")] == [
        ("request.received", "received"),
        ("request.moved", "awaiting_approval"),
    ]
    for file in (workspace.root / "store").rglob("*"):
        if file.is_file():
            assert b"x.example" not in file.read_bytes().lower()


def test_the_same_person_and_right_is_a_duplicate(requests: Requests, people: Any, now: datetime) -> None:
    [first] = requests.submit([people.request("a@x.example", "12")], actor="ops", now=now)
    batch = [
        people.request("A@x.example", "1-2"),
        people.request("b@x.example"),
        people.request(" B@X.example"),
        people.request("a@x.example", right=Right.ACCESS),
    ]
    again, second, third, access = requests.submit(batch, actor="ops", now=now)
    assert (again.state, again.duplicate_of) == (S.DUPLICATE, first.id)
    assert (third.state, third.duplicate_of) == (S.DUPLICATE, second.id)
    assert (second.state, access.state) == (S.AWAITING_APPROVAL, S.AWAITING_APPROVAL)
    assert requests.all() == [first, again, second, third, access]


@pytest.mark.parametrize("first", Regime)
@pytest.mark.parametrize("right", Right)
def test_the_same_right_under_another_law_is_no_duplicate(
    requests: Requests, people: Any, now: datetime, first: Regime, right: Right
) -> None:
    """11 CCR 7021(a): a request under the CCPA has a clock of its own, and Art. 17(3) keeps nothing of it."""

    def asked(regime: Regime) -> NewRequest:
        new = people.request("a@x.example", right=right)
        return new.model_copy(update={"regime": regime, "confirm_by": date(2026, 12, 8)})

    [other] = set(Regime) - {first}
    one, two = requests.submit([asked(first), asked(other)], actor="ops", now=now)
    [three, four] = requests.submit([asked(other), asked(first)], actor="ops", now=now)
    assert (one.duplicate_of, two.duplicate_of) == (None, None)
    assert (two.state, two.confirm_by) == (S.AWAITING_APPROVAL, date(2026, 12, 8))
    assert (three.duplicate_of, four.duplicate_of) == (two.id, one.id)


def test_who_shares_one_identifier_or_gives_another_one_is_no_duplicate(
    requests: Requests, people: Any, now: datetime
) -> None:
    """Their own identifiers would be forgotten, and they would never be erased."""
    requests.submit([people.request("a@x.example", "12")], actor="ops", now=now)
    made = requests.submit([people.request("other@x.example", "1-2")], actor="ops", now=now)
    assert [r.state for r in made] == [S.AWAITING_APPROVAL]
    assert made[0].id in requests.vault.requests()


def test_after_the_first_has_ended_a_request_is_no_duplicate(requests: Requests, people: Any, now: datetime) -> None:
    [first] = requests.submit([people.request("a@x.example")], actor="ops", now=now)
    requests.transition(first.id, S.REFUSED, actor="ops", now=now)
    [second] = requests.submit([people.request("a@x.example")], actor="ops", now=now)
    assert second.state is S.AWAITING_APPROVAL


def test_a_request_whose_first_ends_while_it_is_taken_in_keeps_its_identifiers(
    requests: Requests, people: Any, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked like a duplicate; without identifiers it could never be carried out."""
    first, other = requests.submit([people.request("a@x.example"), people.request("b@x.example")], actor="o", now=now)
    keep = Requests._keep_identifiers

    def ended(self: Requests, *given: Any) -> None:
        if self.get(first.id).state not in ENDED:
            self.transition(first.id, S.WITHDRAWN, actor="other", now=now)
        keep(self, *given)

    monkeypatch.setattr(Requests, "_keep_identifiers", ended)
    batch = [people.request("a@x.example"), people.request("A@x.example"), people.request("b@x.example")]
    again, twin, second = requests.submit(batch, actor="o", now=now)
    assert (again.state, again.duplicate_of) == (S.AWAITING_APPROVAL, None)
    assert [row.value for row in requests.vault.get([again.id])] == ["a@x.example"]
    assert (twin.duplicate_of, second.duplicate_of) == (again.id, other.id)


def test_references_that_were_found_later_also_make_duplicates(requests: Requests, people: Any, now: datetime) -> None:
    [first] = requests.submit([people.request("a@x.example")], actor="ops", now=now)
    phone = people.request("77").refs
    assert requests.add_refs(first.id, phone, now).refs == first.refs + phone
    assert requests.add_refs(first.id, phone, now).refs == first.refs + phone
    assert requests.submit([people.request("77")], actor="ops", now=now)[0].duplicate_of == first.id


def test_the_model_names_the_only_ways(requests: Requests, people: Any, now: datetime, ledger: Ledger) -> None:
    """From each state, every other state: allowed exactly when the model says so, and only then recorded."""
    ways = {
        S.AWAITING_APPROVAL: (),
        S.SCHEDULED: (S.SCHEDULED,),
        S.IN_PROGRESS: (S.SCHEDULED, S.IN_PROGRESS),
        S.REFUSED: (S.REFUSED,),
    }
    made = requests.submit([people.request(f"{i}@x.example") for i in range(len(ways))], actor="ops", now=now)
    for request, (state, path) in zip(made, ways.items(), strict=True):
        walk(requests, request.id, *path, now=now)
        assert requests.get(request.id).state is state
        for to in set(S) - TRANSITIONS[state]:
            before = ledger.head()
            with blocked("request.transition"):
                requests.transition(request.id, to, actor="ops", now=now)
            assert ledger.head() == before
    assert ledger.verify().intact


def test_each_change_is_one_audit_record(requests: Requests, people: Any, now: datetime, ledger: Ledger) -> None:
    [made] = requests.submit([people.request("a@x.example")], actor="ops", now=now)
    walk(requests, made.id, S.SCHEDULED, S.IN_PROGRESS, S.WAITING_RETENTION_WINDOW, S.COMPLETED, now=now)
    assert [r.outcome for r in ledger.records(object_prefix=f"request:{made.id}")] == [
        "received", "awaiting_approval", "scheduled", "in_progress", "waiting_retention_window", "completed",
    ]  # fmt: skip


def test_the_audit_ledger_is_not_told_the_operators_words(
    requests: Requests, people: Any, now: datetime, ledger: Ledger
) -> None:
    [made] = requests.submit([people.request("a@x.example")], actor="ops", now=now)
    requests.transition(made.id, S.REFUSED, actor="ops", now=now, reason="Ada Roe is no customer")
    assert requests.get(made.id).reason == "Ada Roe is no customer"
    assert "Ada" not in str([r.model_dump() for r in ledger.records()])


@pytest.mark.parametrize("state", sorted(ENDED - {S.DUPLICATE, S.EXPIRED}))
def test_a_request_that_ends_has_its_identifiers_forgotten(
    requests: Requests, people: Any, now: datetime, state: RequestState
) -> None:
    ended, other = requests.submit([people.request("a@x.example"), people.request("b@x.example")], actor="o", now=now)
    steps = (S.SCHEDULED, S.IN_PROGRESS, state) if state is S.COMPLETED else (state,)
    walk(requests, ended.id, *steps, now=now)
    assert set(requests.vault.requests()) == {other.id}
    for change in (
        lambda: requests.add_refs(ended.id, [SubjectRef("v1.0")], now),
        lambda: prolong(requests, ended.id, date(2027, 9, 9), now),
    ):
        with blocked("request.ended"):
            change()


class TestTwoPersonRule:
    def test_the_submitter_may_not_approve(self, requests: Requests, people: Any, now: datetime) -> None:
        [made] = requests.submit([people.request("a@x.example")], actor="Ops", now=now)
        for actor in ("Ops", "ops", " OPS "):
            with blocked("request.same_person"):
                requests.approve(made.id, actor, now, require_second_person=True)
        assert requests.approve(made.id, "second", now, require_second_person=True).approved_by == "second"

    def test_without_the_rule_one_person_is_enough(self, requests: Requests, people: Any, now: datetime) -> None:
        [made] = requests.submit([people.request("a@x.example")], actor="ops", now=now)
        assert requests.approve(made.id, "ops", now, require_second_person=False).state is S.SCHEDULED
        with blocked("request.transition"):
            requests.approve(made.id, "ops", now, require_second_person=False)

    def test_no_way_leads_around_the_approval(self, requests: Requests, people: Any, now: datetime) -> None:
        [made] = requests.submit([people.request("a@x.example")], actor="ops", now=now)
        with blocked("request.needs_approval"):
            requests.transition(made.id, S.SCHEDULED, actor="ops", now=now)
        requests.transition(made.id, S.HELD, actor="ops", now=now)
        with blocked("request.needs_approval"):
            requests.transition(made.id, S.SCHEDULED, actor="ops", now=now)
        with blocked("request.transition"):
            requests.approve(made.id, "second", now, require_second_person=True)

    def test_new_doubt_about_identity_ends_the_approval_and_a_hold_does_not(
        self, requests: Requests, people: Any, now: datetime
    ) -> None:
        [made] = requests.submit([people.request("a@x.example")], actor="ops", now=now)
        walk(requests, made.id, S.SCHEDULED, S.HELD, now=now)
        assert requests.transition(made.id, S.SCHEDULED, actor="ops", now=now).approved_by == "second"
        walk(requests, made.id, S.VERIFYING_IDENTITY, S.AWAITING_APPROVAL, now=now)
        assert requests.get(made.id).approved_by is None
        with blocked("request.needs_approval"):
            requests.transition(made.id, S.SCHEDULED, actor="ops", now=now)


def prolong(requests: Requests, request_id: str, due: date, now: datetime) -> Request:
    [after] = requests.change([request_id], lambda r: extended(r, due, actor="ops", now=now, reason="complex"), now)
    return after


def test_an_extension_moves_the_due_date_forward_only(
    requests: Requests, people: Any, now: datetime, ledger: Ledger
) -> None:
    [made] = requests.submit([people.request("a@x.example")], actor="ops", now=now)
    with blocked("request.not_later"):
        prolong(requests, made.id, made.due, now)
    longer = prolong(requests, made.id, date(2027, 2, 24), now)
    assert (longer.due, longer.state, longer.reason) == (date(2027, 2, 24), S.AWAITING_APPROVAL, "complex")
    assert ledger.records()[-1].detail == {"due": "2027-02-24"}
    with blocked("request.extended"):
        prolong(requests, made.id, date(2027, 4, 24), now)


@pytest.mark.parametrize("name", ["R-20261124-AAAAAA", "x' OR '1'='1", "", "\x00", "R-1" * 10_000, "../../x"])
def test_an_unknown_request_is_said_briefly(requests: Requests, people: Any, now: datetime, name: str) -> None:
    requests.submit([people.request("a@x.example")], actor="ops", now=now)
    with pytest.raises(InputError, check=lambda e: e.code == "request.unknown") as caught:
        requests.transition_all([requests.all()[0].id, name], S.REFUSED, actor="ops", now=now)
    assert "OR" not in str(caught.value)
    assert requests.all()[0].state is S.AWAITING_APPROVAL


class Died(BaseException):
    pass


def die(*args: object, **kwargs: object) -> None:
    raise Died


def test_an_event_whose_audit_record_was_lost_is_recorded_by_whoever_comes_next(
    requests: Requests, people: Any, now: datetime, ledger: Ledger, workspace: Workspace, keys: Keys
) -> None:
    [first] = requests.submit([people.request("a@x.example")], actor="ops", now=now)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "drain", die)
        with pytest.raises(Died):
            requests.submit([people.request("b@x.example")], actor="ops", now=now)
    assert ledger.verify().records == 2
    reopened = Requests(workspace, keys, Ledger(workspace, keys))
    assert len(reopened.all()) == 2
    reopened.transition(first.id, S.HELD, actor="ops", now=now + timedelta(hours=1))
    second = reopened.all()[1]
    assert [(r.object, r.outcome, r.at) for r in ledger.records()][2:] == [
        (f"request:{second.id}", "received", now),
        (f"request:{second.id}", "awaiting_approval", now),
        (f"request:{first.id}", "held", now + timedelta(hours=1)),
    ]
    assert reopened.reconcile() == 0
    assert ledger.verify().intact


def test_identifiers_of_a_submission_that_died_are_swept_after_an_hour(
    requests: Requests, people: Any, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module.Requests, "_commit", die)
        with pytest.raises(Died):
            requests.submit([people.request("a@x.example")], actor="ops", now=now)
    assert requests.sweep(now + timedelta(minutes=59)) == 0
    assert len(requests.vault.requests()) == 1
    assert requests.sweep(now + timedelta(minutes=61)) == 1
    assert requests.vault.requests() == {}


def test_identifiers_of_a_request_that_ended_are_swept_when_the_ending_died(
    requests: Requests, people: Any, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    [made] = requests.submit([people.request("a@x.example")], actor="ops", now=now)
    with monkeypatch.context() as patch:
        patch.setattr(module.Requests, "sweep", die)
        with pytest.raises(Died):
            requests.transition(made.id, S.REFUSED, actor="ops", now=now)
    assert requests.sweep(now) == 1
    assert requests.vault.requests() == {}


def test_nothing_is_changed_when_the_ledger_cannot_be_continued(
    requests: Requests, people: Any, now: datetime, workspace: Workspace
) -> None:
    [made] = requests.submit([people.request("a@x.example")], actor="ops", now=now)
    (workspace.root / "store" / "head.json").write_text("{}")
    with pytest.raises(TamperError):
        requests.transition(made.id, S.REFUSED, actor="ops", now=now)
    with pytest.raises(TamperError):
        requests.submit([people.request("b@x.example")], actor="ops", now=now)
    assert requests.all() == [made]


def test_a_taken_id_is_refused(requests: Requests, people: Any, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    [made] = requests.submit([people.request("a@x.example")], actor="ops", now=now)
    monkeypatch.setattr(module, "fresh_ids", lambda count, now: [made.id])
    with pytest.raises(ConflictError, check=lambda e: e.code == "request.id_taken"):
        requests.submit([people.request("b@x.example")], actor="ops", now=now)
    assert requests.all() == [made]
    assert [row.value for row in requests.vault.get([made.id])] == ["a@x.example"], "no two people are mixed up"


def test_ids_of_a_large_batch_differ(now: datetime) -> None:
    assert len(set(module.fresh_ids(50_000, now))) == 50_000


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("fax", "1", "request.unknown_kind"),
        ("phone", "ask me", "request.identifier_empty"),
        ("phone", "+", "request.identifier_empty"),
    ],
)
def test_an_identifier_that_says_nothing_is_refused(keys: Keys, kind: str, value: str, code: str) -> None:
    kinds = {"phone": IdentifierKind(normalise=Normalise.DIGITS)}
    with pytest.raises(InputError, check=lambda e: e.code == code):
        refs_of([Identifier(kind=kind, value=value)], kinds, keys)  # type: ignore[arg-type]


def test_a_batch_is_one_commit_of_each_table(requests: Requests, people: Any, now: datetime) -> None:
    made = requests.submit([people.request(f"{i}@x.example") for i in range(300)], actor="ops", now=now)
    assert [t.snapshot().version for t in (requests._table, requests.vault._table, requests._ledger._table)] == [1] * 3
    again = requests.submit([people.request(f"{i}@x.example") for i in range(300)], actor="ops", now=now)
    assert [r.duplicate_of for r in again] == [r.id for r in made]
    assert requests.transition_all([r.id for r in made], S.REFUSED, actor="ops", now=now)[299].state is S.REFUSED
    assert requests.vault.requests().keys() == {r.id for r in again}
    assert {r.state for r in requests.all() if r.state is not S.REFUSED} == {S.AWAITING_APPROVAL}


CHANGER = """
import sys
from datetime import UTC, datetime
from delible.errors import BlockedError
from delible.model.terms import RequestState
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.requests import Requests
from delible.store.workspace import open_workspace

root, me = sys.argv[1:]
workspace = open_workspace(root)
keys = load_keys(workspace)
requests = Requests(workspace, keys, Ledger(workspace, keys))
won = 0
for request in requests.all():
    try:
        if me == "approve":
            requests.approve(request.id, me, datetime.now(UTC), True)
        else:
            requests.transition(request.id, RequestState.REFUSED, actor=me, now=datetime.now(UTC))
        won += 1
    except BlockedError:
        pass
print(won)
"""


def test_approval_and_refusal_at_once_never_both_win_from_one_state(
    requests: Requests, people: Any, now: datetime, workspace: Workspace, ledger: Ledger
) -> None:
    requests.submit([people.request(f"{i}@x.example") for i in range(8)], actor="ops", now=now)
    command = [sys.executable, "-c", CHANGER, str(workspace.root)]
    running = [subprocess.Popen([*command, me], stdout=subprocess.PIPE) for me in ("approve", "refuse", "approve")]
    won = sum(int(process.communicate(timeout=120)[0]) for process in running)
    assert ledger.verify().records == 16 + won
    for request in requests.all():
        moves = [(r.detail["from"], r.outcome) for r in ledger.records(object_prefix=f"request:{request.id}")[1:]]
        assert moves in (
            [("received", "awaiting_approval"), ("awaiting_approval", "refused")],
            [("received", "awaiting_approval"), ("awaiting_approval", "scheduled"), ("scheduled", "refused")],
        )


def test_listing_needs_no_pyarrow_and_no_pandas(requests: Requests, workspace: Workspace) -> None:
    code = CHANGER + "\nassert not {'pyarrow', 'pandas', 'pyspark', 'presidio_analyzer'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code, str(workspace.root), "approve"], check=True, stdout=subprocess.DEVNULL)


def test_requests_of_one_right_are_the_whole_registers_own(requests: Requests, people: Any, now: datetime) -> None:
    rights = (Right.ERASURE, Right.RESTRICTION, Right.ACCESS, Right.RESTRICTION)
    requests.submit([people.request(f"p{n}@x.example", right=r) for n, r in enumerate(rights)], actor="desk", now=now)
    for right in (Right.RESTRICTION, Right.ERASURE, Right.OBJECTION):
        assert requests.of_right(right) == [r for r in requests.all() if r.right is right]
