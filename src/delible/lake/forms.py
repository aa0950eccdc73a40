"""The forms in which a value may survive in bytes, and one automaton that looks for all of them in one pass."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ahocorasick_rs import BytesAhoCorasick

from delible.lake.letters import ENCODINGS, Whole, ascii_twins, whole_spellings, wholes
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
    whole: Whole | None = None


class Needles:
    """All forms of all values, ready to search any number of buffers.

    Matching ignores letter case, and whether letters are composed; a match inside a longer word is not one:
    `ann@x.example` in `joann@x.example` is another person.

    Args:
        values: What is looked for in all forms.
        numbers: Those of the values that are digits, normalised: they are looked for in other spellings, too.

    Attributes:
        values: What is looked for.
        count: How many values these are.
        longest: As many bytes hold any of their forms, and what must be seen around it.
    """

    def __init__(self, values: Iterable[str], numbers: Iterable[str] = ()) -> None:
        folded = _Patterns()
        exact = _Patterns()
        self.values = frozenset(values)
        self.count = len(self.values)
        for value in self.values:
            spellings = {value, value.lower(), value.upper()} if value.isascii() else whole_spellings(value)
            for spelling in spellings:
                _add_folded(folded, spelling)
                for fragment in _base64_fragments(spelling):
                    exact.add(fragment, _Pattern("base64", bounded=False))
            if value.isascii():
                for twin in ascii_twins(value):
                    folded.add(twin.encode().lower(), _Pattern("utf-8", bounded=True))
            else:
                _add_letters(folded, value)
        self.longest = max(folded.longest, exact.longest) + _LONGEST_ESCAPE
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
        return (
            [*self._folded.raw(haystack), *((s, e) for s, e, _ in self._numbers.places(haystack))] if self.count else []
        )


class _Patterns:
    def __init__(self) -> None:
        self.kinds: dict[bytes, list[_Pattern]] = {}
        self.longest = 0

    def add(self, pattern: bytes, kind: _Pattern) -> None:
        """Look for these bytes; what is the same in two forms counts as the first of them."""
        known = self.kinds.setdefault(pattern, [])
        if kind.whole is not None or all(k.whole is not None for k in known):
            known.append(kind)
        around = kind.whole.before + kind.whole.after if kind.whole is not None else 0
        self.longest = max(self.longest, len(pattern) + around)


class _Automaton:
    def __init__(self, patterns: _Patterns) -> None:
        self._kinds = [tuple(kinds) for kinds in patterns.kinds.values()]
        self._machine = BytesAhoCorasick(list(patterns.kinds)) if patterns.kinds else None

    def raw(self, haystack: bytes) -> list[tuple[int, int]]:
        return [(start, end) for _, start, end in self._hits(haystack)]

    def matches(self, haystack: bytes) -> set[tuple[str, int, int]]:
        return {
            (kind.form, start, end)
            for kind, start, end in self._hits(haystack)
            if not kind.bounded or stands_alone(haystack, start, end)
        }

    def _hits(self, haystack: bytes) -> Iterator[tuple[_Pattern, int, int]]:
        if self._machine is None:
            return
        for which, start, end in self._machine.find_matches_as_indexes(haystack, overlapping=True):
            for kind in self._kinds[which]:
                if kind.whole is None:
                    yield kind, start, end
                else:
                    for place in kind.whole.around(haystack, start, end):
                        yield kind, *place


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


def _add_folded(patterns: _Patterns, spelling: str) -> None:
    for encoding in ENCODINGS:
        if encoding.form != "latin-1":  # which may lack letters: those values are looked for letter by letter
            patterns.add(encoding.write(spelling).lower(), _Pattern(encoding.form, encoding.bounded))
    patterns.add(spelling.encode("utf-8", "surrogatepass").hex().encode(), _Pattern("hex", bounded=False))


def _add_letters(patterns: _Patterns, value: str) -> None:
    for encoding in ENCODINGS:
        whole = wholes(value, encoding)
        for stretch in whole.stretches if whole is not None else ():
            patterns.add(stretch, _Pattern(encoding.form, encoding.bounded, whole))


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
