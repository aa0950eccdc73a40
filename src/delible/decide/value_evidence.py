"""What the findings in a column's values say: of values that are a finding, and of values that hold one."""

from __future__ import annotations

from dataclasses import dataclass

from delible.decide.intervals import wilson
from delible.decide.noise import PRECISE, READ, meant
from delible.decide.tagging import FREE_TEXT, NOT_PERSONAL, ColumnFacts, NameEvidence
from delible.model.taxonomy import CATEGORIES

LOOKALIKE = frozenset({"PHONE_NUMBER", "US_SSN", "US_ITIN"})
"""Bare runs of digits pass for these, so that keys and codes would; the name or the way it is written must agree."""

MAJORITY = 0.5
_WRITTEN, _SOME, _SURE_OF_NAMES, _SURE_OF_NUMBERS = 0.3, 0.1, 0.1, 0.02
_PHONE = "phone_written"
_SHAPE_OF = {"CREDIT_CARD": "card"}


@dataclass(frozen=True)
class Verdict:
    """What one column is, and why a person has to look at it, if so."""

    category: str | None
    entity: str | None
    confidence: float
    hits: int
    evidence: tuple[str, ...]
    doubt: str | None = None


def is_written(facts: ColumnFacts) -> bool:
    """Return whether the values are running text, so that what is found in them is about somebody, not the value."""
    return facts.share(facts.shapes, "prose") >= _WRITTEN


def majority(facts: ColumnFacts, named: NameEvidence | None) -> Verdict | None:
    """Return the best type of those that most values are, and nothing else; a name that agrees needs fewer."""
    best: tuple[bool, float, str] | None = None
    for entity in sorted(facts.whole):
        agrees = named is not None and named.entity == entity
        share = facts.share(facts.whole, entity)
        if entity in (NOT_PERSONAL | READ) and not agrees:
            continue
        if entity in LOOKALIKE and not agrees and not _as_written(facts, entity):
            continue
        if share >= (_SOME if agrees else MAJORITY):
            best = max(best or (False, 0.0, ""), (agrees, share, entity))
    if best is None:
        return None
    agrees, _, entity = best
    lower, _ = wilson(facts.whole[entity], facts.values)
    if agrees and named is not None:
        shaped = max(facts.whole[entity], facts.shapes.get(_SHAPE_OF.get(entity, ""), 0))
        confidence = 1 - (1 - lower) * (1 - named.strength)
        return Verdict(named.category, entity, confidence, shaped, ("values", "name"))
    return Verdict(facts.category_of(entity), entity, lower, facts.whole[entity], ("values",))


def _as_written(facts: ColumnFacts, entity: str) -> bool:
    """Return whether the values are written as people write the type, with separators, and are no numbers."""
    return not facts.is_whole and (entity != "PHONE_NUMBER" or facts.share(facts.shapes, _PHONE) >= MAJORITY)


def within(facts: ColumnFacts, named: NameEvidence | None) -> Verdict | None:
    """Return what more values hold than do by chance, or None.

    What stands in texts makes free text of the column; of other values it is the type's own category. Between chance
    and most of the values a person has to look, since part of a column may be somebody's and part not.
    """
    found = meant(facts)
    read = {e: n for e, n in found.items() if e in READ and n < _SURE_OF_NAMES * facts.values}
    strongest = _strongest({e: n for e, n in found.items() if e not in read} or read)
    if strongest is None:
        return None
    entity, hits = strongest
    share, lower = hits / facts.values, wilson(hits, facts.values)[0]
    text = _is_text(facts, named, entity)
    category = FREE_TEXT if text else facts.category_of(entity)
    evidence = ("values", "name") if named is not None and named.category == category else ("values",)
    confidence = max(MAJORITY, lower) if text else lower
    doubt = None if _is_sure(facts, entity, share, text=text) else partly(facts, entity, hits)
    return Verdict(category, entity, confidence, hits, evidence, doubt)


def _is_text(facts: ColumnFacts, named: NameEvidence | None, entity: str) -> bool:
    """Return whether the findings stand in texts, rather than being the values."""
    if is_written(facts):
        return True
    if 2 * facts.whole.get(entity, 0) >= facts.hits[entity]:
        return False
    if entity in READ:
        return True
    texts = facts.shapes.get("prose", 0) + facts.shapes.get("sentence", 0)
    return texts >= _SOME * facts.values or (named is not None and named.category == FREE_TEXT)


def _is_sure(facts: ColumnFacts, entity: str, share: float, *, text: bool) -> bool:
    """Return whether no person has to look: texts in which it is no slip, a type without slips, or most values."""
    if text and is_written(facts):
        return entity in PRECISE or share >= (_SURE_OF_NAMES if entity in READ else _SURE_OF_NUMBERS)
    if entity in PRECISE:
        return share >= _SOME
    alike = entity in LOOKALIKE and not text and facts.whole.get(entity, 0) and not _as_written(facts, entity)
    return share >= MAJORITY and not alike


def partly(facts: ColumnFacts, entity: str, hits: int, says: str = "nothing") -> str:
    """Return in words that some values hold a type of which the column's name says nothing, or something else."""
    title = CATEGORIES[facts.category_of(entity) or FREE_TEXT]
    article = "an" if title[0] in "aeiouI" else "a"
    return f"the name says {says}; {hits:,} of {facts.values:,} values hold {article} {title}."


def strongest_hits(facts: ColumnFacts) -> tuple[str, int] | None:
    """Return the personal type that most values hold, by chance or not."""
    return _strongest({e: n for e, n in facts.hits.items() if n and e not in NOT_PERSONAL})


def _strongest(hits: dict[str, int]) -> tuple[str, int] | None:
    return max(sorted(hits.items()), key=lambda item: item[1]) if hits else None
