"""Leaving out one stage leaves bytes behind; both searches say so, and with all stages neither finds anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byte_search import places
from delible.errors import ResidueError
from delible.lake import purge
from delible.model.terms import RequestState
from delible.workflows.audit import verify_ledger
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from small_shop import LOWEST, NOW, ONE_TABLE, approved, email, make_workspace, phone, write_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.store.workspace import Workspace

STAGES = {"purge_deletion_vectors": None, "vacuum": 0, "expire_log": 0}
TEXTS = (email(LOWEST), phone(LOWEST), phone(LOWEST).replace(" ", ""))
KEYS = {"customer_id": {LOWEST}}


def prepared(spark: SparkSession, folder: Path) -> tuple[Workspace, str]:
    workspace = make_workspace(folder / "shop", ONE_TABLE)
    write_tables(spark, workspace, ["customers"])
    return workspace, approved(workspace, folder, {"email": email(LOWEST)})[0]


@pytest.mark.spark
@pytest.mark.parametrize("left_out", STAGES)
def test_a_stage_that_is_left_out_leaves_residue(
    left_out: str, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, request = prepared(spark, tmp_path)
    planned = plan_due_erasures(workspace, now=NOW, immediate=True)
    monkeypatch.setattr(purge, left_out, lambda *_, **__: STAGES[left_out])
    with pytest.raises(ResidueError) as caught:
        apply_erasure(workspace, planned.plan, actor="tests", now=NOW, searched=planned.searched)
    assert (caught.value.code, caught.value.exit_code) == ("erasure.residue", 4)
    assert places(workspace.root, texts=TEXTS)
    assert places(workspace.root, keys=KEYS)
    control = Control(workspace)
    assert control.requests.get(request).state is RequestState.PARTLY_COMPLETED
    assert not list(workspace.root.rglob("certificates/*"))
    failed = [r for r in control.ledger.records() if r.action == "erasure.verify"]
    assert [r.outcome for r in failed] == ["started", "failed"]
    assert verify_ledger(workspace).intact


@pytest.mark.spark
def test_with_all_stages_nothing_is_left(spark: SparkSession, tmp_path: Path) -> None:
    workspace, request = prepared(spark, tmp_path)
    assert places(workspace.root, texts=TEXTS)
    assert places(workspace.root, keys=KEYS)
    planned = plan_due_erasures(workspace, now=NOW, immediate=True)
    apply_erasure(workspace, planned.plan, actor="tests", now=NOW, searched=planned.searched)
    assert places(workspace.root, texts=TEXTS, keys=KEYS) == []
    assert Control(workspace).requests.get(request).state is RequestState.COMPLETED
    assert spark.range(1).count() == 1, "a session that the workspace did not start was ended"
