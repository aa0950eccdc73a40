"""Records of processing, request metrics, inputs of assessments and of breach notifications, as facts."""

from __future__ import annotations

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest

import report_facts
from delible.model.dataset import DatasetRecipe
from delible.model.policy import PolicySet
from delible.model.processing import EEA, is_third_country
from delible.model.release import ReleasedColumn
from delible.model.request import RefusalGround
from delible.model.terms import Regime, Right
from delible.model.uniqueness import Combination
from delible.report.activities import activities
from delible.report.breach import breach_facts
from delible.report.ccpa_content import ccpa_content
from delible.report.ccpa_metrics import OF_RIGHT, Asked, Denial, Metric, ccpa_years
from delible.report.content import Table
from delible.report.dpia import DpiaSources, dpia_facts
from delible.report.ropa import ropa_facts
from report_records import NOW, manifest, policies, quarter

SAID = report_facts.said()


# ------------------------------------------------------------------------------------------------- Art. 30, records


def test_records_say_what_the_policies_say() -> None:
    (made,) = activities(SAID)
    assert made.purpose == "model_training"
    assert made.tables == ("tickets",)
    assert made.data_subjects == ("customers",)
    assert made.categories == ("content by or about a person", "identifier of a person")
    assert [(r.recipient, r.transfer, r.safeguards) for r in made.recipients] == [
        ("host", True, "Standard contractual clauses")
    ]
    assert made.limits == ("tickets: 3 years from created_at, then delete row. Claims.",)
    assert made.missing == ()


def test_what_no_policy_says_is_missing_with_the_article_that_asks_for_it() -> None:
    facts = ropa_facts(policies(), quarter().records, [], now=NOW, software="delible")
    missing = {(m.where, m.article) for m in facts.missing}
    assert missing >= {
        ("controller", "Art. 30(1)(a), 37"),
        ("controller", "Art. 30(1)(g), 32(1)"),
        ("purpose model_training", "Art. 30(1)(c)"),
        ("table health", "Art. 30(1)(b)"),
    }
    assert facts.without_purpose == ("customers", "health", "tickets")


@pytest.mark.parametrize(
    ("change", "article"),
    [
        ({"country": None}, "Art. 30(1)(e)"),
        ({"safeguards": None}, "Art. 30(1)(e), 44-49"),
        ({"country": "FR", "safeguards": None}, None),
    ],
)
def test_a_transfer_needs_a_country_and_safeguards(change: dict[str, str | None], article: str | None) -> None:
    host = SAID.recipients["host"].model_copy(update=change)
    (made,) = activities(SAID.model_copy(update={"recipients": {"host": host}}))
    assert [m.article for m in made.missing] == ([article] if article else [])


def test_special_categories_need_a_condition() -> None:
    purpose = SAID.purposes["model_training"]
    health = SAID.tables["health"].model_copy(update={"purposes": ("model_training",)})
    known = SAID.model_copy(update={"tables": {"health": health}, "datasets": {}})
    (made,) = activities(known)
    assert made.special == ("health data",)
    assert "Art. 9(2)" in {m.article for m in made.missing}
    allowed = purpose.model_copy(update={"special_condition": "explicit_consent"})
    (made,) = activities(known.model_copy(update={"purposes": {"model_training": allowed}}))
    assert "Art. 9(2)" not in {m.article for m in made.missing}


def test_records_as_processor_name_whom_it_is_for() -> None:
    facts = report_facts.ropa(SAID)
    (line,) = facts.acts_for
    assert line.engagement.controller == "Thistle Ltd"
    assert [r.recipient for r in line.recipients] == ["host"]
    done = {t.table: t for t in facts.tables}
    assert (done["tickets"].retention_rows, done["tickets"].erasure_rows) == (40, 5)
    assert facts.releases == {"model_training": 1}


def test_third_countries_are_those_outside_the_eea() -> None:
    assert len(EEA) == 30
    assert not is_third_country("IS")
    assert is_third_country("CH")


# ----------------------------------------------------------------------------------------------------- 11 CCR 7102


def metric(year: int, asked: Asked, **more: object) -> Metric:
    requests, book = report_facts.years()
    found = ccpa_years(requests, book.records, now=NOW, zone=UTC)
    (of_year,) = [y for y in found if y.year == year]
    return next(m for m in of_year.metrics if m.asked is asked)


def test_requests_count_by_kind_end_and_calendar_year() -> None:
    delete, know = metric(2026, Asked.DELETE), metric(2026, Asked.KNOW)
    assert (delete.received, delete.complied, delete.denied, delete.linked) == (3, 1, 1, 1)
    assert (delete.mean_days, delete.median_days, delete.longest_days) == (15.0, 15.0, 20)
    assert (know.received, know.denied, know.withdrawn) == (2, 1, 1)
    assert know.denied_by == {Denial.UNVERIFIABLE: 1}
    assert metric(2026, Asked.OPT_OUT).open == 1
    assert metric(2025, Asked.DELETE).complied == 1


@pytest.mark.parametrize("year", [2025, 2026])
@pytest.mark.parametrize("asked", Asked)
def test_ends_add_up_to_what_was_received(year: int, asked: Asked) -> None:
    m = metric(year, asked)
    assert m.complied + m.in_part + m.denied + m.withdrawn + m.linked + m.open == m.received
    assert sum(m.denied_by.values()) == m.denied


def test_the_calendar_year_is_the_business_s_own() -> None:
    requests, book = report_facts.years()
    there = ccpa_years(requests, book.records, now=NOW, zone=ZoneInfo("Europe/Berlin"))
    assert [y.year for y in there] == [2026]


@pytest.mark.parametrize(
    ("ground", "said"),
    [
        (RefusalGround.IDENTITY_NOT_VERIFIED, Denial.UNVERIFIABLE),
        (RefusalGround.CANNOT_IDENTIFY, Denial.UNVERIFIABLE),
        (RefusalGround.EXCEPTION, Denial.EXEMPT),
        (RefusalGround.EXCESSIVE, Denial.OTHER),
        (None, Denial.OTHER),
    ],
)
def test_denials_are_told_apart_by_ground(ground: RefusalGround | None, said: Denial) -> None:
    requests, book = report_facts.years()
    refused = [r.model_copy(update={"ground": ground}) for r in requests if r.id == "R-3"]
    (year,) = ccpa_years(refused, book.records, now=NOW, zone=UTC)
    assert next(m for m in year.metrics if m.denied).denied_by == {said: 1}


def test_other_laws_count_only_when_everybody_is_counted() -> None:
    requests, book = report_facts.years()
    gdpr = [r.model_copy(update={"regime": Regime.GDPR}) for r in requests]
    assert ccpa_years(gdpr, book.records, now=NOW, zone=UTC) == ()
    everybody = ccpa_years(gdpr, book.records, now=NOW, zone=UTC, everybody=True)
    assert sum(m.received for y in everybody for m in y.metrics) == len(requests)


def test_a_year_without_requests_is_a_year_of_zeros() -> None:
    (year,) = ccpa_years([], [], now=NOW, zone=UTC, year=2024)
    assert [m.received for m in year.metrics] == [0] * len(Asked)
    assert year.complete


def test_every_right_is_a_kind_of_request() -> None:
    assert set(OF_RIGHT) == set(Right)
    assert set(OF_RIGHT.values()) == set(Asked)


@pytest.mark.parametrize(("obliged", "posted"), [(True, True), (False, False), (None, False)])
def test_the_table_to_post_is_for_those_who_have_to(obliged: bool | None, posted: bool) -> None:
    made = ccpa_content(report_facts.ccpa(SAID, obliged=obliged))
    tables = [b.id for s in made.sections for b in s.blocks if isinstance(b, Table)]
    assert ("posted-2026" in tables) is posted


# --------------------------------------------------------------------------------------------------------- Art. 35


def test_inputs_of_an_assessment_name_columns_treatments_gates_and_risks() -> None:
    facts = report_facts.dpia(SAID)
    assert [(c.column, c.treatment, c.free_text) for c in facts.columns] == [
        ("body", "mask", True),
        ("topic", "keep", False),
    ]
    assert facts.dropped == ("customer_id",)
    assert [(g.gate, g.passed) for g in facts.release.gates] == [("k_anonymity", False)]
    assert [c.columns for c in facts.residual] == [("body", "topic")]
    assert facts.recipe_changed is False
    assert not facts.policies_changed
    assert facts.objections == {"objection": 2}
    assert "What does column topic hold? No policy maps it." in {q.what for q in facts.questions}


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({"recipe_fingerprint": "0" * 64}, "The recipe is not the one"),
        ({"gates": ()}, "No gate measured the release"),
        ({"members": 10_000}, "large scale"),
        ({"purpose": "gone"}, "declared no more"),
    ],
)
def test_what_only_people_can_judge_is_asked(change: dict[str, object], asked: str) -> None:
    assert any(asked in q.what for q in report_facts.dpia(SAID, **change).questions)
    assert not any(asked in q.what for q in report_facts.dpia(SAID).questions)


def joined(known: PolicySet) -> PolicySet:
    """Return policies whose recipe takes columns of customers and of health along, one of them renamed."""
    (recipe,) = known.datasets.values()
    columns = {"email": {"treatment": "keep", "name": "reply_to"}, "town": "keep", "customer_id": "drop"}
    joins = [
        {"table": "customers", "keys": {"customer_id": "customer_id"}, "columns": columns},
        {"table": "health", "keys": {"customer_id": "customer_id"}, "columns": {"note": "mask"}},
    ]
    made = DatasetRecipe.model_validate({**recipe.model_dump(exclude_defaults=True), "joins": joins})
    return known.model_copy(update={"datasets": {made.dataset: made}})


RELEASED = (
    ReleasedColumn(name="body", type="string", treatment="mask (otherwise placeholder)", category="user.content"),
    ReleasedColumn(name="reply_to", type="string", treatment="keep", category="user.contact.email"),
    ReleasedColumn(name="note", type="string", treatment="mask", category="user.health_and_medical"),
)


def test_an_activity_names_every_table_that_its_recipes_read() -> None:
    (made,) = activities(joined(SAID))
    assert made.tables == ("customers", "tickets", "health")
    assert made.special
    assert ("table health", "Art. 30(1)(f)") in {(m.where, m.article) for m in made.missing}


@pytest.mark.parametrize("told", [(), RELEASED], ids=["by the recipe", "by the manifest"])
def test_inputs_of_an_assessment_know_the_columns_of_joined_tables(told: tuple[ReleasedColumn, ...]) -> None:
    facts = report_facts.dpia(joined(SAID), columns=[c.model_dump() for c in told])
    found = {c.column: c for c in facts.columns}
    assert {"body", "reply_to", "note"} <= set(found)
    assert (found["reply_to"].category, found["reply_to"].identifying) == ("e-mail address", True)
    assert found["note"].special
    assert found["body"].free_text
    assert facts.dropped == ("customer_id", "customers.customer_id")
    asked = {q.what for q in facts.questions}
    assert "Column reply_to tells who somebody is, and is kept as it is: why?" in asked
    assert any("Special categories are released" in what for what in asked)


def test_the_manifest_tells_what_was_released_once_the_recipe_is_gone_or_another() -> None:
    facts = report_facts.dpia_without_recipe(SAID, columns=[c.model_dump() for c in RELEASED])
    assert [(c.column, c.treatment) for c in facts.columns] == [(c.name, c.treatment) for c in RELEASED]
    assert facts.columns[2].special
    assert any("Column reply_to tells who somebody is" in q.what for q in facts.questions)
    changed = report_facts.dpia(SAID, columns=[RELEASED[1].model_dump()])
    assert [c.column for c in changed.columns] == ["reply_to"], "not what the recipe of today names"


def test_combinations_of_a_joined_table_s_released_columns_are_told() -> None:
    known = joined(SAID)
    combinations = [
        Combination(table=table, columns=columns, rows=9, groups=8, unique=7, smallest=1, version=4, at=NOW)
        for table, columns in (
            ("customers", ("email", "town")),
            ("customers", ("customer_id", "email")),
            ("tickets", ("email", "town")),
            ("health", ("note", "town")),
        )
    ]
    sources = DpiaSources(manifests=[], tags=[], combinations=combinations, consents=[], objections={})
    made = report_facts.released(known, sources={"tickets": 4, "customers": 1, "health": 1})
    facts = dpia_facts(made, known, sources, now=NOW, software="delible")
    assert [(c.table, c.columns) for c in facts.residual] == [("customers", ("email", "town"))]


def test_a_release_without_its_recipe_still_has_inputs() -> None:
    facts = report_facts.dpia_without_recipe(SAID)
    assert facts.recipe_changed is None
    assert facts.columns == ()


# --------------------------------------------------------------------------------------------------------- Art. 33


def test_a_breach_has_bounds_a_deadline_and_questions() -> None:
    facts = report_facts.breach(SAID)
    assert (facts.at_least, facts.at_most) == (5, 8)
    assert facts.notify_by == NOW + timedelta(hours=72)
    asked = [q.what for q in facts.questions]
    assert any("high" in what for what in asked)
    assert any("could not be read" in what for what in asked)
    assert not any("become aware" in what for what in asked)


def test_people_of_other_kinds_count_apart_from_the_controller_s_own() -> None:
    made = breach_facts(SAID, [], [], {"customer_id": 5, "email": 9}, apart=4, aware=None, now=NOW, software="delible")
    assert (made.at_least, made.at_most) == (9, 9)
    assert made.notify_by is None


def test_a_manifest_of_any_version_is_read() -> None:
    assert report_facts.dpia(SAID, gates=()).release.gates == ()
    assert manifest().release == "support_training@v1"
