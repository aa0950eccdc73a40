"""A text as recognizers read it: marks that nobody sees left out, and one character for all that look alike.

Copied from a page, `4111 1111` has no-break spaces, zero-width marks between its groups, or full-width digits; a scan
puts en dashes into a social security number. To a person these are the same value, to a pattern they are not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_SPACES = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63"
_DIGITS = (0x0660, 0x06F0, 0x0966)
_ALIKE = (
    {ord(space): " " for space in _SPACES}
    | {ord(dash): "-" for dash in _DASHES}
    | {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    | {zero + n: str(n) for zero in _DIGITS for n in range(10)}
    | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
)
"""Also lone surrogates: spaCy hashes UTF-8, which has no form for them."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A text as it is read.

    Args:
        places: For each character where it stands in the original; None where nothing was left out.
    """

    text: str
    places: Sequence[int] | None = None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return where a span stands in the original; `end` is exclusive in both."""
        if self.places is None:
            return start, end
        return self.places[start], self.places[end - 1] + 1


def plain(text: str) -> Plain:
    """Return the text as it is read; a text of ASCII is its own."""
    if text.isascii():
        return Plain(text)
    alike = text.translate(_ALIKE)
    if _UNSEEN.search(alike) is None:
        return Plain(alike)
    places = [i for i, character in enumerate(alike) if _UNSEEN.match(character) is None]
    return Plain("".join(alike[i] for i in places), places)
