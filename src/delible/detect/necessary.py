"""What a text must have for an expression to match at all: a length, digits, signs. The gate without native code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from re import _constants as op  # type: ignore[attr-defined] # CPython's own names of its parser's codes
from typing import Any

from delible.detect.patterns import Expression

_DIGITS = frozenset("0123456789")
_SIGNS = frozenset("@.:-/ _+")
_LONGEST_RANGE, _MOST_REPEATS = 64, 1_000


@dataclass(frozen=True)
class Need:
    """A lower bound on what every match holds.

    Args:
        length: Characters.
        digits: ASCII digits.
        signs: How many characters of each set of signs.
    """

    length: int = 0
    digits: int = 0
    signs: Counter[frozenset[str]] = field(default_factory=Counter)

    def __add__(self, other: Need) -> Need:
        return Need(self.length + other.length, self.digits + other.digits, self.signs + other.signs)

    def times(self, n: int) -> Need:
        """Return what `n` matches in a row hold."""
        return Need(
            self.length * n, self.digits * n, Counter({signs: count * n for signs, count in self.signs.items()})
        )


def need(parsed: Any) -> Need:
    """Return the bound for a parsed expression of ASCII text; whatever is not understood needs nothing."""
    total = Need()
    for code, value in parsed:
        total += _one(code, value)
    return total


def _one(code: Any, value: Any) -> Need:
    if code in (op.LITERAL, op.IN):
        return _character({chr(value)} if code is op.LITERAL else _set(value))
    if code in (op.ANY, op.NOT_LITERAL):
        return Need(1)
    if code in (op.SUBPATTERN, op.ATOMIC_GROUP):
        return need(value[-1] if code is op.SUBPATTERN else value)
    if code is op.BRANCH:
        return _any_of([need(branch) for branch in value[1]])
    if code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        return need(value[2]).times(min(value[0], _MOST_REPEATS))
    return Need()


def _character(those: set[str] | None) -> Need:
    if those and those <= _DIGITS:
        return Need(1, 1)
    if those and those <= _SIGNS:
        return Need(1, 0, Counter({frozenset(those): 1}))
    return Need(1)


def _set(items: Sequence[tuple[Any, Any]]) -> set[str] | None:
    found: set[str] = set()
    for code, value in items:
        if code is op.LITERAL:
            found.add(chr(value))
        elif code is op.RANGE and value[1] - value[0] < _LONGEST_RANGE:
            found.update(map(chr, range(value[0], value[1] + 1)))
        elif code is op.CATEGORY and value is op.CATEGORY_DIGIT:
            found |= _DIGITS
        else:
            return None
    return found


def _any_of(branches: Sequence[Need]) -> Need:
    signs = branches[0].signs
    for branch in branches[1:]:
        signs = signs & branch.signs
    return Need(min(b.length for b in branches), min(b.digits for b in branches), signs)


class Conditions:
    """A gate of necessary conditions: pure Python, and far wider than Hyperscan's.

    Args:
        only: Indices of the expressions that it is for; None for all.
    """

    def __init__(self, expressions: Sequence[Expression], only: Iterable[int] | None = None) -> None:
        numbers = range(len(expressions)) if only is None else only
        needs = {i: need(expressions[i].parsed) for i in numbers}
        self.covered = frozenset(needs)
        bounds = [(n.length, n.digits, tuple(n.signs.items()), i) for i, n in needs.items()]
        self._needs = sorted(bounds, key=itemgetter(0))
        self._signs = tuple({signs for n in needs.values() for signs in n.signs})

    def matching(self, text: str) -> set[int] | frozenset[int]:
        """Return the expressions that may match; in a text beyond ASCII that is all of them."""
        if not text.isascii():
            return self.covered
        length, digits = len(text), sum(map(text.count, _DIGITS))
        has = {signs: sum(map(text.count, signs)) for signs in self._signs}
        found: set[int] = set()
        for least, fewest, signs, i in self._needs:
            if least > length:
                break
            if fewest <= digits and all(has[those] >= count for those, count in signs):
                found.add(i)
        return found
