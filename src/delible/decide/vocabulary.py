"""What the share of a column's values that are in a vocabulary says, when no name speaks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from delible.model.taxonomy import CATEGORIES


@dataclass(frozen=True)
class Known:
    """The category that a vocabulary stands for, and why a person has to look, if so."""

    category: str
    entity: str | None
    hits: int
    doubt: str | None


@dataclass(frozen=True)
class _Entry:
    """How much of a vocabulary makes a category.

    Args:
        share: Of the distinct values; vocabularies that are closed need most of them, open ones some.
        hits: Distinct values at least. Grades of a school are blood groups, too, but no five of them.
        sure: Without it, a person is asked.
        from_on: The share from which on no person is asked; 0 for the usual one.
    """

    form: str
    category: str
    entity: str | None
    share: float
    hits: int
    sure: bool = True
    also: str | None = None
    from_on: float = 0.0


_ENTRIES = (
    _Entry("religion", "user.demographic.religious_belief", "NRP", 0.7, 3),
    _Entry("ethnicity_word", "user.demographic.race_ethnicity", "NRP", 0.5, 3),
    _Entry("politics", "user.demographic.political_opinion", "NRP", 0.7, 3),
    _Entry("orientation", "user.demographic.sexual_orientation", None, 0.6, 3),
    _Entry("blood_group", "user.health_and_medical", None, 0.8, 5),
    _Entry("condition", "user.health_and_medical", None, 0.4, 5),
    _Entry("diagnosis", "user.health_and_medical", None, 0.9, 5, sure=False, also="diagnosis_dotted"),
    _Entry("gender_word", "user.demographic.gender", None, 0.6, 2),
    _Entry("marital_word", "user.demographic.marital_status", None, 0.5, 2),
    _Entry("full_name", "user.name", "PERSON", 0.1, 5, from_on=0.5),
    _Entry("first_name", "user.name.first", "PERSON", 0.3, 8),
    _Entry("last_name", "user.name.last", "PERSON", 0.3, 8),
    _Entry("known_first", "user.name.first", "PERSON", 0.6, 20, from_on=0.8),
    _Entry("known_last", "user.name.last", "PERSON", 0.6, 20, from_on=0.8),
    _Entry("street", "user.contact.address.street", "LOCATION", 0.3, 5),
    _Entry("city", "user.contact.address.city", "LOCATION", 0.3, 8),
)
_SURE, _SECOND = 0.5, 0.2


def known(shapes: Mapping[str, int], values: int) -> Known | None:
    """Return the category of which most values are known words, the largest share first; None without any."""
    best: tuple[float, int] | None = None
    for place, entry in enumerate(_ENTRIES):
        hits = shapes.get(entry.form, 0)
        if not values or hits < entry.hits or hits < entry.share * values:
            continue
        if entry.also is not None and shapes.get(entry.also, 0) < _SECOND * values:
            continue
        best = max(best or (0.0, -len(_ENTRIES)), (hits / values, -place))
    if best is None:
        return None
    share, entry = best[0], _ENTRIES[-best[1]]
    hits = shapes[entry.form]
    sure = entry.sure and share >= (entry.from_on or min(_SURE, entry.share + _SECOND))
    title = CATEGORIES[entry.category]
    words = f"the name says nothing; {hits:,} of {values:,} values are known words or codes for {title}."
    return Known(entry.category, entry.entity, hits, None if sure else words)
