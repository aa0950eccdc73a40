"""What came between a plan and its run, or between two steps of a run that was killed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from delible.errors import BlockedError, DelibleError, InputError, ResidueError
from delible.model.plan import ErasurePlan, PlannedRequest, RetentionPlan
from delible.model.restriction import RestrictionGround
from delible.model.terms import Regime, RequestState, Right
from delible.store.plans import seal
from delible.store.requests import Requests
from delible.store.workspace import Workspace
from delible.workflows import fulfilment, retention
from delible.workflows.control import Control
from delible.workflows.erasure_fit import refuse_held
from delible.workflows.fulfilment import fulfil_requests
from delible.workflows.holds import place_holds
from delible.workflows.lifecycle import refuse_request
from delible.workflows.requests import approve_request, submit_requests
from delible.workflows.unfinished import keep_plan, unfinished_erasures
from policy_files import write_policies
from small_shop import CONTROLLER, email, make_workspace, people_file

S = RequestState
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


class Killed:
    """An erasure of two people whose run was killed, its plan kept; what is planned anew is noted, and not done."""

    def __init__(self, shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop, self.control, self.anew = shop, Control(shop), list[str]()
        self.ids = [submit(shop, Right.ERASURE, who) for who in (1, 2)]
        for request in self.ids:
            approve_request(shop, request, actor="officer", now=START)
        planned = tuple(PlannedRequest(id=i, due="2026-04-10", matched=True) for i in self.ids)
        made = ErasurePlan(
            id="E-20260310-00000001",
            created=START,
            policy_fingerprint=self.control.policies.fingerprint,
            immediate=False,
            requests=planned,
            tables=(),
        )
        self.plan = seal(made, self.control.keys)
        keep_plan(shop, self.plan)
        monkeypatch.setattr(fulfilment, "plan_due_erasures", self.note)

    def note(self, *_: Any, request_ids: Sequence[str], **__: Any) -> None:
        self.anew += request_ids
        raise BlockedError("noted", "planned anew")

    def fulfil(self, *ids: str) -> list[str]:
        """Fulfil, and return the codes that it ended with."""
        self.anew.clear()
        with pytest.raises(BlockedError) as raised:
            fulfil_requests(self.shop, ids, actor="job", now=START)
        return [p.code for p in raised.value.problems]

    def hold(self, who: int) -> None:
        file = people_file(self.shop.root.parent, {"email": email(who)})
        place_holds(self.shop, identifiers=str(file), reason="Case", owner="Legal", actor="officer", now=START)

    def move(self, to: RequestState, *ids: str) -> None:
        self.control.requests.transition_all(ids or self.ids, to, actor="job", now=START)


@pytest.fixture
def killed(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> Killed:
    return Killed(shop, monkeypatch)


@pytest.mark.parametrize("begun", [False, True])
def test_a_kept_plan_that_the_policies_have_overtaken_keeps_nobody_waiting(killed: Killed, begun: bool) -> None:
    if begun:
        killed.move(S.IN_PROGRESS)
    write_policies(killed.shop.root / "policies", {"controller.yaml": CONTROLLER.replace("Small", "Smaller")})
    assert killed.fulfil() == ["noted"], "that it was overtaken is no failure when all of it is planned anew"
    assert killed.anew == killed.ids
    assert killed.fulfil(killed.ids[1]) == ["noted"]
    assert killed.anew == killed.ids[1:], "only what was asked for"


def test_a_hold_on_one_person_of_a_kept_plan_keeps_no_other_waiting(killed: Killed) -> None:
    killed.hold(1)
    assert sorted(killed.fulfil()) == ["noted", "request.held"]
    assert killed.anew == killed.ids[1:]


def test_a_hold_that_comes_when_a_run_has_begun_keeps_no_other_waiting(killed: Killed) -> None:
    killed.move(S.IN_PROGRESS)
    killed.hold(1)
    assert killed.fulfil() == ["noted"]
    assert set(killed.anew) == set(killed.ids), "planning itself leaves out who is held, and says so"


def test_what_waits_for_its_window_is_never_planned_anew(killed: Killed, monkeypatch: pytest.MonkeyPatch) -> None:
    killed.move(S.IN_PROGRESS)
    killed.move(S.WAITING_RETENTION_WINDOW, killed.ids[0])

    def stopped(*_: Any, **__: Any) -> None:
        raise BlockedError("request.held", "a hold")

    monkeypatch.setattr(fulfilment, "apply_erasure", stopped)
    assert killed.fulfil() == ["request.held", "noted"]
    assert killed.anew == killed.ids[1:]


@pytest.mark.parametrize(
    "error", [ResidueError("erasure.residue", "left"), BlockedError("readers.shared", "others read the table")]
)
def test_a_plan_that_nothing_has_overtaken_is_not_planned_anew(
    killed: Killed, monkeypatch: pytest.MonkeyPatch, error: DelibleError
) -> None:
    killed.move(S.IN_PROGRESS)

    def stopped(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(fulfilment, "apply_erasure", stopped)
    with pytest.raises(type(error)):
        fulfil_requests(killed.shop, actor="job", now=START)
    assert killed.anew == []


def test_a_plan_of_which_the_last_request_was_refused_is_forgotten(killed: Killed) -> None:
    for request in killed.ids:
        refuse_request(killed.shop, request, reason="Unfounded.", actor="desk", now=START)
    assert killed.fulfil() == ["request.nothing_due"]
    assert unfinished_erasures(killed.shop) == []


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


def test_a_kept_plan_whose_table_is_gone_keeps_what_is_new_not_waiting(
    killed: Killed, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = submit(killed.shop, Right.ERASURE, 3)
    approve_request(killed.shop, new, actor="officer", now=START)

    def stopped(*_: Any, **__: Any) -> None:
        raise InputError("table.missing", "there is no such table")

    monkeypatch.setattr(fulfilment, "apply_erasure", stopped)
    with pytest.raises(InputError) as raised:
        fulfil_requests(killed.shop, actor="job", now=START)
    assert [p.code for p in raised.value.problems] == ["table.missing", "noted"]
    assert killed.anew == [new]


@pytest.mark.parametrize("error", [BlockedError("table.held", "stops"), InputError("table.missing", "stops")])
def test_a_retention_plan_that_is_stopped_keeps_no_other_waiting(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch, error: DelibleError
) -> None:
    plans = [RetentionPlan.model_construct(id=name) for name in ("T-1", "T-2")]
    applied = []

    def apply(_: Workspace, plan: RetentionPlan, **__: Any) -> str:
        if plan.id == "T-1":
            raise error
        applied.append(plan.id)
        return plan.id

    monkeypatch.setattr(retention, "unfinished_retention", lambda _: plans)
    monkeypatch.setattr(retention, "apply_retention", apply)
    with pytest.raises(type(error), match="stops"):
        retention.go_on_retention(shop, actor="job", now=START)
    assert applied == ["T-2"]
