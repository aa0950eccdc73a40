"""Which columns refer to which keys: the pairs that are worth measuring, and what a measurement says.

Two surrogate keys that both count from 1 include each other, so for numbers inclusion alone proves nothing. Either the
names agree, or the column's numbers must be found far more often than any numbers of its range are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import log

from delible.decide.intervals import wilson
from delible.decide.key_names import Likeness, is_home, likeness, says_key, stem
from delible.model.profile import At, ColumnProfile, Form, Inclusion, percent

Profiles = Mapping[At, ColumnProfile]

NAMED, ROLE, WHOLE = 0.5, 0.9, 0.99
"""Share of values that must be keys where the names are the same, where one has a role before it, and where nothing
but the values speaks. A named key may be the key of others as well: not every business is a person."""

_MOST_TARGETS = 8
_FEWEST_VALUES = 20
_SHORT_CODE = 3
_BY_CHANCE = log(1e-6)
"""How improbable, as a logarithm, it must be that so many values are keys by chance."""
_REACHES = 0.5
"""Share of a key's range over which a reference to it usually spreads; a lookup's few numbers stay at its beginning."""
_SLACK = 1.1
"""Distinct counts are approximate."""


@dataclass(frozen=True, order=True)
class Pair:
    """A column that might hold another one's values.

    Args:
        alike: What their names say.
        copied: Both hold the same category of personal data.
    """

    source: At
    target: At
    alike: Likeness
    copied: bool = False


class Says(StrEnum):
    """What a measured pair says.

    `link`: the one refers to the other. `open`: it may; somebody has to say. `chance`: numbers that are in each other
    anyway. `nothing`: it does not.
    """

    LINK = "link"
    OPEN = "open"
    CHANCE = "chance"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Link:
    """A measured pair, and what it says."""

    pair: Pair
    measured: Inclusion
    says: Says

    @property
    def source(self) -> At:
        """The referring column."""
        return self.pair.source

    @property
    def target(self) -> At:
        """The column referred to."""
        return self.pair.target

    def __str__(self) -> str:
        """Return the measurement in words, with what it says of values that were not drawn; counts only."""
        seen, size = self.measured, f"n={self.measured.values:,}"
        if seen.of:
            size += f" of about {seen.of:,}; of all, at least {percent(wilson(seen.found, seen.values)[0])} at 95 %"
        return f"in {self.target} to {percent(seen.share)} ({size})"


def candidates(profiles: Profiles, identifying: Mapping[At, str]) -> list[Pair]:
    """Return the pairs that are worth measuring, in a fixed order.

    Pruned by form, by distinct counts, by range, and by name where numbers would be in each other by chance; at most
    eight targets for each column.

    Args:
        identifying: The category of each column that holds identifying personal data, such as e-mail addresses.
    """
    targets = [p for p in profiles.values() if _is_target(p, identifying)]
    found: list[Pair] = []
    for source in profiles.values():
        if source.form not in (Form.NUMBER, Form.TEXT) or source.distinct < 1:
            continue
        pairs = [pair for target in targets for pair in _pair(source, target, identifying)]
        pairs.sort(key=lambda pair: _promise(pair, profiles))
        found += pairs[:_MOST_TARGETS]
    return sorted(found)


def _is_target(profile: ColumnProfile, identifying: Mapping[At, str]) -> bool:
    if profile.form not in (Form.NUMBER, Form.TEXT):
        return False
    return profile.unique or (profile.at in identifying and profile.form is Form.TEXT)


def _pair(source: ColumnProfile, target: ColumnProfile, identifying: Mapping[At, str]) -> Iterator[Pair]:
    if source.at == target.at or source.form is not target.form:
        return
    within = source.at.table == target.at.table
    category = identifying.get(source.at)
    copied = category is not None and category == identifying.get(target.at) and not within
    alike = Likeness.NONE if within else likeness(source.at, target.at)
    if copied:
        yield Pair(source.at, target.at, alike, copied=True)
        return
    if not target.unique or source.distinct > _SLACK * target.distinct + 2 or not _overlap(source, target, alike):
        return
    if within and (source.unique or not says_key(source.at.column) or not is_home(target.at)):
        return
    if (
        alike
        or (says_key(source.at.column) and not is_home(source.at))
        or (source.form is Form.TEXT and category is None and source.distinct >= _FEWEST_VALUES and not _short(target))
    ):
        yield Pair(source.at, target.at, alike)


def _overlap(source: ColumnProfile, target: ColumnProfile, alike: Likeness) -> bool:
    if source.form is not Form.NUMBER or None in (source.low, source.high, target.low, target.high):
        return True
    low, high, least, greatest = source.low or 0, source.high or 0, target.low or 0, target.high or 0
    return (low <= greatest and high >= least) if alike else (low >= least and high <= greatest)


def _short(target: ColumnProfile) -> bool:
    return target.longest <= _SHORT_CODE


def _promise(pair: Pair, profiles: Profiles) -> tuple[int, float, Pair]:
    """Return what sorts the most promising pairs first."""
    target = profiles[pair.target]
    return -max(pair.alike, 2 * pair.copied), target.density - spread(profiles[pair.source], target), pair


def spread(source: ColumnProfile, target: ColumnProfile) -> float:
    """Return how much of a key's range a column's numbers cover; 1 where they are no numbers."""
    if source.low is None or source.high is None or target.low is None or target.high is None:
        return 1.0
    return (source.high - source.low + 1) / (target.high - target.low + 1)


def judge(pair: Pair, measured: Inclusion, profiles: Profiles) -> Link:
    """Return what a measured pair says."""
    return Link(pair, measured, _says(pair, measured, profiles))


def _says(pair: Pair, measured: Inclusion, profiles: Profiles) -> Says:
    share = measured.share
    if pair.copied and not (pair.alike and profiles[pair.target].unique):
        return Says.OPEN if share >= WHOLE else Says.NOTHING
    if pair.alike is Likeness.SAME and share >= NAMED:
        return Says.LINK
    if pair.alike is Likeness.ROLE:
        return Says.LINK if share >= ROLE else Says.OPEN if share >= NAMED else Says.NOTHING
    return Says.NOTHING if pair.alike is Likeness.SAME or share < ROLE else _unnamed(pair, measured, profiles)


def _unnamed(pair: Pair, measured: Inclusion, profiles: Profiles) -> Says:
    """Return what a pair says whose names have nothing in common, and nearly all of whose values are keys."""
    source, target, share = profiles[pair.source], profiles[pair.target], measured.share
    if share >= WHOLE and measured.values >= _FEWEST_VALUES and by_chance(measured, short=_short(target)) < _BY_CHANCE:
        return Says.LINK if pair.source.table != pair.target.table else Says.OPEN
    if pair.source.table == pair.target.table:
        return Says.OPEN
    few = measured.probes and measured.values < _FEWEST_VALUES
    return Says.CHANCE if few or spread(source, target) < _REACHES else Says.OPEN


def by_chance(measured: Inclusion, *, short: bool) -> float:
    """Return the logarithm of how probable it is that all values of the sample are keys by chance.

    For numbers it goes by the upper 95 % limit of the share of probes that are keys; text of more than a few
    characters is in another column's text by no chance.
    """
    if measured.probes:
        return measured.values * log(max(wilson(measured.probes_found, measured.probes)[1], 1e-9))
    return 0.0 if short else float("-inf")


def chosen(links: Iterable[Link], profiles: Profiles) -> dict[At, Link]:
    """Return for each column the one link that it most likely is, of those that say `link`.

    The names count first, then that the target is by name its table's own key, then the share, then the larger key.
    """
    each: dict[At, list[Link]] = defaultdict(list)
    for link in links:
        if link.says is Says.LINK:
            each[link.source].append(link)
    return {source: min(found, key=lambda link: _rank(link, profiles)) for source, found in sorted(each.items())}


def _rank(link: Link, profiles: Profiles) -> tuple[int, bool, float, int, At]:
    named_home = is_home(link.target) and bool(stem(link.source.column))
    return (
        -link.pair.alike,
        not named_home,
        -round(link.measured.share, 3),
        -profiles[link.target].distinct,
        link.target,
    )
