"""The forms in which a value may survive in bytes, and one search that looks for all of them in one pass."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache

from ahocorasick_rs import BytesAhoCorasick

from delible.lake.search.bloom import Hashes, hashes
from delible.lake.search.grams import SHORTEST, Grams
from delible.lake.search.letters import ENCODINGS, Whole, wholes
from delible.lake.search.loosened import loosened
from delible.lake.search.numbers import Numbers, begins_number
from delible.lake.search.written import FORMS, Form

_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_%+-@")
_ESCAPE_BEFORE = re.compile(rb"(?:\\[nrtbf]|\\u[0-9a-f]{4}|%(?:25)*[0-9a-f]{2})\Z", re.IGNORECASE)
_ESCAPE_AFTER = re.compile(rb"%(?:25)*[0-9a-fA-F]{2}")
_LONGEST_ESCAPE = 12
_AT_ONCE = 4096
"""Values whose patterns are held as they are, for a moment."""

Place = tuple[Form, int, int]


class Needles:
    """All forms of all values, ready to search any number of buffers.

    Matching ignores letter case, and whether letters are composed; a match inside a longer word is not one:
    `ann@x.example` in `joann@x.example` is another person.

    Args:
        values: What is looked for in all forms.
        numbers: Those of the values that are digits, normalised: they are looked for in other spellings, too.
        sample: Some of what will be searched; only the time that it takes depends on it.

    Attributes:
        values: What is looked for.
        count: How many values these are.
        longest: As many bytes hold any of their forms, and what must be seen around it.
    """

    def __init__(self, values: Iterable[str], numbers: Iterable[str] = (), *, sample: bytes = b"") -> None:
        self.values = frozenset(values)
        self.count = len(self.values)
        self._forms = FORMS
        self._ordered = sorted(self.values)
        self._spellings = lru_cache(maxsize=1024)(self._written)
        self._rest = _Rest()
        self._longest_pattern = 0
        self._grams = Grams((self._portions(form) for form in self._forms), sample)
        kinds = {form.name for form in self._forms}
        for value in self._ordered:
            if not value.isascii():
                self._rest.add_letters(value, kinds)
        self._rest.build()
        self.longest = max(self._longest_pattern, self._rest.longest) + _LONGEST_ESCAPE
        self._numbers = Numbers(numbers)

    def _portions(self, form: Form) -> Iterator[tuple[list[int], list[bytes]]]:
        """Yield all patterns of a form, some values at a time; those without a window go to the automaton."""
        for start in range(0, self.count, _AT_ONCE):
            members: list[int] = []
            texts: list[bytes] = []
            for member in range(start, min(start + _AT_ONCE, self.count)):
                patterns = [*form.write(self._ordered[member])]
                texts += patterns
                members += [member] * len(patterns)
            if texts and len(min(texts, key=len)) < SHORTEST:
                for text in texts:
                    if len(text) < SHORTEST and form.folded:
                        self._rest.add(text, form)
                kept = [index for index, text in enumerate(texts) if len(text) >= SHORTEST]
                members, texts = [members[index] for index in kept], [texts[index] for index in kept]
            if texts:
                self._longest_pattern = max(self._longest_pattern, len(max(texts, key=len)))
                yield members, texts

    def search(self, haystack: bytes) -> Counter[str]:
        """Count the matches in one buffer, by form."""
        if not self.count:
            return Counter()
        found = self.search_plain(haystack)
        more: Counter[str] = Counter()
        for loose, marked, text in loosened(haystack, self.longest):
            known = found if marked is haystack else self.search_plain(marked)
            more[loose.name] += loose.more(self.search_plain(text), known)
        return found + more

    def search_plain(self, haystack: bytes) -> Counter[str]:
        """Count the matches in a buffer as it reads with all that stands between its letters."""
        certain = {
            (form.name, start, end)
            for form, start, end in self.certain(haystack)
            if not form.bounded or stands_alone(haystack, start, end)
        }
        return self.search_rest(haystack, certain)

    def certain(self, haystack: bytes | memoryview) -> Iterator[Place]:
        """Yield form, start and end of whole matches; what stands around them is not looked at."""
        if not self.count:
            return
        for group, member, start, end in self._grams.hits(haystack):
            form, text = self._forms[group], bytes(haystack[start:end])
            if (text.lower() if form.folded else text) in self._spellings(group, member):
                yield form, start, end

    def rest_places(self, haystack: bytes) -> Iterator[tuple[int, int]]:
        """Yield where something may stand that `certain` does not tell: short forms, other letters, numbers."""
        if self._rest.needed:
            yield from ((start, end) for _, start, end in self._rest.hits(haystack.lower()))
        yield from ((start, end) for start, end, _ in self._numbers.places(haystack))

    def search_rest(self, haystack: bytes, certain: Iterable[tuple[str, int, int]] = ()) -> Counter[str]:
        """Count such matches, together with those that are certain, by form."""
        places = set(certain)
        if self._rest.needed:
            lowered = haystack.lower()
            places |= {
                (name, start, end)
                for (name, bounded), start, end in self._rest.hits(lowered)
                if not bounded or stands_alone(lowered, start, end)
            }
        found = Counter(name for name, _, _ in places)
        spelled = sum(_number_stands_alone(haystack, *place) for place in self._numbers.places(haystack))
        return found + Counter({"another spelling": spelled})

    @cached_property
    def hashes(self) -> Hashes:
        """The values in their likely spellings, as Bloom filters go by them."""
        spellings = {text for value in self._ordered for text in (value, value.lower(), value.upper())}
        return hashes(text.encode("utf-8", "surrogatepass") for text in sorted(spellings))

    def _written(self, group: int, member: int) -> frozenset[bytes]:
        return frozenset(self._forms[group].write(self._ordered[member]))


Kind = tuple[str, bool]
"""A form's name, and whether what stands around a match can be told to be a letter."""


class _Rest:
    """What has no window of its own: short patterns, and names outside ASCII, whose every letter has spellings."""

    def __init__(self) -> None:
        self._kinds: dict[bytes, list[tuple[Kind, Whole | None]]] = {}
        self._listed: list[list[tuple[Kind, Whole | None]]] = []
        self._machine: BytesAhoCorasick | None = None
        self.longest = 0

    @property
    def needed(self) -> bool:
        return self._machine is not None

    def add(self, pattern: bytes, form: Form) -> None:
        """Look for these bytes; what is the same in two forms counts as the first of them."""
        self._add(pattern, (form.name, form.bounded), None)

    def add_letters(self, value: str, kinds: set[str]) -> None:
        """Look for a value letter by letter."""
        for encoding in ENCODINGS:
            whole = wholes(value, encoding) if encoding.form in kinds else None
            for stretch in whole.stretches if whole is not None else ():
                self._add(stretch, (encoding.form, encoding.bounded), whole)

    def _add(self, pattern: bytes, kind: Kind, whole: Whole | None) -> None:
        known = self._kinds.setdefault(pattern, [])
        if whole is not None or all(k is not None for _, k in known):
            known.append((kind, whole))
        around = whole.before + whole.after if whole is not None else 0
        self.longest = max(self.longest, len(pattern) + around)

    def build(self) -> None:
        if self._kinds:
            self._listed = list(self._kinds.values())
            self._machine = BytesAhoCorasick(list(self._kinds))
            self._kinds = {}

    def hits(self, lowered: bytes) -> Iterator[tuple[Kind, int, int]]:
        if self._machine is None:
            return
        for which, start, end in self._machine.find_matches_as_indexes(lowered, overlapping=True):
            for kind, whole in self._listed[which]:
                if whole is None:
                    yield kind, start, end
                else:
                    for place in whole.around(lowered, start, end):
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
