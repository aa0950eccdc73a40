"""A text as recognizers read it: marks that nobody sees left out, and one character for all that look alike.

Copied from a page, `4111 1111` has no-break spaces, zero-width marks between its groups, or full-width digits; a scan
puts en dashes into a social security number; in a link, in JSON or in HTML that is kept as text, the sign of an address
is escaped. To a person these are the same value, to a pattern they are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_AT = re.compile(r"%(?:25){0,3}40|\\u0040|&(?:#64|#x40|commat);", re.IGNORECASE)
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
        places: For each character where it begins in the original; None where each stands at its own place.
        ends: For each, where it ends.
    """

    text: str
    places: Sequence[int] | None = None
    ends: Sequence[int] = ()

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return where a span stands in the original; `end` is exclusive in both."""
        if self.places is None:
            return start, end
        return self.places[start], self.ends[end - 1]


def plain(text: str) -> Plain:
    """Return the text as it is read; most texts of ASCII are their own."""
    alike = text if text.isascii() else text.translate(_ALIKE)
    escaped = any(sign in alike for sign in "%\\&") and _AT.search(alike) is not None
    if not escaped and (alike is text or _UNSEEN.search(alike) is None):
        return Plain(alike)
    read = list(_read(alike))
    return Plain("".join(c for _, _, c in read), [start for start, _, _ in read], [end for _, end, _ in read])


def _read(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and what is read there."""
    end = 0
    for match in (*_AT.finditer(text), None):
        start = len(text) if match is None else match.start()
        yield from ((i, i + 1, text[i]) for i in range(end, start) if _UNSEEN.match(text[i]) is None)
        if match is not None:
            end = match.end()
            yield start, end, "@"
