"""The jobs do their work under `spark-submit`: one in a driver of its own, the others one after another in one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from delible.lake.class_archive import archive_options
from delible.lake.jdk import delta_jars
from delible.model.terms import RequestState
from delible.workflows.control import Control
from delible.workflows.dataset import verify_dataset
from delible.workflows.tag_review import list_tags
from one_application import jobs_script
from small_shop import ONE_COMPILER, POLICIES, approved, make_workspace, write_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PROJECT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
RECIPE = """\
dataset: topics
description: Tickets for training.
purpose: support
source: tickets
columns: {ticket_id: pseudonymise, customer_id: drop, body: mask}
"""

JOBS = jobs_script(
    (
        ["enforce_retention", "--immediate"],
        ["fulfil_requests", "--immediate"],
        ["build_dataset", "topics"],
        ["report_audit"],
    )
)

pytestmark = [pytest.mark.slow]

SUBMIT = [
    "--master", "local[2]",
    "--driver-class-path", f"{delta_jars()}/*",
    "--driver-java-options", f"{ONE_COMPILER} -XX:+UseSerialGC {archive_options()}",
    "--conf", "spark.driver.host=127.0.0.1",
    "--conf", "spark.ui.enabled=false",
    "--conf", "spark.sql.adaptive.enabled=false",
    "--conf", "spark.sql.codegen.wholeStage=false",
    "--conf", "spark.sql.codegen.factoryMode=NO_CODEGEN",
    "--conf", "spark.python.sql.dataFrameDebugging.enabled=false",
    "--conf", "spark.sql.shuffle.partitions=2",
    "--conf", "spark.sql.sources.parallelPartitionDiscovery.parallelism=2",
    "--conf", "spark.databricks.delta.snapshotPartitions=1",
]  # fmt: skip


def submitted(script: Path, *words: str) -> None:
    """Run a script with the environment's Python first on PATH, as `spark-submit` of pip's pyspark needs it."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    command = [str(BIN / "spark-submit"), *SUBMIT, str(script), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path})
    assert done.returncode == 0, done.stdout + done.stderr


def test_jobs_scan_enforce_fulfil_build_and_report(spark: SparkSession, tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "w", {**POLICIES, "datasets/topics.yaml": RECIPE})
    write_tables(spark, workspace)
    (request,) = approved(workspace, tmp_path, {"customer_id": 1})
    root = workspace.root
    submitted(PROJECT / "jobs" / "scan_pii.py", "--workspace", str(root), "--json")
    others = tmp_path / "others.py"
    others.write_text(JOBS)
    submitted(others, str(PROJECT / "jobs"), str(root))
    control = Control(workspace)
    assert control.requests.get(request).state is RequestState.COMPLETED
    assert any(t.category is not None for t in list_tags(workspace))
    assert list((root / "reports").glob("audit-*.html"))
    made = verify_dataset(workspace, "topics@v1")
    assert (made.rows_in, made.rows_out + sum(made.excluded.values())) == (60, 60)
    actions = {r.action for r in control.ledger.records()}
    assert {"tags.scan", "erasure.merge", "erasure.verify", "dataset.build"} <= actions
