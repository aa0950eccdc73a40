"""Plans that a run keeps: only genuine ones are gone on with, and an earlier one stays until all its requests end."""

from __future__ import annotations

import os
from datetime import date, datetime
from pathlib import Path

import pytest

from delible.errors import PlanError
from delible.model.plan import ErasurePlan, PlannedRequest
from delible.store.keys import Keys
from delible.store.plans import seal
from delible.store.workspace import Workspace
from delible.workflows.plans import made_immediate
from delible.workflows.unfinished import keep_plan, plans_of, unfinished_erasures, unusable_plans


def plan(keys: Keys | None, now: datetime, number: int, *requests: str, earlier: tuple[str, ...] = ()) -> ErasurePlan:
    made = ErasurePlan(
        id=f"E-20260101-0000000{number}",
        created=now,
        policy_fingerprint="f",
        immediate=False,
        requests=tuple(PlannedRequest(id=r, due=date(2026, 2, 1).isoformat(), matched=True) for r in requests),
        earlier=earlier,
        tables=(),
    )
    return seal(made, keys) if keys is not None else made


def test_a_plan_without_a_genuine_seal_is_named_and_never_gone_on_with(
    workspace: Workspace, keys: Keys, now: datetime
) -> None:
    genuine, forged = plan(keys, now, 1, "R-1"), plan(None, now, 2, "R-2")
    keep_plan(workspace, genuine)
    keep_plan(workspace, forged)
    (workspace.root / ".delible" / "plans" / "E-torn.json").write_text('{"kind": "erasure"}')
    assert unfinished_erasures(workspace) == [genuine]
    assert sorted((p.where or "").rpartition("/")[2] for p in unusable_plans(workspace)) == [
        "E-20260101-00000002.json",
        "E-torn.json",
    ]
    with pytest.raises(PlanError):
        made_immediate(workspace, forged)


def test_an_earlier_plan_is_superseded_only_for_all_of_its_requests(
    workspace: Workspace, keys: Keys, now: datetime
) -> None:
    first = plan(keys, now, 1, "R-1", "R-2")
    keep_plan(workspace, first)
    one = plan(keys, now, 2, "R-1", earlier=(first.id,))
    keep_plan(workspace, one)
    assert unfinished_erasures(workspace) == [first, one]
    other = plan(keys, now, 3, "R-2", earlier=(first.id,))
    keep_plan(workspace, other)
    assert unfinished_erasures(workspace) == [one, other]
    assert plans_of(workspace, {"R-2"}) == [first, other]


def test_what_is_no_file_is_neither_waited_for_nor_followed(
    workspace: Workspace, keys: Keys, now: datetime, tmp_path: Path
) -> None:
    kept = workspace.root / ".delible" / "plans"
    keep_plan(workspace, plan(keys, now, 1, "R-1"))
    os.mkfifo(kept / "E-pipe.json")
    (kept / "E-20260101-00000002.json").symlink_to(tmp_path / "elsewhere.json")
    keep_plan(workspace, plan(keys, now, 2, "R-2"))
    assert not (tmp_path / "elsewhere.json").exists()
    assert [p.id for p in unfinished_erasures(workspace)] == ["E-20260101-00000001", "E-20260101-00000002"]
    (problem,) = unusable_plans(workspace)
    assert "it is no file" in problem.message
