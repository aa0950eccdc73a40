"""How many values of a column look personal by chance: measured per type, over what could look so at all.

The rates are the highest that were measured on columns without personal data: those of AdventureWorks, the hard
negatives of quality/columns.jsonl, 104 kinds of made-up codes, keys, dates, amounts, versions and measures of 4,000
values each, and, for what a model reads, the texts of quality/texts.jsonl that name nobody (602 that read as prose) and
the kinds of short texts in tests/short_texts.py.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

from delible.decide.intervals import most_by_chance
from delible.decide.tagging import NOT_PERSONAL, ColumnFacts

READ = frozenset({"PERSON", "LOCATION"})
"""Found by a model, which takes some name in ten sentences of anything for a person or a place."""

PRECISE = frozenset({"EMAIL_ADDRESS", "IBAN_CODE", "CRYPTO"})
"""None was found where there is none, so that a single one counts."""


class _Rate(NamedTuple):
    """Share of the values that could look so, by any of these forms, which do look so."""

    share: float
    forms: tuple[str, ...]


_RATES = {
    "CREDIT_CARD": _Rate(0.12, ("has_card", "card")),
    "PHONE_NUMBER": _Rate(0.12, ("has_phone", "phone_written")),
    "IP_ADDRESS": _Rate(0.05, ("has_dotted",)),
}
"""Of random numbers with 12 to 19 digits, up to 10.3 % pass for cards (13 digits, as articles have); of numbers with
separators, up to 10.8 % for phones (spans of years, long decimals, lots); of versions such as 4.11.2.907, 2.4 % for IP
addresses. Codes that are written just as phones, IP addresses or social security numbers are so for all."""
_READ = {"PERSON": 0.05, "LOCATION": 0.06}
"""Of running text: in 17 of 602 a person was found where there is none (upper 95 % limit 4.5 %), a place in 21 of 685
(4.6 %), and before other texts were read, in 35 of 774 (6.2 %)."""
_TERSE = {"PERSON": 0.15, "LOCATION": 0.15}
"""Of the corpus's other texts that name nobody, 18 of 462 and 31 of 495 (6.3 %). By kind of title, product, state, form
or log, at most: of pairs of random letters 15 %, of species 12 %, of brands and films 10 % for a person; of films 10 %,
of one draw of shelves in a store 8 of 40, for a place."""
_ALONE = {"PERSON": 0.35, "LOCATION": 0.35}
"""Of values that are two or three words and no more, where most findings are the whole value: 31 % of companies named
after people, 23 % of pairs of random letters as long as names; 13 of 120 towns."""
_UNMISTAKEN = frozenset({"US_SSN", "US_ITIN", "MAC_ADDRESS"})
"""What is written so, with its separators, is one or a code that is written just so; of 663 texts 2 hold such a code.
How many values are could not tell the one from the other, so that a person has to look, however few there are."""
_NATIONAL = _Rate(0.02, ("has_id",))
"""Of random codes, for national identifiers: types of which more pass need a word that names them."""
_SPREAD = 2.0
"""Standard deviations."""


def by_chance(facts: ColumnFacts, entity: str) -> float:
    """Return how many values hold a type by chance at most; more hits than that mean something.

    Of numbers it is the share that passes of those that could: of five that are written as cards, five that have a
    card's check digit mean something among a million other values, too.
    """
    if entity in PRECISE or entity in _UNMISTAKEN or entity in facts.categories:
        return 0.0
    if entity in _READ:
        terse = facts.shapes.get("terse", 0)
        running = facts.shapes.get("read", facts.values) - terse
        alone = terse and 2 * facts.whole.get(entity, 0) >= facts.hits.get(entity, 0) > 0
        once = min(1, facts.values - 1) if terse else 0
        return _READ[entity] * running + max(once, _with_spread((_ALONE if alone else _TERSE)[entity], terse))
    rate = _RATES.get(entity, _NATIONAL)
    alike = max(facts.shapes.get(form, 0) for form in rate.forms)
    if entity == "PHONE_NUMBER" and facts.is_whole:
        alike = facts.values
    return most_by_chance(max(alike, facts.hits.get(entity, 0)), rate.share)


def meant(facts: ColumnFacts) -> dict[str, int]:
    """Return the personal types that more values hold than do by chance, with their hits."""
    found = {e: n for e, n in sorted(facts.hits.items()) if e not in NOT_PERSONAL and facts.category_of(e) is not None}
    return {e: hits for e, hits in found.items() if hits > by_chance(facts, e) or _stands_out(facts, e, hits)}


def _stands_out(facts: ColumnFacts, entity: str, hits: int) -> bool:
    """Return whether a model found more in running text than it does by chance, whatever it made of the rest."""
    if entity not in READ or not facts.shapes.get("terse"):
        return False
    running = facts.shapes.get("read", 0) - facts.shapes["terse"]
    return hits - facts.shapes.get(f"terse_{entity}", 0) > _with_spread(_READ[entity], running)


def _with_spread(share: float, values: int) -> float:
    return share * values + _SPREAD * sqrt(share * (1 - share) * values)
