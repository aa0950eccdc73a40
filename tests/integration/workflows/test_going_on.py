"""What came between a plan and its run, or between two steps of a run that was killed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from delible.errors import BlockedError
from delible.model.plan import ErasurePlan, PlannedRequest, RetentionPlan
from delible.model.restriction import RestrictionGround
from delible.model.terms import Regime, Right
from delible.store.requests import Requests
from delible.store.workspace import Workspace
from delible.workflows import retention
from delible.workflows.control import Control
from delible.workflows.erasure_fit import refuse_held
from delible.workflows.fulfilment import fulfil_requests
from delible.workflows.lifecycle import refuse_request
from delible.workflows.requests import submit_requests
from small_shop import email, make_workspace, people_file

START = datetime(2026, 3, 10, 9, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "shop")


def submit(shop: Workspace, right: Right, who: int, ground: RestrictionGround | None = None) -> str:
    file = people_file(shop.root.parent, {"email": email(who)})
    [made] = submit_requests(
        shop,
        right=right,
        regime=Regime.GDPR,
        identifiers=str(file),
        restriction=ground,
        actor="desk",
        now=START,
    )
    return made.id


@pytest.mark.parametrize(
    ("who", "ground", "stops"),
    [
        (1, RestrictionGround.UNLAWFUL_PROCESSING, True),
        (1, RestrictionGround.LEGAL_CLAIMS, False),
        (2, RestrictionGround.UNLAWFUL_PROCESSING, False),
    ],
    ids=["opposed", "another ground", "somebody else"],
)
def test_art_18_1_b_an_erasure_that_was_opposed_since_its_plan_is_not_applied(
    shop: Workspace, who: int, ground: RestrictionGround, stops: bool
) -> None:
    asked = submit(shop, Right.ERASURE, 1)
    plan = ErasurePlan.model_construct(
        id="E-1", kind="erasure", requests=(PlannedRequest.model_construct(id=asked),), tables=()
    )
    refuse_held(Control(shop), plan, lambda: START)
    submit(shop, Right.RESTRICTION, who, ground)
    if stops:
        with pytest.raises(BlockedError, check=lambda e: e.code == "request.opposed"):
            refuse_held(Control(shop), plan, lambda: START)
    else:
        refuse_held(Control(shop), plan, lambda: START)


def test_identifiers_that_a_killed_run_did_not_forget_are_forgotten_by_the_next(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = submit(shop, Right.ERASURE, 1)
    with monkeypatch.context() as killed:
        killed.setattr(Requests, "sweep", lambda *_: 0)
        refuse_request(shop, asked, reason="Unfounded.", actor="desk", now=START)
    assert Control(shop).requests.vault.requests()
    with pytest.raises(BlockedError, check=lambda e: e.code == "request.nothing_due"):
        fulfil_requests(shop, actor="job", now=START)
    assert Control(shop).requests.vault.requests() == {}


def test_a_retention_plan_that_is_stopped_keeps_no_other_waiting(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = [RetentionPlan.model_construct(id=name) for name in ("T-1", "T-2")]
    applied = []

    def apply(_: Workspace, plan: RetentionPlan, **__: Any) -> str:
        if plan.id == "T-1":
            raise BlockedError("table.held", "a hold")
        applied.append(plan.id)
        return plan.id

    monkeypatch.setattr(retention, "unfinished_retention", lambda _: plans)
    monkeypatch.setattr(retention, "apply_retention", apply)
    with pytest.raises(BlockedError, match="a hold"):
        retention.go_on_retention(shop, actor="job", now=START)
    assert applied == ["T-2"]
