"""A corrected identifier: which open requests follow it, which are asked about first, and whose consent goes on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from delible.decide.consent import decide
from delible.decide.succession import Succession, carried, succession
from delible.model.consent import ConsentRecord
from delible.model.request import ENDED, Request
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, LegalBasis, Regime, RequestState, Right

S, C = RequestState, ConsentStatus
NOW = datetime(2026, 11, 24, tzinfo=UTC)
OLD, NEW, ID, STRANGE = (SubjectRef(f"v1.{name}") for name in ("old", "new", "id", "strange"))
FOLLOWS, ASK = Succession.FOLLOWS, Succession.UNDECIDED


def request(state: S = S.SCHEDULED, right: Right = Right.ERASURE, refs: tuple[SubjectRef, ...] = (OLD,)) -> Request:
    return Request(
        id="R-1",
        right=right,
        regime=Regime.GDPR,
        state=state,
        received=NOW,
        due=date(2026, 12, 24),
        refs=refs,
        submitted_by="desk",
        changed=NOW,
    )


CASES: dict[str, tuple[Request, bool, Succession | None]] = {
    "it names the old identifier alone": (request(), False, ASK),
    "nobody has approved it": (request(S.AWAITING_APPROVAL, Right.ACCESS), False, ASK),
    "a hold keeps it": (request(S.HELD), False, ASK),
    "it names another identifier of the person": (request(refs=(OLD, ID)), False, FOLLOWS),
    "the same, and the old one is shared": (request(refs=(OLD, ID)), True, FOLLOWS),
    "it names another one of nobody's": (request(refs=(OLD, STRANGE)), False, ASK),
    "it has been begun": (request(S.PARTLY_COMPLETED), False, FOLLOWS),
    "somebody else's that has been begun, and both have the old one": (
        request(S.WAITING_RETENTION_WINDOW, refs=(OLD, STRANGE)),
        True,
        None,
    ),
    "the old one is shared": (request(), True, ASK),
    "an approved correction": (request(right=Right.RECTIFICATION), False, FOLLOWS),
    "a correction that nobody has approved": (request(S.AWAITING_APPROVAL, Right.RECTIFICATION), False, ASK),
    "an objection is not searched for": (request(right=Right.OBJECTION), False, None),
    "it does not name the old one": (request(refs=(ID,)), False, None),
}


@pytest.mark.parametrize(("one", "is_shared", "becomes"), CASES.values(), ids=CASES)
def test_art_16_what_becomes_of_requests_under_a_corrected_identifier(one, is_shared, becomes) -> None:
    assert succession(one, {OLD}, {OLD} if is_shared else (), {ID} if is_shared else {ID, OLD}) is becomes


@pytest.mark.parametrize("state", sorted(ENDED))
def test_what_has_ended_does_not_go_on(state: S) -> None:
    assert succession(request(state, refs=(OLD, ID)), {OLD}, (), {ID, OLD}) is None


def record(status: C = C.GIVEN, ends: datetime | None = None, **more: Any) -> ConsentRecord:
    given_ = {"ref": OLD, "kind": "email", "purpose": "ads", "status": status, "legal_basis": LegalBasis.CONSENT}
    times = {"valid_from": NOW - timedelta(days=9), "valid_until": ends, "recorded_at": NOW - timedelta(days=9)}
    return ConsentRecord.model_validate({**given_, **times, "notice_version": "1", "source": "form", **more})


def test_art_7_1_a_consent_goes_on_only_where_the_person_has_shown_whose_it_is() -> None:
    assert carried(record(), NEW, own=False, now=NOW) is None
    assert carried(record(), NEW, own=True, now=NOW) == record(ref=NEW)


def test_art_7_1_neither_a_confirmation_nor_facts_of_somebody_else_go_on() -> None:
    assert carried(record(C.CONFIRMED), NEW, own=False, now=NOW) is None
    assert carried(record(C.CONFIRMED), NEW, own=True, now=NOW) == record(C.CONFIRMED, ref=NEW)
    told = record(C.WITHDRAWN, age=40, jurisdiction="US-CA")
    assert carried(told, NEW, own=False, now=NOW) == record(C.WITHDRAWN, ref=NEW)
    assert carried(told, NEW, own=True, now=NOW) == told.model_copy(update={"ref": NEW})


@pytest.mark.parametrize("status", [s for s in C if s not in (C.GIVEN, C.CONFIRMED)])
def test_art_7_3_what_forbids_goes_on_whoever_said_it(status: C) -> None:
    assert carried(record(status), NEW, own=False, now=NOW) == record(status, ref=NEW)


moments = st.integers(-30, 30).map(lambda days: NOW + timedelta(days=days))
statements = st.builds(
    record, st.sampled_from(list(C)), st.none() | moments, valid_from=moments, ref=st.sampled_from([OLD, ID])
)


TOMORROW = NOW + timedelta(days=1)
OLDER = record(ref=ID, valid_from=NOW - timedelta(days=20))


@example([OLDER, record(ends=TOMORROW)], TOMORROW)
@given(st.lists(statements, max_size=5), moments)
def test_nobody_elses_consent_makes_rows_usable_that_were_not(records: list[ConsentRecord], at: datetime) -> None:
    """With the old identifier the rows may have been usable; under the new one they are, at most, where they were."""
    after = [c for r in records if r.ref == OLD and (c := carried(r, NEW, own=False, now=NOW)) is not None]
    terms: dict[str, Any] = {"purpose": "ads", "basis": LegalBasis.CONSENT, "as_of": at, "known_at": NOW}
    then = decide((ID, OLD), records, **terms)
    now = decide((ID, NEW), [*records, *after], **terms)
    assert not now.keep or then.keep
    assert not any(c.status is C.GIVEN and c.valid_until is None for c in after)
