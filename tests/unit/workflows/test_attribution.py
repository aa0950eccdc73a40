"""Residue is its owner's: nobody is proven clean who is not, and with searches enough everybody who is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from delible.model.proof import Match, Verification
from delible.workflows.attribution import proven_clean

ids = st.lists(st.from_regex(r"R-[A-Z]{3}", fullmatch=True), min_size=1, max_size=40, unique=True)


def searching(dirty: Sequence[str], unreadable: bool = False) -> Callable[[Sequence[str]], Verification]:
    def search(group: Sequence[str]) -> Verification:
        matches = tuple(Match(place="workspace/x", form="utf-8", count=1) for i in group if i in dirty)
        left = ("workspace/y",) if unreadable else ()
        return Verification(
            at=datetime(2026, 1, 1, tzinfo=UTC),
            files_searched=1,
            bytes_searched=1,
            values_searched=len(group),
            matches=matches,
            unreadable=left,
        )

    return search


@given(ids, st.data(), st.integers(0, 100))
def test_only_who_is_clean_is_proven_clean(people: list[str], data: st.DataObject, more: int) -> None:
    dirty = data.draw(st.lists(st.sampled_from(people), unique=True))
    search = searching(dirty)
    clean = proven_clean(search, search(people), people, more)
    assert clean.keys() <= set(people) - set(dirty)
    assert all(found.clean for found in clean.values())
    if more >= 2 * len(people):
        assert clean.keys() == set(people) - set(dirty)


@given(ids)
def test_a_file_that_nobody_could_read_may_hold_anybodys(people: list[str]) -> None:
    search = searching((), unreadable=True)
    assert proven_clean(search, search(people), people) == {}


@given(ids, st.data(), st.integers(0, 100))
def test_a_file_that_nobody_could_read_stops_those_whom_it_may_concern(
    people: list[str], data: st.DataObject, more: int
) -> None:
    dirty, concerned = (data.draw(st.lists(st.sampled_from(people), unique=True)) for _ in range(2))
    search = searching(dirty, unreadable=True)
    clean = proven_clean(search, search(people), people, more, concerns=lambda r, place: r in concerned)
    assert clean.keys() <= set(people) - set(dirty) - set(concerned)
    assert all(found.clean and found.apart == ("workspace/y",) for found in clean.values())
    if more > 2 * len(people) or not dirty:
        assert clean.keys() == set(people) - set(dirty) - set(concerned)
