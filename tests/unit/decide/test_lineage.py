"""Data categories along column lineage: what a treatment leaves of them, and derived columns that say too little."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.lineage import (
    KEEPING,
    PSEUDONYMOUS,
    REMOVING,
    ColumnEdge,
    inherited,
    lineage_gaps,
    travelled,
)
from delible.model.taxonomy import CATEGORIES, is_personal
from delible.model.terms import ColumnErasure, Treatment

EMAIL, PLAIN = "user.contact.email", "system.operations"


@pytest.mark.parametrize(
    ("treatment", "left"),
    [
        ("keep", EMAIL),
        ("generalise", EMAIL),
        ("mask", EMAIL),
        ("encrypt", EMAIL),
        ("pseudonymise", PSEUDONYMOUS),
        ("replace", None),
        ("null", None),
        ("drop", None),
        ("something_new", EMAIL),
    ],
)
def test_what_a_treatment_leaves_of_a_category(treatment: str, left: str | None) -> None:
    assert inherited(EMAIL, treatment) == left


def test_art_4_5_a_pseudonym_is_personal_data() -> None:
    assert is_personal(PSEUDONYMOUS)
    assert PSEUDONYMOUS in CATEGORIES
    assert inherited(PLAIN, "pseudonymise") == PLAIN


def test_every_treatment_has_its_line() -> None:
    decided = {*KEEPING, *REMOVING, "pseudonymise"}
    assert {t.value for t in Treatment} | {t.value for t in ColumnErasure} <= decided


def edge(source: str, target: str, treatment: str = "keep", *, declared: bool = True) -> ColumnEdge:
    (a, b), (c, d) = source.split("."), target.split(".")
    return ColumnEdge((a, b), (c, d), treatment, declared=declared)


def test_a_category_travels_over_several_steps_and_through_masks() -> None:
    edges = [edge("t.body", "u.text", "mask"), edge("u.text", "v.words"), edge("v.words", "w.gone", "replace")]
    came = travelled({("t", "body"): "user.content.private"}, edges)
    assert [(i.category, i.source, i.hops) for i in came["v", "words"]] == [("user.content.private", ("t", "body"), 2)]
    assert ("w", "gone") not in came


def test_an_own_tag_is_what_goes_on_from_there() -> None:
    edges = [edge("t.email", "u.key", "pseudonymise"), edge("u.key", "v.key")]
    came = travelled({("t", "email"): EMAIL, ("u", "key"): "user.unique_id"}, edges)
    assert [i.category for i in came["u", "key"]] == [PSEUDONYMOUS]
    assert [i.category for i in came["v", "key"]] == ["user.unique_id"]


WAYS = ["keep", "mask", "pseudonymise", "generalise", "replace", "null"]
COLUMNS = st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz"))
EDGES = st.lists(
    st.builds(ColumnEdge, COLUMNS, COLUMNS, st.sampled_from(WAYS)),
    max_size=12,
)


@given(st.dictionaries(COLUMNS, st.sampled_from([EMAIL, PLAIN, "user.name"]), max_size=4), EDGES)
def test_what_arrives_is_what_a_walk_over_every_path_finds(
    known: dict[tuple[str, str], str], edges: list[ColumnEdge]
) -> None:
    """Circles and several ways included; a slow walk that knows nothing of queues says the same."""

    def walk(column: tuple[str, str], category: str, start: tuple[str, str], seen: frozenset[object]) -> None:
        for each in edges:
            left = inherited(category, each.treatment)
            if each.source == column != each.target and left is not None and each.target != start:
                found.setdefault(each.target, set()).add((left, start))
                state = (each.target, left)
                if each.target not in known and state not in seen:
                    walk(each.target, left, start, seen | {state})

    found: dict[tuple[str, str], set[tuple[str, tuple[str, str]]]] = {}
    for column, category in known.items():
        walk(column, category, column, frozenset())
    came = travelled(known, edges)
    assert {c: {(i.category, i.source) for i in every} for c, every in came.items()} == found


def test_a_derived_column_without_a_tag_is_a_gap() -> None:
    known = {("t", "email"): EMAIL}
    [gap] = lineage_gaps(known, [edge("t.email", "u.contact")], [("u", "contact")])
    assert (gap.code, gap.where) == ("lineage.untagged", "table:u.contact")
    assert "t.email" in gap.message
    assert EMAIL in gap.message


@pytest.mark.parametrize(
    ("known", "edges", "code"),
    [
        ({"t.email": EMAIL, "u.x": EMAIL}, [edge("t.email", "u.x")], None),
        ({"t.email": EMAIL, "u.x": PLAIN}, [edge("t.email", "u.x")], "lineage.contradicted"),
        ({"t.email": EMAIL, "u.x": PLAIN}, [edge("t.email", "u.x", declared=False)], None),
        ({"t.email": EMAIL, "u.x": PLAIN}, [edge("t.email", "u.x", "replace")], None),
        ({"t.email": EMAIL}, [edge("t.email", "u.x", "pseudonymise")], "lineage.untagged"),
        ({"t.email": EMAIL}, [edge("t.email", "u.x", declared=False)], "lineage.untagged"),
        ({"t.n": PLAIN}, [edge("t.n", "u.x")], None),
        ({}, [edge("t.n", "u.x")], "lineage.unknown"),
        ({}, [], "lineage.unknown"),
    ],
)
def test_when_a_derived_column_is_a_gap(known: dict[str, str], edges: list[ColumnEdge], code: str | None) -> None:
    tags = {(k.split(".")[0], k.split(".")[1]): v for k, v in known.items()}
    gaps = lineage_gaps(tags, edges, [("u", "x")])
    assert [g.code for g in gaps] == ([code] if code else [])


def test_whoever_has_looked_is_not_asked_again() -> None:
    assert lineage_gaps({("t", "e"): EMAIL}, [edge("t.e", "u.x")], [("u", "x")], settled=[("u", "x")]) == []
