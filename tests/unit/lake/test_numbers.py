"""A telephone number is the same in every spelling, for the byte search and for what masks it."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest

from delible.detect.anonymise import _known_pattern
from delible.lake.mentions import needles_of
from delible.lake.search.arrow import search_table
from delible.lake.search.forms import Needles
from delible.model.numbers import SEPARATORS
from delible.model.policy import Controller
from delible.model.subject import IdentifierKind, KeyRole, KeyRow
from delible.model.terms import Normalise

PHONE = "+442079460001"
SAME = [
    "+44 (0)20 7946 0001",
    "+44 (0) 20 7946-0001",
    "+44(0)2079460001",
    "0044 (0)20 7946 0001",
    "(+44) (0)20 7946 0001",
    "+44 (20) - 7946 - 0001",
    "+44 \u2013 20 \u2013 7946 \u2013 0001",
    "+44\u202f20\u202f7946\u202f0001",
    "+44\u00a020\u00a07946\u00a00001",
    "+44\t20\t7946\t0001",
    "+44.20.7946.0001",
    "+44\u201120\u20117946\u20110001",
    "\u202a+44 20 7946 0001\u202c",
    "tel:+442079460001",
    "tel:+44-20-7946-0001",
    "tel. +44 20 7946 0001",
    "tel.+44 20 7946 0001",
    "Tel.442079460001",
    "Tel.+442079460001",
    "T+442079460001",
    "T+44 20 7946 0001",
]
OTHERS = [
    "+44 (0)20 7946 00012",
    "+44 (0)20 7946 0002",
    "+44 020 7946 0001",
    "+44 (1)20 7946 0001",
    "44 20 79, 46 0001",
    "1.442079460001",
    "x442079460001",
    "ann+442079460001@shop.example",
]


def java(pattern: str) -> re.Pattern[str]:
    """Return a pattern of Java's for Python, which has neither its classes nor lookbehinds of several lengths."""
    return re.compile(pattern.replace(r"\p{L}\p{N}", r"\w").replace(r"\p{N}", r"\d"))


def mask() -> re.Pattern[str]:
    kinds = {"phone": IdentifierKind(normalise=Normalise.DIGITS)}
    controller = Controller.model_construct(identifiers=kinds)
    needle = needles_of([KeyRow("R", "phone", PHONE, KeyRole.GIVEN)], controller)[0]
    return java(needle.pattern)


@pytest.mark.parametrize("text", SAME)
@pytest.mark.parametrize("around", ["{}", "call {} now", "{}."])
def test_a_number_is_found_in_every_spelling(text: str, around: str) -> None:
    needles = Needles([PHONE], [PHONE])
    spelled = around.format(text)
    assert sum(needles.search(spelled.encode()).values()) == 1
    assert search_table(pa.table({"note": ["x", spelled, "x"]}), needles, {})


@pytest.mark.parametrize("text", SAME)
def test_a_number_is_masked_in_every_spelling(text: str) -> None:
    kinds = {"phone": IdentifierKind(normalise=Normalise.DIGITS)}
    needle = needles_of([KeyRow("R", "phone", PHONE, KeyRole.GIVEN)], Controller.model_construct(identifiers=kinds))[0]
    assert needle.find in re.sub(f"[{re.escape(SEPARATORS)}]", "", text)
    left = mask().sub("[erased]", f"call {text} now")
    assert not re.search(r"\d", left.replace("[erased]", "")), left


@pytest.mark.parametrize("text", OTHERS)
def test_another_number_is_neither_found_nor_masked(text: str) -> None:
    needles = Needles([PHONE], [PHONE])
    assert not needles.search(text.encode())
    assert not search_table(pa.table({"note": [text]}), needles, {})
    assert not mask().search(text)


@pytest.mark.parametrize("known", [PHONE, "+44 (0)20 7946 0001", "+44 20 7946 0001"])
@pytest.mark.parametrize("text", [s for s in SAME if not s.startswith(("T", "("))])
def test_a_known_number_is_masked_in_every_spelling(known: str, text: str) -> None:
    pattern = _known_pattern([known])
    assert pattern is not None
    assert not re.search(r"\d", pattern.sub("", text))
