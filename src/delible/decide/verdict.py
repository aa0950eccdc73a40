"""The verdict on one column: what its values showed, what its name says, what its type allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from delible.decide import tag_doubts, vocabulary
from delible.decide.intervals import miss_bound, wilson
from delible.decide.noise import meant
from delible.decide.tag_doubts import Doubt
from delible.decide.tagging import FREE_TEXT, TYPED, About, Around, ColumnFacts, NameEvidence
from delible.decide.value_evidence import MAJORITY, Verdict, is_written, majority, partly, strongest_hits, within
from delible.model.record import ARTICLE_9, TagFinding
from delible.model.taxonomy import CATEGORIES, is_special, is_within
from delible.model.terms import TagState

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

PEOPLES = ("user.name", "user.demographic.date_of_birth")
"""Of these, what hardly anything but people has; special categories are the others."""

_AGREES, _HOMONYM, _SOME = 0.7, 0.2, 0.1
_OF_NUMBERS = frozenset(
    {"card", "phone", "date", "number", "years", "account", "id", "postal", "imei", "degrees", "flag", "short"}
)
"""Forms that a whole number can have; the others need a letter or a sign."""
_FEW = 5
_NEVER_HIDDEN = frozenset({"CREDIT_CARD", "EMAIL_ADDRESS", "IBAN_CODE", "US_ITIN", "US_SSN"})
_LITTLE = 0.01
"""Of the values: with more texts than that in which no names were looked for, a person has to look."""
_UNREAD = ("name", "type", "unread")

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
    heard, doubt = _heard(facts, named, around)
    measures = bool(facts.shapes.get("fraction")) and heard is not None and facts.kind.partition("(")[0] in heard.types
    verdict = _by_type(facts, heard) if facts.is_typed or measures else _by_values(facts, heard, around)
    if verdict.category is not None and doubt is not None and verdict.doubt is None:
        verdict = replace(verdict, doubt=doubt, confidence=verdict.confidence / 2)
    evidence = verdict.evidence
    if named is not None and verdict.category is not None and _keeps_special(named, heard, verdict):
        evidence = (*evidence, ARTICLE_9)
        if heard is None and verdict.doubt is None:
            verdict = replace(verdict, doubt=tag_doubts.homonym(named.category, 0, facts.values))
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


def _bound(facts: ColumnFacts, hits: int) -> float:
    if facts.is_opaque:
        return 1.0
    if facts.kind in TYPED or (facts.is_typed and facts.rows) or (facts.seen and not hits and not facts.unread):
        return 0.0
    hits = min(facts.values, hits + facts.unread)
    return round(wilson(hits, facts.values)[1] if hits else miss_bound(facts.values), 6)


def _by_type(facts: ColumnFacts, named: NameEvidence | None) -> Verdict:
    if named is not None and facts.is_opaque:
        doubt = tag_doubts.unread(named.category)
        return Verdict(named.category, named.entity, named.strength / 2, 0, _UNREAD, doubt)
    if facts.is_opaque:
        return Verdict(None, None, 0.0, 0, ("type", "unread"))
    if named is None or facts.kind.partition("(")[0] not in named.types:
        return Verdict(None, None, 0.0, 0, ("type",))
    return Verdict(named.category, named.entity, named.strength, 0, ("name", "type"))


def _keeps_special(named: NameEvidence, heard: NameEvidence | None, verdict: Verdict) -> bool:
    """Return whether a name's special category has to be marked, since the verdict's own category does not say it.

    Texts in a column named so are about it; where name and values disagree, the stricter holds until somebody looked.
    """
    if verdict.category is None or not (named.special or is_special(named.category)) or is_special(verdict.category):
        return False
    if heard is None:
        return named.homonym and verdict.category == FREE_TEXT
    return verdict.category in (named.category, FREE_TEXT) or verdict.doubt is not None


def _heard(facts: ColumnFacts, named: NameEvidence | None, around: Around) -> tuple[NameEvidence | None, str | None]:
    """Return what the name says in this place, and why a person has to look at it, if so."""
    if named is None or not _fits(named, around):
        return None, None
    things = around.about is About.THINGS and is_within(named.category, TRAITS)
    if not named.homonym:
        return named, tag_doubts.a_things(named.category) if things else None
    share = facts.share(facts.shapes, *named.vocabulary)
    among_people = around.about is About.PEOPLE and not named.strict
    if share >= _HOMONYM or (among_people and (share > 0 or facts.values < _FEW)):
        return named, tag_doubts.a_things(named.category) if things else None
    if not facts.values:
        unread = facts.kind == "string" and not facts.seen
        return (named, tag_doubts.unread(named.category)) if unread else (None, None)
    if share > 0 or among_people or (facts.values < _FEW and not named.strict):
        return named, tag_doubts.homonym(named.category, round(share * facts.values), facts.values)
    return None, None


def _fits(named: NameEvidence, around: Around) -> bool:
    """Return whether a name can mean its category in this table."""
    if around.about is About.THINGS and is_within(named.category, TRAITS) and not around.reached and not _own(named):
        return False
    if named.beside and not any(is_within(other, (named.beside,)) for other in around.beside):
        return False
    return not named.people or around.about is About.PEOPLE


def _own(named: NameEvidence) -> bool:
    """Return whether a table's name is not enough to drop what a column's name says: a person has to look."""
    return named.special or is_special(named.category) or is_within(named.category, PEOPLES)


def _by_values(facts: ColumnFacts, named: NameEvidence | None, around: Around) -> Verdict:
    found = None if is_written(facts) else majority(facts, named)
    found = found or _by_name(facts, named) or _surer(_by_vocabulary(facts, around), within(facts, named))
    if found is None:
        evidence = ("values",) if facts.values else ("name",) if facts.rows else _UNREAD
        found = Verdict(None, None, 0.0, _disregarded(facts), evidence)
        if facts.unread:
            much = facts.unread > _LITTLE * facts.values
            doubt = tag_doubts.unread_names(facts.unread, facts.values) if much else None
            found = replace(found, evidence=(*evidence, "unread"), doubt=doubt)
    return _doubted(facts, named, found, around)


def _doubted(facts: ColumnFacts, named: NameEvidence | None, found: Verdict, around: Around) -> Verdict:
    """Return the verdict, or what a person must look at because name and values say different things."""
    seen = tag_doubts.Seen(facts.values, facts.hits, facts.whole)
    doubt: Doubt | None = None
    if named is not None and named.category != FREE_TEXT and found.evidence != ("name",):
        codes = facts.share(facts.shapes, "flag") >= _AGREES or facts.is_whole
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
    if doubt is None and found.doubt is None and found.evidence == ("values",):
        doubt = tag_doubts.unannounced(
            seen, found=found.category, entity=found.entity, hits=found.hits, thing=around.thing, code=around.code
        )
    if doubt is None:
        return found if found.doubt is not None else replace(found, doubt=_also(facts, found))
    return replace(found, category=doubt.category, entity=doubt.entity, hits=doubt.hits, doubt=doubt.reason)


def _also(facts: ColumnFacts, found: Verdict) -> str | None:
    """Return the doubt on a verdict that hides numbers of another kind, such as cards in a column of cities."""
    if found.category is None or found.category == FREE_TEXT:
        return None
    others = {e: n for e, n in meant(facts).items() if e in _NEVER_HIDDEN or e in facts.categories}
    others = {e: n for e, n in others.items() if not tag_doubts.alike(found.category, facts.category_of(e) or "")}
    if not others:
        return None
    entity = max(sorted(others), key=lambda e: others[e])
    return partly(facts, entity, others[entity], CATEGORIES[found.category])


def _by_vocabulary(facts: ColumnFacts, around: Around) -> Verdict | None:
    known = vocabulary.known(facts.shapes, facts.values)
    if known is None:
        return None
    doubt = known.doubt
    if around.thing or around.about is About.THINGS:
        names = is_within(known.category, PEOPLES) and known.hits >= MAJORITY * facts.values
        if not is_special(known.category) and not names:
            return None
        doubt = doubt or tag_doubts.a_things(known.category)
    lower, _ = wilson(known.hits, facts.values)
    return Verdict(known.category, known.entity, max(lower, 0.3), known.hits, ("values",), doubt)


def _surer(known: Verdict | None, read: Verdict | None) -> Verdict | None:
    """Return what known words say, unless a model read the same in most values and leaves no doubt."""
    if known is None or read is None or known.doubt is None or read.doubt is not None:
        return known or read
    return read if read.category == known.category else known


def _by_name(facts: ColumnFacts, named: NameEvidence | None) -> Verdict | None:
    """Return what the name says, unless the values contradict it.

    Card numbers of test and sample systems fail the check digit; a card's name with a card's digits is enough.
    """
    if named is None:
        return None
    if facts.values == 0:
        return _unread(facts, named)
    if not _has_form(facts, named):
        return None
    inside = strongest_hits(facts)
    if named.category == FREE_TEXT:
        entity, hits = inside or (None, 0)
        lower = wilson(hits, facts.values)[0]
        sure = 1 - (1 - named.strength) * (1 - lower)
        return Verdict(FREE_TEXT, entity, sure, hits, ("name", "values") if hits else ("name",))
    if named.proven and facts.values >= _FEW:
        return None
    found = facts.hits.get(named.entity or "", 0)
    hits = max((facts.shapes.get(shape, 0) for shape in named.shapes), default=found)
    return Verdict(named.category, named.entity, named.strength, hits, ("name", "values") if hits else ("name",))


def _unread(facts: ColumnFacts, named: NameEvidence) -> Verdict | None:
    """Return what name and type say when no value was looked at, or there is none."""
    if facts.is_whole and (named.proven or (named.shapes and _OF_NUMBERS.isdisjoint(named.shapes))):
        return None
    evidence = ("name",) if facts.seen else _UNREAD
    return Verdict(named.category, named.entity, named.strength / 2, 0, evidence)


def _has_form(facts: ColumnFacts, named: NameEvidence) -> bool:
    """Return whether enough values have a form that the name allows; sentences short and long count together."""
    if named.category == FREE_TEXT:
        return sum(facts.shapes.get(shape, 0) for shape in named.shapes) >= _SOME * facts.values
    return not named.shapes or facts.share(facts.shapes, *named.shapes) >= _AGREES


def _disregarded(facts: ColumnFacts) -> int:
    """Return how many values looked personal and were judged not to be; a clean verdict does not hide them."""
    strongest = strongest_hits(facts)
    return strongest[1] if strongest else 0
