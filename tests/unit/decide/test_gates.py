"""Gates: what lets a release out, what stops it, and that what could not be measured stops it, too."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from delible.decide.gates import Before, Groups, Measured, judge
from delible.decide.tagging import ColumnFacts
from delible.model.gate import Gate, GateResult, Gates, share_of

GROUPS = Groups(rows=100, groups=20, smallest=3, unique=0, small=12, least=2, poor=7, risk=0.2)
FOUND = Measured(
    rows=1_000,
    subjects=400,
    splits={"train": 900, "test": 100},
    columns={"age": "int", "town": "string"},
    categories={"age": "user.demographic", "town": "user.contact.address.city", "note": "user.content"},
    kept=("age", "town", "note"),
    quasi=("age", "town"),
    label="town",
    labels=(9, 4),
    groups=GROUPS,
)
BEFORE = Before(version=4, rows=800, subjects=400, columns={"age": "int", "town": "string"})


def text(hits: dict[str, int], *, rows: int = 1_000, **more: Any) -> ColumnFacts:
    """Return a column of values in which these types were found, one value a row."""
    return ColumnFacts("note", "string", values=rows, complete=True, hits=hits, row_hits=hits, rows=rows, **more)


def measured(gates: dict[str, Any], found: Measured = FOUND) -> list[tuple[Gate, str | None, bool]]:
    return [(g.gate, g.measured, g.passed) for g in judge(Gates.model_validate(gates), found)]


@pytest.mark.parametrize(
    ("rule", "gates", "found", "expected"),
    [
        ("k people behind the smallest group", {"k_anonymity": 3}, FOUND, (Gate.K_ANONYMITY, "3", True)),
        ("one fewer stops", {"k_anonymity": 4}, FOUND, (Gate.K_ANONYMITY, "3", False)),
        (
            "a share may be smaller",
            {"k_anonymity": {"k": 5, "max_share": "12%"}},
            FOUND,
            (Gate.K_ANONYMITY_SHARE, "0.12", True),
        ),
        (
            "but no more than that",
            {"k_anonymity": {"k": 5, "max_share": 0.1}},
            FOUND,
            (Gate.K_ANONYMITY_SHARE, "0.12", False),
        ),
        ("no group was counted", {"k_anonymity": 2}, replace(FOUND, groups=None), (Gate.K_ANONYMITY, None, False)),
        (
            "no row is no group",
            {"k_anonymity": 2},
            replace(FOUND, groups=replace(GROUPS, rows=0)),
            (Gate.K_ANONYMITY, None, False),
        ),
        ("l values", {"l_diversity": {"sensitive": "age", "l": 2}}, FOUND, (Gate.L_DIVERSITY, "2", True)),
        ("too few values", {"l_diversity": {"sensitive": "age", "l": 3}}, FOUND, (Gate.L_DIVERSITY, "2", False)),
        (
            "rows in groups with too few",
            {"l_diversity": {"sensitive": "age", "l": 3, "max_share": "6%"}},
            FOUND,
            (Gate.L_DIVERSITY_SHARE, "0.07", False),
        ),
        ("nobody is unique", {"uniqueness": {"max_unique": 0}}, FOUND, (Gate.UNIQUE_SHARE, "0", True)),
        ("the mean of all rows", {"uniqueness": {"max_risk": "1/5"}}, FOUND, (Gate.REIDENTIFICATION_RISK, "0.2", True)),
        ("a higher risk", {"uniqueness": {"max_risk": "19%"}}, FOUND, (Gate.REIDENTIFICATION_RISK, "0.2", False)),
        (
            "ten people, each alone with a thousand rows",
            {"uniqueness": {"max_risk": "1%"}},
            replace(FOUND, groups=Groups(rows=10_000, groups=10, smallest=1, unique=10_000, risk=1.0)),
            (Gate.REIDENTIFICATION_RISK, "1", False),
        ),
        (
            "groups of seven, in floats",
            {"uniqueness": {"max_risk": "1/7"}},
            replace(FOUND, groups=replace(GROUPS, risk=sum(3 / 7 for _ in range(33)) / 99)),
            (Gate.REIDENTIFICATION_RISK, "0.142857", True),
        ),
        (
            "a risk that nobody counted",
            {"uniqueness": {"max_risk": 1}},
            replace(FOUND, groups=replace(GROUPS, risk=None)),
            (Gate.REIDENTIFICATION_RISK, None, False),
        ),
        ("rows", {"minimum": {"rows": 1_001}}, FOUND, (Gate.ROWS, "1000", False)),
        ("subjects", {"minimum": {"subjects": 400}}, FOUND, (Gate.SUBJECTS, "400", True)),
        ("rows of the rarest label", {"minimum": {"per_label": 10}}, FOUND, (Gate.ROWS_PER_LABEL, "9", False)),
        (
            "without a label",
            {"minimum": {"per_label": 1}},
            replace(FOUND, labels=None),
            (Gate.ROWS_PER_LABEL, None, False),
        ),
        ("a first version has none before", {"drift": {}}, FOUND, (Gate.COLUMNS_CHANGED, "0", True)),
        ("the same columns", {"drift": {}}, replace(FOUND, before=BEFORE), (Gate.COLUMNS_CHANGED, "0", True)),
        (
            "another type",
            {"drift": {}},
            replace(FOUND, before=replace(BEFORE, columns={"age": "string", "town": "string"})),
            (Gate.COLUMNS_CHANGED, "1", False),
        ),
        (
            "a new column",
            {"drift": {}},
            replace(FOUND, before=replace(BEFORE, columns={"age": "int"})),
            (Gate.COLUMNS_CHANGED, "1", False),
        ),
        (
            "a new column where they may come",
            {"drift": {"columns": "added"}},
            replace(FOUND, before=replace(BEFORE, columns={"age": "int"})),
            (Gate.COLUMNS_CHANGED, "0", True),
        ),
        (
            "a column is gone",
            {"drift": {"columns": "added"}},
            replace(FOUND, before=replace(BEFORE, columns={**FOUND.columns, "sex": "string"})),
            (Gate.COLUMNS_CHANGED, "1", False),
        ),
        (
            "the columns before are not known",
            {"drift": {}},
            replace(FOUND, before=replace(BEFORE, columns=None)),
            (Gate.COLUMNS_CHANGED, None, False),
        ),
        (
            "a quarter more rows",
            {"drift": {"columns": "any", "rows": "25%"}},
            replace(FOUND, before=BEFORE),
            (Gate.ROWS_CHANGED, "0.25", True),
        ),
        (
            "rows out of none",
            {"drift": {"columns": "any", "rows": 1}},
            replace(FOUND, before=replace(BEFORE, rows=0)),
            (Gate.ROWS_CHANGED, None, False),
        ),
        ("nothing was read again", {"residual": {}}, FOUND, (Gate.RESIDUAL, None, False)),
        ("no column to read again", {"residual": {}}, replace(FOUND, facts=[]), (Gate.RESIDUAL, "0", True)),
        ("no residue", {"residual": {}}, replace(FOUND, facts=[text({})]), (Gate.RESIDUAL, "0", True)),
        (
            "residue",
            {"residual": {}},
            replace(FOUND, facts=[text({"EMAIL_ADDRESS": 2})]),
            (Gate.RESIDUAL, "0.002", False),
        ),
        (
            "residue below the bound",
            {"residual": {"max_share": "1/500"}},
            replace(FOUND, facts=[text({"EMAIL_ADDRESS": 2})]),
            (Gate.RESIDUAL, "0.002", True),
        ),
        (
            "what the recipe lets through",
            {"residual": {"allow": {"note": ["EMAIL_ADDRESS"]}}},
            replace(FOUND, facts=[text({"EMAIL_ADDRESS": 2})]),
            (Gate.RESIDUAL, "0", True),
        ),
        (
            "what the policies say the column holds",
            {"residual": {}},
            replace(FOUND, facts=[text({"EMAIL_ADDRESS": 999})], categories={"note": "user.contact"}),
            (Gate.RESIDUAL, "0", True),
        ),
        (
            "not where that was to be taken out",
            {"residual": {}},
            replace(
                FOUND, facts=[text({"EMAIL_ADDRESS": 9})], categories={"note": "user.contact.email"}, kept=("age",)
            ),
            (Gate.RESIDUAL, "0.009", False),
        ),
        (
            "nor by a type that stands for more than the column holds",
            {"residual": {}},
            replace(
                FOUND,
                facts=[text({"BADGE": 9}, categories={"BADGE": "user"})],
                categories={"note": "user.contact.email"},
            ),
            (Gate.RESIDUAL, "0.009", False),
        ),
        (
            "and nothing else",
            {"residual": {}},
            replace(FOUND, facts=[text({"US_SSN": 9})], categories={"note": "user.contact.email"}),
            (Gate.RESIDUAL, "0.009", False),
        ),
        (
            "a value that was not read to its end",
            {"residual": {}},
            replace(FOUND, facts=[text({}, cut=1)]),
            (Gate.RESIDUAL, None, False),
        ),
        (
            "texts in which nobody looked for names",
            {"residual": {}},
            replace(FOUND, facts=[text({}, shapes={"unread_text": 1})]),
            (Gate.RESIDUAL, None, False),
        ),
    ],
)
def test_a_gate(rule: str, gates: dict[str, Any], found: Measured, expected: tuple[Gate, str | None, bool]) -> None:
    assert measured(gates, found) == [expected], rule


def test_every_split_that_is_cut_has_enough_rows() -> None:
    assert measured({"minimum": {"per_split": 101}}) == [
        (Gate.ROWS_PER_SPLIT, "900", True),
        (Gate.ROWS_PER_SPLIT, "100", False),
    ]
    (nothing,) = measured({"minimum": {"per_split": 1}}, replace(FOUND, splits={"validation": 0}))
    assert nothing == (Gate.ROWS_PER_SPLIT, "0", False)


def test_a_draw_without_a_hit_says_what_it_may_have_missed() -> None:
    drawn = replace(FOUND, rows=1_000_000, facts=[text({}, rows=46_000)], drawn=0.0046)
    ((_, share, passed),) = measured({"residual": {"max_share": "1/1000"}}, drawn)
    assert passed
    assert 0.0009 < float(str(share)) <= 0.001
    ((_, _, passed),) = measured({"residual": {"max_share": "1/2000"}}, drawn)
    assert not passed, "half as many rows were drawn as that asks for"
    ((_, share, passed),) = measured({"residual": {}}, replace(drawn, facts=[text({"EMAIL_ADDRESS": 46}, rows=46_000)]))
    assert not passed
    assert float(str(share)) > 0.001, "the upper limit, and not the share of the draw"


def test_columns_that_are_all_clean_are_told_together_and_one_that_is_not_by_name() -> None:
    def about(*hits: dict[str, int]) -> list[str]:
        facts = [replace(text(each), column=f"c{n}") for n, each in enumerate(hits)]
        gates = Gates.model_validate({"residual": {"max_share": "1/100"}})
        return [g.about for g in judge(gates, replace(FOUND, facts=facts))]

    assert about({}, {}, {}) == ["all 3 columns"]
    assert about({}, {"EMAIL_ADDRESS": 1}) == ["c1"], "it passes, and speaks for the others"
    assert about({}) == ["c0"]


@given(
    rows=st.integers(0, 500),
    groups=st.integers(0, 500),
    smallest=st.integers(0, 20),
    k=st.integers(2, 20),
    small=st.integers(0, 500),
)
def test_a_release_passes_k_only_with_groups_that_large(
    rows: int, groups: int, smallest: int, k: int, small: int
) -> None:
    found = replace(FOUND, groups=Groups(rows, groups, smallest, 0, min(small, rows), 1, 0))
    ((_, _, passed),) = measured({"k_anonymity": k}, found)
    assert passed == (rows > 0 and smallest >= k)
    ((_, _, passed),) = measured({"k_anonymity": {"k": k, "max_share": "1/10"}}, found)
    assert passed == (rows > 0 and min(small, rows) * 10 <= rows)


def test_no_gate_is_no_bound() -> None:
    assert measured({}) == []


@pytest.mark.parametrize(
    "gates",
    [
        {"k_anonymity": 1},
        {"k_anonymity": {"k": 5, "max_share": 1.5}},
        {"k_anonymity": {"k": 5, "max_share": "1/0"}},
        {"k_anonymity": {"k": 5, "max_share": "-1"}},
        {"uniqueness": {}},
        {"residual": {"max_share": 0}},
        {"residual": {"confidence": 1}},
        {"minimum": {"rows": 0}},
        {"drift": {"columns": "none"}},
        {"kanonymity": 5},
    ],
)
def test_gates_that_bound_nothing_are_refused(gates: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Gates.model_validate(gates)


@pytest.mark.parametrize(
    ("written", "share"),
    [
        (0.05, Fraction(1, 20)),
        ("5%", Fraction(1, 20)),
        ("1/20", Fraction(1, 20)),
        (1e-05, Fraction(1, 100_000)),
        (0, 0),
    ],
)
def test_a_share_is_kept_as_it_was_written(written: object, share: Fraction) -> None:
    gates = Gates.model_validate({"k_anonymity": {"k": 2, "max_share": written}})
    assert gates.k_anonymity is not None
    assert share_of(gates.k_anonymity.max_share) == share


def test_json_has_numbers_and_the_line_says_them() -> None:
    found = judge(Gates.model_validate({"k_anonymity": 4, "uniqueness": {"max_risk": "1/20"}}), FOUND)
    first, second = (g.as_json() for g in found)
    assert (first["measured"], first["bound"], first["passed"]) == (3, 4, False)
    assert (second["measured"], second["bound"]) == (0.2, 0.05)
    assert found[0].words() == "k_anonymity (age + town): measured 3, at least 4"
    none = GateResult(gate=Gate.ROWS, measured=None, rule="at least", bound="4", passed=False)
    assert none.words() == "rows: could not be measured, at least 4"
    assert none.as_json()["measured"] is None
