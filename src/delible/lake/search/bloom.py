"""Parquet's Bloom filters: which of the searched values a file may have held, and how many it would say so by chance.

A filter cannot be read back into values, but whoever has a value can ask it. One that says yes more often than chance
allows was made of rows that held the values, whatever the file's rows say.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

_SALT = np.array(
    [0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31], np.uint32
)
_MASK = (1 << 64) - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_CHANCE = 1e-6
_WORDS = 8

Hashes = np.ndarray[Any, np.dtype[np.uint64]]


def hashes(texts: Iterable[bytes]) -> Hashes:
    """Return what a filter of texts goes by: xxHash64 of their bytes, without a seed."""
    return np.array([xxhash64(text) for text in texts], np.uint64)


def said(bits: bytes, asked: Hashes) -> tuple[int, float]:
    """Return how many of the values a filter says it may hold, and how many it would say by chance."""
    words = np.frombuffer(bits, "<u4").reshape(-1, _WORDS)
    set_bits = np.bitwise_count(words).astype(float) / 32
    chance = float(set_bits.prod(axis=1).mean()) if len(words) else 0.0
    block = ((asked >> np.uint64(32)) * np.uint64(len(words))) >> np.uint64(32)
    low = (asked & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    wanted = np.uint32(1) << ((low[:, None] * _SALT) >> np.uint32(27))
    held = (words[block.astype(np.int64)] & wanted) == wanted
    return int(held.all(axis=1).sum()), chance * len(asked)


def beyond_chance(answers: Sequence[tuple[int, float]]) -> bool:
    """Return whether filters said yes so often together as chance allows once in a million times."""
    yes, expected = sum(y for y, _ in answers), sum(e for _, e in answers)
    if yes <= expected:
        return False
    # The Poisson distribution's tail: 1 - P(fewer), summed from its largest term on.
    term = math.exp(yes * math.log(expected) - expected - math.lgamma(yes + 1)) if expected > 0 else 0.0
    tail = 0.0
    for more in range(1, 1000):
        tail += term
        term *= expected / (yes + more)
    return tail < _CHANCE


def xxhash64(data: bytes) -> int:
    """Return the xxHash64 of some bytes (seed 0)."""
    place, size = 0, len(data)
    if size >= 32:  # noqa: PLR2004 - four lanes of eight bytes
        lanes = [(_P1 + _P2) & _MASK, _P2, 0, -_P1 & _MASK]
        while place + 32 <= size:
            for lane in range(4):
                word = int.from_bytes(data[place + lane * 8 : place + lane * 8 + 8], "little")
                lanes[lane] = _round(lanes[lane], word)
            place += 32
        value = sum(_turned(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
        for lane in lanes:
            value = ((value ^ _round(0, lane)) * _P1 + _P4) & _MASK
    else:
        value = _P5
    value = (value + size) & _MASK
    while place + 8 <= size:
        value ^= _round(0, int.from_bytes(data[place : place + 8], "little"))
        value = (_turned(value, 27) * _P1 + _P4) & _MASK
        place += 8
    if place + 4 <= size:
        value ^= int.from_bytes(data[place : place + 4], "little") * _P1 & _MASK
        value = (_turned(value, 23) * _P2 + _P3) & _MASK
        place += 4
    for byte in data[place:]:
        value = _turned(value ^ (byte * _P5 & _MASK), 11) * _P1 & _MASK
    value = (value ^ (value >> 33)) * _P2 & _MASK
    value = (value ^ (value >> 29)) * _P3 & _MASK
    return value ^ (value >> 32)


def _round(lane: int, word: int) -> int:
    return _turned((lane + word * _P2) & _MASK, 31) * _P1 & _MASK


def _turned(value: int, by: int) -> int:
    return ((value << by) | (value >> (64 - by))) & _MASK
