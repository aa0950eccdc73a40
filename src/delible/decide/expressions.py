"""Row conditions without Spark: the part of Spark SQL that most of them use, with SQL's three truth values.

`policy test` runs with it. What is not known here is refused, never guessed: a test then says that it cannot decide.
A value of another kind is not converted, as Spark would, but refused; so is what hangs on the zone of Spark's
session, such as a time without a zone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from delible.decide.sql_values import (
    COMPARISONS,
    Undecidable,
    arithmetic,
    compare,
    conjunction,
    disjunction,
    like,
    negation,
    part_of_day,
    same,
    time_of,
)

__all__ = ["Undecidable", "evaluate"]

_PART = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|'(?P<text>(?:[^'\\]|'')*)'|`(?P<quoted>[^`]+)`"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign><=>|<>|!=|<=|>=|[=<>(),+*/.-]))"
)
_COMMENT = re.compile(r"\s*(?:--|/\*)")
_DEEPEST = 50
"""So deep may parentheses, signs and NOT be nested; no condition of a policy is, and a crash is no answer."""
_MOST_DIGITS = 38
"""Spark has no longer numbers."""
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "lower": lambda v: v.lower(),
    "upper": lambda v: v.upper(),
    "trim": lambda v: v.strip(" "),
    "length": len,
    "year": lambda v: part_of_day("year", v),
    "month": lambda v: part_of_day("month", v),
    "day": lambda v: part_of_day("day", v),
    "abs": abs,
}
_WORDS = frozenset({"and", "or", "not", "in", "is", "null", "between", "like", "true", "false"})


def evaluate(text: str, row: Mapping[str, Any]) -> bool | None:
    """Return whether a row condition is true, false, or neither (None, SQL's NULL), for one row.

    Args:
        text: The condition, as in a policy.
        row: Column name to value; times with a time zone, numbers as `int` or `Decimal`.

    Raises:
        Undecidable: For columns that the row does not have, and for anything beyond comparisons, AND, OR, NOT, IN,
            BETWEEN, LIKE, IS NULL, arithmetic, and a few functions.
    """
    parser = _Parser(text, row)
    found = parser.condition()
    parser.end()
    if found is None or isinstance(found, bool):
        return found
    raise Undecidable("it is not true or false")


class _Parser:
    """Evaluates while it reads: conditions are short, and rows in tests are few."""

    def __init__(self, text: str, row: Mapping[str, Any]) -> None:
        self._row = {name.lower(): value for name, value in row.items()}
        self._spelts = list(_spelts(text))
        self._at = 0
        self._depth = 0

    def end(self) -> None:
        if self._at < len(self._spelts):
            raise Undecidable(f"'{self._spelts[self._at][1]}' is not known here")

    def condition(self) -> Any:
        with self._deeper():
            found = self._all()
            while self._word("or"):
                found = disjunction(found, self._all())
            return found

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Undecidable(f"it is nested more than {_DEEPEST} deep")
        yield
        self._depth -= 1

    def _all(self) -> Any:
        found = self._negated()
        while self._word("and"):
            found = conjunction(found, self._negated())
        return found

    def _negated(self) -> Any:
        if self._word("not"):
            with self._deeper():
                return negation(self._negated())
        return self._compared()

    def _compared(self) -> Any:
        left = self._sum()
        kind, sign = self._peek()
        if kind == "sign" and sign == "<=>":
            self._at += 1
            return same(left, self._sum())
        if kind == "sign" and sign in COMPARISONS:
            self._at += 1
            return compare(sign, left, self._sum())
        if self._word("is"):
            negated = self._word("not")
            self._expect_word("null")
            return (left is None) is not negated
        negated = self._word("not")
        if self._word("in"):
            found = self._among(left)
        elif self._word("between"):
            low = self._sum()
            self._expect_word("and")
            found = conjunction(compare(">=", left, low), compare("<=", left, self._sum()))
        elif self._word("like"):
            found = like(left, self._sum())
        elif negated:
            raise Undecidable("NOT stands where nothing can be negated")
        else:
            return left
        return negation(found) if negated else found

    def _among(self, left: Any) -> bool | None:
        self._expect("(")
        found: Any = False
        while True:
            found = disjunction(found, compare("=", left, self._sum()))
            if not self._sign(","):
                break
        self._expect(")")
        return None if found is None else bool(found)

    def _sum(self) -> Any:
        found = self._product()
        while self._peek() in (("sign", "+"), ("sign", "-")):
            sign = self._next()[1]
            found = arithmetic(sign, found, self._product())
        return found

    def _product(self) -> Any:
        found = self._value()
        while self._sign("*"):
            found = arithmetic("*", found, self._value())
        return found

    def _value(self) -> Any:
        kind, spelt = self._next()
        match kind:
            case "number" if len(spelt) > _MOST_DIGITS:
                raise Undecidable("a number is longer than any that Spark knows")
            case "number":
                return Decimal(spelt) if "." in spelt else int(spelt)
            case "text":
                return spelt.replace("''", "'")
            case "quoted":
                return self._column(spelt)
            case "sign" if spelt == "(":
                found = self.condition()
                self._expect(")")
                return found
            case "sign" if spelt == "-":
                with self._deeper():
                    value = self._value()
                return None if value is None else arithmetic("-", 0, value)
            case "word":
                return self._named(spelt)
        raise Undecidable(f"'{spelt}' is not known here")

    def _named(self, word: str) -> Any:
        lower = word.lower()
        constants = {"null": None, "true": True, "false": False}
        if lower in constants:
            return constants[lower]
        if self._peek() == ("sign", "("):
            return self._called(lower)
        kind, spelt = self._peek()
        if lower in ("date", "timestamp") and kind == "text":
            self._at += 1
            return time_of(lower, spelt)
        if lower in _WORDS:
            raise Undecidable(f"'{word}' is not known here")
        return self._column(word)

    def _called(self, name: str) -> Any:
        self._expect("(")
        given = [self.condition()]
        while self._sign(","):
            given.append(self.condition())
        self._expect(")")
        if name in ("coalesce", "ifnull", "nvl"):
            return next((value for value in given if value is not None), None)
        if name not in _FUNCTIONS or len(given) != 1:
            raise Undecidable(f"the function {name.upper()} is not known here")
        try:
            return None if given[0] is None else _FUNCTIONS[name](given[0])
        except (AttributeError, TypeError):
            raise Undecidable(f"{name.upper()} is given a value of another kind") from None

    def _column(self, name: str) -> Any:
        if self._peek() == ("sign", "."):
            raise Undecidable("a field of a struct is not known here")
        if name.lower() not in self._row:
            raise Undecidable(f"the row has no column '{name}'")
        return self._row[name.lower()]

    def _peek(self) -> tuple[str, str]:
        return self._spelts[self._at] if self._at < len(self._spelts) else ("end", "")

    def _next(self) -> tuple[str, str]:
        found = self._peek()
        if found[0] == "end":
            raise Undecidable("it ends too early")
        self._at += 1
        return found

    def _word(self, word: str) -> bool:
        kind, spelt = self._peek()
        if kind == "word" and spelt.lower() == word:
            self._at += 1
            return True
        return False

    def _sign(self, sign: str) -> bool:
        if self._peek() == ("sign", sign):
            self._at += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._sign(sign):
            raise Undecidable(f"'{sign}' is missing")

    def _expect_word(self, word: str) -> None:
        if not self._word(word):
            raise Undecidable(f"{word.upper()} is missing")


def _spelts(text: str) -> list[tuple[str, str]]:
    found, at, text = [], 0, text.rstrip()
    while at < len(text):
        if _COMMENT.match(text, at):
            # Spark passes over it; read as signs it would be a condition that nobody wrote.
            raise Undecidable("a comment is not known here")
        match = _PART.match(text, at)
        if match is None or match.lastgroup is None:
            raise Undecidable("it holds a sign that is not known here")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found
