"""What a scan's new rows say is not outvoted by the old ones, and what has come out as personal stays so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.increment import combined
from delible.decide.tagging import ColumnFacts
from delible.decide.turns import has_turned, looks_personal, new_types, turned, worse
from delible.decide.verdict import tag
from delible.model.record import TagFinding
from delible.model.terms import TagState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLEAN = tag(ColumnFacts("c", "string", 1_000, True), None, table="t", version=3, at=NOW)
EMAIL = tag(
    ColumnFacts("c", "string", 10, True, {"EMAIL_ADDRESS": 10}, {"EMAIL_ADDRESS": 10}),
    None,
    table="t",
    version=4,
    at=NOW,
)
REVIEW = EMAIL.model_copy(update={"state": TagState.REVIEW, "reason": "x"})
NOTHING = CLEAN.model_copy(update={"state": TagState.REVIEW, "reason": "none of 9 values look like one."})


@given(st.permutations([CLEAN, NOTHING, REVIEW, EMAIL]))
def test_the_worse_of_two_verdicts_counts(order: list[TagFinding]) -> None:
    one, other = order[:2]
    rank = [CLEAN, NOTHING, REVIEW, EMAIL].index
    assert rank(worse(one, other)) == max(rank(one), rank(other))


@given(st.sampled_from(["US_SSN", "CREDIT_CARD", "PHONE_NUMBER", "IP_ADDRESS", "EMAIL_ADDRESS", "UK_NINO"]))
def test_new_values_are_not_drowned_by_old_ones(entity: str) -> None:
    old = ColumnFacts("ref", "string", 10_000_000, False, shapes={"id": 10_000_000})
    forms = {"phone_written": 40, "has_phone": 40, "has_card": 40, "has_dotted": 40}
    new = ColumnFacts("ref", "string", 40, False, {entity: 40}, {entity: 40}, forms)
    pooled, fresh = (tag(f, None, table="t", version=4, at=NOW) for f in (combined(old, new), new))
    assert worse(pooled, fresh).category is not None


def test_a_column_that_was_clean_goes_to_review_when_it_is_so_no_more() -> None:
    found = turned(EMAIL, CLEAN)
    assert (found.category, found.state) == (EMAIL.category, TagState.REVIEW)
    assert found.reason == "clean until version 3; since then 10 of 10 values say e-mail address."
    assert has_turned(EMAIL, CLEAN)
    assert turned(REVIEW, CLEAN) == REVIEW


def test_more_clean_rows_take_no_verdict_back() -> None:
    later = CLEAN.model_copy(update={"version": 9})
    assert turned(later, EMAIL) == EMAIL.model_copy(update={"version": 9})
    assert looks_personal(turned(later, NOTHING))


@pytest.mark.parametrize("state", [TagState.REOPENED, TagState.ACCEPTED, TagState.REJECTED])
def test_a_persons_word_is_no_verdict_of_a_scan(state: TagState) -> None:
    said = EMAIL.model_copy(update={"state": state})
    assert turned(CLEAN, said) == CLEAN
    assert not has_turned(EMAIL, CLEAN.model_copy(update={"state": state}))


def test_what_no_scan_had_read_does_not_turn() -> None:
    assert not has_turned(EMAIL, None)
    assert not has_turned(EMAIL, CLEAN.model_copy(update={"sampled": 0}))
    assert turned(EMAIL, None) == EMAIL


def test_types_that_nothing_before_held_are_named() -> None:
    before = ColumnFacts("c", "string", 100, False, {"PHONE_NUMBER": 1, "URL": 1})
    now = ColumnFacts("c", "string", 100, False, {"PHONE_NUMBER": 2, "US_SSN": 1, "DATE_TIME": 3, "PERSON": 0})
    assert new_types(before, now) == ("US_SSN",)
    assert new_types(None, now) == new_types(before, None) == ()
    assert new_types(ColumnFacts("c", "string"), now) == ()
