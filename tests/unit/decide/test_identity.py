"""Which degree of certainty a right asks for, and who may not be approved yet."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.identity import GROUNDS_OF, needed, unproven, unshown
from delible.model.identity import NEEDED, Agency, Verification, surer
from delible.model.request import RefusalGround, Request
from delible.model.terms import Regime, RequestState, Right

HIGH, REASONABLE = Verification.REASONABLY_HIGH, Verification.REASONABLE


def request(right: Right, regime: Regime = Regime.CCPA, **fields: object) -> Request:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    return Request(
        id="R-20261124-AAAAAAAAAA",
        right=right,
        regime=regime,
        state=RequestState.AWAITING_APPROVAL,
        received=now,
        due=date(2026, 12, 24),
        refs=(),
        submitted_by="ops",
        changed=now,
        **fields,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("rule", "right", "sensitive", "level"),
    [
        ("7062(c) specific pieces", Right.ACCESS, False, HIGH),
        ("7062(c) to take along", Right.PORTABILITY, False, HIGH),
        ("7062(d) delete", Right.ERASURE, False, REASONABLE),
        ("7062(d) delete what is sensitive", Right.ERASURE, True, HIGH),
        ("7062(e) correct", Right.RECTIFICATION, False, REASONABLE),
        ("7062(e) correct what is sensitive", Right.RECTIFICATION, True, HIGH),
        ("7026(d) opt-out", Right.OPT_OUT, True, None),
        ("7027(e) limit", Right.RESTRICTION, True, None),
    ],
)
def test_11_ccr_7062_degrees_of_certainty(rule, right, sensitive, level):
    assert needed(right, Regime.CCPA, sensitive=sensitive).level is level


@pytest.mark.parametrize("right", Right)
def test_gdpr_article_12_6_knows_one_degree(right):
    assert needed(right, Regime.GDPR, sensitive=True).level is REASONABLE


def test_every_right_has_its_article():
    assert all(NEEDED[regime, right].article for regime in Regime for right in Right)


@pytest.mark.parametrize(
    ("rule", "right", "fields", "everybody", "code"),
    [
        ("nobody is checked: who approves vouches", Right.ERASURE, {}, False, None),
        ("7024(a) what was not verified is not disclosed", Right.ACCESS, {}, False, "request.unverified"),
        ("7024(a) nor handed over to take along", Right.PORTABILITY, {}, False, "request.unverified"),
        ("7062(c) enough, whether or not others are checked", Right.ACCESS, {"verification": HIGH}, False, None),
        ("everybody is checked", Right.ACCESS, {}, True, "request.unverified"),
        ("7062(c) too low", Right.ACCESS, {"verification": REASONABLE}, True, "request.unverified"),
        ("7062(c) enough", Right.ACCESS, {"verification": HIGH}, True, None),
        (
            "a degree that is too low is a doubt",
            Right.ACCESS,
            {"verification": REASONABLE},
            False,
            "request.unverified",
        ),
        ("7062(d) enough", Right.ERASURE, {"verification": REASONABLE}, True, None),
        ("7026(d) asks for nothing", Right.OPT_OUT, {}, True, None),
        ("7063(a) only a claim", Right.OPT_OUT, {"agent": Agency.CLAIMED}, False, "request.agent_unproven"),
        (
            "7063(a) permission, no identity",
            Right.ERASURE,
            {"agent": Agency.SIGNED_PERMISSION},
            False,
            "request.unverified",
        ),
        (
            "7063(a) permission and identity",
            Right.ERASURE,
            {"agent": Agency.SIGNED_PERMISSION, "verification": REASONABLE},
            True,
            None,
        ),
        ("7026(j) permission for an opt-out", Right.OPT_OUT, {"agent": Agency.SIGNED_PERMISSION}, True, None),
        ("7063(b) power of attorney", Right.ACCESS, {"agent": Agency.POWER_OF_ATTORNEY}, True, None),
        ("7063(b) and nobody is checked", Right.ERASURE, {"agent": Agency.POWER_OF_ATTORNEY}, False, None),
        (
            "identity does not make an agent",
            Right.ERASURE,
            {"agent": Agency.CLAIMED, "verification": HIGH},
            True,
            "request.agent_unproven",
        ),
    ],
)
def test_11_ccr_7063_who_may_not_be_approved_yet(rule, right, fields, everybody, code):
    found = unproven(request(right, **fields), check_everybody=everybody, sensitive=False)
    assert (found.code if found else None) == code


@pytest.mark.parametrize(
    ("rule", "fields", "everybody", "code"),
    [
        ("nobody is checked", {}, False, None),
        ("everybody is", {}, True, "request.unverified"),
        ("a mandate is no identity", {"agent": Agency.POWER_OF_ATTORNEY}, True, "request.unverified"),
        ("nor where nobody is checked", {"agent": Agency.POWER_OF_ATTORNEY}, False, "request.unverified"),
        ("with identity", {"agent": Agency.POWER_OF_ATTORNEY, "verification": REASONABLE}, True, None),
    ],
)
@pytest.mark.parametrize("right", [Right.ACCESS, Right.ERASURE, Right.RECTIFICATION])
def test_gdpr_article_12_6_knows_no_power_of_attorney_instead_of_identity(right, rule, fields, everybody, code):
    found = unproven(request(right, Regime.GDPR, **fields), check_everybody=everybody, sensitive=False)
    assert (found.code if found else None) == code


@pytest.mark.parametrize(
    ("rule", "regime", "level", "declaration", "account", "allowed"),
    [
        ("7062(c) nothing was shown", Regime.CCPA, HIGH, False, False, False),
        ("7062(c) a signed declaration", Regime.CCPA, HIGH, True, False, True),
        ("7061(a) authenticated anew", Regime.CCPA, HIGH, False, True, True),
        ("7062(d) the lower degree", Regime.CCPA, REASONABLE, False, False, True),
        ("the GDPR asks for no declaration", Regime.GDPR, HIGH, False, False, True),
    ],
)
def test_11_ccr_7062_c_what_the_higher_degree_is_recorded_with(rule, regime, level, declaration, account, allowed):
    found = unshown(request(Right.ACCESS, regime), level, declaration=declaration, account=account)
    assert (found is None) == allowed


LEVELS = st.sampled_from([None, *Verification])


@given(
    st.sampled_from(list(Right)),
    st.sampled_from(list(Regime)),
    LEVELS,
    LEVELS,
    st.sampled_from([None, *Agency]),
    st.booleans(),
)
def test_law_a_surer_identity_never_blocks_what_a_less_sure_one_allows(right, regime, one, other, agent, sensitive):
    low, high = (one, other) if surer(other, one) else (other, one)
    blocked = [
        unproven(request(right, regime, verification=v, agent=agent), check_everybody=True, sensitive=sensitive)
        for v in (low, high)
    ]
    assert blocked[0] is not None or blocked[1] is None


@given(st.sampled_from([Right.ACCESS, Right.PORTABILITY]), LEVELS, st.booleans(), st.booleans())
def test_law_11_ccr_7024_a_who_records_nothing_never_gets_further_than_who_records_too_little(
    right, level, everybody, sensitive
):
    def may(verification) -> bool:
        asked = request(right, verification=verification)
        return unproven(asked, check_everybody=everybody, sensitive=sensitive) is None

    assert not may(None)
    assert may(level) == (level is HIGH)


def test_gdpr_article_11_2_is_the_gdprs():
    assert GROUNDS_OF.keys() == set(RefusalGround)
    assert GROUNDS_OF[RefusalGround.CANNOT_IDENTIFY] == {Regime.GDPR}
