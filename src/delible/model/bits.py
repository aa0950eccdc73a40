"""Bit fields in web-safe base64, as the IAB's consent strings are written: every bit that is read must be there.

A decoder that reads zeros or ones past the end of a cut-off string makes up choices that nobody made.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LETTER_BITS = 6
_QUANTUM = 4
_MOST_LETTERS = 64_000
_MOST_IDS = 0xFFFF
"""No list has more ids than 16 bits have values."""


class MalformedString(ValueError):
    """Raised when a consent string is not what its specification says. Its message holds no part of the string."""


@dataclass(frozen=True)
class Ids:
    """Numbers, such as those of vendors, as ranges with both ends."""

    ranges: tuple[tuple[int, int], ...]

    def __contains__(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self.ranges)


class Bits:
    """Reads one segment of a string from left to right."""

    def __init__(self, text: str) -> None:
        if len(text) > _MOST_LETTERS or not _ALPHABET.fullmatch(text):
            raise MalformedString("is not web-safe base64")
        padded = text + "A" * (-len(text) % _QUANTUM)
        self._value = int.from_bytes(base64.urlsafe_b64decode(padded), "big")
        self._width = len(padded) * _LETTER_BITS
        self._end = len(text) * _LETTER_BITS
        self._at = 0

    def number(self, bits: int) -> int:
        """Return the next bits as a whole number.

        Raises:
            MalformedString: When the string ends before.
        """
        self._at += bits
        if self._at > self._end:
            raise MalformedString("ends too early")
        return (self._value >> (self._width - self._at)) & ((1 << bits) - 1)

    def flag(self) -> bool:
        """Return the next bit."""
        return bool(self.number(1))

    def skip(self, bits: int) -> None:
        """Pass over bits, which must be there."""
        self.number(bits)

    def instant(self) -> datetime:
        """Return the next 36 bits, tenths of seconds since 1970."""
        return _EPOCH + timedelta(milliseconds=100 * self.number(36))

    def letters(self, count: int) -> str:
        """Return letters of six bits each."""
        codes = [self.number(_LETTER_BITS) for _ in range(count)]
        if any(code > ord("Z") - ord("A") for code in codes):
            raise MalformedString("has a letter that is none")
        return "".join(chr(ord("A") + code) for code in codes)

    def field(self, bits: int) -> frozenset[int]:
        """Return the places of set bits, counted from 1."""
        value = self.number(bits)
        return frozenset(n for n in range(1, bits + 1) if value >> (bits - n) & 1)

    def entries(self, *, most: int = 0xFFFF) -> Ids:
        """Return a list of ranges with fixed 16 bits for each end (Range (Int))."""
        ranges = []
        for _ in range(self.number(12)):
            group = self.flag()
            first = self.number(16)
            last = self.number(16) if group else first
            if not 1 <= first <= last <= most:
                raise MalformedString("has a range that is none")
            ranges.append((first, last))
        return Ids(tuple(ranges))

    def vendors(self) -> Ids:
        """Return vendors by the encoding that the string chose, a bit for each or ranges."""
        most = self.number(16)
        if self.flag():
            return self.entries(most=most)
        return Ids(tuple((n, n) for n in sorted(self.field(most))))

    def optimized(self) -> Ids:
        """Return ids by the encoding that the string chose, in lists of GPP's own (OptimizedRange)."""
        if self.flag():
            return Ids(tuple((n, n) for n in self.fibonacci_ids()))
        return Ids(tuple((n, n) for n in sorted(self.field(self.number(16)))))

    def fibonacci(self) -> int:
        """Return a number in Fibonacci coding, which ends with two set bits.

        Raises:
            MalformedString: Also when it has more than 16 bits.
        """
        total, fib, following, before = 0, 1, 2, False
        while True:
            bit = self.flag()
            if bit and before:
                return total
            total += fib if bit else 0
            # Zeros count, too: a long run of them costs as much as a long number.
            if max(total, fib) > _MOST_IDS:
                raise MalformedString("has a number that is too large")
            before, fib, following = bit, following, fib + following

    def fibonacci_ids(self) -> tuple[int, ...]:
        """Return ascending numbers as distances from one to the next (Range (Fibonacci))."""
        found: list[int] = []
        last = 0
        for _ in range(self.number(12)):
            group = self.flag()
            first = last + self.fibonacci()
            last = first + self.fibonacci() if group else first
            if last > _MOST_IDS:
                raise MalformedString("has a range that is none")
            found += range(first, last + 1)
        return tuple(found)

    def finish(self) -> None:
        """Raise unless nothing but padding is left."""
        rest = self._end - self._at
        if rest and self.number(rest):
            raise MalformedString("goes on after its end")
