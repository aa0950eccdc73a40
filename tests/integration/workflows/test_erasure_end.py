"""The end of an erasure over real stores, with a byte search that finds what the test says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from delible.errors import BlockedError, Problem, ResidueError
from delible.model.lineage import LineageRun
from delible.model.plan import ErasurePlan, PlannedRequest, Stage, TableStep
from delible.model.proof import Match, Verification
from delible.model.subject import KeyRow, own_keys
from delible.model.terms import ErasureAction, Regime, RequestState, Right
from delible.store.plans import seal
from delible.store.workspace import Workspace, create_workspace
from delible.workflows import erasure_end
from delible.workflows.certificates import certificate_path, read_certificate
from delible.workflows.clock import Clock
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_end import Conclusion, erasure_journal
from delible.workflows.exceptions import has_ended, is_finished
from delible.workflows.journal import Step
from delible.workflows.notices import prepare_notices
from delible.workflows.requests import approve_request, submit_requests
from delible.workflows.search import refs_of_keys
from delible.workflows.stages import Run
from delible.workflows.treated import Treated
from delible.workflows.unfinished import keep_plan, residue_tables
from policy_files import SOUND, write_policies

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
S = RequestState
CARRIER = "recipient: carrier\ndescription: x\ncontact: x@carrier.example\nacknowledge_within: P14D\n"
ORDERS = """\
table: orders
path: warehouse/orders
description: Orders.
purposes: [support]
subject: [{column: id, identifies: customer_id}]
columns: {id: user.unique_id}
"""
TICKETS = ORDERS.replace("orders", "tickets").replace(
    "user.unique_id}", "user.unique_id, body: {category: user.content, free_text: true}}"
)
HELD = (Problem("request.held", "legal hold H-1 covers the data subject.", "request:R-1"),)


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    workspace = create_workspace(tmp_path / "shop")
    table = SOUND["tables/customers.yaml"] + "recipients: [carrier]\n"
    files = {**SOUND, "tables/customers.yaml": table, "recipients/carrier.yaml": CARRIER}
    write_policies(workspace.root / "policies", files)
    return workspace


def begun(shop: Workspace, *rows: dict[str, int]) -> tuple[Control, ErasurePlan]:
    """Return a plan in progress, for one person per dict of rows."""
    people = shop.root.parent / "people.jsonl"
    people.write_text("".join(json.dumps({"email": f"ann{n}@people.example"}) + "\n" for n in range(len(rows))))
    made = submit_requests(
        shop, right=Right.ERASURE, regime=Regime.GDPR, identifiers=str(people), actor="desk", now=NOW
    )
    people.unlink()
    ids = [approve_request(shop, r.id, actor="officer", now=NOW).id for r in made]
    control = Control(shop)
    plan = ErasurePlan(
        id="E-20260131-00000001",
        created=NOW,
        policy_fingerprint=control.policies.fingerprint,
        immediate=True,
        requests=tuple(
            PlannedRequest(id=i, due="2026-02-28", matched=True, rows=own) for i, own in zip(ids, rows, strict=True)
        ),
        tables=(step(shop),),
    )
    plan = seal(plan, control.keys)
    keep_plan(shop, plan)
    control.requests.transition_all(ids, S.IN_PROGRESS, actor="job", now=NOW)
    prepare_notices(control, {i: {"customers"} for i in ids}, control.requests.vault.get(ids), actor="job", now=NOW)
    return control, plan


def step(shop: Workspace) -> TableStep:
    return TableStep(
        table="customers",
        location=str(shop.root / "warehouse" / "customers"),
        version=3,
        action=ErasureAction.DELETE_ROW,
        rows=2,
        files=1,
        bytes=9,
        stages=tuple(Stage),
        wait_hours=0,
    )


def ending(
    control: Control,
    plan: ErasurePlan,
    monkeypatch: pytest.MonkeyPatch,
    *dirty: str,
    held: tuple[Problem, ...] = (),
    unreadable: tuple[str, ...] = (),
) -> Conclusion:
    def search(_: Control, keys: Sequence[KeyRow], **__: Any) -> Verification:
        found = sorted({k.request for k in keys} & set(dirty))
        return Verification(
            at=NOW,
            files_searched=1,
            bytes_searched=1,
            values_searched=len(keys),
            matches=tuple(Match(place="workspace/notes.txt", form="utf-8", count=1) for _ in found),
            unreadable=unreadable,
        )

    monkeypatch.setattr(erasure_end, "search_everything", search)
    clock = Clock(NOW)
    spark: Any = None
    run = Run(spark, erasure_journal(control, plan, "job", clock), clock, plan.id, True, lambda _: None)
    requests = [r for r in control.requests.named([r.id for r in plan.requests]) if not has_ended(plan, r)]
    keys = own_keys(control.requests.vault.get([r.id for r in requests]))
    treated = (Treated(plan.tables[0], rows=2, version=None if held else 5, held=held),)
    lineage = LineageRun("", "erasure.apply", (), (), {}, NOW)
    return Conclusion(control, run, plan, tuple(requests), treated, keys, refs_of_keys(control, keys), "job", lineage)


def states(control: Control, plan: ErasurePlan) -> list[RequestState]:
    return [r.state for r in control.requests.named([r.id for r in plan.requests])]


def test_one_persons_residue_keeps_nobody_else_from_an_end(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    control, plan = begun(shop, {"customers": 1}, {"customers": 1}, {"customers": 1})
    left, *others = (r.id for r in plan.requests)
    with pytest.raises(ResidueError):
        ending(control, plan, monkeypatch, left).conclude()
    assert states(control, plan) == [S.PARTLY_COMPLETED, S.COMPLETED, S.COMPLETED]
    assert [certificate_path(shop, i).exists() for i in (left, *others)] == [False, True, True]
    # All rows are gone: recipients are told of everybody (Art. 19), and nobody may come back.
    assert {(x.request, x.state.value) for x in control.notices.all()} == {(i, "queued") for i in (left, *others)}
    assert {request for _, request, _ in control.suppression.rows()} == {left, *others}
    # After the rest was removed, the same plan ends for the one who is left.
    requests = control.requests.named([left])
    assert not is_finished(plan, requests)
    control.requests.transition_all([left], S.IN_PROGRESS, actor="job", now=NOW)
    ending(control, plan, monkeypatch).conclude()
    assert states(control, plan) == [S.COMPLETED] * 3
    assert certificate_path(shop, left).exists()
    said: list[str] = []
    apply_erasure(shop, seal(plan, control.keys), actor="job", now=NOW, progress=said.append)
    assert said[0].startswith("This plan was carried out before: nothing is done now")


def test_many_requests_end_in_as_many_commits_as_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    took = []
    for people in (2, 9):
        workspace = create_workspace(tmp_path / str(people))
        write_policies(workspace.root / "policies", SOUND)
        control, plan = begun(workspace, *[{"customers": 1}] * people)
        conclusion = ending(control, plan, monkeypatch)
        before = versions(workspace)
        found = {r.id: tuple(conclusion.own[r.id]) for r in plan.requests}
        control.requests.add_all_refs(found, NOW, evidence={})
        conclusion.conclude()
        took.append({table: version - before[table] for table, version in versions(workspace).items()})
        assert states(control, plan) == [S.COMPLETED] * people
        assert len(control.suppression.refs()) == people
        assert len({read_certificate(workspace, r.id)[0].ledger_sequence for r in plan.requests}) == people
        # Each is recorded once, also when the run goes on after a crash.
        journal = erasure_journal(control, plan, "job", Clock(NOW))
        known = {f"request:{r.id}": Step() for r in plan.requests}
        again = journal.once_each("certify", known)
        assert {a.sequence for a in again.values()} == {
            read_certificate(workspace, r.id)[0].ledger_sequence for r in plan.requests
        }
        assert versions(workspace) == {table: before[table] + n for table, n in took[-1].items()}
    assert took[0] == took[1]


def versions(workspace: Workspace) -> dict[str, int]:
    store = workspace.root / workspace.config.store
    return {str(t.parent.name): DeltaTable(t.parent).version() for t in sorted(store.rglob("_delta_log"))} | {
        name: -1 for name in ("suppression",) if not (store / name).exists()
    }


@pytest.mark.parametrize(
    ("place", "stops"),
    [
        ("table:customers/part-0.parquet", [True, False]),
        ("table:customers/ (a folder that may not be listed, or a name that is not UTF-8)", [True, False]),
        ("table:orders/part-0.parquet", [False, True]),
        ("table:tickets/part-0.parquet", [True, True]),
        ("table:sold/part-0.parquet", [True, True]),
        ("workspace/notes.zip", [True, True]),
    ],
    ids=["table of one", "folder of one", "table of the other", "texts", "table of no policy", "no table"],
)
def test_a_file_that_cannot_be_read_stops_those_whom_it_may_concern(
    place: str, stops: list[bool], shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_policies(shop.root / "policies", {"tables/tickets.yaml": TICKETS, "tables/orders.yaml": ORDERS})
    control, plan = begun(shop, {"customers": 1}, {"orders": 1})
    with pytest.raises(ResidueError):
        ending(control, plan, monkeypatch, unreadable=(place,)).conclude()
    assert states(control, plan) == [S.PARTLY_COMPLETED if stopped else S.COMPLETED for stopped in stops]
    for request, stopped in zip(plan.requests, stops, strict=True):
        path = certificate_path(shop, request.id)
        assert path.exists() is not stopped
        if not stopped:
            said = json.loads(path.read_text())["verification"]
            assert (said["unreadable"], said["apart"]) == ([], [place])
            assert "could not be read, in tables in which nothing" in path.with_suffix(".html").read_text()
            assert read_certificate(shop, request.id)[0].verification.apart == (place,)


def test_a_file_in_a_table_in_which_nobody_of_the_plan_was_stops_nobody(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_policies(shop.root / "policies", {"tables/orders.yaml": ORDERS})
    control, plan = begun(shop, {"customers": 1}, {"customers": 1})
    ending(control, plan, monkeypatch, unreadable=("table:orders/x.zip",)).conclude()
    assert states(control, plan) == [S.COMPLETED] * 2


def test_a_table_that_a_hold_keeps_holds_up_only_whoever_was_in_it(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    control, plan = begun(shop, {"customers": 1}, {"orders": 1})
    with pytest.raises(BlockedError, check=lambda e: e.code == "request.held"):
        ending(control, plan, monkeypatch, held=HELD).conclude()
    assert states(control, plan) == [S.WAITING_RETENTION_WINDOW, S.COMPLETED]
    assert {x.state.value for x in control.notices.all()} == {"queued"}
    assert len(control.suppression.rows()) == 2


def test_what_a_held_table_may_still_say_of_somebody_is_not_certified(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    control, plan = begun(shop, {"customers": 1}, {"orders": 1})
    with pytest.raises(BlockedError):
        ending(control, plan, monkeypatch, plan.requests[1].id, held=HELD).conclude()
    assert states(control, plan) == [S.WAITING_RETENTION_WINDOW] * 2


def test_old_files_that_a_plan_left_are_part_of_the_next(shop: Workspace) -> None:
    """No search for rows leads to a table whose rows are gone and whose bytes are not."""
    control, plan = begun(shop, {"customers": 1})
    journal = erasure_journal(control, plan, "job", Clock(NOW))
    assert residue_tables(control, [plan]) == frozenset()
    for stage in (Stage.MERGE, Stage.PURGE):
        journal.begin("table:customers", stage)
        assert residue_tables(control, [plan]) == {"customers"}
    journal.begin("table:customers", Stage.EXPIRE_LOG)
    journal.finish("table:customers", Stage.EXPIRE_LOG, erasure_end.Step())
    assert residue_tables(control, [plan]) == frozenset()
