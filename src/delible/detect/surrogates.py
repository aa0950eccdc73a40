"""Stand-ins that look real and are nobody's, each with a number that can be read off it again.

A mask must leave alone what it has put there itself, or it would change with every run. So the names are invented
words, addresses and numbers come from ranges reserved for documentation (RFC 2606, RFC 5737, the 555-01xx numbers), and
shifted dates are written with U+2043, a hyphen that no recognizer takes for a date's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

_FIRST = (
    "Nora", "Elias", "Mira", "Jonas", "Tilda", "Oskar", "Ines", "Ruben", "Selma", "Anton", "Livia", "Mats", "Greta",
    "Hugo", "Yara", "Felix", "Romy", "Emil", "Zoe", "Ivo",
)  # fmt: skip
_HEADS = (
    "Fennel", "Quilver", "Larkas", "Wendra", "Tarnel", "Brisko", "Corvel", "Dapple", "Elvern", "Furzel", "Gorsel",
    "Hazzel", "Ivrel", "Jarvel", "Kestel", "Lomber",
)  # fmt: skip
_TAILS = ("by", "hurst", "wick", "combe", "thorpe", "garth", "stow", "ridge", "wold", "croft")
_TOWNS = ("haven", "ville", "ford", "mouth", "bridge", "field", "market", "port")
_SURNAMES = tuple(head + tail for tail in _TAILS for head in _HEADS)
_PLACES = tuple(head + tail for tail in _TOWNS for head in _HEADS)
_NETS = ("192.0.2.", "198.51.100.", "203.0.113.")
_HYPHEN = "\u2043"
_MOST_AREAS, _PER_AREA, _PER_NET = 800, 100, 256


@dataclass(frozen=True)
class _Family:
    """Numbered stand-ins of one type.

    Args:
        write: The stand-in of a number from 1 on, or None when there are no more.
        pattern: Finds stand-ins.
        read: The number of a match.
    """

    write: Callable[[int], str | None]
    pattern: re.Pattern[str]
    read: Callable[[re.Match[str]], int]


def _person(number: int) -> str | None:
    return f"{_FIRST[number % len(_FIRST)]} {_SURNAMES[number - 1]}" if number <= len(_SURNAMES) else None


def _email(number: int) -> str:
    first, last = _FIRST[number % len(_FIRST)], _SURNAMES[(number - 1) % len(_SURNAMES)]
    return f"{first}.{last}.{number}@masked.example".lower()


def _phone(number: int) -> str | None:
    area, line = divmod(number - 1, _PER_AREA)
    return f"+1 {200 + area}-555-01{line:02}" if area < _MOST_AREAS else None


def _address(number: int) -> str | None:
    net, host = divmod(number - 1, _PER_NET)
    return f"{_NETS[net]}{host}" if net < len(_NETS) else None


_FAMILIES: dict[str, _Family] = {
    "PERSON": _Family(
        _person,
        re.compile(rf"\b(?:(?:{'|'.join(_FIRST)}) )?({'|'.join(_SURNAMES)})\b"),
        lambda m: _SURNAMES.index(m[1]) + 1,
    ),
    "LOCATION": _Family(
        lambda number: _PLACES[number - 1] if number <= len(_PLACES) else None,
        re.compile(rf"\b({'|'.join(_PLACES)})\b"),
        lambda m: _PLACES.index(m[1]) + 1,
    ),
    "EMAIL_ADDRESS": _Family(
        _email,
        re.compile(rf"\b(?:{'|'.join(_FIRST)})\.(?:{'|'.join(_SURNAMES)})\.(\d{{1,6}})@masked\.example\b".lower()),
        lambda m: int(m[1]),
    ),
    "PHONE_NUMBER": _Family(
        _phone,
        re.compile(r"(?<![\w+])\+1 ([2-9]\d\d)-555-01(\d\d)(?!\w)"),
        lambda m: (int(m[1]) - 200) * _PER_AREA + int(m[2]) + 1,
    ),
    "IP_ADDRESS": _Family(
        _address,
        re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, _NETS))})(\d{{1,3}})(?![\w.]*\w)"),
        lambda m: _NETS.index(m[1]) * _PER_NET + int(m[2]) + 1,
    ),
    "URL": _Family(
        lambda number: f"https://www.masked.example/{number}",
        re.compile(r"\bhttps://www\.masked\.example/(\d{1,6})\b"),
        lambda m: int(m[1]),
    ),
}

SURROGATE_TYPES = tuple(_FAMILIES)
"""Types with stand-ins; dates are moved, and all others have placeholders."""

_DATES = (
    re.compile(r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?!\d)"),
    re.compile(r"(?P<day>1[3-9]|2\d|3[01])[-/.](?P<month>\d{1,2})[-/.](?P<year>\d{4})(?!\d)"),
    re.compile(r"(?P<month>\d{1,2})[-/.](?P<day>1[3-9]|2\d|3[01])[-/.](?P<year>\d{4})(?!\d)"),
)


def surrogate(entity: str, number: int, text: str) -> str | None:
    """Return the stand-in of a number, or None where the type has none, or none that is left.

    A person who is called by one word alone is called by the invented surname alone.
    """
    family = _FAMILIES.get(entity)
    made = family.write(number) if family is not None else None
    if made is not None and entity == "PERSON" and len(text.split()) == 1:
        return made.split()[1]
    return made


def surrogates(text: str, entities: Iterable[str]) -> Iterator[tuple[int, int, str, int]]:
    """Yield start, end, type and number of each stand-in of some types in a text."""
    for entity in entities:
        family = _FAMILIES[entity]
        for match in family.pattern.finditer(text):
            yield match.start(), match.end(), entity, family.read(match)


def shifted(text: str, days: int) -> str | None:
    """Return a date moved by some days, or None for one that cannot be read for certain: 03/04/2026 has two meanings.

    The time of the day is left out.
    """
    for form in _DATES:
        if match := form.match(text):
            try:
                moved = date(*(int(match[part]) for part in ("year", "month", "day"))) + timedelta(days=days)
            except (ValueError, OverflowError):
                return None
            return _HYPHEN.join(moved.isoformat().split("-"))
    return None
