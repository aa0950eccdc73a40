"""Bars are true to their numbers, and nothing that is there is too thin to be seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.report.bars import Amount, chart

KINDS = ("ok", "late", "faint")


@given(parts=st.lists(st.integers(0, 10**9), min_size=3, max_size=3).filter(any))
def test_every_part_that_is_not_nothing_is_seen_in_its_place_and_none_leaves_the_chart(parts: list[int]) -> None:
    drawn = chart("t", [Amount(label="a", value="", parts=tuple(zip(KINDS, map(float, parts), strict=True)))])
    assert drawn is not None
    segments = drawn.bars[0].segments
    assert [s.kind for s in segments] == [kind for kind, part in zip(KINDS, parts, strict=True) if part]
    assert all(s.width >= 0.6 for s in segments)
    at = 0.0
    for segment in segments:
        assert segment.x == pytest.approx(at, abs=0.02)
        at = segment.x + segment.width
    assert at == pytest.approx(100, abs=0.05)


def test_large_parts_keep_their_share() -> None:
    drawn = chart("t", [Amount(label="a", value="", parts=(("ok", 30), ("faint", 70)))])
    assert drawn is not None
    assert [s.width for s in drawn.bars[0].segments] == [30, 70]


def test_the_legend_names_what_is_drawn_and_the_tick_is_part_of_it() -> None:
    legend = (("ok", "in time"), ("bad", "too late"), ("tick", "allowed"))
    drawn = chart("t", [Amount(label="a", value="", parts=(("ok", 3), ("bad", 0)), mark=30)], legend=legend)
    assert drawn is not None
    assert drawn.legend == (("ok", "in time"), ("tick", "allowed"))
    bare = chart("t", [Amount(label="a", value="", parts=(("ok", 3),))], legend=legend)
    assert bare is not None
    assert bare.legend == (("ok", "in time"),)
