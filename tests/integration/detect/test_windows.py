"""A long text is read in windows, and what is found is what plain Presidio finds in the whole of it."""

import random
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from spacy.lang.en.stop_words import STOP_WORDS

from delible.detect import windows as rooms
from delible.detect.findings import find
from delible.detect.windows import LENGTH, MARGIN, windows
from delible.model.detection import Detection
from delible.model.nlp_model import NO_MODEL, SHIPPED
from mixed_texts import Mixed

PATTERNS, READ = Detection(nlp=NO_MODEL), Detection(nlp=SHIPPED)
SEEN = 2 * LENGTH


def assert_same(text, detection=PATTERNS):
    assert find(text, detection=detection) == find(text, detection=detection, exact=True)


CUT_BEFORE = ("219-09-99981234", "192.168.10.25.77.3", "4111 1111 1111 1111 2222", "+49 30 901820 and 697-555-0142",
              "ssn was 219 09 9998", "https://fennel.com/?u=ann@fennel.example", "31 January 2026")  # fmt: skip


@pytest.mark.parametrize("there", CUT_BEFORE)
@pytest.mark.parametrize("seam", [LENGTH, LENGTH + MARGIN, SEEN])
def test_no_cut_makes_a_finding_up_or_hides_one(there, seam):
    words = "the order came late and nobody said why " * 250
    for before in range(0, len(there) + 1, 2):
        text = words[: seam - before - 1] + " " + there + " " + words
        assert_same(text[: seam + 1_000])


@pytest.mark.parametrize("length", range(LENGTH - 10, LENGTH + 11))
def test_lengths_around_a_windows(length):
    mixed = Mixed(length)
    text = " ".join(mixed.ticket() if i % 3 else mixed.text() for i in range(60))
    assert_same(text[:length])
    assert_same(text[: length + MARGIN])


@st.composite
def long_texts(draw):
    mixed = Mixed(draw(st.integers(0, 10_000)))
    between = draw(st.sampled_from([" ", "\n", "; ", "  ", " | "]))
    text = mixed.ticket()
    while len(text) < 14_000:
        text += between + (mixed.text() if mixed.random.random() < 0.4 else mixed.ticket())
    return without_glued_stop_words(text[: draw(st.integers(LENGTH - 10, 14_000))])


def without_glued_stop_words(text):
    """Leave out words such as `bank:call:x`, by which Presidio counts `call` as context in the whole text (LIMITS)."""
    words = re.split(r"(\s+)", text)
    return "".join(w for w in words if ":" not in w or STOP_WORDS.isdisjoint(re.findall(r"[^\W\d_]+", w.lower())))


@settings(max_examples=max(10, settings().max_examples // 3))
@given(long_texts())
def test_texts_of_several_windows(text):
    assert_same(text)


@settings(max_examples=max(5, settings().max_examples // 5))
@given(long_texts())
def test_people_and_places_in_texts_of_several_windows(text):
    assert_same(text, READ)


def test_windows_that_answer_for_all_they_see_make_findings_up(monkeypatch):
    """Takes the protection out: then the beginning of a number at a cut is found."""
    monkeypatch.setattr(rooms.Window, "located", lambda self, _, start, end: (self.start + start, self.start + end))
    monkeypatch.setattr(rooms, "_seam", lambda _, place: place)
    monkeypatch.setattr(rooms, "_start", lambda _, place: place)
    monkeypatch.setattr(rooms, "_LONGEST_RUN", 0)
    words = "the order came late " * 250
    found = [find(words[: LENGTH + MARGIN - n] + " 219-09-99981234 no", detection=PATTERNS) for n in range(15)]
    assert any(found)


@given(st.text(alphabet="ab1 \n.", max_size=300), st.sampled_from([0, 3, 40]))
@example("a" * 300, 40)
@example("aa bb " * 50, 40)
def test_each_place_has_one_window_that_answers_for_it_and_sees_around(text, longest):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("LENGTH", 20), ("MARGIN", 6), ("_LONGEST_RUN", longest)):
            patch.setattr(rooms, name, value)
        cut = list(windows(text))
    assert [place for window in cut for place in window.own] == list(range(len(text)))
    for window in cut:
        assert text[window.start :].startswith(window.text)
        assert window.start <= max(0, window.own.start - 6)
        end = window.start + len(window.text)
        assert end >= min(len(text), window.own.stop + 6)
        assert window.cut or end == len(text) or text[end].isspace()


def test_a_link_longer_than_any_window_is_found_to_its_end():
    link = "https://fennel.com/?" + "".join(random.Random(1).choices("abcdef0123456789", k=30_000))
    text = "see the page " * 250 + link + "> and more words"
    [found] = find(text, detection=PATTERNS)
    assert text[found.start : found.end] == link
