"""Erased people who come back: who they are, where they are looked for, and when nobody is asked."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.suppression import Again, ErasedPerson, again, erased_people, guarded
from delible.model.consent import ConsentRecord
from delible.model.policy import TablePolicy
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, LegalBasis

ERASED = datetime(2026, 1, 31, tzinfo=UTC)
A, B, C = (SubjectRef(f"v1.{x}") for x in "abc")
PERSON = ErasedPerson("R-1", ERASED)


def consent(ref: SubjectRef, days: int, status: ConsentStatus = ConsentStatus.GIVEN) -> ConsentRecord:
    at = ERASED + timedelta(days=days)
    return ConsentRecord(
        ref=ref,
        kind="email",
        purpose="newsletter",
        status=status,
        legal_basis=LegalBasis.CONSENT,
        notice_version="1",
        valid_from=at,
        recorded_at=at,
        source="form",
    )


@pytest.mark.parametrize(
    ("reached", "ambiguous", "consents", "requested", "verdict"),
    [
        ([A, B], False, [], False, Again.ERASE),
        ([A], False, [], False, Again.ERASE),
        ([A, C], False, [], False, Again.NEW_IDENTIFIERS),
        ([C], False, [], False, Again.NEW_IDENTIFIERS),
        ([], False, [], False, Again.NO_IDENTIFIER),
        ([A], True, [], False, Again.AMBIGUOUS),
        ([A], False, [consent(A, 1)], False, Again.CONSENTED_SINCE),
        ([A], False, [consent(A, 0)], False, Again.ERASE),
        ([A], False, [consent(A, -1)], False, Again.ERASE),
        ([A], False, [consent(B, 1)], False, Again.ERASE),
        ([A], False, [consent(A, 1, ConsentStatus.WITHDRAWN)], False, Again.ERASE),
        ([A, C], False, [consent(A, 1)], False, Again.NEW_IDENTIFIERS),
        ([A], False, [], True, Again.REQUESTED),
        ([A, C], True, [consent(A, 1)], True, Again.REQUESTED),
    ],
)
def test_when_somebody_who_came_back_is_erased_without_asking(
    reached: list[SubjectRef], ambiguous: bool, consents: list[ConsentRecord], requested: bool, verdict: Again
) -> None:
    found = again(
        PERSON, reached=reached, suppressed={A, B}, ambiguous=ambiguous, consents=consents, requested=requested
    )
    assert found is verdict


REFS = st.sets(st.sampled_from([A, B, C]))


@given(REFS, REFS, st.booleans(), st.booleans())
def test_nobody_is_erased_for_a_reference_that_was_never_erased(
    reached: set[SubjectRef], suppressed: set[SubjectRef], ambiguous: bool, requested: bool
) -> None:
    found = again(PERSON, reached=reached, suppressed=suppressed, ambiguous=ambiguous, consents=[], requested=requested)
    assert (found is Again.ERASE) <= (reached <= suppressed)


def test_requests_that_share_a_reference_are_one_persons() -> None:
    later = ERASED + timedelta(days=9)
    rows = [(A, "R-1", ERASED), (B, "R-1", ERASED), (B, "R-2", later), (C, "R-3", ERASED)]
    assert erased_people(rows) == {
        A: ErasedPerson("R-2", later),
        B: ErasedPerson("R-2", later),
        C: ErasedPerson("R-3", ERASED),
    }
    assert erased_people([]) == {}


ROWS = st.lists(st.tuples(st.sampled_from([A, B, C]), st.sampled_from(["R-1", "R-2", "R-3"]), st.just(ERASED)))


@given(ROWS, st.randoms())
def test_who_is_who_does_not_hang_on_the_order_of_the_list(
    rows: list[tuple[SubjectRef, str, datetime]], random: object
) -> None:
    mixed = list(rows)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert erased_people(mixed) == erased_people(rows)


def table(**erasure: object) -> TablePolicy:
    return TablePolicy.model_validate(
        {
            "table": "orders",
            "path": "warehouse/orders",
            "description": "x",
            "subject": [{"column": "email", "identifies": "email"}, {"column": "phone", "identifies": "phone"}],
            "columns": {"email": "user.contact.email"},
            "erasure": {"reason": "Art. 17(3)", **erasure},
        }
    )


@pytest.mark.parametrize(
    ("policy", "columns"),
    [
        (table(action="delete_row"), ["email", "phone"]),
        (table(action="keep"), None),
        (table(action="treat_columns", columns={"email": "pseudonymise"}), ["email"]),
        (table(action="treat_columns", columns={"email": None, "phone": "mask"}), ["email", "phone"]),
        (table(action="treat_columns", columns={"note": None}), None),
    ],
)
def test_art_17_3_rows_that_an_exception_keeps_have_never_left(policy: TablePolicy, columns: list[str] | None) -> None:
    found = guarded(policy)
    assert (found and [r.column for r in found.subject]) == columns
