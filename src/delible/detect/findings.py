"""Text in, findings out: type, place and score, without overlaps. A finding never carries the text itself."""

from __future__ import annotations

import re
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from delible.detect.entities import CHECKED, DEFAULT_COUNTRIES, FROM_MODEL
from delible.errors import DelibleError
from delible.model.detection import NO_MODEL, SHIPPED, NlpModel

_POSSIBLE = re.compile(r"[\d@.:\-]")
"""Every pattern that is looked for needs a digit, or one of these signs; words alone need no analysis."""

_WINDOW, _OVERLAP = 4_000, 400
"""Presidio's cost grows with the square of a text; a long one is read in windows that overlap by a finding's length."""


@dataclass(frozen=True, order=True, slots=True)
class Finding:
    """One span of a text, `start` inclusive and `end` exclusive, in characters."""

    start: int
    end: int
    entity: str
    score: float


def find(text: str, *, countries: tuple[str, ...] = DEFAULT_COUNTRIES, nlp: NlpModel = SHIPPED) -> list[Finding]:
    """Return what stands in a text, in order, without overlaps.

    Args:
        nlp: The model that finds people and places.

    Raises:
        DelibleError: `detect.failed` when a recognizer fails; its own message may hold the text and is dropped.
        InputError: `detect.model_missing`, `detect.model_unfit`.
    """
    if not any(map(str.isalpha, text)):
        nlp = NO_MODEL  # nobody is named without a letter
    if not text or (nlp.engine == "none" and _POSSIBLE.search(text) is None):
        return []
    from delible.detect.engine import engine

    analyzer = engine(countries, nlp)
    found: set[Finding] = set()
    try:
        for offset, window in _windows(_encodable(text)):
            for entity, start, end, score in analyzer.analyze(window):
                found.add(Finding(offset + start, offset + end, entity, score))
    except Exception as error:
        raise DelibleError("detect.failed", f"a recognizer failed with {type(error).__name__}.") from None
    return resolved(found, text)


def resolved(found: Iterable[Finding], text: str, *, around: Sequence[Finding] = ()) -> list[Finding]:
    """Return findings without overlaps, covering every letter and digit that any of them covered.

    A type with a check digit wins, what a model reads yields to any pattern, then the higher score wins, then the
    longer span. Of a loser that reaches beyond the
    winner, the rest is KEPT: an address in a web link's query leaves the link on both sides to be masked, too.

    Args:
        around: Spans without overlaps among them that are already spoken for; they win, and are not returned.
    """
    ranked = sorted(found, key=_rank)
    kept = sorted(around)
    for finding in ranked:
        for start, end in _outside(finding, kept):
            if any(c.isalnum() for c in text[start:end]):
                insort(kept, Finding(start, end, finding.entity, finding.score))
    spoken_for = set(around)
    return [finding for finding in kept if finding not in spoken_for]


def _rank(f: Finding) -> tuple[bool, bool, float, int, int, str]:
    return (f.entity not in CHECKED, f.entity in FROM_MODEL, -f.score, f.start - f.end, f.start, f.entity)


def _outside(finding: Finding, taken: Sequence[Finding]) -> list[tuple[int, int]]:
    """Return the parts of a span that no other covers; `taken` is sorted and without overlaps."""
    pieces, start = [], finding.start
    first = bisect_right(taken, finding.start, key=lambda f: f.end)
    for other in islice(taken, first, None):
        if other.start >= finding.end:
            break
        pieces.append((start, other.start))
        start = other.end
    pieces.append((start, finding.end))
    return [(a, b) for a, b in pieces if a < b]


def _windows(text: str) -> Iterator[tuple[int, str]]:
    if len(text) <= _WINDOW:
        yield 0, text
        return
    for offset in range(0, len(text), _WINDOW - _OVERLAP):
        yield offset, text[offset : offset + _WINDOW]


def _encodable(text: str) -> str:
    """Return the text with lone surrogates replaced one for one: spaCy hashes UTF-8, which has no form for them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return re.sub("[\ud800-\udfff]", "\ufffd", text)
    return text
