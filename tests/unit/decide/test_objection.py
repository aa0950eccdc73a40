"""Objections, opt-outs and limits: tables named after the article, and the law that they never release data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.consent import decide
from delible.decide.deadline import clock_for, confirmation_clock
from delible.decide.objection import STANDING, excludes, limits, not_taken_back, stands_against, unsaid
from delible.model.policy import Purpose
from delible.model.request import RefusalGround, Request
from delible.model.subject import SubjectRef
from delible.model.taxonomy import CATEGORIES, is_sensitive, is_special
from delible.model.terms import Exclusion, LegalBasis, Regime, RequestState, Right

T0 = datetime(2026, 1, 31, tzinfo=UTC)
REF = SubjectRef(f"v1.{'a' * 64}")
E, B, S = Exclusion, LegalBasis, RequestState


def asked(right: Right, state: RequestState = S.RECEIVED, **changes: Any) -> Request:
    fields: dict[str, Any] = {
        "id": "R-20260101-AAAAAA",
        "right": right,
        "regime": Regime.GDPR,
        "state": state,
        "received": T0,
        "due": T0.date(),
        "refs": (REF,),
        "submitted_by": "tests",
        "changed": T0,
    }
    return Request(**(fields | changes))


def purpose(basis: LegalBasis | None, **said: bool | None) -> Purpose:
    return Purpose(purpose="some", description="Some.", legal_basis=basis, **said)


@pytest.mark.parametrize(
    ("article", "basis", "marketing", "expected"),
    [
        ("21(1) public task", B.PUBLIC_TASK, False, E.OBJECTED),
        ("21(1) legitimate interests", B.LEGITIMATE_INTERESTS, False, E.OBJECTED),
        ("7(3) to object to consent is to withdraw it", B.CONSENT, False, E.OBJECTED),
        ("21(1) names no contract", B.CONTRACT, False, None),
        ("21(1) names no legal obligation", B.LEGAL_OBLIGATION, False, None),
        ("21(1) names no vital interests", B.VITAL_INTERESTS, False, None),
        ("21(2) direct marketing, whatever the basis", B.CONTRACT, True, E.OBJECTED),
        ("21(2) a gap: it may be direct marketing", B.CONTRACT, None, E.OBJECTED),
        ("6 a gap: no basis", None, False, E.OBJECTED),
    ],
)
@pytest.mark.parametrize("state", [S.RECEIVED, S.AWAITING_APPROVAL, S.IN_PROGRESS, S.COMPLETED])
def test_art_21(
    article: str, basis: LegalBasis | None, marketing: bool | None, expected: E | None, state: RequestState
) -> None:
    assert stands_against(asked(Right.OBJECTION, state), purpose(basis, direct_marketing=marketing)) is expected, (
        article
    )


@pytest.mark.parametrize(
    ("article", "ground", "marketing", "expected"),
    [
        ("21(1) compelling grounds", RefusalGround.COMPELLING_GROUNDS, False, None),
        ("21(3) nothing outweighs it against marketing", RefusalGround.COMPELLING_GROUNDS, True, E.OBJECTED),
        ("21(3) a gap: it may be direct marketing", RefusalGround.COMPELLING_GROUNDS, None, E.OBJECTED),
        ("12(5) manifestly unfounded", RefusalGround.MANIFESTLY_UNFOUNDED, True, None),
        ("11(2) nobody found", RefusalGround.CANNOT_IDENTIFY, None, None),
    ],
)
def test_art_21_refused(article: str, ground: RefusalGround, marketing: bool | None, expected: E | None) -> None:
    refused = asked(Right.OBJECTION, S.REFUSED, ground=ground)
    assert stands_against(refused, purpose(B.LEGITIMATE_INTERESTS, direct_marketing=marketing)) is expected, article


@pytest.mark.parametrize(
    ("sells", "state", "taken_back", "expected"),
    [
        (True, S.RECEIVED, None, E.OPTED_OUT),
        (True, S.COMPLETED, None, E.OPTED_OUT),
        (None, S.RECEIVED, None, E.OPTED_OUT),
        (False, S.COMPLETED, None, None),
        (True, S.COMPLETED, T0, None),
        (True, S.WITHDRAWN, None, None),
        (True, S.REFUSED, None, None),
    ],
)
def test_1798_120(sells: bool | None, state: RequestState, taken_back: datetime | None, expected: E | None) -> None:
    request = asked(Right.OPT_OUT, state, taken_back=taken_back)
    assert stands_against(request, purpose(B.CONTRACT, sells_or_shares=sells)) is expected


@pytest.mark.parametrize(
    ("right", "state", "taken_back", "expected"),
    [
        (Right.LIMIT, S.RECEIVED, None, True),
        (Right.LIMIT, S.COMPLETED, None, True),
        (Right.LIMIT, S.COMPLETED, T0, False),
        (Right.LIMIT, S.WITHDRAWN, None, False),
        (Right.OPT_OUT, S.RECEIVED, None, False),
    ],
)
def test_1798_121(right: Right, state: RequestState, taken_back: datetime | None, expected: bool) -> None:
    assert limits(asked(right, state, taken_back=taken_back)) is expected


@pytest.mark.parametrize("right", [Right.OPT_OUT, Right.LIMIT])
def test_11_ccr_7026_and_7027_ask_for_fifteen_business_days(right: Right) -> None:
    clock = clock_for(right, Regime.CCPA)
    assert (clock.period, clock.unit, clock.extension) == (15, "working days", 0)
    assert confirmation_clock(right, Regime.CCPA) is None


@pytest.mark.parametrize(
    ("category", "sensitive"),
    [
        ("user.government_id.passport_number", True),
        ("user.authorization.password", True),
        ("user.financial.bank_account", True),
        ("user.location.precise", True),
        ("user.location.imprecise", False),
        ("user.demographic.race_ethnicity", True),
        ("user.health_and_medical.genetic", True),
        ("user.content.private", True),
        ("user.contact.email", False),
        ("user.payment", False),
    ],
)
def test_1798_140_ae(category: str, sensitive: bool) -> None:
    assert is_sensitive(category) is sensitive


def test_what_is_special_is_sensitive() -> None:
    assert {c for c in CATEGORIES if is_special(c) and not is_sensitive(c)} == set()


@pytest.mark.parametrize(
    ("rule", "right", "when", "prompted", "possible"),
    [
        ("1798.135(c)(4) asked too soon", Right.OPT_OUT, datetime(2027, 1, 30, tzinfo=UTC), True, False),
        ("1798.135(c)(4) after 12 months", Right.OPT_OUT, datetime(2027, 1, 31, tzinfo=UTC), True, True),
        ("1798.135(c)(4) of their own accord", Right.OPT_OUT, datetime(2026, 2, 1, tzinfo=UTC), False, True),
        ("1798.135(c)(4) limits too", Right.LIMIT, datetime(2026, 12, 1, tzinfo=UTC), True, False),
        ("21 knows no such wait", Right.OBJECTION, datetime(2026, 2, 1, tzinfo=UTC), True, True),
        ("only what stands", Right.ERASURE, datetime(2027, 2, 1, tzinfo=UTC), False, False),
    ],
)
def test_taking_back(rule: str, right: Right, when: datetime, prompted: bool, possible: bool) -> None:
    assert (not_taken_back(asked(right, S.COMPLETED), when, prompted=prompted) is None) is possible, rule


def test_taking_back_happens_once_and_afterwards() -> None:
    assert not_taken_back(asked(Right.OPT_OUT, S.COMPLETED, taken_back=T0), T0, prompted=False)
    assert not_taken_back(asked(Right.OPT_OUT, S.SCHEDULED), T0, prompted=False)


def test_gaps_are_told_only_where_they_decide() -> None:
    objected, opted = asked(Right.OBJECTION), asked(Right.OPT_OUT)
    codes = lambda requests, p: [x.code for x in unsaid(requests, p)]  # noqa: E731
    assert codes([objected, opted], purpose(B.CONTRACT)) == ["dataset.marketing_gap", "dataset.sale_gap"]
    assert codes([objected], purpose(B.LEGITIMATE_INTERESTS)) == []
    assert codes([objected, opted], purpose(B.CONTRACT, direct_marketing=True, sells_or_shares=True)) == []
    assert codes([asked(Right.OPT_OUT, S.WITHDRAWN)], purpose(B.CONTRACT)) == []


REQUESTS = st.builds(
    asked,
    st.sampled_from(Right),
    st.sampled_from(S),
    ground=st.none() | st.sampled_from(RefusalGround),
    taken_back=st.none() | st.just(T0),
)
SAID = st.none() | st.booleans()
PURPOSES = st.builds(purpose, st.sampled_from(B), direct_marketing=SAID, sells_or_shares=SAID)


def kept(requests: list[Request], whole: Purpose) -> bool:
    """Return whether the rows of somebody without any consent record may be used."""
    flags = [reason for r in requests if (reason := stands_against(r, whole)) is not None]
    assert whole.legal_basis is not None
    return decide((REF,), (), purpose="some", basis=whole.legal_basis, as_of=T0, known_at=T0, flags=flags).keep


@given(st.lists(REQUESTS, max_size=4), REQUESTS, PURPOSES)
def test_law_one_more_request_never_releases_data(requests: list[Request], more: Request, whole: Purpose) -> None:
    assert kept(requests, whole) or not kept([*requests, more], whole)


@given(st.lists(REQUESTS, max_size=4), PURPOSES, st.sampled_from(["direct_marketing", "sells_or_shares"]))
def test_law_a_gap_never_releases_data(requests: list[Request], whole: Purpose, field: str) -> None:
    gap = whole.model_copy(update={field: None})
    assert kept(requests, whole) or not kept(requests, gap)


@given(st.sampled_from(Right), st.sampled_from(S), PURPOSES)
def test_law_what_is_taken_back_was_nothing_but_standing(right: Right, state: RequestState, whole: Purpose) -> None:
    back = asked(right, state, taken_back=T0)
    assert stands_against(back, whole) is None or right not in STANDING


@pytest.mark.parametrize("reason", [E.SUPPRESSED, E.ERASURE_REQUESTED, E.RESTRICTED])
@given(PURPOSES)
def test_everything_else_stands_against_every_purpose(reason: Exclusion, whole: Purpose) -> None:
    assert excludes(reason, whole)
