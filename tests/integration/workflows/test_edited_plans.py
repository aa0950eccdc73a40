"""A plan that was edited after it was sealed is refused where it is read and, whoever calls, where it is applied."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from delible.errors import PlanError
from delible.model.plan import ErasurePlan, RetentionPlan
from delible.store.keys import load_keys
from delible.store.plans import seal, write_plan
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.plans import load_plan
from delible.workflows.retention import apply_retention
from small_shop import make_workspace


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "shop")


def erasure(shop: Workspace, now: datetime) -> ErasurePlan:
    """Return a plan that fits the workspace but for what somebody wrote into it afterwards."""
    fingerprint = Control(shop).policies.fingerprint
    made = ErasurePlan(
        id="E-20260101-00000001", created=now, policy_fingerprint=fingerprint, immediate=False, requests=(), tables=()
    )
    return seal(made, load_keys(shop)).model_copy(update={"immediate": True})


def retention(shop: Workspace, now: datetime) -> RetentionPlan:
    fingerprint = Control(shop).policies.fingerprint
    made = RetentionPlan(
        id="T-20260101-00000001", created=now, policy_fingerprint=fingerprint, immediate=False, tables=()
    )
    return seal(made, load_keys(shop)).model_copy(update={"immediate": True})


def refused(caught: pytest.ExceptionInfo[PlanError], shop: Workspace) -> bool:
    """Return whether it was for the seal, and before anything was recorded but the workspace's making."""
    return caught.value.code == "plan.edited" and [r.action for r in Control(shop).ledger.records()] == [
        "workspace.created"
    ]


def test_an_edited_erasure_plan_is_not_applied(shop: Workspace, now: datetime) -> None:
    with pytest.raises(PlanError) as caught:
        apply_erasure(shop, erasure(shop, now), actor="ops", now=now)
    assert refused(caught, shop)


def test_an_edited_retention_plan_is_not_applied(shop: Workspace, now: datetime) -> None:
    with pytest.raises(PlanError) as caught:
        apply_retention(shop, retention(shop, now), actor="ops", now=now)
    assert refused(caught, shop)


def test_an_edited_plan_file_is_not_read(shop: Workspace, now: datetime, tmp_path: Path) -> None:
    for made in (erasure(shop, now), retention(shop, now)):
        write_plan(made, tmp_path / "plan.json")
        with pytest.raises(PlanError) as caught:
            load_plan(shop, tmp_path / "plan.json", type(made))
        assert refused(caught, shop)
