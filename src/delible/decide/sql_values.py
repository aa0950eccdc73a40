"""Values of SQL and what is worked out of them: three truth values, comparisons, LIKE, arithmetic."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<>": lambda a, b: bool(a != b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


class Undecidable(Exception):
    """Raised when a condition is beyond what is known here; the message says what."""


def _truth(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise Undecidable("a value that is not true or false is used as one")


def conjunction(left: Any, right: Any) -> bool | None:
    """Return AND of two truth values."""
    both = (_truth(left), _truth(right))
    return False if False in both else None if None in both else True


def disjunction(left: Any, right: Any) -> bool | None:
    """Return OR of two truth values."""
    both = (_truth(left), _truth(right))
    return True if True in both else None if None in both else False


def negation(value: Any) -> bool | None:
    """Return NOT of a truth value."""
    known = _truth(value)
    return None if known is None else not known


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "truth"
        case int() | Decimal():
            return "number"
        case str():
            return "text"
        case date():
            return "time"
    raise Undecidable("a value of this kind cannot be compared here")


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Return two values that can be compared; a text beside a time is read as a time, a date as its midnight."""
    kinds = {_kind(left), _kind(right)}
    if kinds == {"time", "text"}:
        left, right = (time_of("timestamp", v) if isinstance(v, str) else v for v in (left, right))
        kinds = {"time"}
    if len(kinds) > 1:
        raise Undecidable("two values of different kinds are compared")
    if kinds == {"time"}:
        return _instant(left), _instant(right)
    return left, right


def compare(sign: str, left: Any, right: Any) -> bool | None:
    """Return a comparison; NULL where one side is."""
    if left is None or right is None:
        return None
    return COMPARISONS[sign](*_alike(left, right))


def same(left: Any, right: Any) -> bool:
    """Return the null-safe equality."""
    if left is None or right is None:
        return left is right
    return bool(compare("=", left, right))


def like(value: Any, pattern: Any) -> bool | None:
    """Return whether a text fits a LIKE pattern."""
    if value is None or pattern is None:
        return None
    if not isinstance(value, str) or not isinstance(pattern, str):
        raise Undecidable("LIKE compares texts only")
    parts = ("." if c == "_" else ".*" if c == "%" else re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def arithmetic(sign: str, left: Any, right: Any) -> Any:
    """Return a sum, difference or product."""
    if left is None or right is None:
        return None
    if _kind(left) != "number" or _kind(right) != "number":
        raise Undecidable("only numbers are calculated with here")
    return left + right if sign == "+" else left - right if sign == "-" else left * right


def time_of(kind: str, text: str) -> date:
    """Return a DATE or TIMESTAMP literal."""
    try:
        if kind == "date":
            return date.fromisoformat(text)
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise Undecidable(f"'{kind.upper()}' is given something else") from None


def _instant(value: date) -> datetime:
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value if value.tzinfo else value.replace(tzinfo=UTC)
