"""What a change of policies would newly do, from counts; and how it is shown."""

from __future__ import annotations

from datetime import date

import pytest

from delible.model.gate import Gates
from delible.plan.dataset import ColumnStep, plan_dataset
from delible.plan.detection_diff import DetectionChange, detection_change
from delible.plan.policy_diff import (
    Fate,
    PolicyDiff,
    changed_things,
    dataset_change,
    erasure_changes,
    retention_of,
    table_change,
)
from delible.report.policy_diff import markdown, text
from delible.store.policies import load_policies
from joined_recipe import people, policies
from policy_files import RETENTION, SOUND, TABLE, write_policies

CATEGORIES = {"id": "user.unique_id", "mail": "user.contact.email", "note": "user.content"}
STAYS, GOES = frozenset(), None
NOTE, BOTH = frozenset({"note"}), frozenset({"note", "mail"})


@pytest.mark.parametrize(
    ("law", "old", "new", "due", "kept", "due_by", "kept_by"),
    [
        ("nothing either way", STAYS, STAYS, 0, 0, set(), set()),
        ("newly deleted", STAYS, GOES, 7, 0, {"user.unique_id", "user.contact.email", "user.content"}, set()),
        ("newly kept", GOES, STAYS, 0, 7, set(), {"user.unique_id", "user.contact.email", "user.content"}),
        ("deleted under both", GOES, GOES, 0, 0, set(), set()),
        ("newly treated", STAYS, NOTE, 7, 0, {"user.content"}, set()),
        ("one more column", NOTE, BOTH, 7, 0, {"user.contact.email"}, set()),
        ("another column", frozenset({"mail"}), NOTE, 7, 7, {"user.content"}, {"user.contact.email"}),
        ("from treated to deleted", NOTE, GOES, 7, 0, {"user.unique_id", "user.contact.email"}, set()),
        ("from deleted to treated", GOES, NOTE, 0, 7, set(), {"user.unique_id", "user.contact.email"}),
        ("from all columns treated to deleted", frozenset(CATEGORIES), GOES, 7, 0, set(), set()),
    ],
)  # fmt: skip
def test_rows_newly_due_and_newly_kept(law, old, new, due, kept, due_by, kept_by):
    found = table_change("t", CATEGORIES, [Fate(old, new, 7)])
    assert (found.due, found.kept) == (due, kept)
    assert (set(found.due_by_category), set(found.kept_by_category)) == (due_by, kept_by)


def plan(**columns):
    steps = [
        ColumnStep(
            column=c, table="t", field=c, treatment=how.split(":")[0], to=how.partition(":")[2] or None, scope="x"
        )
        for c, how in columns.items()
    ]
    return type("Plan", (), {"columns": tuple(steps), "source": "t", "gates": Gates(), "quasi": ()})()


@pytest.mark.parametrize(
    ("law", "old", "new", "rows", "released", "by"),
    [
        ("a new dataset", None, plan(mail="keep"), (0, 5, 0), 5, {"user.contact.email": 5}),
        ("a dataset that goes", plan(mail="keep"), None, (5, 0, 0), 0, {}),
        ("more rows", plan(mail="mask"), plan(mail="mask"), (1, 2, 3), 2, {"user.contact.email": 2}),
        ("a new column", plan(mail="mask"), plan(mail="mask", note="mask"), (0, 0, 3), 3, {"user.content": 3}),
        ("a column opened", plan(mail="mask"), plan(mail="keep"), (0, 0, 3), 3, {"user.contact.email": 3}),
        ("a column closed", plan(mail="keep"), plan(mail="mask"), (0, 0, 3), 0, {}),
        ("another grain counts as opened", plan(mail="generalise:year"), plan(mail="generalise:day"), (0, 0, 3), 3,
         {"user.contact.email": 3}),
    ],
)  # fmt: skip
def test_rows_newly_released(law, old, new, rows, released, by):
    only_old, only_new, both = rows
    categories = {("t", column): category for column, category in CATEGORIES.items()}
    found = dataset_change("d", (old, new), categories, only_old=only_old, only_new=only_new, both=both)
    assert (found.released, found.withheld, found.released_by_category) == (released, only_old, by)


def test_categories_are_those_of_the_table_that_a_column_comes_from():
    """A column of a joined table may be called as one of the source, and leave under another name."""
    known = policies(
        **people(illness={"treatment": "keep", "name": "body_state"}, id={"treatment": "mask", "name": "x"})
    )
    made = plan_dataset(known, "set").plan
    categories = {(t, c): p.category for t, table in known.tables.items() for c, p in table.columns.items()}
    found = dataset_change("set", (None, made), categories, only_old=0, only_new=4, both=0)
    assert found.released_by_category == {
        "user.content.private": 4, "user.health_and_medical": 4, "user.unique_id": 4,
    }  # fmt: skip
    closed = plan_dataset(policies(**people(illness={"treatment": "mask", "name": "body_state"})), "set").plan
    opened = plan_dataset(policies(**people(illness={"treatment": "keep", "name": "body_state"})), "set").plan
    found = dataset_change("set", (closed, opened), categories, only_old=0, only_new=0, both=3)
    assert found.released_by_category == {"user.health_and_medical": 3}


GATED = {
    "quasi_identifiers": ["town", "born"],
    "k_anonymity": {"k": 5, "max_share": "1%"},
    "l_diversity": {"sensitive": "town", "l": 2},
    "uniqueness": {"max_unique": "1%", "max_risk": "20%"},
    "residual": {"allow": {"town": ["LOCATION"]}},
    "minimum": {"rows": 1_000, "per_label": 20},
    "drift": {"columns": "added", "rows": "20%"},
}


def gated(**gates):
    found = Gates.model_validate({k: v for k, v in (GATED | gates).items() if v is not None})
    steps = plan(town="keep", born="keep").columns
    return type("Plan", (), {"columns": steps, "gates": found, "quasi": found.quasi_identifiers})()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ()),
        ({"k_anonymity": {"k": 6, "max_share": 0}, "minimum": {"rows": 2_000, "per_label": 20, "subjects": 9}}, ()),
        ({"k_anonymity": {"k": 4, "max_share": "1%"}}, ("k_anonymity: 4, was at least 5",)),
        ({"k_anonymity": {"k": 5, "max_share": "2%"}}, ("k_anonymity max_share: 2%, was at most 1%",)),
        ({"k_anonymity": None}, ("k_anonymity: removed, was at least 5",)),
        ({"l_diversity": None}, ("l_diversity: removed, was at least 2",)),
        ({"l_diversity": {"sensitive": "born", "l": 2}}, ("l_diversity: of born instead of town",)),
        ({"uniqueness": {"max_unique": "1/100"}}, ("reidentification_risk: removed, was at most 20%",)),
        ({"residual": None}, ("residual: removed",)),
        ({"residual": {"confidence": 0.9}}, ("residual confidence: 0.9, was at least 0.99",)),
        ({"residual": {"allow": {"town": ["LOCATION"], "born": ["PERSON"]}}}, ("residual: PERSON allowed in born",)),
        ({"minimum": None}, ("rows: removed, was at least 1000", "rows_per_label: removed, was at least 20")),
        ({"drift": None}, ("columns_changed: any instead of added", "rows_changed: removed, was at most 20%")),
        ({"quasi_identifiers": ["town"]}, ("quasi_identifiers: without born",)),
        ({"quasi_identifiers": ["town"], "k_anonymity": None, "l_diversity": None, "uniqueness": None},
         ("k_anonymity: removed, was at least 5", "l_diversity: removed, was at least 2",
          "unique_share: removed, was at most 1%", "reidentification_risk: removed, was at most 20%")),
    ],
)  # fmt: skip
def test_gates_that_would_bound_less_cannot_be_undone(change, said):
    found = dataset_change("d", (gated(), gated(**change)), {}, only_old=0, only_new=0, both=0)
    assert found.loosened == said
    diff = PolicyDiff(old="a", new="b", things=("datasets/d: gates",), datasets=(found,))
    assert len(diff.irreversible) == len(said)
    for gate in said:
        assert f"gate     d: {gate}" in text(diff)
        assert gate in markdown(diff)
    assert dataset_change("d", (None, gated(**change)), {}, only_old=0, only_new=0, both=0).loosened == ()


def test_things_and_erasure_that_differ(tmp_path):
    old = load_policies(write_policies(tmp_path / "a" / "policies"))
    changed = {
        **SOUND,
        "retention/two_years.yaml": RETENTION.replace("P2Y", "P1Y"),
        "retention/more.yaml": RETENTION.replace("two_years", "more"),
        "tables/customers.yaml": TABLE + "erasure: {action: keep, reason: Law.}\n",
    }
    new = load_policies(write_policies(tmp_path / "b" / "policies", changed))
    assert changed_things(old, new) == (
        "tables/customers: erasure",
        "retention/more: added",
        "retention/two_years: keep",
    )
    assert changed_things(old, old) == ()
    [loosened] = erasure_changes(old, new)
    [tightened] = erasure_changes(new, old)
    assert (loosened.stricter, tightened.stricter) == (False, True)


def recognizer(name, more="", words="words: [Blue Heron]"):
    return f"recognizer: {name}\ndescription: x\ncategory: user.unique_id\n{words}\n{more}"


WORDS = {
    "detection/clubs.yaml": recognizer("clubs", words="dictionary: clubs.txt"),
    "detection/clubs.txt": "Canary One\n",
}


@pytest.mark.parametrize(
    ("law", "old", "new", "things", "changed"),
    [
        ("nothing", WORDS, WORDS, (), {}),
        ("another recognizer", {}, {"detection/badge.yaml": recognizer("badge")}, ("detection/badge: added",),
         {"recognizers_added": ("badge",)}),
        ("one less", {"detection/badge.yaml": recognizer("badge")}, {}, ("detection/badge: removed",),
         {"recognizers_removed": ("badge",)}),
        ("another threshold", {"detection/badge.yaml": recognizer("badge")},
         {"detection/badge.yaml": recognizer("badge", "threshold: 0.9")}, ("detection/badge: threshold",),
         {"recognizers_changed": ("badge",)}),
        ("other words", WORDS, WORDS | {"detection/clubs.txt": "Canary Two\n"}, ("detection/clubs.txt: words",),
         {"recognizers_changed": ("clubs",)}),
        ("other countries", {"controller.yaml": SOUND["controller.yaml"] + "national_identifiers: [DE, FR]\n"},
         {"controller.yaml": SOUND["controller.yaml"] + "national_identifiers: [FR, PL]\n"},
         ("controller: national_identifiers",), {"countries_added": ("PL",), "countries_removed": ("DE",)}),
        ("a country that brings a recognizer",
         {"detection/badge.yaml": recognizer("badge", "jurisdictions: [PL]"),
          "controller.yaml": SOUND["controller.yaml"] + "national_identifiers: [DE]\n"},
         {"detection/badge.yaml": recognizer("badge", "jurisdictions: [PL]"),
          "controller.yaml": SOUND["controller.yaml"] + "national_identifiers: [DE, PL]\n"},
         ("controller: national_identifiers",), {"recognizers_added": ("badge",), "countries_added": ("PL",)}),
    ],
)  # fmt: skip
def test_changes_of_detection_are_named(law, old, new, things, changed, tmp_path):
    sides = [
        load_policies(write_policies(tmp_path / name / "policies", SOUND | files))
        for name, files in (("a", old), ("b", new))
    ]
    assert changed_things(*sides) == things, law
    found = detection_change(*sides)
    assert found == DetectionChange(**changed)
    diff = PolicyDiff(old="a", new="b", things=things, detection=found)
    for name in {name for names in changed.values() for name in names}:
        for shown in (text(diff), markdown(diff)):
            assert any(name in line for line in shown.splitlines() if "recognizers" in line or "national" in line)
    assert "anary" not in text(diff) + markdown(diff) + diff.model_dump_json()


HOLD = "hold: h\nreason: x\nowner: x\ncategories: [user.contact]\nstarts: 2020-01-01\n"
MASKS = RETENTION + "action: treat_columns\ncolumns: {made_at: null}\n"


@pytest.mark.parametrize(
    ("law", "old", "new", "differs"),
    [
        ("nothing", {}, {}, False),
        ("a shorter period", {}, {"retention/two_years.yaml": RETENTION.replace("P2Y", "P1Y")}, True),
        ("a hold that stops the rule", {}, {"legal_holds/h.yaml": HOLD}, True),
        ("a hold on other columns", {"retention/two_years.yaml": MASKS},
         {"retention/two_years.yaml": MASKS, "legal_holds/h.yaml": HOLD}, False),
        ("a shorter period under a hold on other columns",
         {"retention/two_years.yaml": MASKS, "legal_holds/h.yaml": HOLD},
         {"retention/two_years.yaml": MASKS.replace("P2Y", "P1Y"), "legal_holds/h.yaml": HOLD}, True),
        ("a column that leaves the held category", {"legal_holds/h.yaml": HOLD},
         {"legal_holds/h.yaml": HOLD, "tables/customers.yaml": TABLE.replace("user.contact.email", "user.content")},
         True),
    ],
)  # fmt: skip
def test_what_retention_of_a_table_hangs_on(tmp_path, law, old, new, differs):
    one, other = (
        load_policies(write_policies(tmp_path / name / "policies", {**SOUND, **files}))
        for name, files in (("old", old), ("new", new))
    )
    day = date(2026, 11, 24)
    assert (retention_of(one, "customers", day) != retention_of(other, "customers", day)) == differs


def test_markdown_and_text_hold_no_markup_of_names():
    diff = PolicyDiff(
        old="a" * 64,
        new="b" * 64,
        things=("tables/x|y`: <script>",),
        tables=(table_change("t", CATEGORIES, [Fate(STAYS, GOES, 12_345)]),),
        missing=("u",),
    )
    shown = markdown(diff)
    assert "| `t` | 12,345 | 0 | `due user.contact.email 12,345" in shown
    assert "- 12,345 rows of 't' would newly be removed or changed" in shown
    assert "`tables/x/y': <script>`" in shown
    assert "Not counted, since the table is not there: `u`." in shown
    assert "table    t: 12,345 rows newly due, 0 newly kept" in text(diff)
    assert "Nothing changes." in markdown(PolicyDiff(old="a", new="a"))
