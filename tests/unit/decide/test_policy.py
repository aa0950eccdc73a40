"""Cross-checks of a policy set: each gap and violation, one row per rule."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delible.decide.policy import check, location_key
from delible.decide.references import cycles, reaching, structure
from delible.model.dataset import DatasetRecipe
from delible.model.policy import Controller, ErasureRule, PolicySet, Purpose, Reach, Recipient, TablePolicy
from delible.model.retention import LegalHold, RetentionRule
from delible.model.subject import IdentifierKind
from delible.model.terms import LegalBasis

CONTROLLER = Controller(
    controller="Test & Co",
    contact="x@test.example",
    subject="id",
    identifiers={"id": IdentifierKind(distinctive=False)},
)
DIRECT = (Reach(column="id", identifies="id"),)
TEXT = {"category": "user.content.private", "free_text": True}
NESTED = {
    "subject": (Reach(column="who.id", identifies="id"),),
    "columns": {
        "who.id": "user.unique_id",
        "who.name": {"category": "user.name", "searched": True},
        "at": "user.account",
    },
    "erasure": ErasureRule(
        action="treat_columns", columns={"who.id": "pseudonymise", "who.name": "null"}, reason="Law."
    ),
}


def table(name: str, **changes) -> TablePolicy:
    given = {
        "table": name,
        "path": f"warehouse/{name}",
        "description": name,
        "purposes": ("support",),
        "subject": DIRECT,
        "columns": {"id": "user.unique_id", "note": "system.operations", "at": "user.account"},
        **changes,
    }
    return TablePolicy.model_validate(given)


def rule(name: str, **changes) -> RetentionRule:
    given = {"retention": f"{name}_rule", "table": name, "clock": "at", "keep": "P1Y", "reason": "Law.", **changes}
    return RetentionRule.model_validate(given)


def hold(**changes) -> LegalHold:
    given = {"hold": "h", "reason": "x", "owner": "x", "tables": ("a",), "starts": date(2026, 1, 2), **changes}
    return LegalHold.model_validate(given)


def recipe(**changes) -> DatasetRecipe:
    columns = {"id": "drop", "note": "keep", "at": "drop"}
    given = {"dataset": "d", "description": "d", "purpose": "training", "source": "a", "columns": columns, **changes}
    return DatasetRecipe.model_validate(given)


def hop(column: str, through: str, matches: str) -> Reach:
    return Reach(column=column, through=through, matches=matches)


def policy_set(*tables: TablePolicy, **others) -> PolicySet:
    tables = tables or (table("a"),)
    purposes = {
        "support": Purpose(purpose="support", description="x", legal_basis=LegalBasis.CONTRACT),
        "training": Purpose(purpose="training", description="x", legal_basis=LegalBasis.CONSENT),
    }
    rules = {f"{t.table}_rule": rule(t.table) for t in tables}
    given = {"purposes": purposes, "retention": rules, **others}
    return PolicySet(controller=CONTROLLER, tables={t.table: t for t in tables}, **given)


def codes(policies: PolicySet, **facts) -> list[tuple[str, str]]:
    result = check(policies, **facts)
    return [(str(f.severity), f.code) for f in (*result.gaps, *result.violations)]


def test_a_sound_set_has_no_finding():
    result = check(policy_set(datasets={"d": recipe()}))
    assert (result.gaps, result.violations) == ((), ())
    assert result.fingerprint == policy_set(datasets={"d": recipe()}).fingerprint


NO_BASIS = {"support": Purpose(purpose="support", description="x")}
TREATED = {"action": "treat_columns", "reason": "Tax."}


@pytest.mark.parametrize(
    ("law", "policies", "code", "path", "words"),
    [
        ("Art. 6: purpose without legal basis", policy_set(purposes=NO_BASIS), "policy.no_legal_basis",
         ("purposes", "support"), "consent, contract, legal_obligation"),
        ("unknown purpose of a table", policy_set(table("a", purposes=("suport",))), "policy.unknown_reference",
         ("tables", "a", "purposes", 0), "Did you mean 'support'"),
        ("unknown recipient of a table", policy_set(table("a", recipients=("post",))), "policy.unknown_reference",
         ("tables", "a", "recipients", 0), "None is described yet"),
        ("unknown upstream table", policy_set(table("a", upstream=("b",))), "policy.unknown_reference",
         ("tables", "a", "upstream", 0), "no table 'b'"),
        ("unknown identifier kind", policy_set(table("a", subject=(Reach(column="id", identifies="mail"), *DIRECT))),
         "policy.unknown_reference", ("tables", "a", "subject", 0, "identifies"), "no identifier kind 'mail'"),
        ("unknown hop", policy_set(table("a", subject=(hop("id", "b", "id"), *DIRECT))), "policy.unknown_reference",
         ("tables", "a", "subject", 0, "through"), "no table 'b'"),
        ("unknown column on a path", policy_set(table("a", subject=(Reach(column="idd", identifies="id"),))),
         "policy.unknown_column", ("tables", "a", "subject", 0, "column"), "Did you mean 'id'"),
        ("unknown column behind a hop", policy_set(table("a", subject=(hop("id", "b", "key"),)), table("b")),
         "policy.unknown_column", ("tables", "a", "subject", 0, "matches"), "table 'b' has no column 'key'"),
        ("unknown table of a retention rule", policy_set(retention={"a_rule": rule("a"), "x": rule("x")}),
         "policy.unknown_reference", ("retention", "x", "table"), "no table 'x'"),
        ("Art. 5(1)(e): unknown clock", policy_set(retention={"a_rule": rule("a", clock="made")}),
         "policy.clock_column", ("retention", "a_rule", "clock"), "no column of 'a'"),
        ("hold on an unknown table",
         policy_set(legal_holds={"h": hold(tables=("b",))}),
         "policy.unknown_reference", ("legal_holds", "h", "tables", 0), "no table 'b'"),
        ("hold that ends before it starts",
         policy_set(legal_holds={"h": hold(ends=date(2026, 1, 1))}),
         "policy.hold_period", ("legal_holds", "h", "ends"), "ends on 2026-01-01"),
        ("two tables in one folder", policy_set(table("a"), table("b", path="warehouse/./a/")), "policy.shared_path",
         ("tables", "b", "path"), "has the same path as 'a'"),
        ("a table inside another's folder", policy_set(table("a"), table("b", path="warehouse/a/b")),
         "policy.shared_path", ("tables", "b", "path"), "lies inside"),
        ("circle of derived tables", policy_set(table("a", upstream=("b",)), table("b", upstream=("a",))),
         "policy.upstream_cycle", ("tables", "a", "upstream"), "a → b → a"),
        ("Art. 17: treated column that is not there",
         policy_set(table("a", erasure={**TREATED, "columns": {"id": "null", "nota": "null"}})),
         "policy.unknown_column", ("tables", "a", "erasure", "columns", "nota"), "Did you mean 'note'"),
        ("Art. 17: key that stays", policy_set(table("a", erasure={**TREATED, "columns": {"note": "null"}})),
         "policy.leaves_identifying", ("tables", "a", "erasure", "columns"), "by 'id' (holds the id)"),
        ("dataset of an unknown table", policy_set(datasets={"d": recipe(source="b")}), "policy.unknown_reference",
         ("datasets", "d", "source"), "no table 'b'"),
        ("dataset for an unknown purpose", policy_set(datasets={"d": recipe(purpose="b")}), "policy.unknown_reference",
         ("datasets", "d", "purpose"), "no purpose 'b'"),
        ("dataset with an unknown column",
         policy_set(datasets={"d": recipe(columns={"id": "drop", "note": "keep", "at": "drop", "x": "keep"})}),
         "policy.unknown_column", ("datasets", "d", "columns", "x"), "no column 'x'"),
        ("Art. 7: consent without anybody to consent",
         policy_set(table("a", subject=(), no_subject="About goods."), datasets={"d": recipe()}),
         "policy.consent_without_subject", ("datasets", "d", "purpose"), "rests on consent"),
        ("Art. 5(1)(b): dataset for a purpose the table is not there for",
         policy_set(table("a", purposes=("training",)), datasets={"d": recipe(purpose="support")}),
         "policy.incompatible_purpose", ("datasets", "d", "purpose"), "not processed for 'support'"),
    ],
)  # fmt: skip
def test_violations(law, policies, code, path, words):
    result = check(policies)
    assert [(f.code, f.path) for f in result.violations] == [(code, path)]
    assert words in result.violations[0].message


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ({"category": "user.content.private", "free_text": True}, "free text"),
        ({"category": "user.account", "searched": True}, "its values tell one person from another"),
        ({"category": "user.contact.email"}, "e-mail address"),
        ({"category": "user.name.last"}, "family name"),
    ],
)
def test_article_17_what_stays_must_not_identify(column, why):
    columns = {"id": "user.unique_id", "at": "user.account", "x": column}
    erasure = {**TREATED, "columns": {"id": "pseudonymise"}}
    result = check(policy_set(table("a", columns=columns, erasure=erasure)))
    assert [f.code for f in result.violations] == ["policy.leaves_identifying"]
    assert f"by 'x' ({why})" in result.violations[0].message
    treated = {**TREATED, "columns": {"id": "pseudonymise", "x": "null"}}
    assert check(policy_set(table("a", columns=columns, erasure=treated))).violations == ()


def test_keep_is_an_exception_with_a_ground_and_no_violation():
    keep = ErasureRule.model_validate({"action": "keep", "reason": "Art. 17(3)(b)."})
    assert check(policy_set(table("a", erasure=keep))).violations == ()


def test_path_circle_and_the_subjects_behind_it():
    policies = policy_set(
        table("a", subject=(hop("id", "b", "id"),)),
        table("b", subject=(hop("id", "c", "id"),)),
        table("c", subject=(hop("id", "a", "id"),)),
        table("d", subject=(hop("id", "a", "id"),)),
    )
    result = check(policies)
    circles = [f for f in result.violations if f.code == "policy.path_cycle"]
    assert [f.message.split(": ")[1].split(".")[0] for f in circles] == ["a → b → c → a"]
    assert ("tables", "d", "subject", 0) in [
        f.path for f in result.violations if f.code == "policy.unreachable_subject"
    ]


def test_path_through_a_table_about_nobody_is_unreachable():
    goods = table("b", subject=(), no_subject="About goods.")
    result = check(policy_set(table("a", subject=(hop("id", "b", "id"),)), goods))
    assert [(f.code, f.path) for f in result.violations] == [
        ("policy.unreachable_subject", ("tables", "a", "subject", 0))
    ]


def test_two_hops_reach():
    policies = policy_set(
        table("a", subject=(hop("id", "b", "id"),)), table("b", subject=(hop("id", "c", "id"),)), table("c")
    )
    assert reaching(policies) == {"a", "b", "c"}
    assert check(policies).violations == ()


def test_unknown_recipient_of_a_purpose():
    purpose = Purpose(purpose="support", description="x", legal_basis=LegalBasis.CONTRACT, recipients=("pst",))
    post = Recipient(recipient="post", description="x", contact="x")
    result = check(policy_set(purposes={"support": purpose}, recipients={"post": post}))
    assert [f.message for f in result.violations] == ["there is no recipient 'pst'. Did you mean 'post'? Known: post."]


COLUMNS = {"id": "long", "note": "string", "at": "timestamp"}


@pytest.mark.parametrize(
    ("rule_name", "policies", "found", "expected"),
    [
        ("nobody looked", policy_set(), None, []),
        ("all is there", policy_set(), {"warehouse/a": COLUMNS}, []),
        ("table unmapped", policy_set(), {"warehouse/a": COLUMNS, "warehouse/b": {"x": "long"}},
         [("gap", "policy.table_unmapped")]),
        ("table missing", policy_set(), {}, [("gap", "policy.table_missing")]),
        ("remote table unexamined", policy_set(table("a", path="s3://b/a")), {}, [("gap", "policy.table_unexamined")]),
        ("remote table, nobody looked", policy_set(table("a", path="s3://b/a")), None, []),
        ("remote table that somebody looked at", policy_set(table("a", path="s3://b/a/")), {"s3://b/a": COLUMNS}, []),
        ("table unreadable", policy_set(), {"warehouse/a": None}, [("gap", "policy.table_unreadable")]),
        ("column unmapped", policy_set(), {"warehouse/a": {**COLUMNS, "new": "string"}},
         [("gap", "policy.column_unmapped")]),
        ("column gone", policy_set(), {"warehouse/a": {"id": "long", "at": "date"}},
         [("violation", "policy.unknown_column")]),
        ("clock is no time", policy_set(), {"warehouse/a": {**COLUMNS, "at": "string"}},
         [("violation", "policy.clock_column")]),
        ("mask of a number", policy_set(table("a", erasure={**TREATED, "columns": {"id": "mask"}})),
         {"warehouse/a": COLUMNS}, [("violation", "policy.erasure_type")]),
        ("pseudonym of a number", policy_set(table("a", erasure={**TREATED, "columns": {"id": "pseudonymise"}})),
         {"warehouse/a": COLUMNS}, []),
        ("pseudonym of an amount", policy_set(table("a", erasure={**TREATED, "columns": {"id": "pseudonymise"}})),
         {"warehouse/a": {**COLUMNS, "id": "decimal(10,2)"}},
         [("violation", "policy.erasure_type"), ("violation", "policy.reach_type")]),
        ("nested field unmapped", policy_set(), {"warehouse/a": {**COLUMNS, "who.name": "string"}},
         [("gap", "policy.column_unmapped")]),
        ("struct mapped as a whole",
         policy_set(table("a", columns={"id": "user.unique_id", "at": "user", "who": "user.name"})),
         {"warehouse/a": {"id": "long", "at": "date", "who.name": "string"}}, []),
        ("struct mapped by field",
         policy_set(table("a", columns={"id": "user.unique_id", "at": "user", "who.name": "user.name"})),
         {"warehouse/a": {"id": "long", "at": "date", "who.name": "string"}}, []),
        ("field that is not there",
         policy_set(table("a", columns={"id": "user.unique_id", "at": "user", "who.nam": "user.name"})),
         {"warehouse/a": {"id": "long", "at": "date", "who.name": "string"}},
         [("gap", "policy.column_unmapped"), ("violation", "policy.unknown_column")]),
        ("key, treated and searched fields of a struct", policy_set(table("a", **NESTED)),
         {"warehouse/a": {"who.id": "long", "who.name": "string", "at": "date"}}, []),
        ("the same in an array", policy_set(table("a", **NESTED)), {"warehouse/a": {"who": "array", "at": "date"}},
         [("violation", "policy.nested_column"), ("violation", "policy.nested_column")]),
        ("free text in an array, and in a map of a struct",
         policy_set(table("a", columns={"id": "user.unique_id", "at": "user.account", "tags.element": TEXT,
                                        "who.notes.value.body": TEXT})),
         {"warehouse/a": {"id": "long", "at": "date", "tags": "array", "who.notes": "map"}},
         []),
        ("free text that nobody can mask",
         policy_set(table("a", columns={"id": "user.unique_id", "at": "user.account", "note": TEXT})),
         {"warehouse/a": {**COLUMNS, "note": "variant"}}, [("violation", "policy.text_type")]),
        ("values that nobody can search for",
         policy_set(table("a", columns={"id": "user.unique_id", "at": "user.account",
                                        "note": {"category": "user.name", "searched": True}})),
         {"warehouse/a": {**COLUMNS, "note": "binary"}}, [("violation", "policy.text_type")]),
        ("dataset column without category",
         policy_set(datasets={"d": recipe(columns={"id": "drop", "note": "drop", "at": "drop", "new": "keep"})}),
         {"warehouse/a": {**COLUMNS, "new": "string"}},
         [("gap", "policy.dataset_column"), ("gap", "policy.column_unmapped")]),
    ],
)  # fmt: skip
def test_facts_of_the_tables(rule_name, policies, found, expected):
    assert codes(policies, found=found) == expected


@pytest.mark.parametrize(
    ("policies", "code"),
    [
        (policy_set(retention={}), "policy.no_retention"),
        (policy_set(table("a", purposes=())), "policy.no_purpose"),
        (policy_set(datasets={"d": recipe(columns={"id": "drop", "note": "keep"})}), "policy.dataset_column"),
        (
            policy_set().model_copy(
                update={
                    "controller": CONTROLLER.model_copy(
                        update={"identifiers": {**CONTROLLER.identifiers, "m": IdentifierKind()}}
                    )
                }
            ),
            "policy.kind_unheld",
        ),
    ],
)
def test_gaps_are_no_violations(policies, code):
    assert codes(policies) == [("gap", code)]


def test_a_table_about_nobody_needs_neither_purpose_nor_retention():
    goods = table("b", subject=(), no_subject="About goods.", purposes=())
    assert codes(policy_set(table("a"), goods, retention={"a_rule": rule("a")})) == []


def test_findings_stand_at_their_nearest_line_in_order():
    sources = {
        ("tables", "a"): "p/a.yaml:1",
        ("tables", "a", "purposes"): "p/a.yaml:12",
        ("retention", "r"): "p/r.yaml:1",
    }
    policies = policy_set(table("a", purposes=("x",), upstream=("y",)))
    assert [f.where for f in check(policies, sources=sources).violations] == ["p/a.yaml:1", "p/a.yaml:12"]
    assert check(policies).violations[0].where == "tables.a.purposes.0"


def test_structure_is_what_no_command_can_work_with():
    assert structure(policy_set()) == []
    assert [f.code for f in structure(policy_set(table("a", upstream=("a",))))] == ["policy.upstream_cycle"]
    assert structure(policy_set(purposes=NO_BASIS)) == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("warehouse/a", "warehouse/a/", True),
        ("warehouse/./a", "warehouse//a", True),
        ("s3://b/a/", "s3://b/a", True),
        ("s3://b//a", "s3://b/a", False),
        ("warehouse/a", "warehouse/A", False),
    ],
)
def test_location_key(one, other, same):
    assert (location_key(one) == location_key(other)) is same


GRAPHS = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=4))


@given(GRAPHS)
def test_law_circles_are_found_where_and_only_where_there_are_some(edges):
    from graphlib import CycleError, TopologicalSorter

    try:
        TopologicalSorter(edges).prepare()
        circular = False
    except CycleError:
        circular = True
    found = cycles(edges)
    assert bool(found) is circular
    for circle in found:
        assert all(b in edges[a] for a, b in zip(circle, (*circle[1:], circle[0]), strict=True))
        assert len(set(circle)) == len(circle)


@given(st.sampled_from(["purposes", "retention", "columns"]))
def test_law_leaving_something_out_never_takes_a_gap_away(part):
    full = {"warehouse/a": COLUMNS}
    before = {f.code for f in check(policy_set(), found=full).gaps}
    poorer = {
        "purposes": policy_set(table("a", purposes=())),
        "retention": policy_set(retention={}),
        "columns": policy_set(table("a", columns={"id": "user.unique_id", "at": "user.account"})),
    }[part]
    assert before < {f.code for f in check(poorer, found=full).gaps}
