"""Random consent histories, for the oracle, for `decide` and for Spark alike."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from consent_oracle import SALE, STANDING, Said, Scene
from delible.decide.consent_statements import Question
from delible.model.consent import ConsentRecord
from delible.model.consent_terms import AgeRule, ConsentTerms, NoticeTerms
from delible.model.duration import Duration
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentGiver, ConsentStatus, LegalBasis

BERLIN, NEW_YORK, AUCKLAND = (ZoneInfo(z) for z in ("Europe/Berlin", "America/New_York", "Pacific/Auckland"))

INSTANTS = [
    datetime(2024, 2, 29, 12, tzinfo=UTC),
    datetime(2025, 3, 30, 1, 59, 59, 999_999, tzinfo=BERLIN),  # the last moment before the clocks go forward
    datetime(2025, 3, 30, 3, 0, tzinfo=BERLIN),
    datetime(2025, 10, 26, 2, 30, tzinfo=BERLIN),  # this half past two comes twice
    datetime(2025, 10, 26, 2, 30, fold=1, tzinfo=BERLIN),
    datetime(2025, 11, 2, 1, 30, fold=1, tzinfo=NEW_YORK),
    datetime(2026, 1, 30, 23, 30, tzinfo=NEW_YORK),  # the 31st in UTC
    datetime(2026, 1, 31, 0, 0, tzinfo=UTC),
    datetime(2026, 2, 28, 11, 0, tzinfo=AUCKLAND),
    datetime(2026, 2, 28, 0, 0, tzinfo=UTC),
    datetime(2026, 3, 8, 2, 30, tzinfo=NEW_YORK),  # an hour that is left out
    datetime(2026, 3, 31, 0, 0, tzinfo=UTC),
    datetime(2026, 5, 1, 0, 0, tzinfo=UTC),
]
"""Few enough for ties, and at the edges of calendars and clocks."""

TICK = timedelta(microseconds=1)
NOTICES = ("1", "2", "3")
PLACES = ("DE", "AT", "US-CA", "US-NY", "FR")
YES = ("given", "given", "given", "given", "confirmed", "confirmed")
_TERMS = (
    ConsentTerms(),
    ConsentTerms(lasts=Duration("P1M")),
    ConsentTerms(
        lasts=Duration("P13M"),
        notices={
            "2": NoticeTerms(lasts=Duration("P30D")),
            "3": NoticeTerms(ends=date(2026, 2, 27), lasts=Duration("P2Y")),
        },
    ),
    ConsentTerms(double_opt_in=True),
    ConsentTerms(double_opt_in=True, confirm_within=Duration("P1M"), lasts=Duration("P3M")),
    ConsentTerms(age=AgeRule(parental_below=16)),
    ConsentTerms(age=AgeRule(parental_below=13, opt_in_below=16), opt_out_in=("US-CA",)),
    ConsentTerms(ages_in={"DE": AgeRule(parental_below=16), "AT": AgeRule(parental_below=14)}, double_opt_in=True),
    ConsentTerms(opt_out_in=("US",)),
    ConsentTerms(
        age=AgeRule(parental_below=13),
        ages_in={"US": AgeRule(parental_below=13), "US-CA": AgeRule(parental_below=13, opt_in_below=16)},
        opt_out_in=("US-CA", "FR"),
        lasts=Duration("P2M"),
    ),
)


@dataclass(frozen=True)
class Subject:
    """One data subject: references, all records under them, and what stands against them."""

    refs: tuple[str, ...]
    history: tuple[Said, ...]
    flags: frozenset[str]


@dataclass(frozen=True)
class World:
    """People who are asked the same question; some references belong to two of them."""

    scene: Scene
    people: Mapping[str, Subject]
    records: tuple[Said, ...]
    flags: tuple[tuple[str, str], ...]
    shared: frozenset[str]


def scenes(draw: random.Random, number: int) -> Iterator[Scene]:
    """Yield questions, of which every kind of terms is asked in turn."""
    for n in range(number):
        basis = "consent" if draw.random() < 0.7 else "legitimate_interests"
        as_of = draw.choice(INSTANTS[3:]).astimezone(UTC) + draw.choice([-TICK, timedelta(0), TICK, timedelta(days=40)])
        known_at = draw.choice([as_of, as_of, as_of - timedelta(days=45), as_of + timedelta(days=90)])
        yield Scene(f"p{n}", basis, as_of, known_at, _TERMS[n % len(_TERMS)], draw.random() < 0.7)


def world(draw: random.Random, scene: Scene, people: int) -> World:
    """Return random people for a question."""
    label = scene.purpose
    own = {n: (f"{label}.{n}.a", f"{label}.{n}.b", f"{label}.{n // 2}.shared") for n in range(people)}
    records: list[Said] = []
    for refs in own.values():
        profile = draw.random()
        records += [said(draw, refs, scene, profile) for _ in range(draw.choice((0, 1, 2, 2, 3, 4, 6)))]
    flags = tuple((draw.choice(own[draw.randrange(people)]), draw.choice(STANDING)) for _ in range(people // 12))
    by_ref: dict[str, list[Said]] = {}
    for each in records:
        by_ref.setdefault(each.ref, []).append(each)
    against: dict[str, set[str]] = {}
    for ref, flag in flags:
        against.setdefault(ref, set()).add(flag)
    subjects = {
        refs[0]: Subject(
            refs,
            tuple(s for r in refs for s in by_ref.get(r, ())),
            frozenset(f for r in refs for f in against.get(r, ())),
        )
        for refs in own.values()
    }
    owners = [refs[2] for refs in own.values()]
    shared = (
        frozenset(r for r in owners if owners.count(r) > 1)
        if people < 50
        else frozenset(f"{label}.{n}.shared" for n in range(people // 2))
    )
    return World(scene, subjects, tuple(records), flags, shared)


def said(draw: random.Random, refs: tuple[str, ...], scene: Scene, profile: float) -> Said:
    """Return one random record.

    Args:
        profile: Between 0 and 1: how much of the person is known, so that whole histories without facts occur.
    """
    pick = draw.random
    start = draw.choice(INSTANTS).astimezone(UTC) + (draw.choice((-TICK, TICK)) if pick() < 0.1 else timedelta(0))
    roll = pick()
    status = draw.choice(YES) if roll < 0.75 else draw.choice(list(ConsentStatus)).value
    purpose = scene.purpose if pick() < 0.85 else "another"
    if status == "opted_out" and pick() < 0.6:
        purpose = SALE
    ends = start + timedelta(days=draw.choice((1, 29, 31, 90, 400))) if pick() < 0.3 else None
    learned = start if pick() < 0.6 else draw.choice(INSTANTS).astimezone(UTC)
    return Said(
        ref=refs[0] if pick() < 0.5 else draw.choice(refs),
        purpose=purpose,
        status=status,
        basis="consent" if pick() < 0.9 else "contract",
        notice=draw.choice(NOTICES),
        start=start,
        end=ends,
        learned=learned,
        place=draw.choice(PLACES) if pick() < profile else None,
        age=draw.choice((11, 12, 13, 14, 15, 16, 40)) if pick() < profile else None,
        parent=pick() < 0.3,
    )


def question(scene: Scene) -> Question:
    """Return what the scene asks as `decide` wants it."""
    return Question(scene.purpose, LegalBasis(scene.basis), scene.as_of, scene.known_at, scene.terms, scene.sale)


def record(told: Said) -> ConsentRecord:
    """Return a record as the ledger has it."""
    return ConsentRecord(
        ref=SubjectRef(told.ref),
        kind="email",
        purpose=told.purpose,
        status=ConsentStatus(told.status),
        legal_basis=LegalBasis(told.basis),
        notice_version=told.notice,
        valid_from=told.start,
        valid_until=told.end,
        recorded_at=told.learned,
        source="form",
        jurisdiction=told.place,
        age=told.age,
        given_by=ConsentGiver.PARENT if told.parent else ConsentGiver.DATA_SUBJECT,
    )


def without(scene: Scene, **terms: object) -> Scene:
    """Return a scene with other terms."""
    return replace(scene, terms=scene.terms.model_copy(update=terms))
