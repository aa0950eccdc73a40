"""Bar charts as geometry: shares of the width in percent, so that they fit any screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from delible.model.base import Frozen

_LEAST = 0.6
"""Percent of the width that a part which is not nothing takes at least: one of two thousand must be seen, too."""


class Segment(Frozen):
    """One part of a bar, in percent of the chart's width. `kind` is a CSS class with colour and pattern."""

    kind: str
    x: float
    width: float


class Bar(Frozen):
    """One bar with its label on the left and its value on the right; `mark` is a tick, such as the allowed time."""

    label: str
    value: str
    segments: tuple[Segment, ...]
    mark: float | None = None


class Chart(Frozen):
    """All bars of one chart, drawn to one scale.

    Args:
        legend: CSS class and meaning of each kind of segment; empty when there is one kind.
    """

    title: str
    bars: tuple[Bar, ...]
    legend: tuple[tuple[str, str], ...] = ()


class Amount(Frozen):
    """One bar's numbers before they become geometry."""

    label: str
    value: str
    parts: tuple[tuple[str, float], ...]
    mark: float | None = None


def chart(title: str, amounts: Sequence[Amount], *, legend: Iterable[tuple[str, str]] = ()) -> Chart | None:
    """Return a chart of the amounts on one scale, or None when there is nothing to draw.

    The legend keeps only kinds that occur; `tick` is the mark.
    """
    longest = max((max(sum(v for _, v in a.parts), a.mark or 0) for a in amounts), default=0)
    if longest <= 0:
        return None
    seen = {kind for amount in amounts for kind, value in amount.parts if value}
    seen |= {"tick"} if any(amount.mark is not None for amount in amounts) else set()
    return Chart(
        title=title,
        bars=tuple(_bar(amount, longest) for amount in amounts),
        legend=tuple((kind, meaning) for kind, meaning in legend if kind in seen),
    )


def _bar(amount: Amount, longest: float) -> Bar:
    segments: list[Segment] = []
    x = 0.0
    for (kind, _), width in zip(amount.parts, _widths(amount, longest), strict=True):
        if width > 0:
            segments.append(Segment(kind=kind, x=round(x, 2), width=round(width, 2)))
        x += width
    return Bar(
        label=amount.label,
        value=amount.value,
        segments=tuple(segments),
        mark=None if amount.mark is None else round(100 * amount.mark / longest, 2),
    )


def _widths(amount: Amount, longest: float) -> list[float]:
    """Return the parts' widths in percent; what small ones are given so as to be seen, the largest one loses."""
    widths = [100 * value / longest for _, value in amount.parts]
    shown = [max(width, _LEAST) if width > 0 else 0.0 for width in widths]
    if shown != widths:
        largest = shown.index(max(shown))
        shown[largest] = max(_LEAST, shown[largest] - (sum(shown) - sum(widths)))
    return shown
