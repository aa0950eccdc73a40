"""The audit report's spread of times to an answer, its consent funnel, and the trend of its map."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.model.consent import ConsentRecord
from delible.model.policy import Purpose
from delible.model.request import Request
from delible.model.terms import TagState
from delible.report.consent import PurposeConsents, consent_funnel
from delible.report.requests import TimeUsed, request_groups, request_lines, time_used
from delible.report.tags import category_trend
from report_records import NOW, START, Book, at, consent, finding, request

# ----------------------------------------------------------------------------------------------- time to an answer


@pytest.mark.parametrize(
    ("days", "used"),
    [
        (0, TimeUsed.QUARTER),
        (7, TimeUsed.QUARTER),
        (8, TimeUsed.HALF),
        (14, TimeUsed.HALF),
        (15, TimeUsed.THREE_QUARTERS),
        (21, TimeUsed.THREE_QUARTERS),
        (22, TimeUsed.DEADLINE),
        (28, TimeUsed.DEADLINE),
        (29, TimeUsed.LATE),
    ],
)
def test_an_answer_takes_a_share_of_the_time_allowed(days: int, used: TimeUsed) -> None:
    book = Book()
    made = book.request("R-1", "erasure", START, date(2026, 3, 29), (START + timedelta(days=days), "completed"))
    (line,) = request_lines([made], book.records, start=START, end=NOW)
    assert time_used(line) is used


def test_an_open_request_has_taken_no_time() -> None:
    book = Book()
    made = book.request("R-1", "erasure", START, date(2026, 3, 29))
    (line,) = request_lines([made], book.records, start=START, end=NOW)
    assert time_used(line) is None


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40))
def test_the_spread_adds_up_and_nine_of_ten_are_within(days: list[int]) -> None:
    book = Book()
    made = [
        book.request(f"R-{n}", "erasure", START, date(2026, 3, 20), (START + timedelta(days=d), "completed"))
        for n, d in enumerate(days)
    ]
    (group,) = request_groups(request_lines(made, book.records, start=START, end=NOW))
    assert sum(group.used.values()) == len(days)
    assert group.used.get(TimeUsed.LATE, 0) == group.late
    assert group.ninth_days is not None
    assert sum(d <= group.ninth_days for d in days) * 10 >= 9 * len(days)
    assert group.ninth_days in days


# ---------------------------------------------------------------------------------------------------------- consents

TRAINING = Purpose.model_validate(
    {"purpose": "model_training", "description": "train", "legal_basis": "consent", "sells_or_shares": True}
)


def funnel(*records: ConsentRecord, **more: object) -> PurposeConsents:
    known = {"purposes": {"model_training": TRAINING}} | more
    (made,) = consent_funnel(records, start=START, end=NOW, **known)  # type: ignore[arg-type]
    return made


def against(right: str, number: int = 1, **more: object) -> Request:
    made = request("R-1", right, at(3, 5), date(2026, 4, 1), "received", refs=(f"v1.{number:064x}",))
    return made.model_copy(update=more)


def test_records_are_more_than_valid_ones_and_people() -> None:
    made = funnel(
        consent(1, "requested", at(1, 1)),
        consent(1, "given", at(1, 2)),
        consent(2, "given", at(1, 1), valid_until=at(2, 1)),
        consent(3, "given", at(1, 1), legal_basis="contract"),
        consent(4, "given", at(1, 1)),
        consent(4, "withdrawn", at(2, 1)),
    )
    assert (made.records, made.valid, made.asked, made.in_force, made.permitted) == (6, 3, 4, 1, 1)


@pytest.mark.parametrize(("right", "permitted"), [("erasure", 0), ("restriction", 0), ("opt-out", 0), ("access", 1)])
def test_what_stands_against_people_is_no_permission(right: str, permitted: int) -> None:
    made = funnel(consent(1, "given", at(1, 1)), requests=[against(right)])
    assert (made.in_force, made.permitted) == (1, permitted)


def test_requests_after_the_period_and_of_others_do_not_count() -> None:
    later = against("erasure", received=NOW + timedelta(days=1))
    other = against("erasure", number=2)
    assert funnel(consent(1, "given", at(1, 1)), requests=[later, other]).permitted == 1


def test_erased_people_are_permitted_for_nothing() -> None:
    assert funnel(consent(1, "given", at(1, 1)), suppressed=[f"v1.{1:064x}"]).permitted == 0


@pytest.mark.parametrize(("basis", "permitted"), [("consent", 1), ("contract", 2), (None, 0)])
def test_the_purpose_s_own_legal_basis_decides(basis: str | None, permitted: int) -> None:
    purpose = Purpose.model_validate({"purpose": "model_training", "description": "x", "legal_basis": basis})
    records = (consent(1, "given", at(1, 1)), consent(2, "requested", at(1, 1)), consent(3, "withdrawn", at(1, 1)))
    assert funnel(*records, purposes={"model_training": purpose}).permitted == permitted


# ------------------------------------------------------------------------------------------------------------- trend


def test_the_trend_tells_what_came_and_what_went() -> None:
    history = [
        finding("a", "old", "user.name", at=at(2, 1)),
        finding("a", "stays", "user.name", at=at(2, 1)),
        finding("a", "old", None, at=at(3, 5)),
        finding("b", "new", "user.name", at=at(3, 6)),
        finding("b", "later", "user.name", at=NOW + timedelta(days=1)),
        finding("b", "mail", "user.contact.email", at=at(3, 6)),
    ]
    mail, name = category_trend(history, start=START, end=NOW)
    assert (name.category, name.before, name.after, name.came, name.went) == ("user.name", 2, 2, ("b.new",), ("a.old",))
    assert (mail.before, mail.after) == (0, 1)


def test_a_decision_of_a_person_stands_against_later_scans() -> None:
    rejected = finding("a", "x", "user.name", at=at(2, 2), state=TagState.REJECTED)
    history = [finding("a", "x", "user.name", at=at(2, 1)), rejected, finding("a", "x", "user.name", at=at(3, 5))]
    assert category_trend(history, start=START, end=NOW) == ()
    reopened = [*history, finding("a", "x", "user.name", at=at(3, 6), state=TagState.REOPENED)]
    (name,) = category_trend(reopened, start=START, end=NOW)
    assert (name.before, name.after) == (0, 1)
