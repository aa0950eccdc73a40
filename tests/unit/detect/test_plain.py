"""A text as it is read, and the way back to the text as it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.detect.plain import plain

UNSEEN = "\u00ad\u200b\u200d\u202e\u2066\ufeff"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("plain", "plain"),
        ("4111\u00a01111", "4111 1111"),
        ("4111\u200b1111", "41111111"),
        ("219\u201309\u20119998", "219-09-9998"),
        ("\uff14\uff11\uff11\uff11\uff20", "4111@"),
        ("\u0660\u0667\u0667\u0660\u0660", "07700"),
        ("\ud800x", "\ufffdx"),
        ("müller 😀", "müller 😀"),
        ("", ""),
        (UNSEEN, ""),
        ("ann%40x and ann%2540x", "ann@x and ann@x"),
        (r"ann\u0040x", "ann@x"),
        ("ann&#64;\u200bx", "ann@x"),
        ("100%4 & 40", "100%4 & 40"),
    ],
)
def test_what_looks_alike_is_read_alike(text, read):
    assert plain(text).text == read


def test_the_way_back_covers_what_was_left_out_between():
    text = "a \u200b4111\u200b1111\u200b b"
    read = plain(text)
    start = read.text.index("4111")
    assert read.original(start, start + 8) == (3, 12)
    assert text[3:12] == "4111\u200b1111"


def test_the_way_back_covers_an_escaped_sign():
    text = "see ann%40x.example!"
    read = plain(text)
    start = read.text.index("ann")
    assert text[slice(*read.original(start, start + len("ann@x.example")))] == "ann%40x.example"
    assert text[slice(*read.original(start, start + len("ann@")))] == "ann%40"


@given(st.text(st.characters() | st.sampled_from(UNSEEN + " 1-"), max_size=60))
def test_every_character_leads_back_to_one_that_is_read_as_it(text):
    read = plain(text)
    for i, character in enumerate(read.text):
        start, end = read.original(i, i + 1)
        assert end == start + 1
        assert plain(text[start:end]).text == character
