"""A duplicate loses nothing that was said, and nobody by it."""

from datetime import date, datetime
from typing import Any

import pytest

from delible.decide.restriction import opposes_erasure
from delible.errors import BlockedError
from delible.model.identity import Agency
from delible.model.request import UNANSWERED, RefusalGround
from delible.model.restriction import RestrictionGround
from delible.model.terms import RequestState, Right
from delible.store.ledger import Ledger
from delible.store.request_changes import refused
from delible.store.requests import Requests

S = RequestState


def walk(requests: Requests, request_id: str, *states: RequestState, now: datetime) -> None:
    for state in states:
        if state is S.SCHEDULED:
            requests.approve(request_id, "second", now)
        else:
            requests.transition(request_id, state, actor="ops", now=now)


def test_identifiers_of_a_duplicate_are_kept_as_long_as_its_first_request_is_open(
    requests: Requests, people: Any, now: datetime
) -> None:
    first, again = requests.submit([people.request("a@x.example"), people.request("A@x.example")], actor="o", now=now)
    walk(requests, first.id, S.SCHEDULED, S.IN_PROGRESS, now=now)
    assert requests.vault.requests().keys() == {first.id, again.id}
    walk(requests, first.id, S.COMPLETED, now=now)
    assert requests.vault.requests() == {}
    assert requests.get(again.id).state is S.DUPLICATE


@pytest.mark.parametrize("end", sorted(UNANSWERED))
def test_a_duplicate_takes_the_place_of_a_request_that_was_not_carried_out(
    requests: Requests, people: Any, now: datetime, ledger: Ledger, end: RequestState
) -> None:
    """Who sent it may be somebody else than who was refused, or who withdrew; nobody may be left without an answer."""
    twice = [people.request("a@x.example"), people.request("A@x.example"), people.request("b@x.example")]
    first, again, other = requests.submit(twice, actor="o", now=now)
    doubted = end is S.EXPIRED
    if doubted:
        walk(requests, first.id, S.VERIFYING_IDENTITY, now=now)
    [ended] = requests.transition_all([first.id], end, actor="ops", now=now)
    assert ended.state is end
    open_again, place = requests.get(again.id), S.VERIFYING_IDENTITY if doubted else S.AWAITING_APPROVAL
    assert (open_again.state, open_again.duplicate_of) == (place, None)
    assert requests.vault.requests().keys() == {again.id, other.id}
    [record] = ledger.records(object_prefix=f"request:{again.id}")[2:]
    assert (record.actor, record.outcome, record.detail) == ("ops", place, {"from": "duplicate"})
    [late] = requests.submit([people.request("a@x.example")], actor="o", now=now)
    assert late.duplicate_of == again.id
    walk(requests, again.id, S.REFUSED, now=now)
    assert requests.get(late.id).state is place
    assert requests.vault.requests().keys() == {late.id, other.id}


@pytest.mark.parametrize("asked", [True, False])
def test_art_12_6_who_could_not_show_who_they_are_is_not_answered_by_asking_twice(
    requests: Requests, people: Any, now: datetime, asked: bool
) -> None:
    first, again = requests.submit([people.request("a@x.example"), people.request("A@x.example")], actor="o", now=now)
    if asked:
        walk(requests, first.id, S.VERIFYING_IDENTITY, now=now)
    ground = RefusalGround.IDENTITY_NOT_VERIFIED
    requests.change([first.id], lambda r: refused(r, ground, actor="ops", now=now, reason="not shown"), now)
    assert requests.get(again.id).state is S.VERIFYING_IDENTITY
    with pytest.raises(BlockedError, check=lambda e: e.code == "request.transition"):
        requests.approve(again.id, "second", now)


def test_identifiers_that_a_killed_run_left_are_forgotten_when_it_is_tried_again(
    requests: Requests, people: Any, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first] = requests.submit([people.request("a@x.example")], actor="o", now=now)
    with monkeypatch.context() as killed:
        killed.setattr(Requests, "sweep", lambda *_: 0)
        requests.transition(first.id, S.WITHDRAWN, actor="ops", now=now)
    assert requests.vault.requests().keys() == {first.id}
    with pytest.raises(BlockedError):
        requests.transition(first.id, S.WITHDRAWN, actor="ops", now=now)
    assert requests.vault.requests() == {}


def test_a_request_and_its_duplicate_can_be_moved_at_once(requests: Requests, people: Any, now: datetime) -> None:
    first, again = requests.submit([people.request("a@x.example"), people.request("A@x.example")], actor="o", now=now)
    moved = requests.transition_all([first.id], S.WITHDRAWN, actor="ops", now=now)
    moved += requests.transition_all([again.id], S.WITHDRAWN, actor="ops", now=now)
    assert [r.state for r in moved] == [S.WITHDRAWN, S.WITHDRAWN]
    assert requests.vault.requests() == {}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({}, {"restriction": RestrictionGround.UNLAWFUL_PROCESSING}),
        (
            {"restriction": RestrictionGround.ACCURACY_CONTESTED},
            {"restriction": RestrictionGround.UNLAWFUL_PROCESSING},
        ),
        ({"restriction": RestrictionGround.UNLAWFUL_PROCESSING}, {}),
        ({"due": date(2026, 12, 27)}, {"due": date(2026, 12, 26)}),
        ({"confirm_by": date(2026, 12, 9)}, {"confirm_by": date(2026, 12, 8)}),
        ({}, {"confirm_by": date(2026, 12, 8)}),
        ({"agent": Agency.CLAIMED}, {}),
        ({"agent": Agency.POWER_OF_ATTORNEY}, {}),
        ({"again": "R-20260101-AAAAAAAAAA"}, {}),
    ],
)
@pytest.mark.parametrize("batch", [True, False])
def test_who_says_more_than_the_open_request_is_no_duplicate(
    requests: Requests, people: Any, now: datetime, earlier: dict[str, Any], later: dict[str, Any], batch: bool
) -> None:
    """A ground that opposes an erasure, an earlier last day, the person instead of an agent or of guard."""
    one, two = (
        people.request("a@x.example", right=Right.RESTRICTION).model_copy(update=said) for said in (earlier, later)
    )
    if batch:
        _, second = requests.submit([one, two], actor="ops", now=now)
    else:
        requests.submit([one], actor="ops", now=now)
        [second] = requests.submit([two], actor="ops", now=now)
    assert (second.state, second.duplicate_of) == (S.AWAITING_APPROVAL, None)
    assert second.id in requests.vault.requests()
    [third] = requests.submit([two], actor="ops", now=now)
    assert third.duplicate_of == second.id


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"agent": Agency.CLAIMED}, {"agent": Agency.CLAIMED}),
        ({}, {"agent": Agency.CLAIMED}),
        ({"again": "R-20260101-AAAAAAAAAA"}, {"again": "R-20260101-AAAAAAAAAA"}),
        ({}, {"again": "R-20260101-AAAAAAAAAA"}),
        ({"due": date(2026, 12, 26)}, {"due": date(2026, 12, 27)}),
    ],
)
def test_what_the_open_request_says_as_well_is_a_duplicate(
    requests: Requests, people: Any, now: datetime, earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    one, two = (people.request("a@x.example").model_copy(update=said) for said in (earlier, later))
    first, second = requests.submit([one, two], actor="ops", now=now)
    assert second.duplicate_of == first.id


def test_art_18_1_b_an_erasure_is_opposed_also_by_who_had_contested_accuracy_before(
    requests: Requests, people: Any, now: datetime
) -> None:
    new = people.request("a@x.example", right=Right.RESTRICTION)
    grounds = (RestrictionGround.ACCURACY_CONTESTED, RestrictionGround.UNLAWFUL_PROCESSING)
    for ground in grounds:
        requests.submit([new.model_copy(update={"restriction": ground})], actor="ops", now=now)
    opposed = opposes_erasure(new.refs, requests.all())
    assert opposed is not None
    assert opposed.restriction is RestrictionGround.UNLAWFUL_PROCESSING
