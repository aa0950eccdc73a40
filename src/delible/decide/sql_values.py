"""Values of SQL and what is worked out of them: three truth values, comparisons, LIKE, arithmetic."""

from __future__ import annotations

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


_MOST_COMPARED = 10_000_000


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
    """Return whether a text fits a LIKE pattern.

    Between two `%` each part is looked for once, from where the one before it ended: a regular expression would try all
    ways to share a long text among them.
    """
    if value is None or pattern is None:
        return None
    if not isinstance(value, str) or not isinstance(pattern, str):
        raise Undecidable("LIKE compares texts only")
    if "\\" in pattern:
        raise Undecidable("an escape in a LIKE pattern is not known here")
    first, *others = pattern.split("%")
    if not others:
        return len(value) == len(first) and _stands(value, 0, first)
    *middle, last = others
    end = len(value) - len(last)
    if end < len(first) or not _stands(value, 0, first) or not _stands(value, end, last):
        return False
    at = len(first)
    for part in middle:
        found = _found(value, part, at, end)
        if found is None:
            return False
        at = found + len(part)
    return True


def _stands(text: str, at: int, part: str) -> bool:
    """Return whether part of a LIKE pattern stands somewhere; the text is long enough."""
    return all(wanted in ("_", there) for wanted, there in zip(part, text[at : at + len(part)], strict=True))


def _found(text: str, part: str, start: int, end: int) -> int | None:
    """Return where a part of a LIKE pattern stands first between two places."""
    if "_" not in part:
        found = text.find(part, start, end)
        return None if found < 0 else found
    if (end - start) * len(part) > _MOST_COMPARED:
        raise Undecidable("a LIKE pattern is too long for such a text")
    return next((at for at in range(start, end - len(part) + 1) if _stands(text, at, part)), None)


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
