"""The verdict on a column: what its values showed, what its name says, what its type allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import sqrt

from delible.model.record import TagFinding
from delible.model.taxonomy import category_of

FREE_TEXT = "user.content"

TYPED = frozenset({"boolean", "binary", "date", "timestamp", "timestamp_ntz", "float", "double"})
"""Types that cannot hold text, nor a number that identifies: only their column's name can speak for personal data."""

WHOLE = frozenset({"tinyint", "smallint", "int", "bigint"})

NOT_PERSONAL = frozenset({"DATE_TIME", "URL", "UUID"})
"""Found in values of any table; personal only when the column's name says whose they are."""

LOOKALIKE = frozenset({"PHONE_NUMBER", "US_SSN", "US_ITIN"})
"""Bare runs of digits pass for these, so that keys and codes would; the name or the way it is written must agree."""

READ = frozenset({"PERSON", "LOCATION"})
"""Found by a model, which takes some name in ten sentences of anything for a person or a place."""

SPARSE = frozenset({"EMAIL_ADDRESS", "IBAN_CODE"})
"""So precise that a single hit in a column of something else counts. One in ten random numbers passes for a card."""

_MAJORITY, _AGREES, _PROSE = 0.5, 0.7, 0.3
_FEW = 5
_NOISE, _MISREAD = 0.02, 0.1
_Z = 1.959964
_WRITTEN = "phone_written"
_SHAPE_OF = {"CREDIT_CARD": "card"}


@dataclass(frozen=True)
class NameEvidence:
    """What a column's name alone says.

    Args:
        shapes: Forms that the values must mostly have, any of them; empty when any value will do.
        types: Spark types that agree even though their values are not looked at.
        proven: The values of this category are recognised by themselves: when they are looked at and none is, the name
            is wrong.
    """

    category: str
    strength: float
    entity: str | None = None
    shapes: tuple[str, ...] = ()
    types: frozenset[str] = frozenset()
    proven: bool = False


@dataclass(frozen=True)
class ColumnFacts:
    """What was counted in one column; never a value.

    Args:
        column: Dotted path for nested fields.
        kind: Spark type of the leaf, such as `string` or `decimal(10,2)`.
        values: Distinct values that were looked at.
        complete: These were all that the column has.
        hits: Entity type to the number of values that hold it.
        whole: The same, of values that are nothing else.
        shapes: Form, such as `card` or `prose`, to the number of values of that form.
    """

    column: str
    kind: str
    values: int = 0
    complete: bool = False
    hits: Mapping[str, int] = field(default_factory=dict)
    whole: Mapping[str, int] = field(default_factory=dict)
    shapes: Mapping[str, int] = field(default_factory=dict)

    def share(self, counts: Mapping[str, int], *names: str) -> float:
        """Return the largest share of the values that any of the names was counted on."""
        return max((counts.get(name, 0) for name in names), default=0) / self.values if self.values else 0.0


@dataclass(frozen=True)
class _Verdict:
    category: str | None
    entity: str | None
    confidence: float
    hits: int
    evidence: tuple[str, ...]


def tag(facts: ColumnFacts, named: NameEvidence | None, *, table: str, version: int, at: datetime) -> TagFinding:
    """Return the verdict on one column.

    Confidence is the lower 95 % limit (Wilson) of the share of values that hold the type; a name that agrees counts as
    a second, independent witness. By name alone it is the name's own strength.
    """
    verdict = _by_type(facts, named) if _typed(facts.kind) else _by_values(facts, named)
    return TagFinding(
        table=table,
        column=facts.column,
        category=verdict.category,
        entity=verdict.entity,
        confidence=round(verdict.confidence, 4),
        sampled=facts.values,
        hits=verdict.hits,
        bound=_bound(facts, verdict.hits),
        evidence=verdict.evidence,
        version=version,
        at=at,
    )


def miss_bound(values: int) -> float:
    """Return the largest share that fits, at 95 %, with no hit among `values` drawn ones: 1 - 0.05^(1/n)."""
    return 1.0 if values == 0 else 1.0 - 0.05 ** (1.0 / values)


def wilson(hits: int, values: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson 1927)."""
    if values == 0:
        return 0.0, 1.0
    share, z2 = hits / values, _Z * _Z
    middle = (share + z2 / (2 * values)) / (1 + z2 / values)
    half = _Z / (1 + z2 / values) * sqrt(share * (1 - share) / values + z2 / (4 * values * values))
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def _typed(kind: str) -> bool:
    fraction = kind.startswith("decimal") and not kind.rstrip(")").endswith(",0")
    return kind in TYPED or fraction


def _bound(facts: ColumnFacts, hits: int) -> float:
    if _typed(facts.kind) or (facts.complete and not hits):
        return 0.0
    return round(wilson(hits, facts.values)[1] if hits else miss_bound(facts.values), 6)


def _by_type(facts: ColumnFacts, named: NameEvidence | None) -> _Verdict:
    if named is None or facts.kind.partition("(")[0] not in named.types:
        return _Verdict(None, None, 0.0, 0, ("type",))
    return _Verdict(named.category, named.entity, named.strength, 0, ("name", "type"))


def _by_values(facts: ColumnFacts, named: NameEvidence | None) -> _Verdict:
    written = facts.share(facts.shapes, "prose") >= _PROSE
    found = None if written else _majority(facts, named)
    found = found or _by_name(facts, named) or _inside(facts, written) or _sparse(facts)
    return found or _Verdict(None, None, 0.0, _disregarded(facts), ("values",) if facts.values else ("name",))


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
    return _Verdict(category_of(entity), entity, lower, facts.whole[entity], ("values",))


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
        return _Verdict(named.category, named.entity, named.strength / 2, 0, ("name",))
    if named.shapes and facts.share(facts.shapes, *named.shapes) < _AGREES:
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
    return _Verdict(category_of(entity), entity, wilson(hits, facts.values)[0], hits, ("values",))


def _strongest(facts: ColumnFacts) -> tuple[str, int] | None:
    personal = {e: n for e, n in facts.hits.items() if n and e not in NOT_PERSONAL}
    return max(sorted(personal.items()), key=lambda item: item[1]) if personal else None


def _disregarded(facts: ColumnFacts) -> int:
    """Return how many values looked personal and were judged not to be; a clean verdict does not hide them."""
    strongest = _strongest(facts)
    return strongest[1] if strongest else 0
