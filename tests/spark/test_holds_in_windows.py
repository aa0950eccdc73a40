"""A hold that comes while old files wait for their window keeps them, whichever run would remove them.

Over a lake without a JVM, for erasures: `tests/integration/workflows/test_holds_in_windows.py`.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from delible.errors import BlockedError, ResidueError
from delible.lake.lost import lost_rows, rows_of_keys
from delible.model.plan import TableStep
from delible.model.request import RefusalGround
from delible.model.subject import own_keys
from delible.model.terms import Regime, Right
from delible.store.workspace import Workspace, open_workspace
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.holds import release_hold
from delible.workflows.lifecycle import refuse_request
from delible.workflows.put_back import PutBack, put_back_held
from delible.workflows.requests import submit_requests
from delible.workflows.retention import apply_retention
from delible.workflows.retention_plan import plan_due_retention
from held_shop import HELD, LATER, SOON, hold, no_run_removes_the_old_rows_and_others_have_a_way_out, there
from policy_files import write_policies
from small_shop import NOW, ONE_TABLE, approved, email, make_workspace, people_file, write_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

WINDOW = (
    "'delta.deletedFileRetentionDuration' = 'interval 1 second', 'delta.logRetentionDuration' = 'interval 1 second'"
)
RULE = "retention: accounts\ntable: customers\nclock: made_at\nkeep: P1Y\nreason: Law.\n"


@pytest.fixture(scope="module")
def template(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_workspace(tmp_path_factory.mktemp("windows") / "shop", ONE_TABLE)
    write_tables(spark, made, ["customers"])
    spark.sql(f"ALTER TABLE delta.`{made.root}/warehouse/customers` SET TBLPROPERTIES ({WINDOW})")
    return made.root


@pytest.fixture
def shop(template: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(template, tmp_path / "shop", copy_function=shutil.copy)
    return open_workspace(tmp_path / "shop")


def test_no_run_removes_the_old_rows_of_somebody_who_is_held_and_others_have_a_way_out(
    shop: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delible.workflows.removal.WRITERS_HOURS", 0)  # rows are put back while plans wait

    def by_command(_: str, version: int) -> None:
        assert put_back_held(shop, actor="officer", now=SOON) == (PutBack("customers", version, 1),)
        assert put_back_held(shop, actor="officer", now=SOON) == ()

    no_run_removes_the_old_rows_and_others_have_a_way_out(shop, tmp_path, by_command)


def restrict(shop: Workspace, folder: Path) -> str:
    """Claim a restriction, which nobody has granted yet."""
    [made] = submit_requests(
        shop,
        right=Right.RESTRICTION,
        regime=Regime.GDPR,
        identifiers=str(people_file(folder, {"email": email(HELD)})),
        actor="desk",
        now=SOON,
    )
    return made.id


def refuse(shop: Workspace, request: str) -> None:
    refuse_request(shop, request, reason="R", ground=RefusalGround.OTHER, actor="officer", now=LATER)


def test_what_retention_removed_of_somebody_who_is_held_or_claims_a_restriction_since_stays_until_both_end(
    shop: Workspace, tmp_path: Path
) -> None:
    """Art. 18: a claim that nobody has granted yet is enough."""
    write_policies(shop.root / "policies", {"retention/accounts.yaml": RULE})
    plan = plan_due_retention(shop, now=NOW)
    apply_retention(shop, plan, actor="tests", now=NOW)
    placed = hold(shop, tmp_path)
    with pytest.raises(BlockedError, check=lambda e: e.code == "table.held"):
        apply_retention(shop, plan, actor="tests", now=LATER)
    assert there(shop, HELD)
    release_hold(shop, placed, actor="tests", now=LATER)
    claim = restrict(shop, tmp_path)
    with pytest.raises(BlockedError, check=lambda e: e.code == "table.held"):
        apply_retention(shop, plan, actor="tests", now=LATER)
    assert there(shop, HELD)
    refuse(shop, claim)
    [done] = apply_retention(shop, plan, actor="tests", now=LATER).tables
    assert (done.state, there(shop, HELD)) == ("erased", False)


def rows_in_old_files_only(spark: SparkSession, shop: Workspace, step: TableStep, request: str) -> int | None:
    control = Control(shop)
    policies, keys = control.policies, own_keys(control.requests.vault.get([request]))
    reached = partial(
        rows_of_keys, spark, policy=policies.tables[step.table], controller=policies.controller, keys=keys
    )
    return lost_rows(spark, step.location, step.version, reached)


def test_the_ledger_says_by_which_window_old_files_went(shop: Workspace, spark: SparkSession, tmp_path: Path) -> None:
    [request] = approved(shop, tmp_path, {"email": email(HELD)})
    planned = plan_due_erasures(shop, now=NOW)
    apply_erasure(shop, planned.plan, actor="tests", now=NOW, searched=planned.searched)
    assert rows_in_old_files_only(spark, shop, planned.plan.tables[0], request) == 1
    longer = "'delta.deletedFileRetentionDuration' = 'interval 30 hours'"
    spark.sql(f"ALTER TABLE delta.`{shop.root}/warehouse/customers` SET TBLPROPERTIES ({longer})")
    with pytest.raises(ResidueError):
        apply_erasure(shop, planned.plan, actor="tests", now=LATER)
    [vacuumed] = [r for r in Control(shop).ledger.records() if (r.action, r.outcome) == ("erasure.vacuum", "done")]
    assert (vacuumed.detail["hours"], vacuumed.counts["files_removed"]) == ("30", 0)
