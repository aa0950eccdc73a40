"""What counts allow to be said of shares: intervals, bounds, and what chance alone would give."""

from __future__ import annotations

from math import ceil, comb, sqrt
from statistics import NormalDist

_EXACT, _SURPRISING = 400, 0.025


def miss_bound(values: int) -> float:
    """Return the largest share that fits, at 95 %, with no hit among `values` drawn ones: 1 - 0.05^(1/n)."""
    return 1.0 if values == 0 else 1.0 - 0.05 ** (1.0 / values)


def wilson(hits: int, values: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the score interval of a share (Wilson 1927), at 95 % unless told otherwise."""
    if values == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, z2 = hits / values, z * z
    middle = (share + z2 / (2 * values)) / (1 + z2 / values)
    half = z / (1 + z2 / values) * sqrt(share * (1 - share) / values + z2 / (4 * values * values))
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def most_by_chance(trials: int, share: float) -> int:
    """Return the largest number of hits that is no surprise: more come by chance in one of forty cases at most.

    Exact for up to 400 trials; above, the normal approximation, rounded up.

    Args:
        trials: What could be a hit.
        share: Of the trials that are hits by chance.
    """
    if trials > _EXACT:
        return ceil(share * trials + NormalDist().inv_cdf(1 - _SURPRISING) * sqrt(share * (1 - share) * trials))
    left, most = 1.0, -1
    while left > _SURPRISING and most < trials:
        most += 1
        left -= comb(trials, most) * share**most * (1 - share) ** (trials - most)
    return most
