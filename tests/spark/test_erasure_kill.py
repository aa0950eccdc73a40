"""`kill -9` in the middle of `erasure apply`, and the same command again: the end is that of a run left alone."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from byte_search import places
from delible.cli.main import main
from delible.store.workspace import open_workspace
from delible.workflows.audit import verify_ledger
from delible.workflows.control import Control
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.plans import save_plan
from delta_rows import delta_rows
from small_shop import HIGHEST, LOWEST, NOW, approved, email, forget_logs, make_workspace, phone, write_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.model.record import AuditRecord

pytestmark = [pytest.mark.spark, pytest.mark.slow]

TEXTS = [email(LOWEST), phone(LOWEST), email(HIGHEST), phone(HIGHEST)]
KEYS = {"customer_id": {LOWEST, HIGHEST}}
APPLY = [sys.executable, "-m", "delible", "erasure", "apply", "plan.json"]
PATIENCE = 240


@pytest.fixture(scope="module")
def template(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a planned workspace in it, which every run gets as a fresh copy at the same path."""
    folder = tmp_path_factory.mktemp("kill")
    workspace = make_workspace(folder / "shop")
    write_tables(spark, workspace)
    approved(workspace, folder, {"email": email(LOWEST)}, {"customer_id": HIGHEST})
    save_plan(plan_due_erasures(workspace, now=NOW, immediate=True).plan, workspace.root / "plan.json")
    (folder / "shop").rename(folder / "template")
    return folder


@contextmanager
def fresh(folder: Path) -> Iterator[Path]:
    """Lay the planned workspace at the path that its plan names; sealed plans name absolute paths."""
    root = folder / "shop"
    shutil.copytree(folder / "template", root)
    try:
        yield root
    finally:
        shutil.rmtree(root)


def applied(spark: SparkSession, root: Path) -> dict[str, Any]:
    """Run the command in this process, whose JVM is warm; it knows no more of the killed one than a new one would."""
    forget_logs(spark)
    said = io.StringIO()
    with redirect_stdout(said):
        code = main(["erasure", "apply", str(root / "plan.json"), "--workspace", str(root), "--json"])
    assert code == 0, said.getvalue()
    document: dict[str, Any] = json.loads(said.getvalue())
    return document


@pytest.fixture(scope="module")
def unkilled(template: Path, spark: SparkSession) -> dict[str, Any]:
    with fresh(template) as root:
        return {"answer": outcome(applied(spark, root)), "rows": rows(spark, root), "ledger": steps(root)}


def outcome(document: dict[str, Any]) -> dict[str, Any]:
    """Return what the run says it did, without the counts of files that depend on where it was cut."""
    return {
        "states": [r["state"] for r in document["requests"]],
        "tables": [(t["table"], t["rows"], t["mentions"], t["state"]) for t in document["tables"]],
    }


def rows(spark: SparkSession, root: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every table's rows in order; pseudonyms are drawn anew in each run, so only that they are is compared."""
    found = {}
    forget_logs(spark)
    for path in sorted((root / "warehouse").iterdir()):
        table = [tuple(row.values()) for row in delta_rows(path)]
        found[path.name] = sorted(tuple("pseudonym" if isinstance(v, int) and v < 0 else v for v in r) for r in table)
    return found


def steps(root: Path) -> list[tuple[str, str, str]]:
    return [(r.object, r.action, r.outcome) for r in plan_records(root)]


def plan_records(root: Path) -> list[AuditRecord]:
    return Control(open_workspace(root)).ledger.records(object_prefix="plan:")


def after_the_first_merge(root: Path) -> bool:
    """The first table's MERGE is committed; whether the ledger knows already is left to chance."""
    return any(b"MERGE" in commit.read_bytes() for commit in commits(root / "warehouse" / "customers"))


def with_properties_set_aside(root: Path) -> bool:
    """The log is being expired: the table has properties that are not its own, and files are about to go."""
    return any(
        b"deletedFileRetentionDuration" in commit.read_bytes() for commit in commits(root / "warehouse" / "customers")
    ) and any(action == "erasure.expire_log" for _, action, _ in steps(root))


def commits(table: Path) -> list[Path]:
    return sorted((table / "_delta_log").glob("*.json"))[1:]


def killed(root: Path, moment: Callable[[Path], bool]) -> None:
    """Start the command, and kill it and its JVM as soon as the moment has come."""
    with subprocess.Popen(
        APPLY, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        until = time.monotonic() + PATIENCE
        try:
            while not moment(root):
                assert process.poll() is None, "the run ended before the moment came"
                assert time.monotonic() < until, "the moment never came"
                time.sleep(0.02)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    "moment",
    [with_properties_set_aside, pytest.param(after_the_first_merge, marks=pytest.mark.matrix)],
    ids=lambda m: m.__name__,
)
def test_a_killed_run_goes_on_to_the_same_end(
    moment: Callable[[Path], bool], template: Path, unkilled: dict[str, Any], spark: SparkSession
) -> None:
    with fresh(template) as root:
        killed(root, moment)
        assert places(root / "warehouse", texts=TEXTS, keys=KEYS), "there was nothing left to go on with"
        assert outcome(applied(spark, root)) == unkilled["answer"]
        assert rows(spark, root) == unkilled["rows"]
        assert places(root, texts=TEXTS, keys=KEYS) == []
        for table in ("customers", "tickets"):
            own = spark.sql(f"SHOW TBLPROPERTIES delta.`{root}/warehouse/{table}`").collect()
            found = {row["key"]: row["value"] for row in own}
            assert {k: v for k, v in found.items() if "Retention" in k or "checkpointInterval" in k} == {
                "delta.checkpointInterval": "11"
            }
        assert verify_ledger(open_workspace(root)).intact
        done = [step for step in steps(root) if step[2] == "done"]
        assert len(done) == len(set(done))
        assert sorted(steps(root)) == sorted(unkilled["ledger"])
        again = outcome(applied(spark, root))
        assert again == unkilled["answer"]
        assert sorted(steps(root)) == sorted(unkilled["ledger"])
