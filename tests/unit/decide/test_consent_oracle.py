"""The rules decide whatever hypothesis and a seeded generator think of exactly as a slow model of them does."""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import delible
from consent_histories import INSTANTS, NOTICES, PLACES, TICK, question, record, scenes, world
from consent_oracle import SALE, STANDING, Said, Scene, reason
from delible.decide.consent import judge
from delible.model.consent_terms import AgeRule, ConsentTerms, NoticeTerms
from delible.model.duration import Duration
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, Exclusion, LegalBasis

REFS = ("a", "b", "shared")


def decided(
    history: Sequence[Said],
    scene: Scene,
    flags: Collection[str],
    shared: Collection[str],
    refs: Collection[str] = REFS,
) -> str | None:
    found = judge(
        [SubjectRef(ref) for ref in refs],
        [record(s) for s in history],
        question(scene),
        flags={Exclusion(f) for f in flags},
        shared={SubjectRef(ref) for ref in shared},
    ).reason
    return None if found is None else found.value


instants = st.builds(
    lambda at, shift: at.astimezone(UTC) + shift, st.sampled_from(INSTANTS), st.sampled_from((timedelta(0), TICK))
)
durations = st.sampled_from(("P1D", "P29D", "P1M", "P2M", "P1Y")).map(Duration)
ages = st.builds(AgeRule, parental_below=st.integers(12, 16), opt_in_below=st.none() | st.integers(12, 18))
notices = st.builds(NoticeTerms, lasts=durations, ends=st.none() | st.dates(INSTANTS[0].date(), INSTANTS[-1].date()))


@st.composite
def terms(draw: st.DrawFn) -> ConsentTerms:
    twice = draw(st.booleans())
    return ConsentTerms(
        double_opt_in=twice,
        confirm_within=draw(st.none() | durations) if twice else None,
        lasts=draw(st.none() | durations),
        notices=draw(st.dictionaries(st.sampled_from(NOTICES), notices, max_size=2)),
        age=draw(st.none() | ages),
        ages_in=draw(st.dictionaries(st.sampled_from((*PLACES, "US")), ages, max_size=2)),
        opt_out_in=tuple(draw(st.sets(st.sampled_from((*PLACES, "US")), max_size=2))),
    )


statements = st.builds(
    Said,
    ref=st.sampled_from(REFS),
    purpose=st.sampled_from(("p", "p", "p", "another", SALE)),
    status=st.sampled_from(("given", "given", "confirmed", *(s.value for s in ConsentStatus))),
    basis=st.sampled_from(("consent", "consent", "contract")),
    notice=st.sampled_from(NOTICES),
    start=instants,
    end=st.none() | instants,
    learned=instants,
    place=st.none() | st.sampled_from(PLACES),
    age=st.none() | st.integers(10, 20),
    parent=st.booleans(),
)
asked = st.builds(
    Scene,
    purpose=st.just("p"),
    basis=st.sampled_from(LegalBasis).map(lambda b: b.value),
    as_of=instants,
    known_at=instants,
    terms=terms(),
    sale=st.booleans(),
)


@given(
    st.lists(statements, max_size=7),
    asked,
    st.frozensets(st.sampled_from(STANDING), max_size=1),
    st.frozensets(st.just("shared")),
)
def test_any_history(history: list[Said], scene: Scene, flags: frozenset[str], shared: frozenset[str]) -> None:
    assert decided(history, scene, flags, shared) == reason(history, scene, flags, shared)


def test_seeded_histories() -> None:
    draw = random.Random(9)
    seen = set()
    for scene in scenes(draw, 20):
        people = world(draw, scene, 60)
        for person in people.people.values():
            expected = reason(person.history, scene, person.flags, people.shared)
            found = decided(person.history, scene, person.flags, people.shared, person.refs)
            assert found == expected
            seen.add(expected)
    assert len(seen) == 13


@given(st.lists(statements, max_size=7), asked, st.frozensets(st.just("shared")))
def test_an_opt_out_of_sale_leaves_out_whom_no_later_consent_lets_in(
    history: list[Said], scene: Scene, shared: frozenset[str]
) -> None:
    signal = Said("a", SALE, "opted_out", "consent", "gpc", scene.as_of, None, scene.known_at)
    selling = replace(scene, sale=True)
    assert decided([*history, signal], selling, frozenset(), shared) in ("opted_out", "withdrawn")


@given(st.lists(statements, max_size=7), asked)
def test_ends_and_ages_never_let_anybody_in(history: list[Said], scene: Scene) -> None:
    terms = scene.terms.model_copy(update={"opt_out_in": (), "double_opt_in": False, "confirm_within": None})
    strict = replace(scene, terms=terms)
    alone = [s for s in history if not s.parent]
    if decided(alone, strict, frozenset(), frozenset()) is None:
        assert decided(alone, replace(scene, terms=ConsentTerms()), frozenset(), frozenset()) is None


def test_whatever_the_program_asks_it_asks_by_the_purposes_terms() -> None:
    """A question without terms would let out whom the policy leaves out: only `Question.of` knows them."""
    source = Path(delible.__file__).parent
    plain = {"decide/consent.py", "report/consent.py"}
    found = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if re.search(r"(?<!class )\bQuestion\(", path.read_text())
    }
    assert found == plain
