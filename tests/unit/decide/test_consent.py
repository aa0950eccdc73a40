"""The consent rules as tables, named after the rule, and as laws."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.consent import FLAGS, decide, flag
from delible.model.consent import ConsentRecord
from delible.model.request import Request
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, Exclusion, LegalBasis, Regime, RequestState, Right

T0 = datetime(2026, 1, 1, tzinfo=UTC)
NOW = T0 + timedelta(days=100)
MAIL, PHONE, STRANGER = (SubjectRef(f"v1.{letter * 64}") for letter in "abc")
S, E, B = ConsentStatus, Exclusion, LegalBasis


def record(status: ConsentStatus, day: int, **changes: Any) -> ConsentRecord:
    """Return a record of day `day`, known the same day."""
    at = T0 + timedelta(days=day)
    fields: dict[str, Any] = {
        "ref": MAIL,
        "kind": "email",
        "purpose": "training",
        "status": status,
        "legal_basis": B.CONSENT,
        "notice_version": "1",
        "valid_from": at,
        "recorded_at": at,
        "source": "form",
    }
    return ConsentRecord(**(fields | changes))


def reason(*records: ConsentRecord, basis: LegalBasis = B.CONSENT, **asked: Any) -> Exclusion | None:
    """Return why rows are left out, with the decision checked to say the same twice."""
    question = {"purpose": "training", "as_of": NOW, "known_at": NOW} | asked
    decision = decide([MAIL, PHONE], records, basis=basis, **question)
    assert decision.keep == (decision.reason is None)
    return decision.reason


DAY = timedelta(days=1)
GIVEN = record(S.GIVEN, 10)


@pytest.mark.parametrize(
    ("rule", "records", "expected"),
    [
        ("no statement is no consent", [], E.NO_CONSENT),
        ("given is consent", [GIVEN], None),
        ("withdrawn after given", [GIVEN, record(S.WITHDRAWN, 11)], E.WITHDRAWN),
        ("revoked counts as withdrawn", [GIVEN, record(S.REVOKED, 11)], E.WITHDRAWN),
        ("refused", [record(S.REFUSED, 10)], E.NO_CONSENT),
        ("invalidated consent was none", [GIVEN, record(S.INVALIDATED, 11)], E.NO_CONSENT),
        ("expired by statement", [GIVEN, record(S.EXPIRED, 11)], E.EXPIRED),
        ("given again after withdrawal", [record(S.WITHDRAWN, 9), GIVEN], None),
        ("withdrawal wins a tie", [GIVEN, record(S.WITHDRAWN, 10)], E.WITHDRAWN),
        (
            "withdrawal wins a tie though recorded first",
            [record(S.WITHDRAWN, 10), record(S.GIVEN, 10, recorded_at=T0 + 50 * DAY)],
            E.WITHDRAWN,
        ),
        ("refusal wins a tie against given", [GIVEN, record(S.REFUSED, 10)], E.NO_CONSENT),
        ("withdrawal wins a tie against refusal", [record(S.REFUSED, 10), record(S.WITHDRAWN, 10)], E.WITHDRAWN),
        (
            "of two given the last recorded counts",
            [GIVEN, record(S.GIVEN, 10, recorded_at=T0 + 20 * DAY, valid_until=T0 + 30 * DAY)],
            E.EXPIRED,
        ),
        (
            "of two given recorded together the one that ends first counts",
            [GIVEN, record(S.GIVEN, 10, valid_until=T0 + 30 * DAY)],
            E.EXPIRED,
        ),
        ("a request for consent is no answer", [record(S.REQUESTED, 10)], E.NO_CONSENT),
        ("a request for consent does not end one", [GIVEN, record(S.REQUESTED, 11)], None),
        ("given and ended", [record(S.GIVEN, 10, valid_until=T0 + 20 * DAY)], E.EXPIRED),
        ("ends at this very instant", [record(S.GIVEN, 10, valid_until=NOW)], E.EXPIRED),
        ("lasts one microsecond longer", [record(S.GIVEN, 10, valid_until=NOW + timedelta(microseconds=1))], None),
        ("an older consent does not come back", [GIVEN, record(S.GIVEN, 11, valid_until=T0 + 12 * DAY)], E.EXPIRED),
        ("a withdrawal never lapses", [GIVEN, record(S.WITHDRAWN, 11, valid_until=T0 + 12 * DAY)], E.WITHDRAWN),
        ("begins at this very instant", [record(S.GIVEN, 10, valid_from=NOW)], None),
        ("not begun yet", [record(S.GIVEN, 10, valid_from=NOW + DAY)], E.NO_CONSENT),
        ("a future withdrawal does not count yet", [GIVEN, record(S.WITHDRAWN, 10, valid_from=NOW + DAY)], None),
        ("not known yet", [record(S.GIVEN, 10, recorded_at=NOW + DAY)], E.NO_CONSENT),
        ("another purpose", [record(S.GIVEN, 10, purpose="marketing")], E.NO_CONSENT),
        ("a withdrawal of another purpose", [GIVEN, record(S.WITHDRAWN, 11, purpose="marketing")], None),
        ("somebody else's consent", [record(S.GIVEN, 10, ref=STRANGER)], E.NO_CONSENT),
        ("any identifier of the person", [record(S.GIVEN, 10, ref=PHONE)], None),
        ("withdrawn under another identifier", [GIVEN, record(S.WITHDRAWN, 11, ref=PHONE)], E.WITHDRAWN),
        ("agreed to a contract, not to this", [record(S.GIVEN, 10, legal_basis=B.CONTRACT)], E.NO_CONSENT),
        ("withdrawn under whatever basis", [GIVEN, record(S.WITHDRAWN, 11, legal_basis=B.CONTRACT)], E.WITHDRAWN),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_consent_basis(rule: str, records: list[ConsentRecord], expected: Exclusion | None) -> None:
    assert reason(*records) == expected
    assert reason(*reversed(records)) == expected


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], None),
        ([GIVEN], None),
        ([record(S.GIVEN, 10, valid_until=T0 + 20 * DAY)], None),
        ([record(S.EXPIRED, 10)], None),
        ([record(S.WITHDRAWN, 10)], E.WITHDRAWN),
        ([record(S.REFUSED, 10)], E.NO_CONSENT),
    ],
)
@pytest.mark.parametrize("basis", [b for b in B if b is not B.CONSENT])
def test_other_basis_is_kept_unless_forbidden(
    records: list[ConsentRecord], expected: Exclusion | None, basis: LegalBasis
) -> None:
    assert reason(*records, basis=basis) == expected


def test_shared_identifier_gives_no_consent_but_withdraws_it() -> None:
    asked: dict[str, Any] = {"shared": [PHONE]}
    assert reason(record(S.GIVEN, 10, ref=PHONE), **asked) is E.NO_CONSENT
    assert reason(GIVEN, record(S.WITHDRAWN, 11, ref=PHONE), **asked) is E.WITHDRAWN
    assert reason(record(S.WITHDRAWN, 10), record(S.GIVEN, 11, ref=PHONE), **asked) is E.WITHDRAWN


def test_as_we_knew_it_then() -> None:
    late = record(S.WITHDRAWN, 20, recorded_at=T0 + 40 * DAY)
    then = T0 + 30 * DAY
    assert reason(GIVEN, late, as_of=then, known_at=then) is None
    assert reason(GIVEN, late, as_of=then, known_at=NOW) is E.WITHDRAWN


@pytest.mark.parametrize("basis", list(B))
def test_flags_exclude_whatever_the_consent(basis: LegalBasis) -> None:
    for number, standing in enumerate(FLAGS):
        assert reason(GIVEN, basis=basis, flags=FLAGS[number:]) is standing


@pytest.mark.parametrize(
    ("right", "state", "expected"),
    [
        (Right.ERASURE, RequestState.RECEIVED, E.ERASURE_REQUESTED),
        (Right.ERASURE, RequestState.HELD, E.ERASURE_REQUESTED),
        (Right.ERASURE, RequestState.PARTLY_COMPLETED, E.ERASURE_REQUESTED),
        (Right.ERASURE, RequestState.COMPLETED, None),
        (Right.ERASURE, RequestState.REFUSED, None),
        (Right.ERASURE, RequestState.DUPLICATE, None),
        (Right.RESTRICTION, RequestState.COMPLETED, E.RESTRICTED),
        (Right.RESTRICTION, RequestState.WITHDRAWN, None),
        (Right.OBJECTION, RequestState.RECEIVED, E.OBJECTED),
        (Right.OBJECTION, RequestState.COMPLETED, E.OBJECTED),
        (Right.OPT_OUT, RequestState.RECEIVED, E.OPTED_OUT),
        (Right.ACCESS, RequestState.RECEIVED, None),
        (Right.PORTABILITY, RequestState.COMPLETED, None),
    ],
)
def test_what_a_request_stands_for(right: Right, state: RequestState, expected: Exclusion | None) -> None:
    request = Request(
        id="R-20260101-AAAAAA",
        right=right,
        regime=Regime.GDPR,
        state=state,
        received=T0,
        due=T0.date(),
        refs=(MAIL,),
        submitted_by="tests",
        changed=T0,
    )
    assert flag(request) is expected


@st.composite
def histories(draw: st.DrawFn) -> list[ConsentRecord]:
    days = st.integers(0, 6)
    return [
        record(
            draw(st.sampled_from(S)),
            draw(days),
            ref=draw(st.sampled_from([MAIL, PHONE])),
            legal_basis=draw(st.sampled_from([B.CONSENT, B.CONTRACT])),
            recorded_at=T0 + draw(days) * DAY,
            valid_until=draw(st.none() | st.integers(7, 9).map(lambda d: T0 + d * DAY)),
        )
        for _ in range(draw(st.integers(0, 6)))
    ]


@given(histories(), st.randoms())
def test_order_of_records_does_not_matter(records: list[ConsentRecord], random: Any) -> None:
    shuffled = list(records)
    random.shuffle(shuffled)
    assert reason(*records) == reason(*shuffled)


@given(histories(), st.sampled_from(FLAGS))
def test_no_flag_ever_lets_a_row_out(records: list[ConsentRecord], standing: Exclusion) -> None:
    assert reason(*records, flags=[standing]) is not None


@given(histories(), st.integers(0, 9))
def test_consent_needs_a_given_before(records: list[ConsentRecord], day: int) -> None:
    at = T0 + day * DAY
    if reason(*records, as_of=at, known_at=at) is None:
        assert any(r.status is S.GIVEN and r.valid_from <= at and r.recorded_at <= at for r in records)


@given(histories(), st.integers(0, 9))
def test_a_withdrawal_now_always_excludes(records: list[ConsentRecord], day: int) -> None:
    at = T0 + day * DAY
    assert reason(*records, record(S.WITHDRAWN, day), as_of=at, known_at=at) is E.WITHDRAWN


@given(histories())
def test_sharing_an_identifier_never_lets_a_row_out(records: list[ConsentRecord]) -> None:
    if reason(*records) is not None:
        assert reason(*records, shared=[PHONE]) is not None
