"""Leaving out one stage leaves bytes behind; both searches say so, and with all stages neither finds anything."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byte_search import places
from delible.errors import ResidueError
from delible.lake import erase, log_expiry, purge
from delible.model.terms import RequestState
from delible.workflows.audit import verify_ledger
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from small_shop import LOWEST, NOW, ONE_TABLE, approved, email, forget_logs, make_workspace, phone, write_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.store.workspace import Workspace
    from delible.workflows.erasure_plan import Planned

pytestmark = pytest.mark.spark

STAGES = {"purge_deletion_vectors": None, "vacuum": purge.Vacuumed(0, 0), "expire_log": 0}
TEXTS = (email(LOWEST), phone(LOWEST), phone(LOWEST).replace(" ", ""))
KEYS = {"customer_id": {LOWEST}}


@dataclass(frozen=True)
class Prepared:
    """A workspace with a request, and the plan for it."""

    workspace: Workspace
    request: str
    planned: Planned
    kept: Path


@pytest.fixture(scope="module")
def once(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("residue")
    workspace = make_workspace(folder / "shop", ONE_TABLE)
    write_tables(spark, workspace, ["customers"])
    [request] = approved(workspace, folder, {"email": email(LOWEST)})
    planned = plan_due_erasures(workspace, now=NOW, immediate=True)
    shutil.move(workspace.root, folder / "kept")
    return Prepared(workspace, request, planned, folder / "kept")


@pytest.fixture
def prepared(once: Prepared, spark: SparkSession) -> Iterator[Prepared]:
    """Return a copy of its own at the path that the plan names."""
    shutil.copytree(once.kept, once.workspace.root)
    forget_logs(spark)
    yield once
    shutil.rmtree(once.workspace.root)


def test_rows_that_were_not_erased_are_residue(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, planned = prepared.workspace, prepared.planned
    monkeypatch.setattr(erase, "erase_rows", lambda *_, **__: None)
    with pytest.raises(ResidueError) as caught:
        apply_erasure(workspace, planned.plan, actor="tests", now=NOW, searched=planned.searched)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("left_out", STAGES)
def test_a_stage_that_is_left_out_leaves_residue(
    left_out: str, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, request, planned = prepared.workspace, prepared.request, prepared.planned
    monkeypatch.setattr(log_expiry if left_out == "expire_log" else purge, left_out, lambda *_, **__: STAGES[left_out])
    with pytest.raises(ResidueError) as caught:
        apply_erasure(workspace, planned.plan, actor="tests", now=NOW, searched=planned.searched)
    assert (caught.value.code, caught.value.exit_code) == ("erasure.residue", 4)
    assert places(workspace.root, texts=TEXTS)
    assert places(workspace.root, keys=KEYS)
    control = Control(workspace)
    assert control.requests.get(request).state is RequestState.PARTLY_COMPLETED
    assert not list(workspace.root.rglob("certificates/*.json"))
    failed = [r for r in control.ledger.records() if r.action == "erasure.verify"]
    assert [r.outcome for r in failed] == ["started", "failed"]
    assert verify_ledger(workspace).intact


def test_with_all_stages_nothing_is_left(prepared: Prepared, spark: SparkSession) -> None:
    workspace, request, planned = prepared.workspace, prepared.request, prepared.planned
    assert places(workspace.root, texts=TEXTS)
    assert places(workspace.root, keys=KEYS)
    apply_erasure(workspace, planned.plan, actor="tests", now=NOW, searched=planned.searched)
    assert places(workspace.root, texts=TEXTS, keys=KEYS) == []
    assert Control(workspace).requests.get(request).state is RequestState.COMPLETED
    assert spark.range(1).count() == 1, "a session that the workspace did not start was ended"
