"""Corrections: what may be corrected, what a type takes, which columns follow, how an old value is proven gone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.rectification import (
    ColumnFacts,
    Follower,
    HeldValue,
    chained,
    followers,
    proof_of,
    refusals,
    resolve,
    same,
    typed,
    unfit,
)
from delible.decide.references import structure
from delible.model.policy import Controller, PolicySet, TablePolicy
from delible.model.rectification import Change, Correction, changes_of, corrections_of
from delible.model.subject import KeyRole, KeyRow, own_keys

CONTROLLER = Controller.model_validate(
    {
        "controller": "Shop",
        "contact": "x@shop.example",
        "subject": "customer_id",
        "identifiers": {"customer_id": {"distinctive": False}, "email": {"normalise": "lower"}},
    }
)


def table(name: str, subject: list[dict[str, str]], columns: dict[str, object], **more: object) -> TablePolicy:
    given = {"table": name, "path": name, "description": name, "subject": subject, "columns": columns, **more}
    return TablePolicy.model_validate(given)


BY_ID = {"column": "customer_id", "identifies": "customer_id"}
BY_MAIL = {"column": "email", "identifies": "email"}
ID, MAIL, CITY = "user.unique_id", "user.contact.email", "user.contact.address.city"


def tables() -> dict[str, TablePolicy]:
    made = [
        table("customers", [BY_ID, BY_MAIL], {"customer_id": ID, "email": MAIL, "city": CITY, "a.b": CITY}),
        table("cards", [{"column": "card_id", "through": "owners", "matches": "card_id"}], {"card_id": ID, "no": ID}),
        table("owners", [BY_ID], {"customer_id": ID, "card_id": ID}),
        table("letters", [BY_ID, {"column": "to", "identifies": "customer_id"}], {"customer_id": ID, "text": ID}),
        table("news", [BY_MAIL], {"email": MAIL, "city": CITY}),
        table("profiles", [BY_ID], {"customer_id": ID, "town": CITY, "mail": MAIL}, upstream=["customers"]),
        table(
            "maps",
            [BY_ID],
            {"customer_id": ID, "x": {"category": "user.location", "copy_of": "customers.city"}, "home": CITY},
            upstream=["profiles"],
        ),
        table("sums", [], {"city": CITY}, upstream=["customers"], no_subject="Sums."),
        table("scores", [BY_ID], {"customer_id": ID, "score": "user.demographic.profile"}, upstream=["customers"]),
    ]
    return {t.table: t for t in made}


POLICIES = PolicySet(controller=CONTROLLER, tables=tables())


@pytest.mark.parametrize(
    ("rule", "correction", "code"),
    [
        ("a column of one's own", Correction("customers", "city", "Lyon"), None),
        ("an identifier change", Correction("customers", "email", "a@x.example"), None),
        ("the subject key", Correction("customers", "customer_id", "5"), "rectification.key"),
        ("a key on a path", Correction("cards", "card_id", "5"), "rectification.key"),
        ("what a path points to", Correction("owners", "card_id", "5"), "rectification.key"),
        ("beside a path", Correction("cards", "no", "5"), None),
        ("no such table", Correction("nothing", "city", "5"), "rectification.table"),
        ("a gap", Correction("customers", "shoe_size", "5"), "rectification.column"),
        ("a part of a nested column", Correction("customers", "a.b", "5"), "rectification.column"),
        ("two owners", Correction("letters", "text", "5"), "rectification.owner"),
        ("about nobody", Correction("sums", "city", "5"), "rectification.owner"),
        ("an identifier emptied", Correction("customers", "email", None), "rectification.identifier"),
        ("an identifier of blanks", Correction("customers", "email", "  "), "rectification.identifier"),
    ],
)
def test_what_may_be_corrected(rule: str, correction: Correction, code: str | None) -> None:
    found = list(refusals(POLICIES, [correction], "here"))
    assert [p.code for p in found] == ([code] if code else []), rule
    assert not any("x.example" in p.message for p in found)


@pytest.mark.parametrize(
    ("kind", "given_", "expected"),
    [
        ("string", " Ann ", " Ann "),
        ("int", " 42 ", "42"),
        ("int", "+042", "42"),
        ("int", "2147483648", None),
        ("tinyint", "-128", "-128"),
        ("tinyint", "128", None),
        ("bigint", "1e3", None),
        ("bigint", "٣", "3"),
        ("boolean", "TRUE", "true"),
        ("boolean", "1", None),
        ("double", "1.5", "1.5"),
        ("double", "nan", None),
        ("float", "x", None),
        ("decimal(10,2)", "12.50", "12.50"),
        ("decimal(10,2)", "12.505", None),
        ("decimal(4,2)", "100", None),
        ("decimal(4,2)", "99.99", "99.99"),
        ("decimal(4,2)", "1e999999999", None),
        ("date", "1990-02-29", None),
        ("date", "1992-02-29", "1992-02-29"),
        ("timestamp", "2026-01-31T09:00:00+01:00", "2026-01-31 08:00:00+00:00"),
        ("timestamp", "2026-01-31", "2026-01-31 00:00:00+00:00"),
        ("timestamp_ntz", "2026-01-31T09:00:00", "2026-01-31 09:00:00"),
        ("timestamp_ntz", "2026-01-31T09:00:00+01:00", None),
        ("struct<a:string>", "x", None),
        ("binary", "x", None),
    ],
)
def test_what_a_type_takes(kind: str, given_: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match=r"value is no|cannot be corrected") as error:
            typed(given_, kind)
        assert given_ not in str(error.value) or len(given_) == 1
    else:
        assert typed(given_, kind) == expected
        assert same(given_ if kind == "string" else expected, expected, kind)


@pytest.mark.parametrize(
    ("rule", "facts", "correction", "fits"),
    [
        ("plain", ColumnFacts("string"), Correction("t", "c", "x"), True),
        ("computed", ColumnFacts("string", computed=True), Correction("t", "c", "x"), False),
        ("in names of folders", ColumnFacts("string", partition=True), Correction("t", "c", "x"), False),
        ("never empty", ColumnFacts("string", nullable=False), Correction("t", "c", None), False),
        ("missing", None, Correction("t", "c", "x"), False),
        ("the wrong value must be one, too", ColumnFacts("date"), Correction("t", "c", "1990-01-01", "x", True), False),
    ],
)
def test_what_fits_a_column(rule: str, facts: ColumnFacts | None, correction: Correction, fits: bool) -> None:
    assert (unfit(correction, facts) is None) is fits, rule


def test_an_identifier_changes_wherever_its_kind_stands() -> None:
    found, rebuild = followers(POLICIES, Correction("customers", "email", "new@x.example"))
    assert set(found) == {Follower("news", "email", "email"), Follower("profiles", "mail")}
    assert set(rebuild) == {"maps", "scores", "sums"}


def test_derived_columns_follow_by_declaration_or_category() -> None:
    found, rebuild = followers(POLICIES, Correction("customers", "city", "Lyon"))
    assert set(found) == {Follower("profiles", "town"), Follower("maps", "x")}
    assert set(rebuild) == {"scores", "sums"}


@pytest.mark.parametrize(
    ("copied", "broken"),
    [("customers.city", False), ("profiles.town", False), ("customers.town", True), ("news.city", True)],
)
def test_copies_are_of_columns_upstream(copied: str, broken: bool) -> None:
    column = {"category": "user.location", "copy_of": copied}
    maps = table("maps", [BY_ID], {"customer_id": ID, "x": column}, upstream=["profiles"])
    policies = POLICIES.model_copy(update={"tables": {**POLICIES.tables, "maps": maps}})
    assert [f.code for f in structure(policies)] == (["policy.copy_of"] if broken else [])


def test_tables_beside_the_corrected_one_do_not_follow() -> None:
    assert followers(POLICIES, Correction("news", "city", "Lyon")) == ((), {})


def held(*values: str | None) -> list[HeldValue]:
    return [HeldValue("R", "customers", "city", v, 1) for v in values]


@pytest.mark.parametrize(
    ("rule", "correction", "values", "olds", "refused"),
    [
        ("one value", Correction("customers", "city", "Lyon"), ["Paris"], {"Paris"}, False),
        ("right already", Correction("customers", "city", "Lyon"), ["Lyon"], set(), False),
        ("an empty column", Correction("customers", "city", "Lyon"), [None], {None}, False),
        ("several values are asked about", Correction("customers", "city", "Lyon"), ["Paris", "Nice"], set(), True),
        ("half corrected is asked about", Correction("customers", "city", "Lyon"), ["Paris", "Lyon"], set(), True),
        ("named", Correction("customers", "city", "Lyon", "Paris", True), ["Paris", "Nice"], {"Paris"}, False),
        ("named, and not there", Correction("customers", "city", "Lyon", "Rome", True), ["Paris"], set(), True),
        ("named, and right already", Correction("customers", "city", "Lyon", "Rome", True), ["Lyon"], set(), False),
        ("no row", Correction("customers", "city", "Lyon"), [], set(), True),
    ],
)
def test_what_a_correction_means(
    rule: str, correction: Correction, values: list[str | None], olds: set[str | None], refused: bool
) -> None:
    changes, why_not = resolve(correction, "R", held(*values), ColumnFacts("string"))
    assert {c.old for c in changes} == olds, rule
    assert (why_not is not None) is refused, rule


@pytest.mark.parametrize(
    ("rule", "old", "new", "kind", "elsewhere", "in_column", "proof"),
    [
        ("telling", "ann@x.example", "ann@y.example", "string", False, False, "bytes"),
        ("others have it", "Paris", "Lyon", "string", True, True, "rows"),
        ("in other columns only", "Paris", "Lyon", "string", True, False, "column"),
        ("too short", "Bonn", "Lyon", "string", False, False, "column"),
        ("a part of the new one", "Main Road 5", "Main Road 5, Flat 2", "string", False, False, "column"),
        ("nothing but its case", "ann@x.example", "Ann@x.example", "string", False, False, "rows"),
        ("a number", "4711", "4712", "bigint", False, False, "column"),
        ("a date", "1990-01-01", "1990-01-02", "date", False, False, "rows"),
        ("nothing stood there", None, "x", "string", False, False, "rows"),
    ],
)
def test_how_an_old_value_is_proven_gone(
    rule: str, old: str | None, new: str, kind: str, elsewhere: bool, in_column: bool, proof: str
) -> None:
    change = Change("R", "customers", "city", old, new)
    assert proof_of(change, ColumnFacts(kind), elsewhere=elsewhere, in_column=in_column) == proof, rule


@pytest.mark.parametrize(
    ("pairs", "refused"),
    [
        ([("a", "b")], False),
        ([("a", "c"), ("b", "c")], False),
        ([("a", "b"), ("b", "a")], True),
        ([("a", "b"), ("b", "c")], True),
        ([("a", "b"), ("a", "c")], True),
    ],
)
def test_a_second_run_would_change_nothing_again(pairs: list[tuple[str, str]], refused: bool) -> None:
    assert chained([Change("R", "t", "c", old, new) for old, new in pairs], "string") is refused


VALUES = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)


@given(st.dictionaries(VALUES, VALUES, max_size=4))
def test_law_changes_that_are_not_chained_are_idempotent(pairs: dict[str | None, str | None]) -> None:
    changes = [Change("R", "t", "c", old, new) for old, new in pairs.items() if old != new]
    if not chained(changes, "string"):
        once = {old: pairs.get(old, old) for old in pairs}
        assert all(pairs.get(new, new) == new for new in once.values())


@given(VALUES, VALUES, st.booleans())
def test_what_is_kept_encrypted_comes_back_as_it_was(new: str | None, old: str | None, named: bool) -> None:
    correction = Correction("customers", "city", new, old, named)
    row = KeyRow("R", correction.kind, correction.sealable(), KeyRole.CORRECTION)
    assert corrections_of([row]) == {"R": [correction]}
    change = Change("R", "customers", "city", old, new, asked=named, proof="bytes")
    assert changes_of([change.key()]) == [change]
    assert own_keys([row, change.key()]) == []


def test_values_show_in_no_representation() -> None:
    shown = repr(Correction("t", "c", "secret", "hidden", True)) + repr(Change("R", "t", "c", "hidden", "secret"))
    assert "secret" not in shown
    assert "hidden" not in shown
