"""Which recognizers can be told, before they run, that nothing in a text can match; and by which expressions.

A recognizer is *proven* when its findings can only be matches of its own expressions, and these are written in the part
of the language that Presidio's `regex`, Python's `re` and Hyperscan read alike. All others always run.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from re import _constants as op  # type: ignore[attr-defined] # CPython's own names of its parser's codes
from re import _parser as sre  # type: ignore[attr-defined]
from typing import Any

import regex
from presidio_analyzer import PatternRecognizer
from presidio_analyzer.predefined_recognizers import IbanRecognizer

_READ_FLAGS = regex.IGNORECASE | regex.MULTILINE | regex.DOTALL | regex.UNICODE | regex.VERSION0
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:[^\]\\]|\\.)*\]|\{\d+(?:,\d*)?\}|\(\?i\)|.", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_LETTERS_AFTER_BACKSLASH = frozenset("dDwWsSbBnrtf0123456789")
"""Not `v`: Hyperscan reads it as any space that goes down, the others as one character."""
_WITHIN = (op.SUBPATTERN, op.ASSERT, op.ASSERT_NOT, op.ATOMIC_GROUP)
_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)
_PLACES = frozenset({op.AT_BEGINNING, op.AT_END, op.AT_BOUNDARY, op.AT_NON_BOUNDARY})

_OWN = ("analyze", "_PatternRecognizer__analyze_patterns", "enhance_using_context")
_READ = (IbanRecognizer,)
"""Presidio's recognizers with an `analyze` of their own that was read: it reports matches of its patterns, no more."""


@dataclass(frozen=True)
class Expression:
    """One regular expression of a recognizer, with the flags that it is searched with."""

    source: str
    flags: int

    @property
    def parsed(self) -> Sequence[tuple[Any, Any]]:
        """The expression as Python's `re` reads it."""
        parsed: Sequence[tuple[Any, Any]] = sre.parse(self.source, self.flags & (re.I | re.M | re.S))
        return parsed


def is_plain(recognizer: Any) -> bool:
    """Return whether all that the recognizer does is Presidio's loop over its patterns."""
    return isinstance(recognizer, PatternRecognizer) and all(_is_presidios(recognizer, name) for name in _OWN)


def expressions(recognizer: Any) -> list[Expression] | None:
    """Return the expressions without a match of which the recognizer finds nothing; None if that is not proven.

    A deny list is one more of a recognizer's patterns.
    """
    read = type(recognizer) in _READ and _OWN[0] not in vars(recognizer)
    if not (is_plain(recognizer) or read):
        return None
    found = [_proven(pattern.regex, int(recognizer.global_regex_flags)) for pattern in recognizer.patterns]
    proven = [expression for expression in found if expression is not None]
    return proven if proven and len(proven) == len(found) else None


def _is_presidios(recognizer: Any, name: str) -> bool:
    return name not in vars(recognizer) and getattr(type(recognizer), name) is getattr(PatternRecognizer, name)


@lru_cache(maxsize=1_000)
def _proven(source: str, flags: int) -> Expression | None:
    if flags & ~_READ_FLAGS or regex.DEFAULT_VERSION != regex.VERSION0:
        return None
    tokens = _TOKEN.findall(source)
    if flags & regex.IGNORECASE:
        tokens = [each for each in tokens if each != "(?i)"]
    if any(_is_read_differently(token) for token in tokens):
        return None
    expression = Expression("".join(tokens), flags)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # nested sets and set operations
            return expression if _is_common(expression.parsed) else None
    except (re.error, Warning, RecursionError, OverflowError):
        return None


def _is_read_differently(token: str) -> bool:
    """Return whether the engines differ on a token: fuzzy counts, `{,n}`, and most letters behind a backslash."""
    if token in ("{", "[", "(?i)"):
        return True
    return any(c.isalnum() and c not in _LETTERS_AFTER_BACKSLASH for c in _ESCAPED.findall(token))


def _is_common(parsed: Any) -> bool:
    for code, value in parsed:
        if code in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN, op.GROUPREF):
            continue
        if code is op.AT and value in _PLACES:
            continue
        if code is op.SUBPATTERN and (value[1] or value[2]):
            return False
        if code not in (*_WITHIN, *_REPEATS, op.BRANCH) or not all(_is_common(part) for part in _parts(code, value)):
            return False
    return True


def _parts(code: Any, value: Any) -> Sequence[Any]:
    if code is op.BRANCH:
        parts: Sequence[Any] = value[1]
        return parts
    return (value,) if code is op.ATOMIC_GROUP else (value[-1],)


Characters = tuple[tuple[Any, Any], ...]
"""A set of characters: items of a `[...]`, as `re` parses them."""


def characters(parsed: Any) -> Iterator[Characters]:
    """Yield the sets of characters that an expression asks for, one per place; `.` is left out."""
    for code, value in parsed:
        if code is op.LITERAL:
            yield ((op.LITERAL, value),)
        elif code is op.NOT_LITERAL:
            yield ((op.NEGATE, None), (op.LITERAL, value))
        elif code is op.IN:
            yield tuple(value)
        elif code in (*_WITHIN, *_REPEATS, op.BRANCH):
            for part in _parts(code, value):
                yield from characters(part)


_CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}


def written(items: Characters, *, negated: bool = False, literal: str = r"\x{{{:x}}}") -> str:
    """Return a set of characters as an expression.

    Args:
        negated: Write the set of all other characters.
        literal: How the engine that reads it writes a character's number.
    """
    has = bool(items) and items[0][0] is op.NEGATE
    inside = "".join(_item(code, value, literal) for code, value in items[has:])
    return f"[{'^' if has != negated else ''}{inside}]"


def _item(code: Any, value: Any, literal: str) -> str:
    if code is op.CATEGORY:
        return _CATEGORIES[value]
    if code is op.RANGE:
        return f"{literal.format(value[0])}-{literal.format(value[1])}"
    return literal.format(value)
