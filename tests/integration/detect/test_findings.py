"""Findings do not overlap, and what overlapped stays covered."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.detect import engine as engine_module
from delible.detect.engine import engine
from delible.detect.findings import Finding, find, resolved
from delible.errors import DelibleError
from delible.model.detection import NO_MODEL

TEXT = "abcdefghij" * 4
spans = st.builds(
    lambda start, length, entity, score: Finding(start, min(start + length, len(TEXT)), entity, score),
    st.integers(0, 38),
    st.integers(1, 12),
    st.sampled_from(["EMAIL_ADDRESS", "URL", "PHONE_NUMBER", "DATE_TIME"]),
    st.sampled_from([0.4, 0.5, 1.0]),
)


def covered(findings):
    return {place for f in findings for place in range(f.start, f.end)}


@given(st.lists(spans, max_size=8))
def test_nothing_overlaps_and_nothing_is_uncovered(found):
    kept = resolved(found, TEXT)
    assert all(a.end <= b.start for a, b in pairwise(kept))
    assert covered(kept) == covered(found)


@given(st.lists(spans, max_size=8))
def test_resolution_does_not_depend_on_the_order(found):
    assert resolved(found, TEXT) == resolved(list(reversed(found)), TEXT)


def test_a_checked_type_wins_over_a_higher_place_and_length():
    email, link = Finding(4, 10, "EMAIL_ADDRESS", 0.5), Finding(0, 14, "URL", 0.9)
    assert resolved([link, email], TEXT) == [
        Finding(0, 4, "URL", 0.9),
        email,
        Finding(10, 14, "URL", 0.9),
    ]


def test_spans_spoken_for_win_and_are_not_returned():
    around = Finding(2, 6, "", 0.0)
    assert resolved([Finding(0, 6, "URL", 0.5)], TEXT, around=[around]) == [Finding(0, 2, "URL", 0.5)]


def test_an_address_in_a_link_is_an_address():
    text = "see https://x.com/?m=ann@x.com&y=2 now"
    (email,) = [f for f in find(text) if f.entity == "EMAIL_ADDRESS"]
    assert "ann@x.com" in text[email.start : email.end]


@given(st.text(alphabet=st.characters(exclude_categories=["Nd", "Cs"]), max_size=60))
def test_the_gate_loses_nothing(text):
    if not any(c in text for c in "@.:-"):
        assert engine(nlp=NO_MODEL).analyze(text) == []


def test_a_long_text_is_read_to_its_end_and_over_the_seams():
    text = "some words here " * 240 + "x" * 150 + " write to ann@fennel.example please " + "more words " * 600
    text += "or bob@fennel.example"
    assert [text[f.start : f.end] for f in find(text)] == ["ann@fennel.example", "bob@fennel.example"]


@pytest.mark.parametrize(
    "text", ["", "\x00 ann@fennel.example", "\ud800 ann@fennel.example", "\u202e ann@fennel.example"]
)
def test_hostile_characters_neither_fail_nor_hide(text):
    assert [f.entity for f in find(text)] == (["EMAIL_ADDRESS"] if "ann" in text else [])


def test_a_poisonous_recognizer_gives_an_error_without_the_text(monkeypatch):
    class Poisonous:
        def analyze(self, text):
            raise ValueError(f"did not find word '{text}'")

    monkeypatch.setattr(engine_module, "engine", lambda *_: Poisonous())
    with pytest.raises(DelibleError) as caught:
        find("canary@fennel.example")
    assert caught.value.code == "detect.failed"
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
