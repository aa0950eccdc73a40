"""When a person's decision about a column no longer fits the column that it was made about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from delible.decide.intervals import wilson
from delible.decide.tag_doubts import alike
from delible.model.record import TagFinding
from delible.model.taxonomy import CATEGORIES
from delible.model.terms import TagState

_MORE = 0.1


@dataclass(frozen=True)
class Basis:
    """What a decision was based on.

    Args:
        kind: Spark type of the column; None in records of former releases.
        source: Delta's own id of the table; None in records of former releases.
        category, entity: Of the verdict that the person saw.
        hits, sampled: Of the same.
    """

    table: str
    column: str
    kind: str | None
    source: str | None
    category: str | None
    entity: str | None
    hits: int
    sampled: int
    at: datetime


@dataclass(frozen=True)
class Pinned:
    """A decision that counts, with the verdicts of scans beneath it.

    Args:
        then: The verdict that a scan had given when it was made.
        now: What the newest scan since says; None when none has been.
    """

    pin: TagFinding
    then: TagFinding | None
    now: TagFinding | None


def contradicted(pinned: Pinned, basis: Basis | None, *, kind: str | None, source: str | None) -> str | None:
    """Return in words why a person has to look at a decision again, or None where it still fits.

    Args:
        basis: What it was based on; None in records of former releases, of which only the verdicts are compared.
        kind, source: The column's type and the table's id now; None where they are not known.
    """
    if basis is not None and basis.source and source and basis.source != source:
        return "the table was made anew since somebody decided on it."
    if basis is not None and basis.kind and kind and basis.kind != kind:
        return f"its type was {basis.kind} when somebody decided on it, and is {kind}."
    if pinned.now is None or pinned.now.category is None:
        return None
    seen = basis if basis is not None else pinned.then
    known = [seen.category if seen is not None else None]
    known += [pinned.pin.category] if pinned.pin.state is TagState.ACCEPTED else []
    if not any(each is not None and alike(each, pinned.now.category) for each in known):
        return f"somebody decided on it; a scan since then says {CATEGORIES[pinned.now.category]}."
    return None if pinned.pin.state is TagState.ACCEPTED or seen is None else _more(seen, pinned.now)


def _more(seen: Basis | TagFinding, now: TagFinding) -> str | None:
    """Return in words that far more values look like what was rejected than did then, or None."""
    if now.category is None or not now.sampled or not seen.sampled:
        return None
    most, least = wilson(seen.hits, seen.sampled)[1], wilson(now.hits, now.sampled)[0]
    if least > most and now.hits / now.sampled - seen.hits / seen.sampled >= _MORE:
        was, is_now = f"{seen.hits:,} of {seen.sampled:,}", f"{now.hits:,} of {now.sampled:,}"
        return f"somebody decided on it when {was} values looked like {CATEGORIES[now.category]}; {is_now} do now."
    return None
