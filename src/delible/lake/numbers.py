"""Telephone and other digit identifiers in whatever spelling: `+31 6 1234-5678` is `+31612345678`.

The digits of a kind that is normalised to digits may stand in text with spaces, dots, dashes, slashes and brackets
between them, and with `00` for the plus. Without the separators every spelling is one string of digits; what is found
there is then looked at in the text itself, so that two numbers that stand side by side are not one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ahocorasick_rs import BytesAhoCorasick

FEWEST_DIGITS = 7
"""Fewer digits would be found in amounts and dates; such a value is looked for as it is written only."""

SEPARATORS = " ().-/\u00a0\u2011\u2013"
_ASCII_SEPARATORS = b" ().-/\xc2\xa0\xe2\x80\x91\x93"
_BETWEEN = f"[{re.escape(SEPARATORS)}]{{0,3}}"


def is_number(value: str) -> bool:
    """Return whether a normalised value has digits enough to be told in any spelling."""
    return len(value.removeprefix("+")) >= FEWEST_DIGITS


def number_pattern(value: str) -> str:
    """Return a regular expression, the same in Python and Java, for a normalised number in any spelling."""
    prefix = rf"(?:(?:\+|00){_BETWEEN})?" if value.startswith("+") else ""
    return rf"{prefix}\(?{_BETWEEN.join(value.removeprefix('+'))}"


class Numbers:
    """Digit identifiers, ready to search any number of buffers."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = sorted({v for v in values if is_number(v)})
        digits = [v.removeprefix("+").encode() for v in self._values]
        self._patterns = [re.compile(number_pattern(v).encode("utf-8")) for v in self._values]
        self._machine = BytesAhoCorasick(digits) if digits else None

    def places(self, haystack: bytes) -> Iterator[tuple[int, int]]:
        """Yield start and end of every number that is not written as the bare value; boundaries are not checked."""
        if self._machine is None:
            return
        squeezed = haystack.translate(None, _ASCII_SEPARATORS)
        for which in {w for w, _, _ in self._machine.find_matches_as_indexes(squeezed, overlapping=True)}:
            bare = self._values[which].encode()
            for match in self._patterns[which].finditer(haystack):
                if match[0] != bare:
                    yield match.span()
