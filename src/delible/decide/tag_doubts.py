"""When name and values of a column say different things: the words in which a person is asked to look.

Words hold categories and counts, never a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from delible.model.taxonomy import CATEGORIES, category_of, is_within

_FEW, _SOME, _MOST, _SPARSE = 5, 0.1, 0.7, 0.1
_SAME: tuple[frozenset[str], ...] = (
    frozenset({"user.account.username", "user.contact.email"}),
    frozenset({"user.contact.phone_number", "user.contact.fax_number"}),
    frozenset({"user.name", "user.name.first", "user.name.last"}),
)
"""Categories whose names and values stand for each other every day: many log in with their e-mail address."""


_PASS_AS = frozenset({"CREDIT_CARD", "PHONE_NUMBER", "US_ITIN", "US_SSN"})
"""What codes pass for: those with a check digit of their own, and those written in groups."""


@dataclass(frozen=True)
class Seen:
    """How many values were looked at, and what was found in them."""

    values: int
    hits: Mapping[str, int]
    whole: Mapping[str, int]


@dataclass(frozen=True)
class Doubt:
    """What the column is taken for until a person has looked, and why one has to."""

    category: str | None
    entity: str | None
    hits: int
    reason: str


def conflict(
    seen: Seen,
    *,
    says: str,
    entity: str | None,
    proven: bool,
    formed: int,
    found: str | None,
    found_entity: str | None,
    hits: int,
) -> Doubt | None:
    """Return the doubt where a clear name and the values disagree, or None.

    Args:
        says: The category of the name; `entity` is its type.
        proven: Values of that type are recognised by themselves.
        formed: Values that have a form which the name allows.
        found: The category of the verdict without the doubt, with its type and `hits`.
    """
    name = CATEGORIES[says]
    if found is not None and not alike(says, found):
        return Doubt(found, found_entity, hits, f"the name says {name}; {_of(hits, seen)} hold {_thing(found)}.")
    likely = seen.hits.get(entity or "", 0)
    if proven and seen.values >= _FEW and likely < _SPARSE * seen.values:
        category = says if likely else None
        return Doubt(
            category, entity if likely else None, likely, f"the name says {name}; {_of(likely, seen)} look like one."
        )
    if found is None and not proven and _SOME * seen.values <= formed < _MOST * seen.values:
        return Doubt(says, None, formed, f"the name says {name}; only {_of(formed, seen)} have its form.")
    return None


def unannounced(
    seen: Seen, *, found: str | None, entity: str | None, hits: int, thing: bool, code: bool
) -> Doubt | None:
    """Return the doubt on a verdict that only values speak for, or None where they leave none.

    Args:
        thing, code: What the column's name says that its values are. Codes with a check digit of their own pass for
            cards.
    """
    if found is None or entity is None or is_within(found, ("user.content",)):
        return None
    if hits < _SPARSE * seen.values:
        return Doubt(found, entity, hits, f"the name says nothing; {_of(hits, seen)} hold {_thing(found)}.")
    if thing and category_of(entity) in ("user.device.ip_address", "user.device.device_id"):
        return Doubt(found, entity, hits, f"{_of(hits, seen)} hold {_thing(found)}; by its name it may be a machine's.")
    if code and entity in _PASS_AS:
        return Doubt(found, entity, hits, f"{_of(hits, seen)} hold {_thing(found)}; by its name they are codes.")
    return None


def homonym(category: str, known: int, values: int) -> str:
    """Return why a name that means other things as well is not believed at once."""
    return f"the name may say {CATEGORIES[category]}; {known:,} of {values:,} values are known words for it."


def a_things(category: str) -> str:
    """Return why a trait is not believed at once in a table of things."""
    return f"the column says {CATEGORIES[category]}; by its table's name the rows are things, and may be no person's."


def unread(category: str) -> str:
    """Return the same where no value was read."""
    return f"the name may say {CATEGORIES[category]}, and no value was read."


def unread_names(unread: int, values: int) -> str:
    """Return why a column that looks clean is not called so: texts in which no names were looked for."""
    return f"names were not looked for in {unread:,} of {values:,} values, which the model does not read."


def alike(one: str, other: str) -> bool:
    """Return whether two categories stand for each other, or one for a part of the other."""
    if is_within(one, (other,)) or is_within(other, (one,)):
        return True
    return any(one in same and other in same for same in _SAME)


def _of(hits: int, seen: Seen) -> str:
    return f"{hits:,} of {seen.values:,} values" if hits else f"none of {seen.values:,} values"


def _thing(category: str) -> str:
    title = CATEGORIES[category]
    return f"{'an' if title[0] in 'aeiouI' else 'a'} {title}"
