"""Legal holds by table, category and person (Art. 17(3)(e)): what they stop, and that a longer one stops no less."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.holds import (
    covered_columns,
    covers,
    free_rules,
    held_changes,
    held_tables,
    hold_on,
    hold_on_rule,
    stopping,
    touching,
)
from delible.decide.policy import check
from delible.model.policy import PolicySet
from delible.model.record import SubjectHold
from delible.model.subject import SubjectRef

TODAY = date(2026, 11, 24)
TREAT = {"action": "treat_columns", "columns": {"email": None}, "reason": "Statistics."}
KEEP = {"action": "keep", "reason": "Law."}


def policies(hold: dict[str, Any] | None = None, **retention: Any) -> PolicySet:
    subject = [{"column": "email", "identifies": "email"}]
    columns = {"email": "user.contact.email", "iban": "user.financial.bank_account", "seen": "user.behavior"}
    tables = {
        "bills": {"columns": columns},
        "visits": {"columns": {c: columns[c] for c in ("email", "seen")}},
        "ledger": {"columns": columns, "erasure": TREAT},
        "archive": {"columns": columns, "erasure": KEEP},
    }
    common = {"description": "d", "subject": subject}
    holds = {"h": {"hold": "h", "reason": "r", "owner": "o", "starts": "2026-01-01", **hold}} if hold else {}
    rule = {"retention": "r", "table": "bills", "clock": "seen", "keep": "P1Y", "reason": "r"} | retention
    return PolicySet.model_validate(
        {
            "controller": {"controller": "S", "contact": "c", "subject": "email", "identifiers": {"email": {}}},
            "tables": {n: {"table": n, "path": f"w/{n}", **common, **own} for n, own in tables.items()},
            "retention": {"r": rule},
            "legal_holds": holds,
        }
    )


HELD: dict[str, Any] = {
    "a table": ({"tables": ["visits"]}, {"visits"}, {"visits"}),
    "a category in all tables": ({"categories": ["user.financial"]}, {"bills", "ledger", "archive"}, {"bills"}),
    "what is below it": ({"categories": ["user.contact"]}, {"bills", "visits", "ledger", "archive"},
                         {"bills", "visits", "ledger"}),
    "a category in some tables": ({"tables": ["visits", "bills"], "categories": ["user.financial"]}, {"bills"},
                                  {"bills"}),
    "a category that no table has": ({"categories": ["user.biometric"]}, set(), set()),
    "over since yesterday": ({"tables": ["visits"], "ends": "2026-11-23"}, set(), set()),
    "today is its last day": ({"tables": ["visits"], "ends": "2026-11-24"}, {"visits"}, {"visits"}),
}  # fmt: skip


@pytest.mark.parametrize(("hold", "covered", "stopped"), HELD.values(), ids=HELD)
def test_art_17_3_e_which_tables_a_hold_covers_and_in_which_it_stops_an_erasure(hold, covered, stopped) -> None:
    assert held_tables(policies(hold), TODAY) == dict.fromkeys(covered, "h")
    assert held_tables(policies(hold), TODAY, erasing=True) == dict.fromkeys(stopped, "h")


RULES: dict[str, Any] = {
    "deleting rows that hold the category": ({}, "h"),
    "treating the category's columns": ({"action": "treat_columns", "columns": {"iban": None}}, "h"),
    "treating other columns": ({"action": "treat_columns", "columns": {"email": None}}, None),
    "deleting rows without it": ({"table": "visits"}, None),
}


@pytest.mark.parametrize(("rule", "hold"), RULES.values(), ids=RULES)
def test_a_hold_on_a_category_stops_what_would_change_it(rule, hold) -> None:
    of = policies({"categories": ["user.financial"]}, **rule)
    assert hold_on_rule(of, of.retention["r"], TODAY) == hold


@pytest.mark.parametrize(("rule", "hold"), RULES.values(), ids=RULES)
def test_a_rule_is_free_unless_a_hold_stops_it(rule, hold) -> None:
    of = policies({"categories": ["user.financial"]}, **rule)
    table = rule.get("table", "bills")
    assert [r.retention for r in free_rules(of, table, TODAY)] == ([] if hold else ["r"])
    assert free_rules(of, "ledger", TODAY) == ()
    assert [r.retention for r in free_rules(policies(**rule), table, TODAY)] == ["r"]


def person(*categories: str, released: datetime | None = None) -> SubjectHold:
    placed = datetime(2026, 1, 1, tzinfo=UTC)
    refs = (SubjectRef("v1.a"),)
    return SubjectHold(
        id="H", refs=refs, categories=categories, reason="r", owner="o", placed=placed, released=released
    )


@pytest.mark.parametrize(
    ("hold", "stops"),
    [(person(), True), (person("user.financial"), True), (person("user.biometric"), False)],
    ids=["everything", "a category that an erasure would take", "one that it would not"],
)
def test_a_hold_on_a_person_stops_their_erasure_where_it_covers_something(hold: SubjectHold, stops: bool) -> None:
    assert (stopping([hold], policies()) == [hold]) is stops


CHANGES: dict[str, Any] = {
    "what an erasure would keep": ({"categories": ["user.financial"]}, {"archive": {"iban"}}, {"archive"}),
    "a column that an erasure would not treat": ({"categories": ["user.financial"]}, {"ledger": {"iban"}}, {"ledger"}),
    "another column of the row": ({"categories": ["user.financial"]}, {"bills": {"seen"}}, set()),
    "a table": ({"tables": ["visits"]}, {"visits": {"seen"}, "bills": {"seen"}}, {"visits"}),
    "over since yesterday": ({"tables": ["visits"], "ends": "2026-11-23"}, {"visits": {"seen"}}, set()),
}


@pytest.mark.parametrize(("hold", "changed", "stopped"), CHANGES.values(), ids=CHANGES)
def test_art_17_3_e_which_corrections_a_hold_stops(hold, changed, stopped) -> None:
    assert held_changes(policies(hold), changed, TODAY) == dict.fromkeys(stopped, "h")


@pytest.mark.parametrize(
    ("hold", "changed", "stops"),
    [
        (person(), {"visits": {"seen"}}, True),
        (person("user.financial"), {"archive": {"iban"}}, True),
        (person("user.financial"), {"bills": {"seen"}}, False),
        (person("user.financial"), {"bills": {"email"}}, True),
        (person("user.financial"), {"gone": {"iban"}}, False),
    ],
    ids=["everything", "where an erasure would keep it", "another column", "what the person is found by", "no table"],
)
def test_a_hold_on_a_person_stops_corrections_of_what_it_covers(hold: SubjectHold, changed, stops: bool) -> None:
    assert (touching([hold], policies(), changed) == [hold]) is stops


def test_which_tables_a_hold_on_a_persons_category_covers() -> None:
    tables = policies().tables
    assert [n for n, t in tables.items() if covers(("user.financial",), t)] == ["bills", "ledger", "archive"]
    assert all(covers((), t) for t in tables.values())
    assert not covers(("user.financial",), tables["bills"], ("email",))
    assert covered_columns(("user.contact", "user.financial"), tables["bills"]) == {"email", "iban"}


def test_a_released_hold_stands_in_nobodys_way() -> None:
    assert hold_on([SubjectRef("v1.a")], [person(released=datetime(2026, 2, 1, tzinfo=UTC))]) is None


@given(
    ends=st.dates(date(2026, 1, 1), date(2027, 1, 1)),
    longer=st.timedeltas(timedelta(0), timedelta(days=400)),
    today=st.dates(date(2026, 1, 1), date(2028, 1, 1)),
    categories=st.sampled_from([[], ["user.financial"], ["user.contact"]]),
)
def test_a_longer_hold_never_makes_anything_erasable_earlier(ends, longer, today, categories) -> None:
    hold = {"tables": ["bills", "visits"], "categories": categories}
    short, long = policies(hold | {"ends": ends}), policies(hold | {"ends": ends + longer})
    for erasing in (False, True):
        assert held_tables(short, today, erasing=erasing).keys() <= held_tables(long, today, erasing=erasing).keys()
    rule = short.retention["r"]
    assert hold_on_rule(short, rule, today) is None or hold_on_rule(long, rule, today) is not None


def test_policy_check_names_a_category_that_covers_nothing() -> None:
    found = check(policies({"categories": ["user.financial", "user.biometric"]}))
    assert [f.path for f in found.gaps if f.code == "policy.hold_category"] == [("legal_holds", "h", "categories", 1)]
