"""Findings do not overlap, and what overlapped stays covered."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.detect import engine as engine_module
from delible.detect.engine import Engine
from delible.detect.findings import Finding, find, resolved
from delible.detect.values import Tally
from delible.errors import DelibleError
from delible.model.detection import Detection
from delible.model.nlp_model import NO_MODEL

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
        def analyze_all(self, texts):
            raise ValueError(f"did not find word '{texts}'")

    monkeypatch.setattr(engine_module, "engine", lambda _: Poisonous())
    with pytest.raises(DelibleError) as caught:
        find("canary@fennel.example")
    assert caught.value.code == "detect.failed"
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


TALLIED = ["ann@fennel.example", "x", "697-555-0142", "She wrote to ann@fennel.example today.", ""]


@given(st.lists(st.tuples(st.sampled_from([*TALLIED, " ann@fennel.example "]), st.integers(1, 3)), max_size=8))
def test_values_that_repeat_count_as_often_as_they_come(values):
    together, one_by_one = Tally(), Tally()
    together.add_all(values, detection=Detection(nlp=NO_MODEL))
    for value, rows in values:
        one_by_one.add(value, rows=rows, detection=Detection(nlp=NO_MODEL))
    assert together == one_by_one


@pytest.mark.parametrize("exact", [False, True])
def test_values_that_repeat_are_looked_at_once(monkeypatch, exact):
    seen = []
    analyzer = Engine(Detection(nlp=NO_MODEL))
    whole = analyzer._analyzer.analyze if exact else None
    if exact:
        plain = lambda text, *given, **more: seen.append(text) or whole(text, *given, **more)  # noqa: E731
        monkeypatch.setattr(analyzer._analyzer, "analyze", plain)
    else:
        analyzer.use(b"")
        judged = analyzer._scanner._judged
        monkeypatch.setattr(analyzer._scanner, "_judged", lambda text, _: seen.append(text) or judged(text, None))
    monkeypatch.setattr("delible.detect.engine.engine", lambda _: analyzer)
    long = "a word that comes again and again, " * 400
    unseen = "ann@\u200bfennel.example"  # which is read as the address without it
    Tally().add_all([(text, 1) for text in [*TALLIED, *TALLIED, unseen, long, long, long]], exact=exact)
    assert len(seen) == len(set(seen)) >= len(TALLIED)
