"""Restriction of processing (Art. 18): from when to when it stands, and what it stops."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from delible.decide.restriction import is_granted, may_lift, opposes_erasure, restricted_people, restricts
from delible.model.request import Request
from delible.model.restriction import RestrictionGround
from delible.model.subject import SubjectRef
from delible.model.terms import Regime, RequestState, Right

S, G = RequestState, RestrictionGround
NOW = datetime(2026, 11, 24, tzinfo=UTC)
ANN = SubjectRef("v1.ann")


def request(state: RequestState = S.COMPLETED, right: Right = Right.RESTRICTION, **more: Any) -> Request:
    given = {"id": "R-1", "regime": Regime.GDPR, "received": NOW, "due": date(2026, 12, 24), "refs": (ANN,)}
    return Request.model_validate(
        {**given, "submitted_by": "desk", "changed": NOW, "state": state, "right": right, **more}
    )


@pytest.mark.parametrize("state", S)
def test_art_18_it_stands_from_receipt_until_it_is_refused_or_withdrawn(state: RequestState) -> None:
    without_effect = {S.REFUSED, S.EXPIRED, S.DUPLICATE, S.WITHDRAWN}
    assert restricts(request(state)) is (state not in without_effect)


@pytest.mark.parametrize("state", S)
def test_it_acts_on_others_only_once_it_is_granted(state: RequestState) -> None:
    claims = {S.RECEIVED, S.VERIFYING_IDENTITY, S.AWAITING_APPROVAL}
    assert is_granted(request(state, approved_by="officer")) is (state not in claims)
    assert not is_granted(request(state))


def test_art_18_3_it_ends_with_its_lifting_and_not_with_the_letter() -> None:
    assert restricts(request(lift_told=NOW))
    assert not restricts(request(lift_told=NOW, lifted=NOW))
    assert restricted_people([request(), request(lifted=NOW), request(right=Right.ACCESS)]) == [(ANN,)]


LIFTS: dict[str, Any] = {
    "not told": (request(), "request.not_told", None),
    "told": (request(lift_told=NOW), None, None),
    "lifted": (request(lift_told=NOW, lifted=NOW), "request.lifted", "request.lifted"),
    "not carried out": (request(S.SCHEDULED), "request.no_restriction", "request.no_restriction"),
    "another right": (request(right=Right.ERASURE), "request.no_restriction", "request.no_restriction"),
}


@pytest.mark.parametrize(("one", "lift", "tell"), LIFTS.values(), ids=LIFTS)
def test_art_18_3_nobody_is_lifted_before_they_were_told(one, lift, tell) -> None:
    problems = may_lift(one), may_lift(one, told=True)
    assert tuple(p.code if p else None for p in problems) == (lift, tell)


OPPOSED: dict[str, Any] = {
    **{str(g): (request(restriction=g), g is G.UNLAWFUL_PROCESSING) for g in G},
    "no ground": (request(), False),
    "lifted": (request(restriction=G.UNLAWFUL_PROCESSING, lifted=NOW), False),
    "somebody else's": (request(restriction=G.UNLAWFUL_PROCESSING, refs=(SubjectRef("v1.bob"),)), False),
}


@pytest.mark.parametrize(("one", "opposed"), OPPOSED.values(), ids=OPPOSED)
def test_art_18_1_b_only_who_opposed_erasure_is_not_erased(one: Request, opposed: bool) -> None:
    assert (opposes_erasure([ANN], [one]) is not None) is opposed
