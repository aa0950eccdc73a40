"""What follows for releases, models and runs from each cause: a table of duties, and the laws around it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.impact import (
    Reason,
    asked_of,
    cause_of,
    consent_due,
    consent_regime,
    duties,
    heeded,
    judged_anew,
    overtaken,
)
from delible.model.policy import Purpose
from delible.model.record import Manifest
from delible.model.release import Cause, DutyKind, ReleasedColumn, Use
from delible.model.request import RefusalGround, Request
from delible.model.subject import SubjectRef
from delible.model.terms import Exclusion, LegalBasis, Regime, RequestState, Right
from report_records import manifest

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DUE = date(2026, 7, 1)
CONSENT = Purpose(purpose="training", description="models", legal_basis=LegalBasis.CONSENT)
CONTRACT = Purpose(
    purpose="training",
    description="models",
    legal_basis=LegalBasis.CONTRACT,
    direct_marketing=False,
    sells_or_shares=False,
)


def request(right: Right, state: RequestState = RequestState.SCHEDULED, **more: Any) -> Request:
    fields: dict[str, Any] = {
        "id": "R-1",
        "right": right,
        "regime": Regime.GDPR,
        "state": state,
        "received": NOW,
        "due": DUE,
        "refs": (SubjectRef("v1." + "0" * 64),),
        "submitted_by": "tests",
        "changed": NOW,
    }
    return Request(**(fields | more))


def use(by: str, **more: Any) -> Use:
    return Use(dataset="support_training", version=1, by=by, at=NOW, actor="tests", **more)


@pytest.mark.parametrize(
    ("right", "state", "purpose", "cause"),
    [
        (Right.ERASURE, RequestState.RECEIVED, CONSENT, Cause.ERASURE),
        (Right.ERASURE, RequestState.COMPLETED, CONSENT, Cause.ERASURE),
        (Right.ERASURE, RequestState.COMPLETED, None, Cause.ERASURE),
        (Right.ERASURE, RequestState.REFUSED, CONSENT, None),
        (Right.OBJECTION, RequestState.COMPLETED, CONSENT, Cause.OBJECTION),
        (Right.OBJECTION, RequestState.COMPLETED, CONTRACT, None),
        (Right.OPT_OUT, RequestState.COMPLETED, CONSENT, Cause.OPT_OUT),
        (Right.OPT_OUT, RequestState.COMPLETED, CONTRACT, None),
        (Right.RESTRICTION, RequestState.COMPLETED, CONTRACT, Cause.RESTRICTION),
        (Right.LIMIT, RequestState.RECEIVED, CONTRACT, Cause.LIMIT),
        (Right.RECTIFICATION, RequestState.SCHEDULED, CONTRACT, Cause.RECTIFICATION),
        (Right.ACCESS, RequestState.COMPLETED, CONSENT, None),
        (Right.PORTABILITY, RequestState.SCHEDULED, CONSENT, None),
    ],
)
def test_what_a_request_means_for_a_release(
    right: Right, state: RequestState, purpose: Purpose | None, cause: Cause | None
) -> None:
    assert cause_of(request(right, state), purpose) is cause


def test_an_objection_that_was_outweighed_still_stands_against_direct_marketing() -> None:
    outweighed = request(Right.OBJECTION, RequestState.REFUSED, ground=RefusalGround.COMPELLING_GROUNDS)
    assert cause_of(outweighed, CONSENT) is Cause.OBJECTION
    assert cause_of(outweighed, CONTRACT) is None


@pytest.mark.parametrize(
    ("cause", "marketing", "release", "model"),
    [
        (Cause.ERASURE, False, DutyKind.RECUT, DutyKind.RETRAIN),
        (Cause.WITHDRAWAL, False, DutyKind.RECUT, DutyKind.ASSESS),
        (Cause.OBJECTION, False, DutyKind.RECUT, DutyKind.ASSESS),
        (Cause.OBJECTION, True, DutyKind.RECUT, DutyKind.RETRAIN),
        (Cause.OPT_OUT, False, DutyKind.RECUT, DutyKind.ASSESS),
        (Cause.RESTRICTION, False, DutyKind.RECUT, DutyKind.ASSESS),
        (Cause.LAPSE, False, DutyKind.RECUT, DutyKind.ASSESS),
        (Cause.BASIS, False, DutyKind.RECUT, DutyKind.ASSESS),
        (Cause.LIMIT, False, DutyKind.RECUT, DutyKind.ASSESS),
        (Cause.RECTIFICATION, False, DutyKind.RECUT, DutyKind.ASSESS),
    ],
)
def test_each_cause_has_its_duties(cause: Cause, marketing: bool, release: DutyKind, model: DutyKind) -> None:
    reason = Reason(cause, Regime.GDPR, DUE, marketing=marketing)
    made = [use("model:triage", owner="ml", run="4f"), use("run:77")]
    found = {d.what: d for d in duties(manifest(), [reason], made, contact="us")}
    assert {name: d.duty for name, d in found.items()} == {
        "support_training@v1": release,
        "model:triage": model,
        "run:4f": DutyKind.NOTIFY_OWNER,
        "run:77": DutyKind.NOTIFY_OWNER,
    }
    assert [found[n].owner for n in ("support_training@v1", "model:triage", "run:4f", "run:77")] == [
        "us",
        "ml",
        "ml",
        "us",
    ]
    assert all(d.rule == f"{cause}.{d.target}" and d.due == DUE for d in found.values())
    assert found["model:triage"].article.endswith("EDPB Opinion 28/2024")


def test_what_is_superseded_is_retired_and_not_cut_once_more() -> None:
    leaves, stays = (Reason(Cause.RECTIFICATION, Regime.GDPR, DUE, leaves=each) for each in (True, False))
    for reasons, kind in (([leaves], DutyKind.RETIRE), ([stays], DutyKind.ASSESS), ([stays, leaves], DutyKind.RETIRE)):
        found = duties(manifest(), reasons, [use("model:a")], contact="us", superseded=True)
        assert [(d.target.value, d.duty) for d in found] == [("release", kind), ("model", DutyKind.ASSESS)]


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("regime", Regime)
def test_no_duty_is_without_an_article(cause: Cause, regime: Regime) -> None:
    (duty,) = duties(manifest(), [Reason(cause, regime, DUE)], [], contact="us")
    assert any(law in duty.article for law in ("GDPR Art.", "Cal. Civ. Code"))


REASONS = st.builds(
    Reason, st.sampled_from(Cause), st.sampled_from(Regime), st.dates(date(2026, 1, 1), date(2027, 1, 1)), st.booleans()
)


@given(st.sets(REASONS, min_size=1, max_size=6), REASONS)
def test_another_reason_never_makes_a_duty_lighter_or_later(reasons: set[Reason], more: Reason) -> None:
    order = list(DutyKind)
    gravity = {
        DutyKind.RETRAIN: 0,
        DutyKind.RECUT: 1,
        DutyKind.RETIRE: 2,
        DutyKind.ASSESS: 3,
        DutyKind.NOTIFY_OWNER: 4,
    }
    assert len(order) == len(gravity)
    made = [use("model:a"), use("run:b")]
    before = duties(manifest(), reasons, made, contact="us")
    after = duties(manifest(), reasons | {more}, made, contact="us")
    for one, other in zip(before, after, strict=True):
        assert gravity[other.duty] <= gravity[one.duty]
        assert other.due <= one.due
        assert other.what == one.what


@pytest.mark.parametrize(
    ("category", "later", "heeds"),
    [("user.health_and_medical", 1, False), ("user.health_and_medical", 0, True), ("system.operations", 1, True)],
)
def test_a_limit_concerns_sensitive_columns_that_left_before_it(category: str, later: int, heeds: bool) -> None:
    released = manifest().model_copy(
        update={
            "known_at": NOW,
            "columns": (ReleasedColumn(name="c", type="string", treatment="keep", category=category),),
        }
    )
    asked = request(Right.LIMIT, received=NOW + timedelta(days=later))
    assert heeded(asked, Cause.LIMIT, released) is heeds


def test_a_correction_concerns_what_was_cut_before_it_was_carried_out() -> None:
    released: Manifest = manifest().model_copy(update={"known_at": NOW})
    for later, heeds in ((-1, True), (1, False)):
        done = request(Right.RECTIFICATION, RequestState.COMPLETED, changed=NOW + timedelta(days=later))
        assert heeded(done, Cause.RECTIFICATION, released) is heeds


@pytest.mark.parametrize(
    ("known_at", "treated_at", "recut_of", "heeds"),
    [
        (6, 1, 1, False),  # cut again because of somebody else: its values are those of day 1
        (6, 6, None, True),
        (6, None, None, True),  # a build of a version that kept no time of its own for this
        (6, None, 1, False),  # a recut of such a version: nobody knows
    ],
)
def test_a_recut_heeds_no_limit_and_no_correction_that_came_after_its_values(
    known_at: int, treated_at: int | None, recut_of: int | None, heeds: bool
) -> None:
    column = ReleasedColumn(name="c", type="string", treatment="keep", category="user.health_and_medical")
    treated = None if treated_at is None else NOW + timedelta(days=treated_at)
    times = {"known_at": NOW + timedelta(days=known_at), "treated_at": treated, "recut_of": recut_of}
    released = manifest().model_copy(update={"columns": (column,), **times})
    asked = NOW + timedelta(days=2)
    assert heeded(request(Right.LIMIT, received=asked), Cause.LIMIT, released) is heeds
    done = request(Right.RECTIFICATION, RequestState.COMPLETED, changed=asked)
    assert heeded(done, Cause.RECTIFICATION, released) is heeds


@pytest.mark.parametrize(
    ("right", "state", "day", "reason"),
    [
        (Right.LIMIT, RequestState.RECEIVED, 2, Exclusion.LIMITED),
        (Right.LIMIT, RequestState.COMPLETED, 2, Exclusion.LIMITED),
        (Right.LIMIT, RequestState.COMPLETED, 1, None),  # its values heed it
        (Right.LIMIT, RequestState.REFUSED, 2, None),
        (Right.RECTIFICATION, RequestState.AWAITING_APPROVAL, 2, None),
        (Right.RECTIFICATION, RequestState.SCHEDULED, 2, None),
        (Right.RECTIFICATION, RequestState.IN_PROGRESS, 2, Exclusion.RECTIFIED),
        (Right.RECTIFICATION, RequestState.WAITING_RETENTION_WINDOW, 2, Exclusion.RECTIFIED),
        (Right.RECTIFICATION, RequestState.PARTLY_COMPLETED, 2, Exclusion.RECTIFIED),
        (Right.RECTIFICATION, RequestState.COMPLETED, 2, Exclusion.RECTIFIED),
        (Right.RECTIFICATION, RequestState.COMPLETED, 1, None),
        (Right.RECTIFICATION, RequestState.REFUSED, 2, None),
        (Right.ERASURE, RequestState.COMPLETED, 2, None),  # leaves for another reason
    ],
)
def test_a_recut_leaves_out_whose_released_values_are_not_to_be_used(
    right: Right, state: RequestState, day: int, reason: Exclusion | None
) -> None:
    column = ReleasedColumn(name="c", type="string", treatment="keep", category="user.health_and_medical")
    released = manifest().model_copy(update={"treated_at": NOW + timedelta(days=1), "columns": (column,)})
    asked = NOW + timedelta(days=day)
    assert overtaken(request(right, state, received=asked, changed=asked), released) is reason


def test_a_correction_that_nobody_has_decided_on_is_assessed() -> None:
    (duty,) = duties(manifest(), [Reason(Cause.RECTIFICATION, Regime.GDPR, DUE, leaves=False)], [], contact="us")
    assert duty.duty is DutyKind.ASSESS


PURPOSE: dict[str, Any] = {"purpose": "training", "description": "models", "legal_basis": "consent"}


@pytest.mark.parametrize(
    ("then", "today", "anew"),
    [
        ({}, {}, False),
        ({}, {"description": "other words", "necessity": "More."}, False),
        ({"consent": {"opt_out_in": ["US"]}}, {}, True),
        ({"sells_or_shares": False}, {"sells_or_shares": True}, True),
        ({"direct_marketing": False}, {"direct_marketing": True}, True),
        ({"legal_basis": "contract"}, {}, True),
        ({"consent": {"lasts": "P1Y"}}, {"consent": {"lasts": "P1Y"}}, True),  # ends by itself: nothing new is recorded
    ],
)
def test_everybody_is_judged_anew_when_a_purpose_asks_something_else(
    then: dict[str, Any], today: dict[str, Any], anew: bool
) -> None:
    cut = Purpose.model_validate(PURPOSE | then)
    released = manifest().model_copy(update={"basis": cut.legal_basis, "purpose_fingerprint": asked_of(cut)})
    assert judged_anew(Purpose.model_validate(PURPOSE | today), released) is anew


def test_a_release_that_does_not_say_what_its_purpose_asked_is_judged_anew() -> None:
    assert judged_anew(CONSENT, manifest())


def test_a_withdrawal_has_to_have_reached_releases_within_the_month() -> None:
    def weekday(day: date) -> bool:
        return day.isoweekday() <= 5

    assert consent_due(NOW.date(), Cause.WITHDRAWAL, is_working_day=weekday) == date(2026, 7, 1)
    assert consent_due(NOW.date(), Cause.LAPSE, is_working_day=weekday) == date(2026, 7, 1)


def test_an_opt_out_has_to_have_reached_releases_within_15_business_days() -> None:
    """11 CCR 7026(f): Monday the 1st of June, and three weeks of five days."""
    assert consent_regime(Cause.OPT_OUT) is Regime.CCPA
    day = consent_due(NOW.date(), Cause.OPT_OUT, is_working_day=lambda day: day.isoweekday() <= 5)
    assert day == date(2026, 6, 22)


@pytest.mark.parametrize("by", ["model:", "triage", "model:a\nb", "MODEL:a", "model:" + "x" * 200, "mail:a@b.example"])
def test_a_thing_has_a_kind_and_a_plain_name(by: str) -> None:
    with pytest.raises(ValueError, match="give a kind and a name"):
        use(by)
