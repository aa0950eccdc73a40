"""Contradictions, deadlines that cannot be met, and layouts that tell: one row per rule."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from delible.decide.contradictions import shorter
from delible.decide.policy import check
from delible.decide.windows import shortest_clock
from delible.model.dpv import KEY_OF, TERM_OF, term_of
from delible.model.duration import Duration
from delible.model.layout import Layout, interval_hours
from delible.model.policy import ColumnPolicy, Controller, PolicySet, Purpose, TablePolicy
from delible.model.retention import LegalHold, RetentionRule
from delible.model.taxonomy import CATEGORIES, is_special
from delible.model.terms import Regime

TODAY = date(2026, 6, 1)
COLUMNS = {"id": "long", "mail": "string", "at": "timestamp", "note": "string", "sum": "decimal(10,2)"}


def table(name: str = "a", **changes) -> TablePolicy:
    given = {
        "table": name,
        "path": f"warehouse/{name}",
        "description": name,
        "purposes": ["support"],
        "subject": [{"column": "id", "identifies": "id"}],
        "columns": {
            "id": "user.unique_id", "mail": "pd:EmailAddress", "at": "user.account", "note": "user.demographic",
            "sum": "user.payment",
        },
        **changes,
    }  # fmt: skip
    return TablePolicy.model_validate(given)


def rule(name: str = "r", **changes) -> RetentionRule:
    given = {"retention": name, "table": "a", "clock": "at", "keep": "P2Y", "reason": "Law.", **changes}
    return RetentionRule.model_validate(given)


def policies(*things, cadence: str | None = "P1D", law: dict | None = None, **purpose) -> PolicySet:
    kinds = {TablePolicy: "tables", RetentionRule: "retention", LegalHold: "legal_holds"}
    named = {"tables": "table", "retention": "retention", "legal_holds": "hold"}
    found: dict = {"tables": {}, "retention": {}, "legal_holds": {}}
    for thing in things:
        kind = kinds[type(thing)]
        found[kind][getattr(thing, named[kind])] = thing
    found["tables"] = found["tables"] or {"a": table()}
    controller = Controller.model_validate(
        {
            "controller": "x", "contact": "x", "subject": "id", "identifiers": {"id": {}},
            "job_cadence": cadence, **(law or {}),
        }
    )  # fmt: skip
    given = {"purpose": "support", "description": "x", "legal_basis": "contract", **purpose}
    return PolicySet(controller=controller, purposes={"support": Purpose.model_validate(given)}, **found)


def findings(policy_set: PolicySet, layout: Layout | None = None) -> list[tuple[str, str, tuple]]:
    layouts = {"warehouse/a": layout} if layout else None
    found = {"warehouse/a": layout.columns} if layout else None
    result = check(policy_set, found=found, layouts=layouts, today=TODAY)
    return [(str(f.severity), f.code, f.path) for f in (*result.gaps, *result.violations, *result.notes)]


def event(**changes) -> dict:
    return {"table": "b", "column": "at", "key": "id", **changes}


LAST = {"table": "b", "column": "at", "key": "id"}
OTHER = table("b")
GONE = rule("gone", table="b", keep="P9Y")
R = "retention"


@pytest.mark.parametrize(
    ("law", "given", "expected"),
    [
        ("sound", [rule()], []),
        ("Art. 17(3)(b): shorter than the duty", [rule(duty={"law": "AO § 147", "at_least": "P6Y"})],
         [("violation", "policy.shorter_than_duty", (R, "r", "keep"))]),
        ("exactly as long as the duty", [rule(duty={"law": "AO § 147", "at_least": "P2Y"})], []),
        ("730 days are not two years", [rule(keep="P730D", duty={"law": "AO", "at_least": "P2Y"})],
         [("violation", "policy.shorter_than_duty", (R, "r", "keep"))]),
        ("731 days are", [rule(keep="P731D", duty={"law": "AO", "at_least": "P2Y"})], []),
        ("two rules for the same rows", [rule("q"), rule("r", keep="P3Y")],
         [("violation", "policy.retention_conflict", (R, "q", "keep"))]),
        ("the same condition, otherwise spelt", [rule("q", where="note = 'x'"), rule("r", keep="P3Y",
         where="NOTE  =  'x'"), rule("s", keep="P9Y")], [("violation", "policy.retention_conflict", (R, "q", "keep"))]),
        ("a rule that never acts", [rule("all"), rule("some", keep="P3Y", where="note = 'x'")],
         [("violation", "policy.retention_conflict", (R, "some", "keep"))]),
        ("a shorter rule for some rows is none", [rule("all"), rule("some", keep="P1Y", where="note = 'x'")], []),
        ("nor is a longer one with a duty", [rule("all"), rule("some", keep="P9Y", where="note = 'x'",
         duty={"law": "AO", "at_least": "P6Y"})], []),
        ("nor one that treats columns", [rule(), rule("n", keep="P1M", action="treat_columns",
         columns={"note": None})], []),
        ("a rule that takes another one's clock", [rule(), rule("n", keep="P1M", action="treat_columns",
         columns={"at": {"generalise": "month"}})], [("violation", "policy.clock_treated", (R, "n", "columns", "at"))]),
        ("events that go before they are needed", [table(), OTHER, rule(clock=LAST), rule("gone", table="b",
         keep="P1Y")], [("violation", "policy.clock_erased", (R, "gone", "keep"))]),
        ("events that stay long enough", [table(), OTHER, rule(clock=LAST), GONE], []),
        ("events in an unknown table", [table(), OTHER, rule(clock={**LAST, "table": "c"}), GONE],
         [("violation", "policy.unknown_reference", (R, "r", "clock", "table"))]),
        ("events without their column", [table(), OTHER, rule(clock={**LAST, "column": "x"}), GONE],
         [("violation", "policy.clock_erased", (R, "gone", "keep")),
          ("violation", "policy.clock_column", (R, "r", "clock", "column"))]),
        ("events by an unknown key", [table(), OTHER, rule(clock={**LAST, "key": "x", "matches": "id"}), GONE],
         [("violation", "policy.unknown_column", (R, "r", "clock", "key"))]),
        ("a fallback that is no column", [table(), OTHER, rule(clock={**LAST, "otherwise": "x"}), GONE],
         [("violation", "policy.clock_column", (R, "r", "clock", "otherwise"))]),
        ("an unknown column treated", [rule(), rule("n", action="treat_columns", columns={"x": None})],
         [("violation", "policy.unknown_column", (R, "n", "columns", "x"))]),
        ("a duty on an unknown column", [rule(duty={"law": "x", "at_least": "P1Y", "columns": ["x"]})],
         [("violation", "policy.unknown_column", (R, "r", "duty", "columns", 0))]),
        ("a sum by person", [rule(action="aggregate", aggregate={"by": {"mail": "keep"}})],
         [("violation", "policy.aggregate_identifies", (R, "r", "aggregate", "by", "mail"))]),
        ("treating what does not identify ends nothing", [rule(action="treat_columns", columns={"note": None})],
         [("gap", "policy.no_retention", ("tables", "a"))]),
        ("treating all that identifies does", [rule(action="treat_columns",
         columns={"id": "pseudonymise", "mail": None})], []),
        ("Art. 9(2): special category without a condition",
         [rule(), table(columns={"id": "user.unique_id", "at": "user.account", "x": "user.health_and_medical"})],
         [("violation", "policy.no_special_condition", ("purposes", "support"))]),
        ("Art. 9(2): by the column's own word",
         [rule(), table(columns={"id": "user.unique_id", "at": "user", "x": {"category": "user", "special": True}})],
         [("violation", "policy.no_special_condition", ("purposes", "support"))]),
        ("a hold that is longer than the period",
         [rule(), LegalHold(hold="h", reason="x", owner="x", tables=("a",), starts=date(2026, 1, 1))],
         [("note", "policy.hold_over_retention", ("legal_holds", "h", "tables", 0))]),
        ("a hold that is over", [rule(), LegalHold(hold="h", reason="x", owner="x", tables=("a",),
         starts=date(2020, 1, 1), ends=date(2026, 5, 31))], []),
    ],
)  # fmt: skip
def test_contradictions(law, given, expected):
    if not any(isinstance(thing, TablePolicy) and thing.table == "a" for thing in given):
        given = [table(), *given]
    assert findings(policies(*given)) == expected


def test_article_9_condition_named():
    special = table(columns={"id": "user.unique_id", "at": "user", "x": "pd:Health"})
    assert findings(policies(rule(), special, special_condition="health_care")) == []


@pytest.mark.parametrize(("ends", "expected"), [(TODAY, []), (date(2026, 5, 31), ["policy.purpose_ended"] * 2)])
def test_article_5_1_e_a_purpose_that_has_ended_keeps_nothing(ends, expected):
    found = findings(policies(table(), rule(purpose="support"), ends=ends))
    assert [code for _, code, _ in found] == expected
    assert {path for *_, path in found} <= {("purposes", "support", "ends")}


LOG, FILES = "delta.logRetentionDuration", "delta.deletedFileRetentionDuration"


@pytest.mark.parametrize(
    ("law", "cadence", "says", "properties", "expected", "words"),
    [
        ("GDPR Art. 12(3): Delta's own 30 days are too long", "P1D", None, {}, "policy.deadline",
         "Set on the table: 'delta.logRetentionDuration' = 'interval 26 days'"),
        ("26 days and two daily runs are 28", "P1D", None, {LOG: "interval 26 days"}, None, ""),
        ("27 days are one too many", "P1D", None, {LOG: "interval 27 days"}, "policy.deadline", "up to 29 days"),
        ("the files' window counts, too", "P1D", None, {LOG: "interval 1 week", FILES: "interval 40 days"},
         "policy.deadline", "'delta.deletedFileRetentionDuration' = 'interval 26 days'"),
        ("a week of cadence leaves 14 days", "P1W", None, {LOG: "interval 2 weeks"}, None, ""),
        ("a month of cadence leaves nothing", "P1M", None, {LOG: "interval 1 day"}, "policy.deadline", "job_cadence"),
        ("CCPA gives 45 days", "P1D", {"regimes": ["ccpa"]}, {}, None, ""),
        ("CCPA, too long all the same", "P1D", {"regimes": ["ccpa"]}, {LOG: "interval 60 days"}, "policy.deadline",
         "'interval 43 days'"),
        ("in California, and the GDPR all the same", "P1D", {"jurisdiction": "California, US"}, {}, "policy.deadline",
         "(gdpr) gives 28"),
        ("in Germany, for Californians alone", "P1D", {"jurisdiction": "Germany", "regimes": ["ccpa"]}, {}, None, ""),
        ("nobody knows how often jobs run", None, None, {}, "policy.no_job_cadence", "too late for a"),
        ("nor whether it is in time", None, None, {LOG: "interval 1 week"}, "policy.no_job_cadence", "job_cadence"),
    ],
)  # fmt: skip
def test_deadlines(law, cadence, says, properties, expected, words):
    layout = Layout(columns=COLUMNS, properties=properties)
    policy_set = policies(table(), rule(), cadence=cadence, law=says)
    result = check(policy_set, found={"warehouse/a": COLUMNS}, layouts={"warehouse/a": layout}, today=TODAY)
    found = [f for f in (*result.gaps, *result.violations) if f.code in ("policy.deadline", "policy.no_job_cadence")]
    assert [f.code for f in found] == ([expected] if expected else [])
    assert all(words in f.message for f in found)


def test_a_table_that_nothing_else_reads_waits_for_no_window():
    layout = Layout(columns=COLUMNS)
    policy_set = policies(table(readers="exclusive"), rule())
    assert [f for f in findings(policy_set, layout) if f[0] != "note"] == []
    late = policies(table(readers="exclusive"), rule(), cadence="P29D")
    assert ("violation", "policy.deadline", ("controller", "job_cadence")) in findings(late, layout)


def test_the_shortest_month_counts():
    assert shortest_clock([Regime.GDPR]) == (28, "gdpr")
    assert shortest_clock([Regime.CCPA]) == (45, "ccpa")
    assert shortest_clock([Regime.CCPA, Regime.GDPR]) == (28, "gdpr")


def test_a_controller_that_names_no_law_follows_all_and_cannot_follow_none():
    assert set(policies().controller.regimes) == set(Regime)
    with pytest.raises(ValidationError, match="regimes"):
        policies(law={"regimes": []})


WHERE = st.sampled_from(["EU", "US", "US-CA", "California", "EU, California", "Germany and US", "Canada (CA)", "x"])


@given(WHERE, st.sets(st.sampled_from(Regime), min_size=1), st.integers(1, 50))
def test_law_where_a_controller_sits_and_a_law_less_never_make_a_deadline_shorter_than_it_is(where, laws, days):
    """GDPR Art. 3(2): it follows whom the controller serves, and not where it sits."""

    def late(regimes) -> bool:
        layout = Layout(columns=COLUMNS, properties={LOG: f"interval {days} days", FILES: "interval 1 day"})
        said = {"jurisdiction": where, "regimes": sorted(regimes)}
        return any(code == "policy.deadline" for _, code, _ in findings(policies(table(), rule(), law=said), layout))

    assert late(laws) == (days + 2 > min({Regime.GDPR: 28, Regime.CCPA: 45}[law] for law in laws))
    assert late(Regime) or not late(laws)


@given(st.integers(1, 13), st.integers(1, 80), st.integers(0, 40))
def test_law_a_longer_window_never_makes_a_deadline_possible(cadence, days, more):
    def late(window: int) -> bool:
        layout = Layout(columns=COLUMNS, properties={LOG: f"interval {window} days"})
        found = findings(policies(table(), rule(), cadence=f"P{cadence}D"), layout)
        return any(code == "policy.deadline" for _, code, _ in found)

    assert late(days + more) or not late(days)


@pytest.mark.parametrize(
    ("law", "layout", "expected", "words"),
    [
        ("the first 32 columns have statistics", {}, ["policy.statistics"],
         "'delta.dataSkippingStatsColumns' = 'at,note,sum'"),
        ("fewer columns", {"properties": {"delta.dataSkippingNumIndexedCols": "0"}}, [], ""),
        ("all columns", {"properties": {"delta.dataSkippingNumIndexedCols": "-1"}}, ["policy.statistics"], "id, mail"),
        ("named columns", {"properties": {"delta.dataSkippingStatsColumns": "at,`sum`"}}, [], ""),
        ("named, and one tells", {"properties": {"delta.dataSkippingStatsColumns": "at, mail"}}, ["policy.statistics"],
         "values of mail into"),
        ("partitioned by a person", {"partitions": ("mail",), "properties": {"delta.dataSkippingStatsColumns": "at"}},
         ["policy.partition_identifies"], "keyed subject reference"),
        ("clustered by a person", {"clustering": ("id",), "properties": {"delta.dataSkippingStatsColumns": "at"}},
         ["policy.clustering_identifies"], "keyed subject reference"),
        ("partitioned by a time", {"partitions": ("at",), "properties": {"delta.dataSkippingStatsColumns": "at"}}, [],
         ""),
    ],
)  # fmt: skip
def test_what_the_layout_tells(law, layout, expected, words):
    policy_set = policies(table(readers="exclusive"), rule())
    made = Layout(columns=COLUMNS, **layout)
    result = check(policy_set, found={"warehouse/a": COLUMNS}, layouts={"warehouse/a": made}, today=TODAY)
    assert [f.code for f in result.notes] == expected
    assert all(words in f.message for f in result.notes)
    assert result.violations == ()


@pytest.mark.parametrize(
    ("text", "hours"),
    [("interval 1 week", 168), ("interval 30 days", 720), ("INTERVAL 90 minutes", 2), ("interval 1 day 12 hours", 36),
     ("interval 0 seconds", 0), ("interval 2 weeks", 336)],
)  # fmt: skip
def test_intervals(text, hours):
    assert interval_hours(text) == hours


@pytest.mark.parametrize("text", ["", "interval", "interval 1 month", "never"])
def test_intervals_that_delta_does_not_know(text):
    with pytest.raises(ValueError, match="interval"):
        interval_hours(text)


def test_dpv_terms_are_keys_and_special_ones_stay_special():
    special = {
        "pd:Biometric", "pd:BloodType", "pd:DNACode", "pd:Disability", "pd:DrugTestResult", "pd:EthnicOrigin",
        "pd:FacialPrint", "pd:FamilyHealthHistory", "pd:Fetish", "pd:Fingerprint", "pd:Genetic", "pd:Health",
        "pd:HealthHistory", "pd:HealthRecord", "pd:IndividualHealthHistory", "pd:MedicalHealth", "pd:MentalHealth",
        "pd:PhilosophicalBelief", "pd:PhysicalHealth", "pd:PoliticalAffiliation", "pd:PoliticalOpinion",
        "pd:Prescription", "pd:Proclivity", "pd:Race", "pd:Religion", "pd:ReligiousBelief", "pd:Retina", "pd:Sexual",
        "pd:SexualHistory", "pd:SexualPreference",
    }  # fmt: skip
    assert set(KEY_OF.values()) | set(TERM_OF) <= set(CATEGORIES)
    assert {term for term in special if not is_special(KEY_OF[term])} == set()
    assert all(KEY_OF[term] == key for key, term in TERM_OF.items())
    assert ColumnPolicy(category="pd:EmailAddress").category == "user.contact.email"
    assert term_of("user.device.cookie_id") == "pd:DeviceBased"
    assert term_of("system.operations") is None


@pytest.mark.parametrize(
    ("category", "hint"),
    [("pd:EmailAdress", "pd:EmailAddress"), ("pd:TradeUnionMembership", "special: true"), ("dpv:Name", "not a data")],
)
def test_unknown_categories_are_errors(category, hint):
    with pytest.raises(ValueError, match=hint):
        ColumnPolicy(category=category)


@given(st.sampled_from(["P1M", "P30D", "P31D", "P1Y", "P365D", "P366D", "P12M"]), st.data())
def test_law_no_period_is_shorter_than_itself_and_not_both_ways_for_months(one, data):
    other = data.draw(st.sampled_from(["P1M", "P28D", "P1Y", "P12M", "P2Y"]))
    assert not shorter(Duration(one), Duration(one))
    if Duration(one).days == Duration(other).days == 0:
        assert not (shorter(Duration(one), Duration(other)) and shorter(Duration(other), Duration(one)))
