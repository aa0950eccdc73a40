"""What a column's name says about its values. The rules read names as words: `EmailAddress` is `email_address`."""

from __future__ import annotations

import re
from functools import lru_cache

from delible.decide.column_paths import path_parts
from delible.decide.key_names import parts
from delible.decide.tagging import About, NameEvidence
from delible.detect.column_rules import RULES
from delible.detect.name_words import DOINGS, OF_PEOPLE, PEOPLE, THINGS, Rule
from delible.detect.special_rules import FLAGS

_PEOPLE_TABLE = re.compile(rf"(?:^|_)(?:{PEOPLE}|newsletter|signup|account)(?:s|es)?(?:_|$)")
_THING = re.compile(rf"(?:^|_)(?:{THINGS})(?:s|es)?(?:_|$)")
_DOING = re.compile(rf"(?:{DOINGS})$")
_ROWS = "|".join(word for word in THINGS.split("|") if word not in OF_PEOPLE)
_HEADED_BY_THING = re.compile(
    rf"(?:^|_)(?P<head>{_ROWS})(?:s|es)?(?:_(?:\d+|list|master|dim|dimension|data|info|v\d+|catalog(?:ue)?))*$"
)
_CODE = re.compile(
    r"(?:^|_)(?:code|ref|reference|sku|ean|upc|gtin|isbn|serial|tracking|order|invoice|ticket|batch|lot)"
    r"(?:_(?:no|nr|num|number|id|code))?$"
)
_PLURALS = re.compile(r"ies$")


def _compiled(rules: tuple[Rule, ...]) -> tuple[tuple[re.Pattern[str], Rule], ...]:
    return tuple((re.compile(rf"(?:^|_)(?:{rule.end})(?:_?\d+)?$"), rule) for rule in rules)


_PATTERNS, _FLAG_PATTERNS = _compiled(RULES), _compiled(FLAGS)
_NOT_A_VALUE = re.compile(r"^(?:is|has|num|number_of|count|total|last|next|min|max|avg|can|was|should)_")
_VALUE_AFTER_ALL = re.compile(r"_(?:name|ip|address)$")


def words(name: str) -> str:
    """Return a name as lower-case words: `NationalIDNumber` is `national_id_number`."""
    return "_".join(parts(name))


@lru_cache(maxsize=4096)
def named(column: str, *, table: str = "") -> NameEvidence | None:
    """Return what a column's name says, or None.

    A rule must match at the END of the name: `email_id`, `card_type` and `phone_verified` are about an e-mail, a card,
    a phone, but do not hold one. Keys, codes and flags therefore say nothing. What stands before the end may take it
    back: a `store_city` is no person's, and a `race` in a table of races is none of people. A bare `name` is a
    person's only in a table whose own name is about people.

    Args:
        column: Dotted path; array elements and map values speak by the field that holds them.
        table: Name of the table.
    """
    parts = names_on(column)
    text = words(parts[-1]) if parts else ""
    flag = _first(_FLAG_PATTERNS, text)
    if flag is not None or (_NOT_A_VALUE.match(text) and not _VALUE_AFTER_ALL.search(text)):
        return flag
    around = words("_".join(parts[:-1])) or words(table)
    if text in ("name", "names") and _PEOPLE_TABLE.search(around):
        return NameEvidence("user.name", 0.8, "PERSON", ("words",))
    says = _first(_PATTERNS, text)
    of_the_rows = says is not None and says.homonym and text in _singular(table).split("_")
    return None if of_the_rows else says


def about(table: str) -> About:
    """Return what a table's name says its rows are: people, or things that no data subject is behind."""
    text = _singular(table)
    if _PEOPLE_TABLE.search(text):
        return About.PEOPLE
    head = _HEADED_BY_THING.search(text)
    return About.THINGS if head is not None and not _DOING.match(head["head"]) else About.UNKNOWN


def names_a_thing(column: str) -> bool:
    """Return whether a column's own name says that its values belong to a thing: a shop, a machine, a journey."""
    parts = names_on(column)
    return bool(parts) and _THING.search(_singular(parts[-1])) is not None


def names_a_code(column: str) -> bool:
    """Return whether a column's own name says that its values are codes, of which some pass for other numbers."""
    parts = names_on(column)
    return bool(parts) and _CODE.search(words(parts[-1])) is not None


def _first(patterns: tuple[tuple[re.Pattern[str], Rule], ...], text: str) -> NameEvidence | None:
    for pattern, rule in patterns:
        match = pattern.search(text)
        if match is None:
            continue
        before = text[: match.start()]
        if rule.never and re.search(rf"(?:^|_){rule.never}", before):
            continue
        if rule.only and before and not re.search(rf"(?:^|_){rule.only}", before):
            continue
        return rule.says
    return None


def names_on(column: str) -> list[str]:
    """Return the names on a path, without the signs of arrays, maps, and of documents in a string."""
    parts = [part.removesuffix("[]").removeprefix("@") for part in path_parts(column)]
    return [p for p in parts if p not in ("element", "value", "key", "$", "*", "")]


def _singular(name: str) -> str:
    return "_".join(_PLURALS.sub("y", word) for word in words(name).split("_"))
