"""Whether a regular expression can be made to backtrack without end by some text, told before it reads one.

The expression becomes an automaton of its positions. If a text can lead from a position back to it in two ways, the
time doubles with each round (exponential). If a text can stay in one loop, go over to a second, or stay there, the time
grows with the square of the text, and with its cube when every place of the text is a possible beginning. Repeats of
more than a few times count as loops. What the automaton cannot show, such as optional parts one after another, is tried
on texts made of the expression's own characters, with a limit on the processor's time.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from re import _constants as op  # type: ignore[attr-defined] # CPython's own names of its parser's codes
from re import _parser as sre  # type: ignore[attr-defined]
from typing import Any

import regex

from delible.detect.patterns import characters

_UNROLLED, _LONG = 8, 100
"""Repeats up to the first number are written out; from the second number on, they cost like endless ones."""
_MOST_POSITIONS, _MOST_STEPS = 600, 300_000
_SECONDS, _TRIED, _MOST_NAMED = 0.4, 2_000, 400
_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)
_PLAIN = "".join(map(chr, range(9, 14))) + "".join(map(chr, range(32, 127)))
_ASCII = 128
_OTHER = "\u00e9\u00df\u0130\u017f\u0660\u4e2d\u00a0\u2028\u20ac\U0001f600"
"""One character of each kind that classes tell apart outside of ASCII."""


class _TooLarge(Exception):
    """The automaton has more positions or pairs than are worth looking at."""


@dataclass
class _Part:
    """First and last positions of a part of the expression, and whether it matches nothing at all."""

    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    empty: bool = True


@lru_cache(maxsize=1_000)
def danger(source: str, flags: int = regex.DOTALL | regex.MULTILINE | regex.IGNORECASE) -> str | None:
    """Return why an expression is not safe to search with, or None.

    The reason names no part of any text, and speaks of the expression in general words.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            parsed = sre.parse(source, flags & (re.I | re.M | re.S))
            compiled = regex.compile(source, flags)
    except (re.error, regex.error, RecursionError, OverflowError, Warning, ValueError):
        return "cannot be read as a regular expression, by both Python's `re` and `regex`"
    if compiled.fullmatch("") is not None:
        return "can match an empty text, so it would match everywhere"
    try:
        for endless in (_UNROLLED, _LONG):
            automaton = _Automaton(parsed, flags, endless)
            if endless == _UNROLLED and automaton.doubles():
                return (
                    "lets a repeat inside a repeat match the same text in several ways: its time doubles with each "
                    "character"
                )
            if endless == _LONG and automaton.adjoins():
                return "has two long repeats that can share the same text: its time grows with the cube of the text"
    except _TooLarge:
        return "is too large to be shown safe; write shorter repeats, or several patterns"
    return _tried(compiled, parsed, flags)


class _Automaton:
    """Positions of an expression, the characters that each takes, and which can follow which."""

    def __init__(self, parsed: Any, flags: int, endless: int) -> None:
        self._flags, self._endless = flags, endless
        self.alphabet = "".join(dict.fromkeys(_PLAIN + _OTHER + _named_beyond_ascii(parsed)))
        self.takes: list[int] = []
        self.follows: list[dict[int, int]] = []
        self._reached: dict[int, frozenset[int]] = {}
        self._conditions = False
        self._final: set[int] = set()
        self._assertions: list[Any] = []
        whole = self._sequence(parsed)
        self._final = set() if self._conditions else set(whole.last)
        while self._assertions:
            self._sequence(self._assertions.pop())

    def doubles(self) -> bool:
        """Return whether some position comes back to itself over one text in two ways."""
        return any(self._returns_twice(start) for start in range(len(self.takes)))

    def adjoins(self) -> bool:
        """Return whether one text can stay in one loop, lead to another, and stay in that.

        A loop after which the match is certain needs no second try, and is left out.
        """
        reach = [self._reachable(start) for start in range(len(self.takes))]
        looping = [p for p in range(len(self.takes)) if p in reach[p]]
        return any(
            q in reach[p] and q != p and q not in self._final and self._shares(p, q, reach)
            for p in looping
            for q in looping
        )

    def _returns_twice(self, start: int) -> bool:
        circle = {p for p in self._reachable(start) if start in self._reachable(p)}
        steps = 0
        seen = {(start, start, False)}
        waiting = [(start, start, False)]
        while waiting:
            one, two, apart = waiting.pop()
            for a, many in self.follows[one].items():
                for b in self.follows[two]:
                    steps += 1
                    if steps > _MOST_STEPS:
                        raise _TooLarge
                    if not self.takes[a] & self.takes[b] or a not in circle or b not in circle:
                        continue
                    state = (a, b, apart or a != b or many > 1)
                    if state == (start, start, True):
                        return True
                    if state not in seen:
                        seen.add(state)
                        waiting.append(state)
        return False

    def _reachable(self, start: int) -> frozenset[int]:
        if start in self._reached:
            return self._reached[start]
        seen: set[int] = set()
        waiting = [start]
        while waiting:
            for after in self.follows[waiting.pop()]:
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)
        self._reached[start] = frozenset(seen)
        return self._reached[start]

    def _shares(self, p: int, q: int, reach: list[frozenset[int]]) -> bool:
        """Return whether one text leads from p to p, from p to q, and from q to q."""
        if not self.takes[p] & self.takes[q]:
            return False
        seen = {(p, p, q)}
        waiting = [(p, p, q)]
        while waiting:
            one, two, three = waiting.pop()
            for a in self.follows[one]:
                if p not in reach[a]:
                    continue
                for c in self.follows[three]:
                    both = self.takes[a] & self.takes[c]
                    if not both or q not in reach[c]:
                        continue
                    for b in self.follows[two]:
                        if not both & self.takes[b] or (b != q and q not in reach[b]):
                            continue
                        if (a, b, c) == (p, q, q):
                            return True
                        if (a, b, c) not in seen:
                            seen.add((a, b, c))
                            waiting.append((a, b, c))
                            if len(seen) > _MOST_STEPS:
                                raise _TooLarge
        return False

    def _sequence(self, nodes: Any) -> _Part:
        done = _Part()
        for code, argument in nodes:
            done = self._joined(done, self._part(code, argument))
        return done

    def _joined(self, before: _Part, after: _Part) -> _Part:
        self._connect(before.last, after.first)
        return _Part(
            before.first + after.first if before.empty else before.first,
            after.last + before.last if after.empty else after.last,
            before.empty and after.empty,
        )

    def _connect(self, lasts: list[int], firsts: list[int]) -> None:
        for last in lasts:
            for first in firsts:
                self.follows[last][first] = self.follows[last].get(first, 0) + 1

    def _part(self, code: Any, argument: Any) -> _Part:  # noqa: PLR0911 -- one return per kind of node
        if code in _REPEATS:
            return self._repeat(*argument)
        if code is op.BRANCH:
            return self._one_of(argument[1], False)
        if code is op.SUBPATTERN:
            return self._sequence(argument[-1])
        if code is op.ATOMIC_GROUP:
            return self._sequence(argument)
        if code in (op.ASSERT, op.ASSERT_NOT):
            self._conditions = True
            self._assertions.append(argument[1])
            return _Part()
        if code is op.AT:
            self._conditions = True
            return _Part()
        if code is op.GROUPREF:
            return self._character(op.ANY, None)
        if code is op.GROUPREF_EXISTS:
            return self._one_of([each for each in argument[1:] if each is not None], True)
        return self._character(code, argument)

    def _one_of(self, choices: Any, empty: bool) -> _Part:
        parts = [self._sequence(each) for each in choices]
        firsts, lasts = [n for p in parts for n in p.first], [n for p in parts for n in p.last]
        return _Part(firsts, lasts, empty or any(p.empty for p in parts))

    def _repeat(self, least: int, most: Any, inner: Any) -> _Part:
        done = _Part()
        loops = most is op.MAXREPEAT or most > self._endless
        copies = min(least, self._endless) if loops else int(most)
        for number in range(max(1, copies)):
            part = self._sequence(inner)
            if loops and number == max(1, copies) - 1:
                self._connect(part.last, part.first)
            part.empty = part.empty or number >= least
            done = self._joined(done, part)
        return done

    def _character(self, code: Any, argument: Any) -> _Part:
        if len(self.takes) >= _MOST_POSITIONS:
            raise _TooLarge
        self.takes.append(_taken(code, argument, self._flags, self.alphabet))
        self.follows.append({})
        here = len(self.takes) - 1
        return _Part([here], [here], False)


def _named_beyond_ascii(parsed: Any) -> str:
    """Return the characters beyond ASCII that an expression names, and the ends of its ranges.

    Each needs a bit of its own: a letter is one of `\\w`, too, so that `(?:ё|\\w)+` reads it in two ways.
    """
    points = [
        value
        for items in characters(parsed)
        for kind, argument in items
        if kind in (op.LITERAL, op.RANGE)
        for value in (argument if kind is op.RANGE else (argument,))
        if value >= _ASCII
    ]
    found = dict.fromkeys(map(chr, points))
    if len(found) > _MOST_NAMED:
        raise _TooLarge
    return "".join(found)


def _taken(code: Any, argument: Any, flags: int, alphabet: str) -> int:
    """Return which characters of the alphabet a position takes, one bit each; one more bit for all others."""
    bits = sum(1 << i for i, c in enumerate(alphabet) if _takes(code, argument, flags, c))
    inside = argument if code is op.IN else [(code, argument)]
    others = inside[0][0] in (op.NOT_LITERAL, op.ANY, op.NEGATE) or any(
        (kind is op.LITERAL and chr(value) not in alphabet) or (kind is op.RANGE and value[1] >= _ASCII)
        for kind, value in inside
    )
    return bits | others << len(alphabet)


def _takes(code: Any, argument: Any, flags: int, character: str) -> bool:
    if code is op.ANY:
        return bool(flags & re.S) or character != "\n"
    spelled = {character, character.lower(), character.upper()} if flags & re.I else {character}
    points = {ord(c) for c in spelled if len(c) == 1}
    if code is op.LITERAL:
        return argument in points
    if code is op.NOT_LITERAL:
        return argument not in points
    if code is op.CATEGORY:
        return _in_category(argument, character)
    inside = any(
        (kind is op.LITERAL and value in points)
        or (kind is op.RANGE and any(value[0] <= p <= value[1] for p in points))
        or (kind is op.CATEGORY and _in_category(value, character))
        for kind, value in argument
    )
    return inside != (argument[0][0] is op.NEGATE)


def _in_category(category: Any, character: str) -> bool:
    name = str(category).rpartition("_")[2]
    found = {"DIGIT": character.isdecimal(), "SPACE": character.isspace()}.get(
        name, character.isalnum() or character == "_"
    )
    return found != ("_NOT_" in str(category))


def _tried(compiled: Any, parsed: Any, flags: int) -> str | None:
    """Search texts that the expression likes, until one takes too long."""
    for text in _texts(parsed, flags):
        try:
            for _ in compiled.finditer(text, timeout=_SECONDS):
                pass
        except TimeoutError:
            return f"takes more than {_SECONDS} seconds for a text of {len(text)} characters"
    return None


def _texts(parsed: Any, flags: int) -> Iterator[str]:
    try:
        automaton = _Automaton(parsed, flags, _UNROLLED)
    except _TooLarge:
        return
    ones = dict.fromkeys(_sample(automaton, taken) for taken in automaton.takes)
    # `re` reads `(?:a|\w)` as one set, `regex` as two ways: so what is named in a set is tried, too.
    literals = (chr(v) for items in characters(parsed) if len(items) > 1 for kind, v in items if kind is op.LITERAL)
    chosen = [*[c for c in ones if c][:12], *dict.fromkeys(literals)][:24]
    along = "".join(_sample(automaton, taken) for taken in automaton.takes)[:200]
    for unit in (*chosen, *(a + b for a in chosen[:6] for b in chosen[:6] if a != b), along):
        if unit:
            # `regex` gives up at once where a letter that it needs is nowhere, so all of them stand at the end.
            for text in ((unit * _TRIED)[:_TRIED], unit * 40):
                yield text + "\x00"
                yield f"{text}\x00{along}"


def _sample(automaton: _Automaton, taken: int) -> str:
    """Return one character that a position takes, a letter or digit where it can be."""
    allowed = [c for i, c in enumerate(automaton.alphabet) if taken >> i & 1]
    return next((c for c in allowed if c.isalnum() and c.isascii()), allowed[0] if allowed else "")
