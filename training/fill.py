"""Patterns filled in: texts with the spans of their people and places."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256

import vocabulary as v
from lists import HERE, paragraphs, places
from rough import Filled, roughened

PATTERNS = HERE / "patterns"
SHORTER = {"test": 0, "dev": 1}
"""Which tenth of the patterns belongs to which part; the others are trained on."""

_WHOLE_NAMES = frozenset(["name", "last_first", "name_upper", "name_lower", "initials_last"])
_PIECE = re.compile(r"\{(\w+)\}|\[(PERSON|LOCATION):([^\[\]]+)\]")

_PERSON: dict[str, Callable[[v.Person, random.Random], str]] = {
    "name": lambda one, rng: one.full(rng),
    "first": lambda one, _: one.first,
    "last": lambda one, _: one.last,
    "last_first": lambda one, _: f"{one.last}, {one.first}",
    "name_upper": lambda one, _: f"{one.first} {one.last}".upper(),
    "name_lower": lambda one, _: f"{one.first} {one.last}".lower(),
    "first_lower": lambda one, _: one.first.lower(),
    "last_upper": lambda one, _: one.last.upper(),
    "initials_last": lambda one, _: f"{one.first[0]}. {one.last}",
    "nick": lambda _, rng: rng.choice(paragraphs("names.txt")["nick first"]),
}
_PLACE: dict[str, Callable[[random.Random], str]] = {
    "city": v.city,
    "city_lower": lambda rng: v.city(rng).lower(),
    "city_upper": lambda rng: v.city(rng).upper(),
    "country": lambda rng: rng.choice(places()["country"]),
    "region": v.region,
    "street": v.street,
    "street_name": v.street_name,
    "postcode": v.postcode,
    "district": lambda rng: rng.choice(places()["district"]),
    "place": lambda rng: rng.choice(places()["place"]),
}


@dataclass(frozen=True)
class Pattern:
    """One line of a register's file.

    Args:
        register: Name of the file.
        number: Line in the file, from 1.
        text: The line, with its line breaks.
    """

    register: str
    number: int
    text: str

    @property
    def part(self) -> str:
        """`dev` and `test` have a fixed tenth each, by the digest of the text; the rest is `train`."""
        tenth = sha256(self.text.encode()).digest()[0] % 10
        return next((part for part, number in SHORTER.items() if number == tenth), "train")


def patterns() -> list[Pattern]:
    """Return all patterns, in the order of their files."""
    found = []
    for file in sorted(PATTERNS.glob("*.txt")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                found.append(Pattern(file.stem, number, line.replace("\\n", "\n")))
    return found


def names_anybody(text: str) -> bool:
    """Return whether a pattern's text has a person or a place."""
    return any(slot in _PERSON or slot in _PLACE or label for slot, label, _ in _PIECE.findall(text))


def filled(text: str, rng: random.Random) -> Filled:
    """Return a pattern's text with every slot filled; a first and a last name in one text are mostly one person's."""
    people: list[v.Person] = []
    parts: list[str] = []
    spans: list[tuple[int, int, str]] = []
    length = end = 0
    for match in _PIECE.finditer(text):
        before = text[end : match.start()]
        end = match.end()
        slot, label, literal = match.groups()
        if slot is None:
            words = literal
        elif slot in _PERSON:
            words, label = _PERSON[slot](_somebody(slot, people, rng), rng), "PERSON"
        elif slot in _PLACE:
            words, label = _PLACE[slot](rng).strip(), "LOCATION"
        else:
            words, label = v.plain(rng, slot), "ORG" if slot == "company" else None
        length += len(before)
        if label:
            spans.append((length, length + len(words), label))
        parts += [before, words]
        length += len(words)
    parts.append(text[end:])
    return Filled("".join(parts), joined("".join(parts), spans))


def _somebody(slot: str, people: list[v.Person], rng: random.Random) -> v.Person:
    if not people or rng.random() < (0.8 if slot in _WHOLE_NAMES else 0.4):
        people.append(v.Person(rng))
    return people[-1]


def joined(text: str, spans: list[tuple[int, int, str]]) -> tuple[tuple[int, int, str], ...]:
    """Return spans, neighbours of one label that only a blank parts made one: first and last name are a name."""
    done: list[tuple[int, int, str]] = []
    for start, end, label in spans:
        if done and done[-1][2] == label and text[done[-1][1] : start] == " ":
            done[-1] = (done[-1][0], end, label)
        else:
            done.append((start, end, label))
    return tuple(done)


def examples(
    part: str, *, copies: int, seed: int, rough: bool, registers: frozenset[str] = frozenset(), without: bool = True
) -> Iterator[tuple[Pattern, Filled]]:
    """Yield the texts of one part of the split.

    Args:
        part: `train`, `dev` or `test`; empty for all three.
        copies: How often each pattern is filled; half as often where it has no slots.
        seed: The same seed gives the same texts.
        rough: Whether some texts are roughened.
        registers: With `without`, the registers that are left out; otherwise the only ones that are taken.
    """
    for pattern in patterns():
        if (part and pattern.part != part) or (pattern.register in registers) == without:
            continue
        for copy in range(copies if "{" in pattern.text else max(1, copies // 2)):
            rng = random.Random(f"{seed}/{copy}/{pattern.text}")
            one = filled(pattern.text, rng)
            yield pattern, roughened(one, rng, unknown=part == "train") if rough else one
