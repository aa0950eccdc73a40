"""Letters outside ASCII: the same name in either case, composed or decomposed, with Turkish i or German sharp s.

Every letter alone may be spelled in several ways, so a name of ten has thousands of spellings. A short stretch of it
has few: those are looked for, and where one stands the whole is compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from unicodedata import normalize
from urllib.parse import quote

from delible.model.spelling import FORMS, letter_spellings

_MOST_SPELLINGS = 12
"""Of one stretch; more would make the automaton large, fewer the stretch short."""


@dataclass(frozen=True)
class Encoding:
    """How a text is written into bytes; letters are written one by one.

    Args:
        bounded: Whether what stands around a match can be told to be a letter.
    """

    form: str
    bounded: bool
    write: Callable[[str], bytes]


ENCODINGS = (
    Encoding("utf-8", True, lambda text: text.encode("utf-8", "surrogatepass")),
    Encoding("utf-16", False, lambda text: text.encode("utf-16-le", "surrogatepass")),
    Encoding("utf-16", False, lambda text: text.encode("utf-16-be", "surrogatepass")),
    Encoding("latin-1", True, lambda text: text.encode("cp1252", "ignore")),
    Encoding("url-encoded", True, lambda text: _quoted(text).encode()),
    Encoding("url-encoded", True, lambda text: quote(_quoted(text), safe="").encode()),
    Encoding("json-escaped", True, lambda text: json.dumps(text)[1:-1].encode()),
)


@dataclass(frozen=True)
class Whole:
    """A whole value in one encoding, to be compared where a stretch of it stands.

    Args:
        stretches: Every spelling of the stretch that is looked for first.
        pattern: Regular expression of all spellings of the value, in lower case as far as ASCII goes.
        before: As many bytes stand before the stretch at most.
        after: And behind it.
    """

    stretches: tuple[bytes, ...]
    pattern: bytes
    before: int
    after: int

    def around(self, haystack: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield where the value stands around a stretch, in an already lower-cased buffer."""
        region = max(0, start - self.before), min(len(haystack), end + self.after)
        for match in _compiled(self.pattern).finditer(haystack, *region):
            yield match.span()


def whole_spellings(value: str) -> tuple[str, ...]:
    """Return a value's likely spellings as a whole, for forms that no letter can be told in, such as base64."""
    cased = (value, value.lower(), value.upper(), value.title(), value.casefold(), *_turkish(value))
    return tuple(dict.fromkeys(normalize(form, text) for form in FORMS for text in cased) | {value: None})


def ascii_twins(value: str) -> tuple[str, ...]:
    """Return spellings of an ASCII value with the letters outside ASCII that other languages' case makes of it."""
    return tuple(dict.fromkeys((*_turkish(value), value.lower().replace("ss", "ß"))))


def apostrophes(value: str) -> tuple[str, ...]:
    """Return an ASCII value with each apostrophe that people write; itself where it has none."""
    return tuple(value.replace("'", each) for each in letter_spellings("'")) if "'" in value else (value,)


def wholes(value: str, encoding: Encoding) -> Whole | None:
    """Return how a value is looked for letter by letter; None where the encoding has not all of its letters."""
    groups = [_written(letter, encoding) for letter in normalize("NFC", value)]
    if not groups or not all(groups):
        return None
    start, end = _best_stretch(groups)
    stretches = [b""]
    for group in groups[start:end]:
        stretches = [head + tail for head in stretches for tail in group]
    pattern = b"".join(b"(?:" + b"|".join(map(re.escape, group)) + b")" for group in groups)
    longest = [max(map(len, group)) for group in groups]
    return Whole(tuple(stretches), pattern, sum(longest[:start]), sum(longest[end:]))


def _turkish(value: str) -> tuple[str, ...]:
    lower = value.lower()
    if "i" not in lower:
        return (lower,)
    initial = re.sub(r"\bi", "İ", lower)
    every = (lower.replace("i", other) for other in ("İ", "\u0131", "i\u0307"))
    return (lower, *every, initial, initial.replace("İ", "i\u0307"))


@lru_cache(maxsize=512)
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    """Compile what a stretch was found of: most values never are."""
    return re.compile(pattern, re.DOTALL)


@lru_cache(maxsize=4096)
def _written(letter: str, encoding: Encoding) -> tuple[bytes, ...]:
    written = (encoding.write(text).lower() for text in letter_spellings(letter))
    return tuple(sorted(set(written) - {b""}, key=lambda w: (-len(w), w)))


def _best_stretch(groups: Sequence[tuple[bytes, ...]]) -> tuple[int, int]:
    """Return the longest stretch with few enough spellings: the longer, the less often it stands there by chance."""
    best, most = (0, 1), 0
    for start in range(len(groups)):
        count, size = 1, 0
        for end in range(start, len(groups)):
            count *= len(groups[end])
            if count > _MOST_SPELLINGS:
                break
            size += min(map(len, groups[end]))
            if size > most:
                best, most = (start, end + 1), size
    return best


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")
