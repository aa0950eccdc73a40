"""Precision, recall and F by half overlap, as `tags evaluate` counts them, with intervals over patterns."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from delible.decide.quality import compared, half
from delible.model.labelled import Span as Label

Span = tuple[int, int, str]
Counts = tuple[int, int, int, int]


def counts(true: Iterable[Span], found: Iterable[Span], label: str) -> Counts:
    """Return found spans that are right, found spans, true spans that are found, true spans, of one text.

    One found span answers one true span, of which it shares half, counted of the longer of the two.
    """
    wanted = [Label(a, b, kind) for a, b, kind in true if kind == label]
    got = [Label(a, b, kind) for a, b, kind in found if kind == label]
    right = compared(wanted, got, half)[0].tp
    return right, len(got), right, len(wanted)


def added(one: Counts, other: Counts) -> Counts:
    """Return the counts of two texts together."""
    return (one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3])


def figures(rows: Sequence[Counts]) -> tuple[float, float, float]:
    """Return precision, recall and F over rows of counts."""
    right, got, hit, wanted = (sum(column) for column in zip(*rows, strict=True))
    precision, recall = right / max(got, 1), hit / max(wanted, 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def interval(rows: Sequence[Counts], *, rounds: int = 1_000, seed: int = 1) -> tuple[float, float]:
    """Return the middle 95 % of F over resampled rows."""
    rng = random.Random(seed)
    drawn = sorted(figures([rng.choice(rows) for _ in rows])[2] for _ in range(rounds))
    return drawn[int(0.025 * rounds)], drawn[int(0.975 * rounds)]
