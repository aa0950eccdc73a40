"""Which files of a table can hold due rows, by the least and greatest values in its log: never fewer than do.

A log holds values as they stand in the rows, and a key is normalised: every spelling of the key has to be looked for.
Upper and lower case lie apart in the order of texts, so that the spellings are no interval; whether one of them lies
between two bounds is still decided exactly, character by character. Digits among any other characters have no order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from delible.model.duration import Duration, add_months
from delible.model.policy import Controller, PolicySet, Reach, TablePolicy
from delible.model.statistics import BoundKind, Bounds, TableStatistics
from delible.model.subject import BLANKS, KeyRole, KeyRow
from delible.model.terms import Normalise

_TOP = "\U0010ffff"
"""Nothing that goes on from a text comes after the text with this behind it."""
_CUT = 32
"""Characters after which Delta cuts texts. The greatest of that length is taken for the beginning of a greater one."""
_FAR_BLANK = "\u00a0"
"""The first of the `BLANKS` behind the plain space."""
_KELVIN = "\u212a"
"""The one character outside of ASCII whose lower case is a single ASCII letter, k."""
_DOT = "\u0307"
"""The lower case of U+0130 is an i and this."""
_MOST_TRIED = 4_096
"""Keys that are tried on one file; with more it counts as a candidate."""
_MONTH_ENDS = timedelta(days=4)
"""A period in months ends up to three days earlier than its beginning says; a day more is a date's last hour."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Wanted:
    """The keys that one column is searched for.

    Args:
        keys: Normalised values; None when some of them are not known, so that any value may be one.
    """

    column: str
    how: Normalise
    keys: frozenset[str] | None


@dataclass(frozen=True)
class Candidates:
    """Files that can hold due rows.

    Args:
        untested: Those of them of which the log says too little.
    """

    files: int
    bytes: int
    untested: int


def wanted_columns(policy: TablePolicy, controller: Controller, keys: Iterable[KeyRow]) -> tuple[Wanted, ...]:
    """Return the columns by which a table's rows reach people, each with the keys that were found for it."""
    by_kind: dict[str, set[str]] = {}
    for key in keys:
        if key.role in (KeyRole.GIVEN, KeyRole.FOUND):
            by_kind.setdefault(key.kind, set()).add(key.value)
    return tuple(
        Wanted(reach.column, spelling(reach, controller), frozenset(by_kind.get(kind_of(policy, reach), ())))
        for reach in policy.subject
    )


def given_columns(
    policy: TablePolicy, controller: Controller, keys: Sequence[KeyRow], requests: int
) -> tuple[Wanted, ...]:
    """Return the same where no row was read: keys of a kind that not every request gave are not known."""
    asked = {(k.request, k.kind) for k in keys}
    complete = {kind for kind in {k for _, k in asked} if sum(k == kind for _, k in asked) == requests}
    return tuple(
        each if kind_of(policy, reach) in complete else replace(each, keys=None)
        for reach, each in zip(policy.subject, wanted_columns(policy, controller, keys), strict=True)
    )


def linked_kinds(policies: PolicySet) -> frozenset[str]:
    """Return the identifier kinds of which links may reveal more than a data subject gave."""
    return frozenset(r.identifies for _, reaches in policies.links() for r in reaches if r.identifies is not None)


def kind_of(policy: TablePolicy, reach: Reach) -> str:
    """Return the kind under which a reach's keys are stored."""
    return reach.identifies or f"{policy.table}.{reach.column}"


def spelling(reach: Reach, controller: Controller) -> Normalise:
    """Return how the values of a reach's column are compared."""
    return controller.identifiers[reach.identifies].normalise if reach.identifies else Normalise.EXACT


def candidate_files(table: TableStatistics, wanted: Iterable[Wanted]) -> Candidates:
    """Return the files in which one of the columns can hold one of its keys."""
    possible = np.zeros(table.files, bool)
    tested = np.ones(table.files, bool)
    for each in wanted:
        bounds = table.columns.get(each.column)
        if each.keys is not None and not each.keys:
            continue
        if bounds is None:
            possible[:], tested[:] = True, False
            continue
        usable = each.keys is not None and _ordered(bounds, each.how)
        known = bounds.known & usable & ~bounds.empty
        unknown = ~known & ~bounds.empty
        possible |= unknown
        tested &= ~unknown
        if usable and each.keys is not None:
            possible |= known & _between(bounds, each.how, each.keys, known & ~possible)
    return _counted(table, possible, tested)


def files_before(table: TableStatistics, columns: Sequence[str], keep: Duration, as_of: datetime) -> Candidates:
    """Return the files that can hold rows whose clock, in one of the columns, started a period ago that has run out.

    Args:
        columns: Those that may start the clock; without any, every file can.
        keep: The period.
        as_of: The instant of the judgement.
    """
    started = add_months(as_of, -keep.months) - timedelta(days=keep.days) + _MONTH_ENDS
    limit = (started - _EPOCH) // timedelta(microseconds=1)
    possible, tested = np.zeros(table.files, bool), np.ones(table.files, bool)
    for column in columns:
        bounds = table.columns.get(column)
        if bounds is None or bounds.kind is not BoundKind.TIME:
            possible[:], tested[:] = True, False
            continue
        unknown = ~bounds.known & ~bounds.empty
        possible |= unknown | (bounds.known & ~bounds.empty & (bounds.low <= limit))
        tested &= ~unknown
    if not columns:
        possible[:], tested[:] = True, False
    return _counted(table, possible, tested)


def _counted(table: TableStatistics, possible: Any, tested: Any) -> Candidates:
    return Candidates(int(possible.sum()), int(table.sizes[possible].sum()), int((possible & ~tested).sum()))


def _ordered(bounds: Bounds, how: Normalise) -> bool:
    """Return whether the spellings of a key have a place in the order of the column's values."""
    return bounds.kind is BoundKind.WHOLE or (bounds.kind is BoundKind.TEXT and how is not Normalise.DIGITS)


def _between(bounds: Bounds, how: Normalise, keys: frozenset[str], asked: Any) -> Any:
    """Return for each file whether one of the keys can lie between its bounds."""
    if bounds.kind is BoundKind.WHOLE:
        return _whole_between(bounds, _whole(keys, how))
    found, texts = np.zeros(len(asked), bool), _Texts(keys, how)
    for i in np.flatnonzero(asked):
        low, high = bounds.low[i], bounds.high[i]
        found[i] = texts.between(low, high + _TOP if len(high) >= _CUT else high)
    return found


def _whole(keys: Iterable[str], how: Normalise) -> Any:
    """Return the keys that a whole number can be the spelling of; `007` is none."""
    numbers = {int(k) for k in keys if len(k) < 20 and k.removeprefix("-").isascii() and _canonical(k)}  # noqa: PLR2004
    if how is Normalise.DIGITS:
        numbers |= {-n for n in numbers}
    within = np.iinfo(np.int64)
    return np.array(sorted(n for n in numbers if within.min <= n <= within.max), np.int64)


def _canonical(key: str) -> bool:
    digits = key.removeprefix("-")
    return digits.isdigit() and str(int(key)) == key


def _whole_between(bounds: Bounds, points: Any) -> Any:
    if not len(points):
        return np.zeros(len(bounds.known), bool)
    first = np.searchsorted(points, bounds.low, "left")
    return (first < len(points)) & (points[np.minimum(first, len(points) - 1)] <= bounds.high)


class _Texts:
    """The keys of a text column, to ask of file after file whether a spelling of one lies between its bounds."""

    def __init__(self, keys: frozenset[str], how: Normalise) -> None:
        self._keys = keys
        self._ordered = sorted(keys)
        self._lengths = sorted({len(key) for key in keys})
        self._folds = how is Normalise.LOWER

    def between(self, low: str, high: str) -> bool:
        """Return whether a key, as somebody may have spelled it, lies between two texts."""
        if _spaces_before(low, high) or self._spaces_behind(low, high):
            return True
        at = bisect_left(self._ordered, low)
        if at < len(self._ordered) and self._ordered[at] <= high:
            return True
        return self._folds and self._other_case(low, high)

    def _spaces_behind(self, low: str, high: str) -> bool:
        """Return whether spaces lift a key above the lower bound that begins with it."""
        for length in self._lengths:
            if length >= len(low):
                return False
            start = low[:length]
            if (start.lower() if self._folds else start) in self._keys:
                end = high[length : length + 1] if high.startswith(start) else _TOP
                if any(low[length] <= blank <= end for blank in BLANKS):
                    return True
        return False

    def _other_case(self, low: str, high: str) -> bool:
        """Return whether a key with letters in upper case lies there: all between two texts begins as both do."""
        shared = _ascii_part(_common(low, high)).lower()
        first = bisect_left(self._ordered, shared)
        for at in range(first, len(self._ordered)):
            if not self._ordered[at].startswith(shared):
                return False
            if at - first >= _MOST_TRIED or case_between(self._ordered[at], low, high):
                return True
        return False


def _spaces_before(low: str, high: str) -> bool:
    """Return whether texts that begin with a space lie between two: what comes behind it, nobody can tell."""
    if low[:1] > " " and high[:1] < _FAR_BLANK:
        return False
    return any(low <= blank + _TOP and blank <= high for blank in BLANKS)


def case_between(key: str, low: str, high: str) -> bool:
    """Return whether a text of which a key is the lower case, perhaps with spaces behind it, lies between two bounds.

    Said of keys in lower case. From the first character outside of ASCII on, anything is taken for possible.
    """
    for i, character in enumerate(key):
        if not character.isascii() or key[i + 1 : i + 2] == _DOT:
            return True
        least, most = low[i : i + 1], high[i : i + 1]
        for spelled in _spelled(character):
            if least < spelled < most:
                return True
            if least == spelled < most and _most(key[i + 1 :]) >= low[i + 1 :]:
                return True
            if least < spelled == most and _least(key[i + 1 :]) <= high[i + 1 :]:
                return True
        if least != most or least not in _spelled(character):
            return False
    return True


def _spelled(character: str) -> tuple[str, ...]:
    kelvin = (_KELVIN,) if character == "k" else ()
    return (character.upper(), character, *kelvin) if character.isalpha() else (character,)


def _ascii_part(text: str) -> str:
    """Return a text up to the first character outside of ASCII, and to an i that is one with it."""
    if text.isascii():
        return text
    end = next(i for i, c in enumerate(text) if not c.isascii())
    return text[: end - 1] if text[end] == _DOT else text[:end]


def _most(key: str) -> str:
    """Return a text that is not less than any spelling of a key."""
    return _ascii_part(key).replace("k", _KELVIN) + _TOP


def _least(key: str) -> str:
    """Return a text that is not greater than any spelling of a key."""
    return _ascii_part(key).upper()


def _common(low: str, high: str) -> str:
    """Return what two texts begin with alike, found by halving."""
    least, most = 0, min(len(low), len(high))
    while least < most:
        middle = (least + most + 1) // 2
        if low[:middle] == high[:middle]:
            least = middle
        else:
            most = middle - 1
    return low[:least]
