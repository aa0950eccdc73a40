"""A long text cut for reading, where nothing that is looked for is cut: each window has its own part, and sees beyond.

Presidio's cost grows with the square of a text. But a cut makes findings up: half of a version number is an address.
So windows are cut at blanks, between two words of letters where there are any; each is read further on both sides than
what it answers for, and says nothing of what begins outside of that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import regex

LENGTH, MARGIN = 4_000, 400
"""Characters that a window answers for, and that it reads further on each side: more than a finding has, and more than
the words before it that count as its context."""

_LONGEST_RUN = 16_000
"""Characters without a blank that are still kept together."""

_BETWEEN_WORDS = regex.compile(r"(?<=[^\W\d_]{2}\s)(?=[^\W\d_]{2})")
_BLANK, _LAST_BLANK = regex.compile(r"(?<=\s)(?=\S)"), regex.compile(r"(?r)(?<=\s)(?=\S)")
_BEFORE_BLANK = regex.compile(r"(?<=\S)(?=\s)")
_END_OF_RUN = regex.compile(r"[\s\"'<>]|$")


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a text that is read by itself.

    Args:
        start: Where it begins in the text.
        own: Places of the text whose findings are its own: those that begin there.
        cut: It ends within a run of characters without a blank.
    """

    start: int
    text: str
    own: range
    cut: bool = False

    def located(self, text: str, start: int, end: int) -> tuple[int, int] | None:
        """Return where a finding stands in the whole text, or None where another window answers for it.

        What reaches up to a cut goes on to the end of what it stands in.
        """
        if self.start + start not in self.own:
            return None
        if self.cut and end == len(self.text):
            end = _END_OF_RUN.search(text, self.start + end).start() - self.start
        return self.start + start, self.start + end


def whole(text: str) -> list[Window]:
    """Return one window for all of a text, or none for an empty one."""
    return [Window(0, text, range(len(text)))] if text else []


def windows(text: str) -> Iterator[Window]:
    """Yield the windows of a text in order; each place is the own of exactly one, and a short text is one window."""
    seams = [0]
    while len(text) - seams[-1] > LENGTH + MARGIN:
        seams.append(_seam(text, seams[-1] + LENGTH))
    for first, last in pairwise((*seams, len(text))):
        start = _start(text, first - MARGIN) if first > 0 else 0
        end = _BEFORE_BLANK.search(text, last + MARGIN, last + MARGIN + _LONGEST_RUN)
        stop = min(last + MARGIN, len(text)) if end is None else end.start()
        if text[start:stop]:
            yield Window(start, text[start:stop], range(first, last), cut=end is None and stop < len(text))


def _seam(text: str, place: int) -> int:
    """Return where a word begins, at a place or behind it; the place itself in a long run without a blank."""
    found = _BETWEEN_WORDS.search(text, place, place + MARGIN) or _BLANK.search(text, place, place + _LONGEST_RUN)
    return place if found is None else int(found.start())


def _start(text: str, place: int) -> int:
    """Return where a word begins, at a place or before it."""
    least = max(0, place - _LONGEST_RUN)
    found = _BETWEEN_WORDS.search(text, max(0, place - MARGIN), place + 1) or _LAST_BLANK.search(text, least, place + 1)
    return max(0, place) if found is None else int(found.start())
