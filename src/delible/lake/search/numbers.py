"""Digit identifiers in bytes, whatever their spelling.

Without the separators every spelling is one string of digits; what is found there is then looked at in the bytes
themselves, so that two numbers that stand side by side are not one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from ahocorasick_rs import BytesAhoCorasick

from delible.model.numbers import SEPARATORS, is_number, number_pattern, squeezed_spellings

_BYTES = bytes({byte for separator in SEPARATORS for byte in separator.encode()})
_BETWEEN = rf"(?:{'|'.join(re.escape(separator) for separator in SEPARATORS)}){{0,4}}"
"""A class would take each byte of a separator for itself."""


class Numbers:
    """Digit identifiers, ready to search any number of buffers."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = sorted({v for v in values if is_number(v)})
        spelled = [(s.encode(), which) for which, v in enumerate(self._values) for s in squeezed_spellings(v)]
        self._which = [which for _, which in spelled]
        self._machine = BytesAhoCorasick([s for s, _ in spelled]) if spelled else None

    def places(self, haystack: bytes) -> Iterator[tuple[int, int, bool]]:
        """Yield start and end of every number, and whether it is the bare value; boundaries are not checked."""
        if self._machine is None:
            return
        squeezed = haystack.translate(None, _BYTES)
        hits = self._machine.find_matches_as_indexes(squeezed, overlapping=True)
        for which in {self._which[w] for w, _, _ in hits}:
            bare = self._values[which].encode()
            for match in _compiled(self._values[which]).finditer(haystack):
                yield *match.span(), match[0] == bare


@lru_cache(maxsize=512)
def _compiled(value: str) -> re.Pattern[bytes]:
    """Compile what some digits were found of: most numbers never are."""
    return re.compile(number_pattern(value, _BETWEEN).encode())


def begins_number(haystack: bytes, start: int, low: int) -> bool:
    """Return whether a number may begin here though letters stand before it: `tel.+44…`, `Tel.020…`, `T+44…`."""
    before = haystack[start - 1 : start] if start > low else b""
    if before == b"." and start - 1 > low:
        return haystack[start - 2 : start - 1].isalpha()
    return before.isalpha() and haystack[start : start + 1] == b"+"
