"""What a build would ask today is asked of a release: gates by their bounds, columns by their categories, purposes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from delible.decide.gates import Groups, Measured, judge
from delible.model.gate import GateResult
from delible.model.policy import PolicySet
from delible.model.record import Manifest
from delible.model.release import ReleasedColumn
from delible.model.terms import LegalBasis
from delible.plan.dataset import plan_dataset
from delible.workflows.dataset_asks import column_gaps, gates_today, purpose_ended
from report_records import manifest

GROUPS = Groups(rows=100, groups=9, smallest=5, unique=0, small=2, least=3, poor=4)


def shop(gates: dict[str, Any], basis: str = "consent", **columns: Any) -> PolicySet:
    return PolicySet.model_validate(
        {
            "controller": {
                "controller": "Fennel & Co",
                "contact": "privacy@fennel.example",
                "subject": "customer_id",
                "identifiers": {"customer_id": {}},
            },
            "purposes": {"training": {"purpose": "training", "description": "m", "legal_basis": basis}},
            "tables": {
                "tickets": {
                    "table": "tickets",
                    "path": "warehouse/tickets",
                    "description": "Tickets.",
                    "subject": [{"column": "customer_id", "identifies": "customer_id"}],
                    "columns": {
                        "customer_id": "user.unique_id",
                        "postcode": "user.contact.address.postal_code",
                        "born": "user.demographic.date_of_birth",
                        "note": {"category": "user.health_and_medical", "special": True},
                        "topic": "system.operations",
                    },
                }
            },
            "datasets": {
                "topics": {
                    "dataset": "topics",
                    "description": "d",
                    "purpose": "training",
                    "source": "tickets",
                    "columns": {"postcode": "keep", "born": "keep", "topic": "keep", **columns},
                    "gates": {"quasi_identifiers": ["postcode"], **gates},
                    "split": {"test": 20},
                }
            },
        }
    )


def measured(policies: PolicySet) -> tuple[GateResult, ...]:
    plan = plan_dataset(policies, "topics").plan
    known = Measured(
        rows=100,
        subjects=40,
        splits={"train": 80, "test": 20},
        columns={},
        categories={},
        quasi=plan.quasi,
        label=plan.label,
        groups=GROUPS,
        facts=(),
    )
    return judge(plan.gates, known)


def cut(policies: PolicySet, *columns: ReleasedColumn, **more: Any) -> Manifest:
    fields: dict[str, Any] = {"dataset": "topics", "purpose": "training", "rows_out": 100, "members": 40}
    fields |= {"splits": {"train": 80, "test": 20}, "gates": measured(policies), "columns": columns}
    return manifest(**(fields | more))


@pytest.mark.parametrize(
    ("then", "today", "failing"),
    [
        ({"k_anonymity": 3}, {"k_anonymity": 3}, []),
        ({"k_anonymity": 3}, {"k_anonymity": 10}, ["k_anonymity"]),
        ({"k_anonymity": 3}, {"k_anonymity": 5}, []),  # five were measured
        ({}, {"k_anonymity": 3}, ["k_anonymity"]),  # never measured
        ({"k_anonymity": 3}, {"k_anonymity": 3, "quasi_identifiers": ["postcode", "born"]}, ["k_anonymity"]),
        ({"k_anonymity": 3}, {"k_anonymity": {"k": 3, "max_share": "0.1"}}, ["k_anonymity_share"]),
        (
            {"k_anonymity": {"k": 3, "max_share": "0.1"}},
            {"k_anonymity": {"k": 10, "max_share": "0.1"}},
            ["k_anonymity_share"],
        ),
        ({"k_anonymity": {"k": 3, "max_share": "0.1"}}, {"k_anonymity": {"k": 3, "max_share": "0.1"}}, []),
        (
            {"k_anonymity": {"k": 3, "max_share": "0.1"}},
            {"k_anonymity": {"k": 3, "max_share": "0.01"}},
            ["k_anonymity_share"],
        ),
        ({"uniqueness": {"max_risk": "0.1"}}, {"uniqueness": {"max_risk": "0.05"}}, ["reidentification_risk"]),
        ({"residual": {}}, {"residual": {}}, []),
        ({}, {"residual": {}}, ["residual"]),
        ({}, {"minimum": {"rows": 100, "per_split": 20, "subjects": 40}}, []),
        ({}, {"minimum": {"rows": 101, "per_split": 21, "subjects": 41}}, ["rows", "subjects", "rows_per_split"]),
        ({}, {"drift": {"rows": "0.1"}}, []),
        ({}, {"quasi_identifiers": ["gone"]}, ["dataset.gate_column"]),
    ],
)
def test_a_release_is_held_against_the_gates_of_todays_recipe(
    then: dict[str, Any], today: dict[str, Any], failing: list[str]
) -> None:
    found = gates_today(shop(today), cut(shop(then)))
    assert [p.code.removeprefix("dataset.gate.") for p in found] == failing


def test_without_its_recipe_a_release_is_asked_for_no_gate() -> None:
    policies = shop({"k_anonymity": 9})
    assert gates_today(policies.model_copy(update={"datasets": {}}), cut(shop({}))) == ()


NOTE = ReleasedColumn(name="words", type="string", treatment="keep", category="user.health_and_medical")


@pytest.mark.parametrize("recipe", [True, False])
@pytest.mark.parametrize(
    ("basis", "treatment", "left_out"),
    [
        (LegalBasis.CONSENT, "keep", False),
        (LegalBasis.CONTRACT, "keep", True),
        (LegalBasis.CONTRACT, "generalise to year", True),
        (LegalBasis.CONTRACT, "mask (otherwise replace)", False),
    ],
)
def test_a_special_category_may_not_go_on_leaving_when_the_purpose_rests_on_consent_no_more(
    recipe: bool, basis: LegalBasis, treatment: str, left_out: bool
) -> None:
    policies = shop({}, basis.value, note={"treatment": "mask", "name": "words"})
    policies = policies if recipe else policies.model_copy(update={"datasets": {}})
    column = NOTE.model_copy(update={"treatment": treatment})
    found = list(column_gaps(policies, cut(shop({}), column), basis))
    assert [p.code for p in found] == (["dataset.special_category"] if left_out else [])


def test_a_column_that_no_policy_describes_any_more_may_not_go_on_leaving() -> None:
    policies = shop({}, lost="keep")
    column = ReleasedColumn(name="lost", type="string", treatment="keep")
    assert [p.code for p in column_gaps(policies, cut(shop({}), column), LegalBasis.CONSENT)] == ["dataset.column_gap"]


def test_a_purpose_is_over_from_the_day_after_its_last() -> None:
    purpose = shop({}).purposes["training"].model_copy(update={"ends": date(2026, 6, 30)})
    assert purpose_ended(purpose, date(2026, 6, 30)) is None
    found = purpose_ended(purpose, date(2026, 7, 1))
    assert found is not None
    assert found.code == "dataset.purpose_ended"
