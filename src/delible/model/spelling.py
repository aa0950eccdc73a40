"""One value, many spellings: either case, composed or decomposed letters, Turkish i, German sharp s, any apostrophe."""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import Literal
from unicodedata import normalize

FORMS: tuple[Literal["NFC"], Literal["NFD"]] = ("NFC", "NFD")
_I = "iİ\u0131I"
_APOSTROPHES = "'\u2018\u2019\u02bc"


def letter_spellings(letter: str) -> tuple[str, ...]:
    """Return the texts that one letter may be written as."""
    if letter in _I:
        texts = {"i", "I", "İ", "\u0131"}
    elif letter in _APOSTROPHES:
        texts = {*_APOSTROPHES}
    elif letter.isascii():
        return (letter,)
    else:
        folded = letter.casefold()
        texts = {letter, folded, letter.lower(), letter.upper(), letter.title(), *_by_fold().get(folded, ())}
    return tuple(sorted({normalize(form, text) for form in FORMS for text in texts}, key=lambda t: (-len(t), t)))


def value_pattern(value: str) -> str:
    """Return a regular expression for a value in any spelling, the same in Python and Java; case is up to its flags."""
    groups = ["|".join(map(_literal, letter_spellings(letter))) for letter in normalize("NFC", value)]
    pattern = "".join(f"(?:{group})" if "|" in group else group for group in groups)
    return re.sub("ss", "(?:ss|ß)", pattern, flags=re.IGNORECASE)


def always_spelled_so(value: str) -> str:
    """Return the longest part of a value that stands in all of its spellings, in lower case; maybe nothing."""
    composed = re.sub("ss", "\0", normalize("NFC", value), flags=re.IGNORECASE)
    fixed = (c.lower() if len(letter_spellings(c)) == 1 else "\0" for c in composed)
    return max("".join(fixed).split("\0"), key=len)


def _literal(text: str) -> str:
    return "".join(c if c.isalnum() or not c.isascii() else f"\\{c}" for c in text)


@lru_cache(maxsize=512)
def _by_fold() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for point in range(0x80, min(sys.maxunicode, 0x1F000)):
        letter = chr(point)
        folded = letter.casefold()
        if folded != letter:
            found[folded] = (*found.get(folded, ()), letter)
    return found
