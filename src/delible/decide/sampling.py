"""How many rows a scan draws, and what the rows that it did not draw could still hold.

A row is drawn by itself, at one rate, in whatever file it lies. So a set of D rows is missed with probability
(1 - rate)^D however it lies in the files: in one late file or spread over all. No other property of the table is used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import ceil, expm1, log1p

from delible.decide.intervals import wilson
from delible.errors import InputError

_HALF = 0.5
_SMALL_CHANGE = 10_000
_ROUNDING, _PRECISION = 1e-9, 1e-14
_FORM = re.compile(r"(\d{1,18})/(\d{1,18})|(\d{0,9}\.?\d{1,18})(%?)")


@dataclass(frozen=True)
class Bound:
    """With this confidence, fewer than this share of a column's rows hold what the draw did not show.

    Args:
        confidence: Between 0 and 1, both excluded.
        prevalence: Share of rows, above 0 and at most 1.
    """

    confidence: float
    prevalence: Fraction

    @property
    def size(self) -> int:
        """Rows of a table without end that have to be drawn: ln(1 - confidence) / ln(1 - prevalence)."""
        if self.prevalence == 1:
            return 1
        return ceil(log1p(-self.confidence) / log1p(-float(self.prevalence)))


class PerFile(StrEnum):
    """Rows that every file gives beside its share, so that a small or late file is never passed over."""

    DOUBLING = "doubling"
    """The 1st, 2nd, 4th, 8th, ... row: some twenty of a file of a million rows."""
    FIRST = "first"
    """The first row; for tables of so many files that the doublings would outnumber the draw."""


def bound_of(confidence: float, prevalence: str) -> Bound:
    """Read a bound as it is given: `1/50000`, `0.00002` or `0.002%`.

    Raises:
        InputError: `tags.confidence`, `tags.prevalence`.
    """
    if not 0.0 < confidence < 1.0:
        raise InputError("tags.confidence", "a confidence lies between 0 and 1, such as 0.99.", where="--confidence")
    share, form = Fraction(0), _FORM.fullmatch(prevalence.strip())
    if form is not None and form[1] is not None:
        share = Fraction(int(form[1]), int(form[2])) if int(form[2]) else share
    elif form is not None:
        share = Fraction(form[3]) / (100 if form[4] else 1)
    if not 0 < share <= 1:
        fix = "Write it like 1/50000, 0.00002 or 0.002%."
        raise InputError("tags.prevalence", "a prevalence is a share above 0.", where="--max-prevalence", fix=fix)
    return Bound(confidence, share)


def fewest_hits(bound: Bound, rows: int) -> int:
    """Return the smallest number of rows with personal data that breaks the bound in a table of `rows`."""
    return max(1, ceil(bound.prevalence * rows))


def rate_for(bound: Bound, rows: int) -> float:
    """Return the rate at which each row is drawn; 1 where more than half would be, since all cost hardly more.

    The smallest rate under which the fewest rows that break the bound are all missed with probability 1 - confidence.
    """
    rate = -expm1(log1p(-bound.confidence) / fewest_hits(bound, rows))
    return 1.0 if rate > _HALF else rate


def rate_of(size: int, rows: int) -> float:
    """Return the rate that draws about `size` of `rows` rows."""
    return 1.0 if rows <= size else size / rows


def at_most_missed(rate: float, confidence: float) -> int:
    """Return the largest number of rows with personal data that a draw without a hit may have missed."""
    if rate >= 1.0:
        return 0
    exact = log1p(-confidence) / log1p(-rate)
    return ceil(exact - max(_ROUNDING, exact * _PRECISION)) - 1


def one_in(missed: int, rows: int) -> int | None:
    """Return the largest K for which "fewer than 1 in K rows" is true of `missed` of `rows`; None where none is."""
    if missed <= 0:
        return None
    return max(1, -(-rows // missed) - 1)


def per_file(files: Sequence[int], rate: float) -> PerFile:
    """Return which rows each file gives beside its share, given the files' rows."""
    doublings = sum(rows.bit_length() for rows in files)
    return PerFile.DOUBLING if doublings <= max(_SMALL_CHANGE, rate * sum(files)) else PerFile.FIRST


def expected_rows(files: Sequence[int], rate: float) -> int:
    """Return about how many rows will be drawn from files of so many rows."""
    if rate >= 1.0:
        return sum(files)
    extra = sum(n.bit_length() for n in files) if per_file(files, rate) is PerFile.DOUBLING else len(files)
    return min(sum(files), ceil(rate * sum(files)) + extra)


@dataclass(frozen=True)
class Reach:
    """What a scan of one column can and cannot rule out.

    Args:
        rows: Rows that were looked at; of files that are gone since, too.
        of: Rows of the table.
        hits: Personal type to the rows looked at that hold it, the commonest first; a row may count for each of its
            elements.
        confidence: Of the claim.
        missed: With no hit, the largest number of rows that could still hold some; None where nothing can be said.
        asked: The bound that was asked for; it is named where it holds, rather than an odd number next to it.
        cut: Rows whose value was too long to be read to its end; nothing is ruled out then.
        withheld: Rows of the table that were left out, since they may only be stored (Art. 18(2)).
        unread: Values that may be texts, in which no names were looked for; of names nothing is ruled out then.
    """

    rows: int
    of: int
    hits: tuple[tuple[str, int], ...]
    confidence: float
    missed: int | None
    asked: Bound | None = None
    cut: int = 0
    withheld: int = 0
    unread: int = 0

    @property
    def row_hits(self) -> int:
        """Rows that hold the commonest personal type."""
        return min(max((n for _, n in self.hits), default=0), self.rows)

    @property
    def fewer_than_one_in(self) -> int | None:
        """K of "fewer than 1 in K rows"; None when every row was read, or nothing can be said."""
        if not self.missed:
            return None
        found = one_in(self.missed, max(self.of, 1))
        asked = self.asked
        if found is not None and asked is not None and self.missed < fewest_hits(asked, self.of):
            return max(1, int(1 / asked.prevalence))
        return found

    @property
    def share(self) -> float | None:
        """Largest share of rows that could hold personal data unseen; 0 when every row was read."""
        if self.missed == 0:
            return 0.0
        found = self.fewer_than_one_in
        return None if found is None else 1.0 / found

    @property
    def most(self) -> float:
        """Largest share of rows that fits the hits of all types (upper limit, Wilson), where they may be chance."""
        share = wilson(min(sum(n for _, n in self.hits), self.rows), self.rows, self.confidence)[1]
        return min(1.0, share + self.withheld / max(self.of, 1))

    def words(self) -> str:
        """Return it as a sentence."""
        if not self.rows:
            return "no value was looked at: judged by name and type"
        if self.hits:
            return f"hits in {self.row_hits:,} of {self.rows:,} rows looked at"
        return f"no hit in {self._rest()}"

    def beyond(self) -> str:
        """Return it as a sentence for a column whose hits were judged not to be personal data."""
        if not self.hits:
            return self.words()
        looked = ", ".join(f"{entity} in {min(n, self.rows):,} row(s)" for entity, n in self.hits)
        return f"{looked}: so few that it may be chance, so it was disregarded; nothing else in {self._rest()}"

    def _rest(self) -> str:
        if self.cut:
            return f"what was read of {self.rows:,} rows: {self.cut:,} of them are too long to be read to the end"
        if self.unread:
            return f"what was read of {self.rows:,} rows: names were not looked for in {self.unread:,} values"
        if self.missed == 0:
            return f"any of {self.rows:,} rows"
        if self.withheld and self.missed == self.withheld:
            return f"any of {self.rows:,} rows; {self.withheld:,} more may only be stored, and were not read"
        found = self.fewer_than_one_in
        if found is None or self.missed is None:
            return f"chosen values of {self.rows:,} rows: nothing is ruled out for the others"
        claim = f"{self.rows:,} rows: with {100 * self.confidence:.10g} % confidence fewer than 1 in {found:,} rows"
        known = f"{claim} hold any; up to {min(self.missed, self.of):,} of {self.of:,} rows cannot be ruled out"
        return f"{known}, {self.withheld:,} of which may only be stored, and were not read" if self.withheld else known
