"""Telephone and other digit identifiers in whatever spelling: `+31 (0)6 1234-5678` is `+31612345678`."""

from __future__ import annotations

import re

FEWEST_DIGITS = 7
"""Fewer digits would be found in amounts and dates; such a value is looked for as it is written only."""

SEPARATORS = (
    " \t().-/\u00a0\u00ad\u00b7"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d\u200e\u200f"
    "\u2010\u2011\u2012\u2013\u2014\u2015\u2022\u202a\u202c\u202d\u202f\u205f\u2060\u2212\u3000\ufeff"
)
"""What stands between digits: spaces of every width, dashes, dots, and marks that telephones copy along."""

BETWEEN = f"[{re.escape(SEPARATORS)}]{{0,4}}"
_LONGEST_COUNTRY = 3


def is_number(value: str) -> bool:
    """Return whether a normalised value has digits enough to be told in any spelling."""
    return len(value.removeprefix("+")) >= FEWEST_DIGITS


def number_pattern(value: str, between: str = BETWEEN) -> str:
    """Return a regular expression, the same in Python and Java, for a normalised number in any spelling.

    An international number may have the zero of its national form in brackets, behind one to three digits.
    """
    digits = value.removeprefix("+")
    if not value.startswith("+"):
        return rf"\(?{between.join(digits)}"
    zero = rf"(?:{between}\(0\))?{between}"
    country, rest = digits[: _LONGEST_COUNTRY + 1], digits[_LONGEST_COUNTRY + 1 :]
    return rf"(?:(?:\+|00){between})?\(?{between.join((zero.join(country), *rest))}"


def squeezed_spellings(value: str) -> tuple[str, ...]:
    """Return what may be left of a number's spellings when all separators are taken out, without its prefix."""
    digits = value.removeprefix("+")
    if not value.startswith("+"):
        return (digits,)
    return (digits, *(f"{digits[:n]}0{digits[n:]}" for n in range(1, _LONGEST_COUNTRY + 1)))


def always_together(value: str) -> str:
    """Return digits that stand together in every spelling of a number without separators."""
    return value.removeprefix("+")[_LONGEST_COUNTRY:] if value.startswith("+") else value
