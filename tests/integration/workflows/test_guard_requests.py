"""Requests that only `guard` asks for: never without their origin, and finished by the next look after a kill."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from delible.model.identity import Verification
from delible.model.request import Request
from delible.model.subject import Identifier
from delible.model.terms import Regime, RequestState, Right
from delible.store.ledger import Ledger
from delible.store.requests import NewRequest, Requests, refs_of
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.guard_requests import erase_again, left_behind, requested_by_guard
from delible.workflows.lifecycle import verify_identity
from policy_files import write_policies
from small_shop import CONTROLLER, email, make_workspace

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
ORIGIN = "R-20260101-ABCDEFGHIJ"
S = RequestState


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "shop")


def returned(shop: Workspace, who: int = 1, origin: str | None = ORIGIN) -> NewRequest:
    control = Control(shop)
    identifiers = (Identifier(kind="email", value=SecretStr(email(who))),)
    return NewRequest(
        right=Right.ERASURE,
        regime=Regime.GDPR,
        identifiers=identifiers,
        refs=refs_of(identifiers, control.policies.controller.identifiers, control.keys),
        received=NOW,
        due=date(2026, 4, 10),
        again=origin,
    )


def look(shop: Workspace, *new: NewRequest) -> list[Request]:
    return erase_again(Control(shop), new, left_behind(Control(shop)), actor="job", now=NOW)


def killed(shop: Workspace, where: type, what: str) -> str:
    """Return the request of a look that was killed when it called something."""
    call = getattr(where, what)

    def die(self: Any, entries: Any, *rest: Any, **how: Any) -> Any:
        if where is Ledger and [e.action for e in entries] != ["guard.erase"]:
            return call(self, entries, *rest, **how)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, what, die)
        with pytest.raises(KeyboardInterrupt):
            look(shop, returned(shop))
    [request] = Control(shop).requests.all()
    return request.id


@pytest.mark.parametrize(
    ("where", "what", "state"),
    [(Requests, "approve_all", S.AWAITING_APPROVAL), (Ledger, "append", S.SCHEDULED)],
    ids=["before it was approved", "before it was recorded"],
)
def test_a_request_of_a_look_that_was_killed_has_its_origin_and_is_finished_once(
    shop: Workspace, where: type, what: str, state: RequestState
) -> None:
    request = killed(shop, where, what)
    control = Control(shop)
    assert (control.requests.get(request).state, control.requests.get(request).again) == (state, ORIGIN)
    assert requested_by_guard(control) == {request}
    assert control.ledger.records(action_prefix="request.received")[0].detail["again"] == ORIGIN
    assert [(r.id, r.state) for r in look(shop)] == [(request, S.SCHEDULED)]
    assert look(shop) == []
    records = control.ledger.records(action_prefix="guard.erase")
    assert [(r.object, r.detail) for r in records] == [(f"request:{request}", {"again": ORIGIN})]


@pytest.mark.parametrize("rule", ["two_person_approval", "identity_check"])
def test_where_one_word_is_not_enough_a_person_approves(shop: Workspace, rule: str) -> None:
    request = killed(shop, Requests, "approve_all")
    write_policies(shop.root / "policies", {"controller.yaml": f"{CONTROLLER}{rule}: true\n"})
    assert [(r.id, r.state) for r in look(shop)] == [(request, S.AWAITING_APPROVAL)]
    write_policies(shop.root / "policies", {"controller.yaml": CONTROLLER})
    assert look(shop) == [], "what a look is through with it leaves to people"


def test_what_somebody_has_looked_into_meanwhile_is_not_approved(shop: Workspace) -> None:
    request = killed(shop, Requests, "approve_all")
    verify_identity(shop, request, level=Verification.REASONABLE, actor="desk", now=NOW)
    assert [r.state for r in look(shop)] == [S.AWAITING_APPROVAL]


def test_whoever_has_asked_themselves_is_not_asked_for_again(shop: Workspace) -> None:
    [own] = Control(shop).requests.submit([returned(shop, origin=None)], actor="desk", now=NOW)
    assert look(shop, returned(shop)) == []
    assert left_behind(Control(shop)) == []
    assert Control(shop).requests.get(own.id).state is S.AWAITING_APPROVAL
    assert own.id not in requested_by_guard(Control(shop))
