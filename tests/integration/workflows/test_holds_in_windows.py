"""A hold or an objection that comes while old files wait for their window, or a killed run for the next one.

Over a lake without a JVM. What retention removed, and the windows that Delta itself goes by:
`tests/spark/test_holds_in_windows.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

import fake_lake
from byte_search import places
from delible.errors import BlockedError, ResidueError
from delible.lake import purge
from delible.model.plan import TableStep
from delible.model.request import RefusalGround
from delible.model.restriction import RestrictionGround
from delible.model.terms import Regime, RequestState, Right
from delible.store.workspace import Workspace
from delible.workflows import erasure
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.fulfilment import fulfil_requests
from delible.workflows.holds import release_hold
from delible.workflows.journal import Step
from delible.workflows.lifecycle import refuse_request
from delible.workflows.put_back import put_back_held
from delible.workflows.requests import submit_requests
from delta_rows import delta_rows
from held_shop import (
    BESIDE,
    HELD,
    LATER,
    OTHER,
    SOON,
    hold,
    no_run_removes_the_old_rows_and_others_have_a_way_out,
    there,
)
from small_shop import (
    LOWEST,
    NOW,
    ONE_TABLE,
    POLICIES,
    approved,
    customers,
    email,
    make_workspace,
    people_file,
    phone,
    tickets,
)

WINDOW = {"delta.deletedFileRetentionDuration": "interval 1 second", "delta.logRetentionDuration": "interval 1 second"}
TICKETS = POLICIES["tables/tickets.yaml"].partition("  body:")[0] + "readers: exclusive\n"
"""Such a lake masks nothing."""


@pytest.fixture(autouse=True)
def lake() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        fake_lake.install(patch.setattr)
        yield


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path / "shop", ONE_TABLE)
    for part in (customers().slice(0, 15), customers().slice(15)):
        write_deltalake(str(made.root / "warehouse" / "customers"), part, mode="append", configuration=WINDOW)
    return made


def test_no_run_removes_the_old_rows_of_somebody_who_is_held_and_others_have_a_way_out(
    shop: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delible.workflows.removal.WRITERS_HOURS", 0)  # rows are put back while plans wait

    def by_hand(path: str, version: int) -> None:
        old = DeltaTable(path, version=version).to_pyarrow_table(filters=[("customer_id", "=", HELD)])
        write_deltalake(path, old, mode="append")

    no_run_removes_the_old_rows_and_others_have_a_way_out(shop, tmp_path, by_hand)


@pytest.mark.parametrize("merged", [False, True], ids=["before the MERGE", "after it"])
@pytest.mark.parametrize("planned", [True, False], ids=["beside planned rows", "in a table without any"])
def test_rows_that_came_after_the_search_are_kept_and_put_back_too(
    shop: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, merged: bool, planned: bool
) -> None:
    """The MERGE, or the round for late rows after it, has taken them, though no plan names them."""
    monkeypatch.setattr("delible.workflows.removal.WRITERS_HOURS", 0)
    path = str(shop.root / "warehouse" / "customers")
    approved(shop, tmp_path, {"email": email(HELD)}, {"email": email(BESIDE)})
    late = DeltaTable(path).to_pyarrow_table(filters=[("customer_id", "=", HELD)])
    late = late.set_column(late.schema.get_field_index("phone"), "phone", pa.array(["+49 30 99887766"]))
    if not planned:
        DeltaTable(path).delete(f"customer_id = {HELD}")
    waiting = plan_due_erasures(shop, now=NOW)
    coming = [late]

    def comes(*_: object, **__: object) -> None:
        if coming:
            write_deltalake(path, coming.pop(), mode="append")

    if merged:
        monkeypatch.setattr(purge, "purge_deletion_vectors", comes)
    else:
        comes()
    apply_erasure(shop, waiting.plan, actor="tests", now=NOW, searched=waiting.searched)
    assert delta_rows(path, f"customer_id = {HELD}") == []
    hold(shop, tmp_path)
    with pytest.raises(BlockedError, check=lambda e: e.code == "request.held"):
        apply_erasure(shop, waiting.plan, actor="tests", now=LATER)
    assert places(shop.root / "warehouse", texts=["+49 30 99887766"]) != []
    put_back_held(shop, actor="officer", now=SOON)
    assert put_back_held(shop, actor="officer", now=SOON) == ()
    with pytest.raises(ResidueError):
        apply_erasure(shop, waiting.plan, actor="tests", now=LATER)
    phones = {row["phone"] for row in delta_rows(path, f"customer_id = {HELD}")}
    assert phones == {"+49 30 99887766", *[phone(HELD)] * planned}
    assert not there(shop, BESIDE)


def test_art_18_1_b_an_erasure_that_is_opposed_during_its_window_keeps_the_old_rows(
    shop: Workspace, tmp_path: Path
) -> None:
    [request] = approved(shop, tmp_path, {"email": email(HELD)})
    waiting = plan_due_erasures(shop, now=NOW)
    apply_erasure(shop, waiting.plan, actor="tests", now=NOW, searched=waiting.searched)
    [claim] = submit_requests(
        shop,
        right=Right.RESTRICTION,
        regime=Regime.GDPR,
        identifiers=str(people_file(tmp_path, {"email": email(HELD)})),
        restriction=RestrictionGround.UNLAWFUL_PROCESSING,
        actor="desk",
        now=SOON,
    )
    with pytest.raises(BlockedError, check=lambda e: e.code == "request.opposed"):
        apply_erasure(shop, waiting.plan, actor="tests", now=LATER)
    assert there(shop, HELD)
    refuse_request(shop, claim.id, reason="R", ground=RefusalGround.OTHER, actor="officer", now=LATER)
    apply_erasure(shop, waiting.plan, actor="tests", now=LATER)
    assert Control(shop).requests.get(request).state is RequestState.COMPLETED
    assert not there(shop, HELD)


def test_no_old_file_goes_while_a_kept_plan_cannot_be_read_and_somebody_is_held(
    shop: Workspace, tmp_path: Path
) -> None:
    approved(shop, tmp_path, {"email": email(HELD)})
    first = plan_due_erasures(shop, now=NOW)
    apply_erasure(shop, first.plan, actor="tests", now=NOW, searched=first.searched)
    hold(shop, tmp_path)
    kept = shop.root / ".delible" / "plans" / f"{first.plan.id}.json"
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-20])
    [other] = approved(shop, tmp_path, {"email": email(OTHER)})
    now = plan_due_erasures(shop, now=NOW, request_ids=[other], immediate=True)
    with pytest.raises(BlockedError) as caught:
        apply_erasure(shop, now.plan, actor="tests", now=NOW, searched=now.searched)
    assert [(p.code, p.where) for p in caught.value.problems] == [("plan.unusable", str(kept))]
    assert there(shop, HELD)
    kept.write_bytes(whole)
    with pytest.raises(BlockedError, check=lambda e: e.code == "request.held"):
        apply_erasure(shop, now.plan, actor="tests", now=SOON)
    assert there(shop, HELD)


def test_a_hold_after_a_killed_run_stops_its_person_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One table was rewritten for both, and its old files hold rows of who is held: the bytes wait, the rows do not."""
    workspace = make_workspace(tmp_path / "two", {**POLICIES, "tables/tickets.yaml": TICKETS})
    for name, rows in (("customers", customers()), ("tickets", tickets().drop(["body"]))):
        write_deltalake(str(workspace.root / "warehouse" / name), rows)
    held, other = approved(workspace, tmp_path, {"email": email(LOWEST)}, {"email": email(HELD)})
    rewrite = erasure._rewrite

    def killed(control: Control, run: Any, step: TableStep, *rest: Any) -> Step:
        if step.table == "tickets":
            raise KeyboardInterrupt
        return rewrite(control, run, step, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(erasure, "_rewrite", killed)
        with pytest.raises(KeyboardInterrupt):
            fulfil_requests(workspace, immediate=True, actor="tests", now=NOW)
    placed = hold(workspace, tmp_path, LOWEST)
    with pytest.raises(BlockedError, check=lambda e: {p.code for p in e.problems} <= {"request.held", "table.held"}):
        fulfil_requests(workspace, immediate=True, actor="tests", now=SOON)
    assert RequestState.COMPLETED not in {r.state for r in Control(workspace).requests.all()}
    assert {row["customer_id"] for row in delta_rows(workspace.root / "warehouse" / "tickets")} >= {LOWEST}

    release_hold(workspace, placed, actor="tests", now=LATER)
    done = fulfil_requests(workspace, immediate=True, actor="tests", now=LATER)
    assert (done.failure, {r.id: r.state for r in done.requests}) == (
        None,
        dict.fromkeys((held, other), RequestState.COMPLETED),
    )
    assert places(workspace.root, texts=[email(LOWEST), phone(LOWEST), email(HELD)]) == []
    assert not list((workspace.root / ".delible" / "plans").iterdir())
