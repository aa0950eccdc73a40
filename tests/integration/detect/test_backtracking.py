"""Patterns that a text can keep busy without end are refused, and ordinary ones are not."""

import time

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from delible.detect.backtracking import danger

REFUSED = {
    "doubles": [
        r"(a+)+b",
        r"(a*)*b",
        r"(\w+\s?)+$",
        r"(a|ab|b)+c",
        r"(?:[a-z0-9]+)*@",
        r"(a{1,20}){1,20}b",
        r"^(([a-z])+.)+[A-Z]([a-z])+$",
        r"(.*)*x",
        r"(x+x+)+y",
        r"(?=(a+)+b)c",
        r"(?:a|aa){1,50}b",
    ],
    "takes more": [
        r"(?:\d{1,90}x?){1,6}y",
        r"(?:\w{2,60} ?){1,8}:",
        r"(.+)\1!",
        r"(?:ё|\w)+q",
        r"(?:a|\w)+q",
        "(?:\u0663|\\d)+q",
        r"(?:中|[一-龥])+q",
    ],
    "cube": [r"\w+ü\w+ü\w+:", r"\d+\d+x", r"\w+\d+-\d", r"\s+\s*x", r".*.*=.*;", r"\d{1,200}\d{1,200}x"],
    "seconds": [r"(a|a)+b"],
    "empty text": [r"a*", r"(?:\d{2})?"],
    "cannot be read": [r"(", r"[z-a]", r"\p{L}+", r"(?<name>a)", r"a(?i)b"],
    "too large": [r"(?:[a-z]{7}\d{7}){8}" * 8],
}
SAFE = [
    r"\bE\d{5}\b",
    r"\bMRN[- ]?\d{6}-?[\dX]\b",
    r"(?<!\w)ORD-\d{3}-\d{2}-\d{4}(?!\w)",
    r"[\w.+-]+@[\w-]+\.[a-z]{2,}",
    r"(?:\d{3} ?)+X",
    r"(foo|bar|baz)+;",
    r"[a-z]+\d+[a-z]+!",
    r"(?:[a-z]+,)*[a-z]+;",
    r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}",
    r"\d{1,5}\s?\d{1,5}x",
    r"\b([0-9][ _]?){11}\b",
    r"[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}",
    r"stra(?:ss|ß)e \d+",
]


@pytest.mark.parametrize(("why", "source"), [(why, each) for why, sources in REFUSED.items() for each in sources])
def test_a_dangerous_expression_is_refused_for_its_reason(why, source):
    assert why in (danger(source) or "")


@pytest.mark.parametrize("source", SAFE)
def test_an_ordinary_expression_is_let_through(source):
    assert danger(source) is None


def test_an_answer_is_bounded_in_time():
    begun = time.process_time()
    danger("(?:" + "|".join(f"{chr(97 + i % 26)}{i}+" for i in range(150)) + ")+(?:.*){3}x")
    assert time.process_time() - begun < 60


ATOMS = st.sampled_from(["a", "b", "[ab]", r"\w", ".", "ab", "1"])
PARTS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["+", "*", "?", "{1,3}"])).map(lambda two: f"(?:{two[0]}){two[1]}"),
    ),
    max_leaves=6,
)


@given(PARTS, st.text("ab1 ", min_size=1, max_size=6))
def test_what_is_let_through_is_quick_on_repeated_text(source, unit):
    """Where the protection is wrong, this fails: 3,000 characters within a second of the processor's time."""
    source = f"{source}!"
    if danger(source) is None:
        for _ in regex.compile(source).finditer((unit * 3_000)[:3_000], timeout=1):
            pass
