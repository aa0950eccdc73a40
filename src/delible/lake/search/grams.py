"""Many byte patterns in one pass, at a cost that does not grow with their number: windows first, whole patterns after.

An automaton of a million values in all forms needs more memory than a machine has. Here only every eighth, fourth or
second place of the searched bytes is looked at: a pattern gives as many neighbouring windows of eight bytes as the
stride is wide, so one of them stands at such a place wherever the pattern does. A table of bits says in nanoseconds
that a window is none of them. What is left is compared with the stretch of the pattern that the fewest others share,
with its end, and then byte by byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

WINDOW = 8
SHORTEST = WINDOW
"""Shorter patterns have no window; an automaton looks for them."""
_FEW = 200_000
"""So many patterns may have eight windows each; more have four, which halves the memory and doubles the look-ups."""
_FOLD = np.uint64(0x2020202020202020)
_MULTIPLIERS = tuple(np.uint64(m) for m in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))
_NARROW = 4
_MOST_ALIKE = 3
_WEIGHT = 16
_OFTEN = 1 << 20
_LONGEST = 1 << 10
"""A pattern's windows are chosen among its first thousand bytes."""
_STEP = 4
"""Every fourth window is counted when they are chosen, which takes a quarter of the time."""
_BITS = np.left_shift(np.uint8(1), np.arange(8, dtype=np.uint8))
_BLOCK = 1 << 14
_LEAST_BITS, _MOST_BITS = 20, 30
_PAIRS = 1 << 20
_BUCKETS = 1 << 20

Array = np.ndarray[Any, Any]
Hit = tuple[int, int, int, int]
"""Group, member, start and end of what is probably a match: three stretches of it are equal but for letter case."""


class Grams:
    """Patterns, ready to be looked for in any number of buffers.

    Args:
        groups: Of each group its patterns, in portions: the member that each belongs to, and the pattern, which is
            not shorter than `SHORTEST`.
        sample: Some of what will be searched: windows that are frequent there are avoided. It changes no outcome.

    Attributes:
        count: How many patterns these are.
    """

    def __init__(self, groups: Iterable[Iterable[tuple[Sequence[int], Sequence[bytes]]]], sample: bytes = b"") -> None:
        blocks = [
            _Block(number, members, texts)
            for number, group in enumerate(groups)
            for members, texts in group
            if len(texts)
        ]
        self.count = sum(len(block.member) for block in blocks)
        if not self.count:
            return
        shortest = int(min(block.length.min() for block in blocks))
        self._stride, parts = _chosen(blocks, _stride(shortest, self.count), _counts(sample))
        windows = np.concatenate([part.windows.ravel() for part in parts])
        self._first = np.concatenate([part.first for part in parts])
        self._own_at = np.concatenate([part.own_at for part in parts])
        self._own = np.concatenate([part.own for part in parts])
        self._tail = np.concatenate([part.tail for part in parts])
        self._group = np.repeat(np.array([b.number for b in blocks], np.uint8), [len(b.member) for b in blocks])
        self._member = np.concatenate([block.member for block in blocks])
        self._length = np.concatenate([block.length for block in blocks])
        del blocks, parts
        bits = int(len(windows) * 16).bit_length()
        self._table = _table(windows, min(_MOST_BITS, max(_LEAST_BITS, bits)))
        order = np.argsort(windows)
        self._windows = windows[order]
        self._order = order.astype(np.uint32 if len(order) < 1 << 32 else np.uint64)

    def hits(self, haystack: bytes | memoryview) -> Iterator[Hit]:
        """Yield what is probably a match; whoever asks compares the whole pattern."""
        if not self.count or len(haystack) < WINDOW:
            return
        data = np.frombuffer(haystack, np.uint8)
        every = np.lib.stride_tricks.as_strided(data[:WINDOW].view(np.uint64), (len(data) - WINDOW + 1,), (1,))
        found = [*self._candidates(data)]
        if found:
            places, windows = (np.concatenate(each) for each in zip(*found, strict=True))
            yield from dict.fromkeys(self._pairs(every, places, windows))

    def _candidates(self, data: Array) -> Iterator[tuple[Array, Array]]:
        """Yield places and windows that the table of bits does not rule out."""
        table, shift = self._table, np.uint64(64 - int(len(self._table) * 8).bit_length() + 1)
        folded, hashed = np.empty(_BLOCK, np.uint64), np.empty(_BLOCK, np.uint64)
        byte, bit = np.empty(_BLOCK, np.uint8), np.empty(_BLOCK, np.uint8)
        for offset in range(0, WINDOW, self._stride):
            usable = (len(data) - offset) // WINDOW * WINDOW
            words = data[offset : offset + usable].view(np.uint64)
            for start in range(0, len(words), _BLOCK):
                block = words[start : start + _BLOCK]
                size = len(block)
                w, h, b, t = folded[:size], hashed[:size], bit[:size], byte[:size]
                np.bitwise_or(block, _FOLD, out=w)
                np.multiply(w, _MULTIPLIERS[0], out=h)
                np.right_shift(h, shift, out=h)
                np.copyto(b, h, casting="unsafe")
                np.bitwise_and(b, 7, out=b)
                np.right_shift(h, 3, out=h)
                np.take(table, h.view(np.int64), out=t, mode="clip")
                np.right_shift(t, b, out=t)
                np.bitwise_and(t, 1, out=t)
                found = np.flatnonzero(t)
                if not len(found):
                    continue
                left = w[found]
                for multiplier in _MULTIPLIERS[1:]:
                    index = (left * multiplier) >> shift
                    kept = (
                        table[(index >> np.uint64(3)).view(np.int64)] >> (index & np.uint64(7)).astype(np.uint8)
                    ) & 1
                    found, left = found[kept != 0], left[kept != 0]
                if len(found):
                    yield (found + start) * WINDOW + offset, left

    def _pairs(self, every: Array, place: Array, window: Array) -> Iterator[Hit]:
        # Each once and in order: looked up here and there in a long table, each would wait for the memory.
        sought, which = np.unique(window, return_inverse=True)
        low = np.searchsorted(self._windows, sought, "left")
        many = (np.searchsorted(self._windows, sought, "right") - low)[which]
        low = low[which]
        kept = many > 0
        place, low, many = place[kept], low[kept], many[kept]
        ends = np.cumsum(many)
        begin = 0
        while begin < len(place):
            # In portions: a window that many patterns share, found often, makes very many pairs.
            done = ends[begin - 1] if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, done + _PAIRS, "right")))
            yield from self._compared(every, place[begin:end], low[begin:end], many[begin:end])
            begin = end

    def _compared(self, every: Array, place: Array, low: Array, many: Array) -> Iterator[Hit]:
        where = np.repeat(place, many)
        number = np.arange(len(where)) - np.repeat(np.cumsum(many) - many, many) + np.repeat(low, many)
        entry = self._order[number].astype(np.int64)
        pattern = entry // self._stride
        start = where - self._first[pattern] - entry % self._stride
        length = self._length[pattern].astype(np.int64)
        inside = (start >= 0) & (start + length <= len(every) + WINDOW - 1)
        start, pattern, length = start[inside], pattern[inside], length[inside]
        same = (every[start + self._own_at[pattern]] | _FOLD) == self._own[pattern]
        start, pattern, length = start[same], pattern[same], length[same]
        same = (every[start + length - WINDOW] | _FOLD) == self._tail[pattern]
        start, pattern, length = start[same], pattern[same], length[same]
        yield from zip(
            self._group[pattern].tolist(),
            self._member[pattern].tolist(),
            start.tolist(),
            (start + length).tolist(),
            strict=True,
        )


@dataclass(frozen=True)
class _Chosen:
    """What is kept of the patterns of one block.

    Args:
        windows: Per pattern, as many as the stride is wide.
        first: Where the first of them stands in it.
        own: The window that the fewest others share, and `own_at`, where it stands.
        tail: The last window.
        shared: How many patterns share a window, for all of them together.
    """

    windows: Array
    first: Array
    own: Array
    own_at: Array
    tail: Array
    shared: int


class _Block:
    """Some patterns of one group: few enough that every window of theirs is held for a moment."""

    def __init__(self, number: int, members: Sequence[int], texts: Sequence[bytes]) -> None:
        self.number = number
        self.member = np.array(members, np.uint32)
        self.length = np.fromiter(map(len, texts), np.uint32, len(texts))
        self._flat = b"".join(texts)

    def chosen(self, stride: int, common: Array) -> _Chosen:
        """Choose the windows by which the patterns are found.

        Of many patterns those are taken that the fewest others share: not the domain of everybody's address. What is
        `common` in the searched bytes counts several times.
        """
        data, length = np.frombuffer(self._flat, np.uint8), self.length.astype(np.int64)
        starts = np.concatenate([[0], np.cumsum(length)[:-1]])
        every = np.lib.stride_tricks.as_strided(data[:WINDOW].view(np.uint64), (len(data) - WINDOW + 1,), (1,))
        step = min(stride, _STEP)
        many = (length - WINDOW) // step + 1
        ends = np.cumsum(many)
        inside = (np.arange(ends[-1]) - np.repeat(ends - many, many)) * step
        bucket = _bucket(every[inside + np.repeat(starts, many)] | _FOLD)
        often = np.minimum(np.bincount(bucket, minlength=_BUCKETS) + common, _OFTEN)[bucket]

        def fewest(often: Array, size: int) -> tuple[Array, Array]:
            last = np.repeat(length - size, many)
            key = np.where(
                inside > last, np.iinfo(np.int64).max, often * _LONGEST + np.minimum(inside, _LONGEST - step)
            )
            best = np.minimum.reduceat(key, ends - many)
            return best % _LONGEST, best // _LONGEST

        own_at, _ = fewest(often, WINDOW)
        # Those between two windows that were counted share most of their bytes.
        worst = often.copy()
        for ahead in range(1, -(-(stride - 1) // step) + 1):
            worst[:-ahead] = np.maximum(worst[:-ahead], often[ahead:])
        first, shared = fewest(worst, WINDOW + stride - 1)
        places = (starts + first)[:, None] + np.arange(stride)
        return _Chosen(
            every[places] | _FOLD,
            first.astype(np.int32),
            every[starts + own_at] | _FOLD,
            own_at.astype(np.int32),
            every[starts + length - WINDOW] | _FOLD,
            int(shared.sum()),
        )


def _bucket(windows: Array) -> Array:
    return ((windows * _MULTIPLIERS[0]) >> np.uint64(44)).astype(np.int32)


def _counts(sample: bytes) -> Array:
    """Return how much the windows of a sample count against a pattern's own, by bucket."""
    found = np.zeros(_BUCKETS, np.int64)
    for offset in range(WINDOW if len(sample) >= 2 * WINDOW else 0):
        words = np.frombuffer(sample, np.uint64, (len(sample) - offset) // WINDOW, offset)
        found += np.bincount(_bucket(words | _FOLD), minlength=_BUCKETS)
    # A few windows of any sample are in any bucket by chance.
    return np.maximum(found - len(sample) // _BUCKETS, 0) * _WEIGHT


def _chosen(blocks: Sequence[_Block], stride: int, common: Array) -> tuple[int, list[_Chosen]]:
    """Return the stride and the windows; a wide stride only where its windows tell the patterns apart.

    Values that are alike, such as numbered addresses, share most of what eight windows in a row must cover.
    """
    while True:
        parts = [block.chosen(stride, common) for block in blocks]
        shared = sum(part.shared for part in parts)
        if stride <= _NARROW or shared <= _MOST_ALIKE * sum(len(block.member) for block in blocks):
            return stride, parts
        stride //= 2


def _stride(shortest: int, count: int) -> int:
    most = 8 if count <= _FEW else 4
    return next(stride for stride in (8, 4, 2, 1) if stride <= most and WINDOW + stride - 1 <= shortest)


def _table(windows: Array, bits: int) -> Array:
    """Return a Bloom filter of the windows, three bits for each."""
    shift = np.uint64(64 - bits)
    table = np.zeros(1 << (bits - 3), np.uint8)
    for multiplier in _MULTIPLIERS:
        index = (windows * multiplier) >> shift
        np.bitwise_or.at(table, (index >> np.uint64(3)).view(np.int64), _BITS[(index & np.uint64(7)).view(np.int64)])
    return table
