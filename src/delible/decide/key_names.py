"""What the names of two columns say about each other: `billing_customer_id` and `customers.id`."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache

from delible.model.profile import At

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+|\d+")
_ID = frozenset({"id", "ids", "key", "no", "nr", "num", "number", "code", "uuid", "guid", "ref", "identifier", "sk"})
_BEFORE = frozenset({"fk", "pk", "sk"})
_LAYER = frozenset(
    {"dim", "fact", "fct", "stg", "staging", "raw", "bronze", "silver", "gold", "tbl", "t", "src", "hub", "sat"}
)
_ABBREVIATION = 3
_SHORTEST = 3
"""Words of so few letters are taken as they are: `gas`, `bus`."""


class Likeness(IntEnum):
    """How much two names have in common.

    `ROLE`: the one is the other with a role before it, or short for it. `SAME`: they name the same thing.
    """

    NONE = 0
    ROLE = 1
    SAME = 2


@lru_cache(maxsize=4096)
def parts(name: str) -> tuple[str, ...]:
    """Return a name's words in lower case: `NationalIDNumber` is `national`, `id`, `number`."""
    return tuple(word.lower() for word in _WORDS.findall(name))


@lru_cache(maxsize=4096)
def stem(column: str) -> tuple[str, ...]:
    """Return what a key's name says it is the key of; nothing for a bare `id`."""
    words = list(parts(column))
    while words and words[-1] in _ID:
        words.pop()
    while words and words[0] in _BEFORE:
        words.pop(0)
    return tuple(singular(word) for word in words)


@lru_cache(maxsize=4096)
def thing(table: str) -> tuple[str, ...]:
    """Return what a table's name says one row is: `stg_order_items` is `order`, `item`."""
    words = list(parts(re.split(r"[./]", table)[-1]))
    while len(words) > 1 and words[0] in _LAYER:
        words.pop(0)
    return tuple(singular(word) for word in words)


def says_key(column: str) -> bool:
    """Return whether a column's name says that it is a key, a number or a code of something."""
    words = parts(column)
    return bool(words) and (words[-1] in _ID or words[0] in _BEFORE)


def is_home(at: At) -> bool:
    """Return whether a column is by name the key of its own table: `customers.id`, `customers.customer_no`."""
    found = stem(at.column)
    return says_key(at.column) and (not found or found == thing(at.table))


def likeness(source: At, target: At) -> Likeness:
    """Return how much the name of a column has in common with that of a key it might refer to."""
    own, key = stem(source.column), stem(target.column)
    if not own or not (says_key(source.column) or own == thing(target.table)):
        return Likeness.NONE
    if key and own == key and (says_key(target.column) or own == thing(target.table)):
        return Likeness.SAME
    if not is_home(target):
        return Likeness.NONE
    what = key or thing(target.table)
    if own == what:
        return Likeness.SAME
    short = len(own) == len(what) == 1 and len(own[0]) >= _ABBREVIATION and what[-1].startswith(own[0])
    return Likeness.ROLE if own[-len(what) :] == what or short else Likeness.NONE


def singular(word: str) -> str:
    """Return an English word without its plural; for comparing only, so that what comes out need not be a word."""
    if len(word) > _SHORTEST + 1 and word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1] if len(word) > _SHORTEST and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word
