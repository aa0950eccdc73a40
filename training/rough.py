"""Texts as they come: in lower case, in capitals, with typing errors, with words that nobody has seen before."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from lists import invented, ordinary_words

LOWER, UPPER, TITLE, TYPOS, ONE_LINE = 0.08, 0.04, 0.04, 0.10, 0.10
"""Which share of the texts is changed in which way; a text is changed in one of them at most."""

UNKNOWN_TEXTS, UNKNOWN_WORDS, INVENTED = 0.5, 0.15, 0.3
"""In which share of the texts ordinary words are exchanged, which share of their words, and how many for made-up ones.

The model must not take a word for a name because it has never seen it.
"""

BLANKED, BLANK = 0.06, "\u00a6"
"""In which share of the texts half of the spans are blank, as masking has them when it looks for what is left."""

_KEYS = "abcdefghijklmnopqrstuvwxyz"
_WORD = re.compile(r"(?<![\w'\u2019@./-])[^\W\d_]{4,}(?![\w@/-]|['\u2019.]\w)")


@dataclass(frozen=True)
class Filled:
    """A text with its spans: start, end, label."""

    text: str
    spans: tuple[tuple[int, int, str], ...]


def roughened(one: Filled, rng: random.Random, *, unknown: bool) -> Filled:
    """Return a text as it may come.

    Args:
        unknown: Exchange ordinary words outside of the spans and blank some spans, which belongs to training only.
    """
    if unknown and rng.random() < UNKNOWN_TEXTS:
        one = _exchanged(one, rng)
    if unknown and rng.random() < BLANKED:
        one = _blanked(one, rng)
    text, chance = one.text, rng.random()
    for share, change in ((LOWER, str.lower), (UPPER, str.upper), (TITLE, _titled)):
        if chance < share:
            changed = change(text)
            return Filled(changed, one.spans) if len(changed) == len(text) else one
        chance -= share
    if chance < TYPOS:
        return Filled(_mistyped(text, rng), one.spans)
    return Filled(text.replace("\n", " "), one.spans) if chance < TYPOS + ONE_LINE else one


def _titled(text: str) -> str:
    return re.sub(r"(?<![\w'\u2019@.])[a-z](?=\w)", lambda m: m[0].upper(), text)


def _mistyped(text: str, rng: random.Random) -> str:
    letters = list(text)
    for _ in range(1 + len(text) // 60):
        at = rng.randrange(len(letters))
        if letters[at].islower():
            letters[at] = rng.choice(_KEYS)
    return "".join(letters)


def _exchanged(one: Filled, rng: random.Random) -> Filled:
    parts: list[str] = []
    spans: list[tuple[int, int, str]] = []
    end = length = 0
    for start, stop, label in (*one.spans, (len(one.text), len(one.text), "")):
        between = _WORD.sub(lambda m: _other(m[0], rng), one.text[end:start])
        length += len(between)
        spans.append((length, length + stop - start, label))
        parts += [between, one.text[start:stop]]
        length += stop - start
        end = stop
    return Filled("".join(parts), tuple(spans[:-1]))


def _blanked(one: Filled, rng: random.Random) -> Filled:
    text, kept = one.text, []
    for start, stop, label in one.spans:
        if rng.random() < 0.5:
            text = text[:start] + BLANK * (stop - start) + text[stop:]
        else:
            kept.append((start, stop, label))
    return Filled(text, tuple(kept))


def _other(word: str, rng: random.Random) -> str:
    if rng.random() >= UNKNOWN_WORDS:
        return word
    other = invented(rng, "word") if rng.random() < INVENTED else rng.choice(ordinary_words())
    return other.upper() if word.isupper() else other.capitalize() if word[0].isupper() else other
