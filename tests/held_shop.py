"""A shop in whose old files somebody is held, over whichever lake; what has to hold of them in both."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from byte_search import places
from delible.errors import BlockedError, ResidueError
from delible.model.terms import RequestState
from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.holds import place_holds
from delta_rows import delta_rows
from small_shop import NOW, approved, email, people_file

HELD, BESIDE, OTHER = 12, 25, 20
SOON = NOW + timedelta(minutes=1)
LATER = NOW + timedelta(hours=2)


def hold(shop: Workspace, folder: Path, number: int = HELD) -> str:
    """Place a legal hold on somebody and return its id."""
    file = str(people_file(folder, {"email": email(number)}))
    [placed] = place_holds(shop, identifiers=file, reason="claim", owner="legal", actor="tests", now=SOON)
    return placed.id


def there(shop: Workspace, number: int) -> bool:
    """Return whether somebody's address stands in any byte of the warehouse."""
    return bool(places(shop.root / "warehouse", texts=[email(number)]))


def no_run_removes_the_old_rows_and_others_have_a_way_out(
    shop: Workspace, folder: Path, give_back: Callable[[str, int], None]
) -> None:
    """Erase somebody who is held meanwhile, with others, and end the others once the rows are in the table again.

    Args:
        shop: With one table, whose window is a second.
        folder: For files of identifiers.
        give_back: Puts the held person's rows back, given the table's folder and the version that they stood in.
    """
    first, beside = approved(shop, folder, {"email": email(HELD)}, {"email": email(BESIDE)})
    waiting = plan_due_erasures(shop, now=NOW)
    version = waiting.plan.tables[0].version
    apply_erasure(shop, waiting.plan, actor="tests", now=NOW, searched=waiting.searched)
    hold(shop, folder)
    [other] = approved(shop, folder, {"email": email(OTHER)})
    now = plan_due_erasures(shop, now=NOW, request_ids=[other], immediate=True)
    with pytest.raises(BlockedError, check=lambda e: e.code == "request.held"):
        apply_erasure(shop, now.plan, actor="tests", now=NOW, searched=now.searched)
    assert there(shop, HELD)
    with pytest.raises(BlockedError, check=lambda e: e.code == "request.held"):
        apply_erasure(shop, waiting.plan, actor="tests", now=LATER)
    assert there(shop, HELD)
    assert {r.state for r in Control(shop).requests.all()} == {RequestState.WAITING_RETENTION_WINDOW}

    path = str(shop.root / "warehouse" / "customers")
    give_back(path, version)
    apply_erasure(shop, now.plan, actor="tests", now=SOON)
    with pytest.raises(ResidueError):
        apply_erasure(shop, waiting.plan, actor="tests", now=LATER)
    states = {r.id: r.state for r in Control(shop).requests.all()}
    assert states == {
        first: RequestState.PARTLY_COMPLETED,
        beside: RequestState.COMPLETED,
        other: RequestState.COMPLETED,
    }
    assert not there(shop, BESIDE)
    assert len(delta_rows(path, f"customer_id = {HELD}")) == 1
