"""The verdict on one column: what its values showed, what its name says, what its type allows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from delible.decide import tag_doubts, vocabulary
from delible.decide.tag_doubts import Doubt
from delible.decide.tagging import (
    FREE_TEXT,
    NOT_PERSONAL,
    TYPED,
    WHOLE,
    About,
    Around,
    ColumnFacts,
    NameEvidence,
    miss_bound,
    wilson,
)
from delible.model.record import ARTICLE_9, TagFinding
from delible.model.taxonomy import is_within
from delible.model.terms import TagState

LOOKALIKE = frozenset({"PHONE_NUMBER", "US_SSN", "US_ITIN"})
"""Bare runs of digits pass for these, so that keys and codes would; the name or the way it is written must agree."""

READ = frozenset({"PERSON", "LOCATION"})
"""Found by a model, which takes some name in ten sentences of anything for a person or a place."""

SPARSE = frozenset({"EMAIL_ADDRESS", "IBAN_CODE"})
"""So precise that a single hit in a column of something else counts. One in ten random numbers passes for a card."""

TRAITS = (
    "user.contact.address",
    "user.demographic",
    "user.health_and_medical",
    "user.job_title",
    "user.location",
    "user.name",
    "user.workplace",
)
"""What things have, too: a shop has an address, a shirt a gender, a crop a disease."""

_MAJORITY, _AGREES, _PROSE = 0.5, 0.7, 0.3
_HOMONYM, _SOME = 0.2, 0.1
_OF_NUMBERS = frozenset(
    {"card", "phone", "date", "number", "years", "account", "id", "postal", "imei", "degrees", "flag", "short"}
)
"""Forms that a whole number can have; the others need a letter or a sign."""
_FEW = 5
_NOISE, _MISREAD = 0.02, 0.1
_WRITTEN = "phone_written"
_SHAPE_OF = {"CREDIT_CARD": "card"}
_UNREAD = ("name", "type", "unread")


@dataclass(frozen=True)
class _Verdict:
    category: str | None
    entity: str | None
    confidence: float
    hits: int
    evidence: tuple[str, ...]
    doubt: str | None = None


_NOWHERE = Around()


def tag(
    facts: ColumnFacts,
    named: NameEvidence | None,
    *,
    table: str,
    version: int,
    at: datetime,
    around: Around = _NOWHERE,
) -> TagFinding:
    """Return the verdict on one column.

    Confidence is the lower 95 % limit (Wilson) of the share of values that hold the type; a name that agrees counts as
    a second, independent witness. By name alone it is the name's own strength, and half of it when no value was read.
    Evidence that is in conflict goes to review, with the reason in words and counts.
    """
    named, doubt = _heard(facts, named, around)
    verdict = _by_type(facts, named) if _typed(facts.kind) else _by_values(facts, named, around)
    if verdict.category is not None and doubt is not None and verdict.doubt is None:
        verdict = replace(verdict, doubt=doubt, confidence=verdict.confidence / 2)
    evidence = verdict.evidence
    if named is not None and named.special and verdict.category == named.category:
        evidence = (*evidence, ARTICLE_9)
    return TagFinding(
        table=table,
        column=facts.column,
        category=verdict.category,
        entity=verdict.entity,
        confidence=round(verdict.confidence, 4),
        sampled=facts.values,
        hits=verdict.hits,
        bound=_bound(facts, verdict.hits),
        evidence=evidence,
        state=TagState.PROPOSED if verdict.doubt is None else TagState.REVIEW,
        reason=verdict.doubt,
        version=version,
        at=at,
    )


def _typed(kind: str) -> bool:
    fraction = kind.startswith("decimal") and not kind.rstrip(")").endswith(",0")
    return kind in TYPED or fraction


def _bound(facts: ColumnFacts, hits: int) -> float:
    if _typed(facts.kind) or (facts.seen and not hits):
        return 0.0
    return round(wilson(hits, facts.values)[1] if hits else miss_bound(facts.values), 6)


def _by_type(facts: ColumnFacts, named: NameEvidence | None) -> _Verdict:
    if named is None or facts.kind.partition("(")[0] not in named.types:
        return _Verdict(None, None, 0.0, 0, ("type",))
    return _Verdict(named.category, named.entity, named.strength, 0, ("name", "type"))


def _heard(facts: ColumnFacts, named: NameEvidence | None, around: Around) -> tuple[NameEvidence | None, str | None]:
    """Return what the name says in this place, and why a person has to look at it, if so."""
    if named is None or not _fits(named, around):
        return None, None
    if not named.homonym:
        return named, None
    share = facts.share(facts.shapes, *named.vocabulary)
    among_people = around.about is About.PEOPLE and not named.strict
    if share >= _HOMONYM or (among_people and (share > 0 or facts.values < _FEW)):
        return named, None
    if not facts.values:
        unread = facts.kind == "string" and not facts.seen
        return (named, tag_doubts.unread(named.category)) if unread else (None, None)
    if share > 0 or among_people or (facts.values < _FEW and not named.strict):
        return named, tag_doubts.homonym(named.category, round(share * facts.values), facts.values)
    return None, None


def _fits(named: NameEvidence, around: Around) -> bool:
    """Return whether a name can mean its category in this table."""
    if around.about is About.THINGS and is_within(named.category, TRAITS):
        return False
    if named.beside and not any(is_within(other, (named.beside,)) for other in around.beside):
        return False
    return not named.people or around.about is About.PEOPLE


def _by_values(facts: ColumnFacts, named: NameEvidence | None, around: Around) -> _Verdict:
    written = facts.share(facts.shapes, "prose") >= _PROSE
    found = None if written else _majority(facts, named)
    found = (
        found or _by_name(facts, named) or _by_vocabulary(facts, around) or _inside(facts, written) or _sparse(facts)
    )
    if found is None:
        evidence = ("values",) if facts.values else ("name",) if facts.rows else _UNREAD
        found = _Verdict(None, None, 0.0, _disregarded(facts), evidence)
    return _doubted(facts, named, found, around)


def _doubted(facts: ColumnFacts, named: NameEvidence | None, found: _Verdict, around: Around) -> _Verdict:
    """Return the verdict, or what a person must look at because name and values say different things."""
    if found.doubt is not None:
        return found
    seen = tag_doubts.Seen(facts.values, facts.hits, facts.whole)
    doubt: Doubt | None = None
    if named is not None and named.category != FREE_TEXT and found.evidence != ("name",):
        codes = facts.share(facts.shapes, "flag") >= _AGREES or facts.kind in WHOLE
        doubt = tag_doubts.conflict(
            seen,
            says=named.category,
            entity=named.entity,
            proven=named.proven and not codes,
            formed=max((facts.shapes.get(shape, 0) for shape in named.shapes), default=0),
            found=found.category,
            found_entity=found.entity,
            hits=found.hits,
        )
    if doubt is None and found.evidence == ("values",):
        doubt = tag_doubts.unannounced(
            seen, found=found.category, entity=found.entity, hits=found.hits, thing=around.thing, code=around.code
        )
    if doubt is None:
        return found
    return replace(found, category=doubt.category, entity=doubt.entity, hits=doubt.hits, doubt=doubt.reason)


def _by_vocabulary(facts: ColumnFacts, around: Around) -> _Verdict | None:
    if around.thing or around.about is About.THINGS:
        return None
    known = vocabulary.known(facts.shapes, facts.values)
    if known is None:
        return None
    lower, _ = wilson(known.hits, facts.values)
    return _Verdict(known.category, known.entity, max(lower, 0.3), known.hits, ("values",), known.doubt)


def _majority(facts: ColumnFacts, named: NameEvidence | None) -> _Verdict | None:
    """Return the best type of those that most values are, and nothing else; a name that agrees needs fewer."""
    best: tuple[bool, float, str] | None = None
    for entity in sorted(facts.whole):
        agrees = named is not None and named.entity == entity
        share = facts.share(facts.whole, entity)
        if entity in NOT_PERSONAL and not agrees:
            continue
        if entity in LOOKALIKE and not agrees and not _as_written(facts, entity):
            continue
        if share >= (0.1 if agrees else _MAJORITY):
            best = max(best or (False, 0.0, ""), (agrees, share, entity))
    if best is None:
        return None
    agrees, _, entity = best
    lower, _ = wilson(facts.whole[entity], facts.values)
    if agrees and named is not None:
        shaped = max(facts.whole[entity], facts.shapes.get(_SHAPE_OF.get(entity, ""), 0))
        confidence = 1 - (1 - lower) * (1 - named.strength)
        return _Verdict(named.category, entity, confidence, shaped, ("values", "name"))
    return _Verdict(facts.category_of(entity), entity, lower, facts.whole[entity], ("values",))


def _as_written(facts: ColumnFacts, entity: str) -> bool:
    """Return whether the values are written as people write the type, with separators, and are no numbers."""
    return facts.kind not in WHOLE and (entity != "PHONE_NUMBER" or facts.share(facts.shapes, _WRITTEN) >= _MAJORITY)


def _by_name(facts: ColumnFacts, named: NameEvidence | None) -> _Verdict | None:
    """Return what the name says, unless the values contradict it.

    Card numbers of test and sample systems fail the check digit; a card's name with a card's digits is enough.
    """
    if named is None:
        return None
    if facts.values == 0:
        return _unread(facts, named)
    if not _has_form(facts, named):
        return None
    inside = _strongest(facts)
    if named.category == FREE_TEXT:
        entity, hits = inside or (None, 0)
        lower = wilson(hits, facts.values)[0]
        sure = 1 - (1 - named.strength) * (1 - lower)
        return _Verdict(FREE_TEXT, entity, sure, hits, ("name", "values") if hits else ("name",))
    if named.proven and facts.values >= _FEW:
        return None
    hits = max((facts.shapes.get(shape, 0) for shape in named.shapes), default=0)
    return _Verdict(named.category, named.entity, named.strength, hits, ("name", "values") if hits else ("name",))


def _unread(facts: ColumnFacts, named: NameEvidence) -> _Verdict | None:
    """Return what name and type say when no value was looked at, or there is none."""
    if facts.kind in WHOLE and (named.proven or (named.shapes and _OF_NUMBERS.isdisjoint(named.shapes))):
        return None
    evidence = ("name",) if facts.seen else _UNREAD
    return _Verdict(named.category, named.entity, named.strength / 2, 0, evidence)


def _has_form(facts: ColumnFacts, named: NameEvidence) -> bool:
    """Return whether enough values have a form that the name allows; sentences short and long count together."""
    if named.category == FREE_TEXT:
        return sum(facts.shapes.get(shape, 0) for shape in named.shapes) >= _SOME * facts.values
    return not named.shapes or facts.share(facts.shapes, *named.shapes) >= _AGREES


def _inside(facts: ColumnFacts, written: bool) -> _Verdict | None:
    """Return free text when personal data stands in sentences that no name announced."""
    heard = {e: n for e, n in facts.hits.items() if n >= _noise(e) * facts.values}
    strongest = _strongest(replace(facts, hits=heard))
    if not written or strongest is None:
        return None
    entity, hits = strongest
    return _Verdict(FREE_TEXT, entity, max(0.5, wilson(hits, facts.values)[0]), hits, ("values",))


def _noise(entity: str) -> float:
    """Return the share of values in which a type is found where it is not."""
    return _NOISE if entity in LOOKALIKE else _MISREAD if entity in READ else 0.0


def _sparse(facts: ColumnFacts) -> _Verdict | None:
    entity = max(SPARSE, key=lambda e: (facts.hits.get(e, 0), e))
    hits = facts.hits.get(entity, 0)
    if not hits:
        return None
    return _Verdict(facts.category_of(entity), entity, wilson(hits, facts.values)[0], hits, ("values",))


def _strongest(facts: ColumnFacts) -> tuple[str, int] | None:
    personal = {e: n for e, n in facts.hits.items() if n and e not in NOT_PERSONAL}
    return max(sorted(personal.items()), key=lambda item: item[1]) if personal else None


def _disregarded(facts: ColumnFacts) -> int:
    """Return how many values looked personal and were judged not to be; a clean verdict does not hide them."""
    strongest = _strongest(facts)
    return strongest[1] if strongest else 0
