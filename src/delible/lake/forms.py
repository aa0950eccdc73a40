"""The forms in which a value may survive in bytes, and one automaton that looks for all of them in one pass."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from ahocorasick_rs import BytesAhoCorasick

from delible.lake.numbers import Numbers, begins_number

_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_%+-@")
_ESCAPE_BEFORE = re.compile(rb"(?:\\[nrtbf]|\\u[0-9a-fA-F]{4}|%(?:25)*[0-9a-fA-F]{2})\Z")
_ESCAPE_AFTER = re.compile(rb"%(?:25)*[0-9a-fA-F]{2}")
_LONGEST_ESCAPE = 12
_SHORTEST_BASE64 = 8
"""Fewer characters of base64 occur by chance in any compressed file."""


@dataclass(frozen=True)
class _Pattern:
    form: str
    bounded: bool


class Needles:
    """All forms of all values, ready to search any number of buffers.

    Matching ignores ASCII case (and the upper and lower forms of other letters), and a match inside a longer word is
    not one: `ann@x.example` in `joann@x.example` is another person.

    Args:
        values: What is looked for in all forms.
        numbers: Those of the values that are digits, normalised: they are looked for in other spellings, too.

    Attributes:
        values: What is looked for.
        count: How many values these are.
        longest: As many bytes hold any of their forms, and what must be seen around it.
    """

    def __init__(self, values: Iterable[str], numbers: Iterable[str] = ()) -> None:
        folded: dict[bytes, _Pattern] = {}
        exact: dict[bytes, _Pattern] = {}
        self.values = frozenset(values)
        self.count = len(self.values)
        for value in self.values:
            for spelling in {value, value.lower(), value.upper()}:
                _add_folded(folded, spelling)
                for fragment in _base64_fragments(spelling):
                    exact.setdefault(fragment, _Pattern("base64", bounded=False))
        self.longest = max(map(len, (*folded, *exact)), default=0) + _LONGEST_ESCAPE
        self._folded = _Automaton(folded)
        self._exact = _Automaton(exact)
        self._numbers = Numbers(numbers)

    def search(self, haystack: bytes) -> Counter[str]:
        """Count the matches in one buffer, by form."""
        return self.search_folded(haystack) + self.search_exact(haystack)

    def search_folded(self, haystack: bytes) -> Counter[str]:
        """Count the matches of forms in which letter case does not count."""
        if not self.count:
            return Counter()
        found = Counter(form for form, _, _ in self._folded.matches(haystack.lower()))
        spelled = sum(_number_stands_alone(haystack, *place) for place in self._numbers.places(haystack))
        return found + Counter({"another spelling": spelled})

    def search_exact(self, haystack: bytes) -> Counter[str]:
        """Count the matches of forms whose letter case counts, such as base64."""
        return Counter(form for form, _, _ in self._exact.matches(haystack)) if self.count else Counter()

    def places(self, haystack: bytes) -> list[tuple[int, int]]:
        """Return start and end of plain and encoded matches in an already lower-cased buffer, boundaries unchecked."""
        return [*self._folded.raw(haystack), *((s, e) for s, e, _ in self._numbers.places(haystack))] if self.count else []


class _Automaton:
    def __init__(self, patterns: dict[bytes, _Pattern]) -> None:
        self._kinds = list(patterns.values())
        self._machine = BytesAhoCorasick(list(patterns)) if patterns else None

    def raw(self, haystack: bytes) -> list[tuple[int, int]]:
        if self._machine is None:
            return []
        return [(s, e) for _, s, e in self._machine.find_matches_as_indexes(haystack, overlapping=True)]

    def matches(self, haystack: bytes) -> list[tuple[str, int, int]]:
        if self._machine is None:
            return []
        return [
            (self._kinds[which].form, start, end)
            for which, start, end in self._machine.find_matches_as_indexes(haystack, overlapping=True)
            if not self._kinds[which].bounded or stands_alone(haystack, start, end)
        ]


def stands_alone(haystack: bytes, start: int, end: int, low: int = 0, high: int | None = None) -> bool:
    """Return whether a match is a word of its own between `low` and `high`.

    A dot belongs to the word when more of the word follows it, so that an address at the end of a sentence counts and
    `ann@x.example.org` does not hold `ann@x.example`.
    """
    high = len(haystack) if high is None else high
    inside = start > low and (haystack[start - 1] in _WORD or haystack[start - 1] == ord("."))
    # The letter before may belong to an escape such as `\\n`, `\\u003c` or `%3C`, which is no word.
    if inside and _ESCAPE_BEFORE.search(haystack, max(low, start - _LONGEST_ESCAPE), start) is None:
        return False
    if end >= high or _ESCAPE_AFTER.match(haystack, end, high):
        return True
    after = haystack[end]
    if after == ord(".") and end + 1 < high:
        return haystack[end + 1] not in _WORD
    return after not in _WORD


def _number_stands_alone(haystack: bytes, start: int, end: int, bare: bool) -> bool:
    """Return whether a number is one of its own; a bare one that any word could be is counted as a word."""
    if begins_number(haystack, start, 0):
        return stands_alone(haystack, start, end, start)
    return not bare and stands_alone(haystack, start, end)


def _add_folded(patterns: dict[bytes, _Pattern], spelling: str) -> None:
    plain = spelling.encode("utf-8", "surrogatepass")
    patterns.setdefault(plain.lower(), _Pattern("utf-8", bounded=True))
    for name in ("utf-16-le", "utf-16-be"):
        patterns.setdefault(spelling.encode(name, "surrogatepass").lower(), _Pattern("utf-16", bounded=False))
    patterns.setdefault(plain.hex().encode(), _Pattern("hex", bounded=False))
    once = quote(plain, safe="")
    for encoded in (once, quote(once, safe="")):
        patterns.setdefault(encoded.lower().encode(), _Pattern("url-encoded", bounded=True))
    escaped = json.dumps(spelling)[1:-1]
    patterns.setdefault(escaped.lower().encode(), _Pattern("json-escaped", bounded=True))


def _base64_fragments(spelling: str) -> set[bytes]:
    """Return base64 of a value at each of three alignments, without the characters that its neighbours share."""
    plain = spelling.encode("utf-8", "surrogatepass")
    fragments = set()
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + plain)
        first = (0, 2, 3)[shift]
        full = (shift + len(plain)) * 8 // 6
        fragment = whole[first:full]
        if len(fragment) >= _SHORTEST_BASE64:
            fragments.add(fragment)
            fragments.add(fragment.replace(b"+", b"-").replace(b"/", b"_"))
    return fragments
