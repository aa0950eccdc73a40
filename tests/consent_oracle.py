"""A slow model of the consent rules: each history is played from its first instant to the last.

Written from the law and the rules' text, apart from `decide` and `lake`: no precedence keys, no running maxima, a
calendar of its own. It shares nothing with them but the type in which a policy writes its terms.
"""

from __future__ import annotations

import calendar
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from delible.model.consent_terms import ConsentTerms

STANDING = ("suppressed", "erasure_requested", "restricted", "objected", "opted_out")
SALE = "ccpa:sale_or_sharing"
NO = {"refused": "no_consent", "invalidated": "no_consent"} | {
    "withdrawn": "withdrawn",
    "revoked": "withdrawn",
    "opted_out": "opted_out",
    "expired": "expired",
}
HARSHEST = ("withdrawn", "opted_out", "no_consent", "expired")


class Said(NamedTuple):
    """One record; instants in UTC."""

    ref: str
    purpose: str
    status: str
    basis: str
    notice: str
    start: datetime
    end: datetime | None
    learned: datetime
    place: str | None = None
    age: int | None = None
    parent: bool = False


@dataclass(frozen=True)
class Scene:
    """What is asked."""

    purpose: str
    basis: str
    as_of: datetime
    known_at: datetime
    terms: ConsentTerms = field(default_factory=ConsentTerms)
    sale: bool = True


@dataclass
class Mind:
    """What a person's statements come to at some instant.

    Args:
        no: Why not, when the last word was a no.
        yes_until: When it was a yes: its end, and whether a parent gave it.
        asked: Something was given that waits, or waited, for its confirmation.
        waiting: What could be confirmed: (when given, its end, by a parent).
    """

    no: str | None = None
    yes_until: tuple[datetime | None, bool] | None = None
    asked: bool = False
    waiting: tuple[datetime, datetime | None, bool] | None = None


def reason(history: Sequence[Said], scene: Scene, flags: Collection[str], shared: Collection[str]) -> str | None:
    """Return why a person's rows are left out, or None when they may be used."""
    seen = [s for s in history if s.learned <= scene.known_at and s.start <= scene.as_of]
    facts = [s for s in seen if s.ref not in shared]
    parents, alone, free = _place(facts, scene.terms)
    age = _age(facts, scene.as_of)
    standing = [flag for flag in STANDING if flag in flags]
    if standing:
        return standing[0]
    if age is not None and age < parents:
        return _of_child(_play(seen, scene, shared, child=True), scene)
    mind = _play(seen, scene, shared)
    consents = mind.yes_until is not None and not _over(mind.yes_until[0], scene.as_of)
    no = _of_adult(mind, scene, free, consents)
    by_parent = consents and mind.yes_until is not None and mind.yes_until[1]
    if no is None and age is None and (parents or alone) and not by_parent:
        return "age_unknown"
    if no is None and age is not None and age < alone and not consents:
        return "minor"
    return no


def _of_child(mind: Mind, scene: Scene) -> str | None:
    if mind.yes_until is None:
        return mind.no or "minor"
    return "expired" if _over(mind.yes_until[0], scene.as_of) else None


def _of_adult(mind: Mind, scene: Scene, free: bool | None, consents: bool) -> str | None:
    if mind.no in ("withdrawn", "opted_out", "no_consent"):
        return mind.no
    if consents or scene.basis != "consent" or free is True:
        return None
    if mind.no == "expired" or mind.yes_until is not None:
        return "expired"
    silent = "jurisdiction_unknown" if scene.terms.opt_out_in and free is None else "no_consent"
    return "unconfirmed" if mind.asked else silent


def _play(seen: Sequence[Said], scene: Scene, shared: Collection[str], *, child: bool = False) -> Mind:
    """Play statements instant by instant. Of a child only a parent's consent counts."""
    mind = Mind()
    for now in sorted({s.start for s in seen}):
        said = [s for s in seen if s.start == now and _on_purpose(s, scene)]
        said_no = [NO[s.status] for s in said if s.status in NO]
        yes = [s for s in said if s.status in ("given", "confirmed") and s.basis == "consent"]
        if scene.terms.double_opt_in:
            _in_two_steps(mind, now, [s for s in yes if s.ref not in shared], said_no, scene, child)
            continue
        given = [s for s in yes if s.status == "given" and (s.parent or not child)]
        given = [s for s in given if s.ref not in shared or _over(_end(s, scene.terms), scene.as_of)]
        if said_no:
            mind.no, mind.yes_until = _harshest(said_no), None
        elif given:
            one = _foremost([(s.learned, _end(s, scene.terms), s.parent) for s in given])
            mind.no, mind.yes_until = None, (one[1], one[2])
    return mind


def _in_two_steps(
    mind: Mind, now: datetime, yes: Sequence[Said], said_no: Sequence[str], scene: Scene, child: bool
) -> None:
    """Play one instant where what is given waits for its confirmation."""
    given = [s for s in yes if s.status == "given"]
    if given:
        mind.asked = True
        _, end, parent = _foremost([(s.learned, _end(s, scene.terms), s.parent) for s in given])
        mind.waiting = (now, end, parent)
    if said_no:
        mind.no, mind.yes_until, mind.waiting = _harshest(said_no), None, None
        return
    if mind.waiting is None:
        return
    since, end, parent = mind.waiting
    window = scene.terms.confirm_within
    late = window is not None and now > _later(since, window.months, window.days)
    clicks = [s for s in yes if s.status == "confirmed" and (not child or (s.parent and parent))]
    if clicks and not late and not _over(end, now):
        one = _foremost([(s.learned, _first(end, s.end), s.parent and parent) for s in clicks])
        mind.no, mind.yes_until = None, (one[1], one[2])


def _foremost(these: list[tuple[datetime, datetime | None, bool]]) -> tuple[datetime, datetime | None, bool]:
    """Of consents of one instant: the last learned, then the first to end, then the person's own."""
    newest = [t for t in these if t[0] == max(x[0] for x in these)]
    ending = [t for t in newest if t[1] is not None]
    first = [t for t in ending if t[1] == min(x[1] for x in ending if x[1] is not None)] if ending else newest
    own = [t for t in first if not t[2]]
    return (own or first)[0]


def _harshest(these: Iterable[str]) -> str:
    found = set(these)
    return next(h for h in HARSHEST if h in found)


def _on_purpose(said: Said, scene: Scene) -> bool:
    if said.purpose == SALE:
        return scene.sale and said.status == "opted_out"
    return said.purpose == scene.purpose


def _over(end: datetime | None, at: datetime) -> bool:
    return end is not None and at >= end


def _first(a: datetime | None, b: datetime | None) -> datetime | None:
    return b if a is None else a if b is None else (a if a < b else b)


def _end(said: Said, terms: ConsentTerms) -> datetime | None:
    end = said.end
    if terms.lasts is not None:
        end = _first(end, _later(said.start, terms.lasts.months, terms.lasts.days))
    for version, notice in terms.notices.items():
        if version == said.notice:
            if notice.lasts is not None:
                end = _first(end, _later(said.start, notice.lasts.months, notice.lasts.days))
            if notice.ends is not None:
                last = notice.ends
                end = _first(end, datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(hours=24))
    return end


def _later(start: datetime, months: int, days: int) -> datetime:
    """Walk month by month, keeping the day where the month has it."""
    year, month = start.year, start.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    last = calendar.monthrange(year, month)[1]
    return start.replace(year=year, month=month, day=start.day if start.day <= last else last) + timedelta(days=days)


def _newest(told: list[Said]) -> list[Said]:
    return [s for s in told if all(other.start <= s.start for other in told)]


def _place(facts: Sequence[Said], terms: ConsentTerms) -> tuple[int, int, bool | None]:
    """Return the two ages that count, and whether absence is permission (None: nobody knows)."""
    places = [s.place for s in _newest([s for s in facts if s.place is not None]) if s.place is not None]

    def rule(place: str) -> tuple[int, int]:
        found = terms.age
        for key, entry in terms.ages_in.items():
            if key == place[:2] and place not in terms.ages_in:
                found = entry
        return _two(terms.ages_in.get(place, found))

    if not places:
        rules = [_two(terms.age)] + [_two(entry) for entry in terms.ages_in.values()]
        return max(r[0] for r in rules), max(r[1] for r in rules), None
    rules = [rule(place) for place in places]
    free = all(place in terms.opt_out_in or place[:2] in terms.opt_out_in for place in places)
    return max(r[0] for r in rules), max(r[1] for r in rules), free


def _two(rule: object) -> tuple[int, int]:
    parental = getattr(rule, "parental_below", 0)
    alone = getattr(rule, "opt_in_below", None) or 0
    return parental, alone if alone > parental else parental


def _age(facts: Sequence[Said], as_of: datetime) -> int | None:
    ages = []
    for said in _newest([s for s in facts if s.age is not None]):
        age, then = said.age or 0, said.start
        for year in range(then.year + 1, as_of.year + 1):
            age += (year, then.month, then.day) <= (as_of.year, as_of.month, as_of.day)
        ages.append(age)
    return min(ages) if ages else None
