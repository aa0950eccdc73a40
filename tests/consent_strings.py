"""Writes TCF and GPP strings bit by bit, as their specifications say: the other way round than delible reads them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
Restriction = tuple[int, int, Sequence[tuple[int, int]]]


def number(value: int, bits: int) -> str:
    return format(value, f"0{bits}b")


def field(members: Collection[int], bits: int) -> str:
    return "".join("1" if n in members else "0" for n in range(1, bits + 1))


def letters(text: str) -> str:
    return "".join(number(ord(c) - ord("A"), 6) for c in text)


def base64(bits: str, *, step: int = 6) -> str:
    padded = bits + "0" * (-len(bits) % step)
    padded += "0" * (-len(padded) % 6)
    return "".join(LETTERS[int(padded[n : n + 6], 2)] for n in range(0, len(padded), 6))


def deciseconds(at: datetime) -> int:
    return round(at.timestamp() * 10)


def ranges(entries: Sequence[tuple[int, int]]) -> str:
    parts = [number(len(entries), 12)]
    for first, last in entries:
        parts.append(("1" + number(first, 16) + number(last, 16)) if last > first else "0" + number(first, 16))
    return "".join(parts)


def vendors(members: Collection[int], *, as_ranges: bool = False) -> str:
    most = max(members, default=0)
    if as_ranges:
        return number(most, 16) + "1" + ranges([(n, n) for n in sorted(members)])
    return number(most, 16) + "0" + field(members, most)


def tc_core(
    updated: datetime,
    *,
    purposes: Collection[int] = (),
    interests: Collection[int] = (),
    features: Collection[int] = (),
    consenting: Collection[int] = (),
    interested: Collection[int] = (),
    restrictions: Sequence[Restriction] = (),
    policy: int = 4,
    service_specific: bool = True,
    as_ranges: bool = False,
    version: int = 2,
) -> str:
    at = number(deciseconds(updated), 36)
    restricted = number(len(restrictions), 12) + "".join(
        number(purpose, 6) + number(kind, 2) + ranges(entries) for purpose, kind, entries in restrictions
    )
    return "".join(
        [
            number(version, 6) + at + at + number(10, 12) + number(1, 12) + number(1, 6) + letters("EN"),
            number(200, 12) + number(policy, 6) + ("1" if service_specific else "0") + "0",
            field(features, 12) + field(purposes, 24) + field(interests, 24) + "0" + letters("DE"),
            vendors(consenting, as_ranges=as_ranges) + vendors(interested, as_ranges=as_ranges) + restricted,
        ]
    )


def disclosed(members: Collection[int]) -> str:
    return base64(number(1, 3) + vendors(members), step=8)


def publisher(purposes: Collection[int]) -> str:
    return base64(number(3, 3) + field(purposes, 24) + field((), 24) + number(0, 6), step=8)


def optimized(members: Collection[int], *, as_ranges: bool = False) -> str:
    if as_ranges:
        return "1" + fibonacci_range(members)
    most = max(members, default=0)
    return "0" + number(most, 16) + field(members, most)


def tc_canada(
    updated: datetime,
    *,
    express: Collection[int] = (),
    implied: Collection[int] = (),
    features: Collection[int] = (),
    consenting: Collection[int] = (),
    implying: Collection[int] = (),
    restrictions: Sequence[tuple[int, int, Collection[int]]] = (),
    as_ranges: bool = False,
    version: int = 1,
) -> str:
    at = number(deciseconds(updated), 36)
    restricted = number(len(restrictions), 12) + "".join(
        number(purpose, 6) + number(kind, 2) + optimized(ids, as_ranges=as_ranges)
        for purpose, kind, ids in restrictions
    )
    return base64(
        number(version, 6) + at + at + number(10, 12) + number(1, 12) + number(1, 6) + letters("EN")
        + number(200, 12) + number(2, 6) + "0" + field(features, 12) + field(express, 24) + field(implied, 24)
        + optimized(consenting, as_ranges=as_ranges) + optimized(implying, as_ranges=as_ranges) + restricted,
        step=8,
    )  # fmt: skip


def us_headed(section: int, *, sale: int = 0, ads: int = 0, child: int = 0, version: int = 1) -> str:
    """Return header and core of the sections of October 2025; their list of parts is left as zeros."""
    header = base64(number(section, 6) + number(version, 6) + number(0, 12))
    last = [] if section == 24 else [child]
    fields = [1, 0, 1, 1, 1, sale, ads, *last, 0]
    return header + "." + base64(number(1, 6) + "".join(number(f, 2) for f in fields))


def fibonacci(value: int) -> str:
    series = [1, 2]
    while series[-1] <= value:
        series.append(series[-1] + series[-2])
    bits = ["0"] * len(series)
    for place in range(len(series) - 1, -1, -1):
        if series[place] <= value:
            value -= series[place]
            bits[place] = "1"
    return "".join(bits).rstrip("0") + "1"


def gpp_header(ids: Iterable[int]) -> str:
    return base64(number(3, 6) + number(1, 6) + fibonacci_range(ids))


def fibonacci_range(ids: Iterable[int]) -> str:
    """Join runs of ids to groups, as the specification's range does."""
    runs: list[list[int]] = []
    for n in sorted(ids):
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    bits, last = number(len(runs), 12), 0
    for run in runs:
        bits += ("1" if len(run) > 1 else "0") + fibonacci(run[0] - last)
        bits += fibonacci(run[-1] - run[0]) if len(run) > 1 else ""
        last = run[-1]
    return bits


def gpp(**sections: str) -> str:
    """Return a GPP string; sections are named `s2`, `s7` and so on."""
    by_id = {int(name.removeprefix("s")): text for name, text in sections.items()}
    return "~".join([gpp_header(by_id), *(by_id[n] for n in sorted(by_id))])


def us_national(*, sale: int = 0, sharing: int = 0, ads: int = 0, children: Sequence[int] = (0, 0)) -> str:
    version, categories = (2, 16) if len(children) == 3 else (1, 12)
    fields = [0] * 6 + [sale, sharing, ads] + [0] * categories + [*children] + [0, 1, 0, 0]
    return base64(number(version, 6) + "".join(number(f, 2) for f in fields), step=8)


def us_california(*, sale: int = 0, sharing: int = 0, children: Sequence[int] = (0, 0)) -> str:
    fields = [1, 1, 1, sale, sharing] + [0] * 9 + [*children] + [0, 1, 0, 0]
    return base64(number(1, 6) + "".join(number(f, 2) for f in fields), step=8)


def gpc(signal: bool) -> str:
    return base64(number(1, 2) + ("1" if signal else "0"))
