"""What `fulfil` does for each request, whatever stands in another's way."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from delible.errors import SetupError
from delible.model.terms import Regime, RequestState, Right
from delible.store.workspace import Workspace
from delible.workflows import access
from delible.workflows.access import build_access_package
from delible.workflows.control import Control
from delible.workflows.holds import place_holds
from delible.workflows.requests import approve_request, submit_requests
from small_shop import email, make_workspace, people_file

S = RequestState
START = datetime(2026, 3, 10, 9, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "shop")


def ready(shop: Workspace, right: Right, who: int) -> str:
    """Submit and approve one request."""
    file = people_file(shop.root.parent, {"email": email(who)})
    [made] = submit_requests(shop, right=right, regime=Regime.GDPR, identifiers=str(file), actor="desk", now=START)
    approve_request(shop, made.id, actor="officer", now=START)
    return made.id


@pytest.mark.parametrize("right", [Right.ACCESS, Right.PORTABILITY])
def test_a_hold_forbids_to_destroy_and_alter_but_not_to_give_a_copy(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch, right: Right
) -> None:
    asked = ready(shop, right, 1)
    file = people_file(shop.root.parent, {"email": email(1)})
    place_holds(shop, identifiers=str(file), reason="Case", owner="Legal", actor="officer", now=START)
    assert Control(shop).requests.get(asked).state is S.SCHEDULED

    def no_spark(*_: Any) -> None:
        raise SetupError("reached", "the rows would be read now")

    monkeypatch.setattr(access, "session_for", no_spark)
    with pytest.raises(SetupError, check=lambda e: e.code == "reached"):
        build_access_package(shop, asked, actor="job", now=START)
