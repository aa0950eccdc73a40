"""Values of SQL and what is worked out of them: three truth values, comparisons, LIKE, arithmetic.

Spark reads a time without a zone, and the midnight of a date, in the zone of its session. Nobody knows that zone here,
so whatever hangs on it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
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
_DAY = r"\d{4}-\d\d-\d\d"
_DATE = re.compile(_DAY, re.ASCII)
_TIME = re.compile(rf"{_DAY}[T ]\d\d:\d\d(:\d\d(\.\d{{1,6}})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
"""The spellings of both that Spark and Python read alike."""
_LIKE_DAY, _LIKE_TIME = re.compile(r"\d{4}-\d\d?-\d\d?", re.ASCII), re.compile(r"\d{4}-\d\d?-\d\d?[T ]", re.ASCII)
_ZONE = "a time without a zone hangs on the zone of Spark's session: write it as TIMESTAMP '2026-01-31T00:00:00Z'"


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
    """Return two values that can be compared; a text beside a time is read as one of the same kind."""
    kinds = {_kind(left), _kind(right)}
    if kinds == {"text"} and _perhaps_times(left, right):
        raise Undecidable(_ZONE)
    if kinds == {"time", "text"}:
        kind = "timestamp" if isinstance(left, datetime) or isinstance(right, datetime) else "date"
        left, right = (time_of(kind, v) if isinstance(v, str) else v for v in (left, right))
        kinds = {"time"}
    if len(kinds) > 1:
        raise Undecidable("two values of different kinds are compared")
    if kinds == {"time"}:
        both = {v.tzinfo is not None if isinstance(v, datetime) else "day" for v in (left, right)}
        if both not in ({True}, {"day"}):
            raise Undecidable(_ZONE)
    return left, right


def _perhaps_times(left: str, right: str) -> bool:
    """Return whether two texts may be a column's time and what it is compared with: rows of tests hold texts only."""
    return bool(
        _LIKE_DAY.match(left) and _LIKE_DAY.match(right) and (_LIKE_TIME.match(left) or _LIKE_TIME.match(right))
    )


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
    """Return a DATE or TIMESTAMP literal; a timestamp has a zone."""
    try:
        if kind == "date" and _DATE.fullmatch(text):
            return date.fromisoformat(text)
        if kind == "timestamp" and _TIME.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    if _LIKE_DAY.match(text):
        raise Undecidable(_ZONE if kind == "timestamp" else "a date is written as DATE '2026-01-31'")
    raise Undecidable(f"'{kind.upper()}' is given something else")


def part_of_day(part: str, value: Any) -> int:
    """Return the year, month or day of a date; which day a time falls on hangs on the zone of Spark's session."""
    if isinstance(value, datetime):
        raise Undecidable("the day on which a time falls hangs on the zone of Spark's session")
    return int(getattr(value, part))
