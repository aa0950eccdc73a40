"""Bar charts as geometry: shares of the width in percent, so that they fit any screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from delible.model.base import Frozen


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

    The legend keeps only kinds that occur.
    """
    longest = max((max(sum(v for _, v in a.parts), a.mark or 0) for a in amounts), default=0)
    if longest <= 0:
        return None
    seen = {kind for amount in amounts for kind, value in amount.parts if value}
    return Chart(
        title=title,
        bars=tuple(_bar(amount, longest) for amount in amounts),
        legend=tuple((kind, meaning) for kind, meaning in legend if kind in seen),
    )


def _bar(amount: Amount, longest: float) -> Bar:
    segments: list[Segment] = []
    x = 0.0
    for kind, value in amount.parts:
        width = 100 * value / longest
        if width > 0:
            segments.append(Segment(kind=kind, x=round(x, 2), width=round(width, 2)))
        x += width
    return Bar(
        label=amount.label,
        value=amount.value,
        segments=tuple(segments),
        mark=None if amount.mark is None else round(100 * amount.mark / longest, 2),
    )
