"""`erasure apply --keep-history` from request to certificate, and gone on with wherever a run died."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from byte_search import places
from delible.cli.main import main
from delible.errors import ConflictError
from delible.lake.history import compare as history_compare
from delible.lake.history import swap as history_swap
from delible.lake.session import forget_log
from delible.model.terms import RequestState
from delible.store.workspace import open_workspace
from delible.workflows.audit import verify_ledger
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.plans import save_plan
from history_tables import history_of, versions
from small_shop import LOWEST, NOW, ONE_TABLE, approved, email, forget_logs, make_workspace, phone, write_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.store.workspace import Workspace
    from delible.workflows.erasure_plan import Planned

pytestmark = [pytest.mark.spark, pytest.mark.slow]

OLD = "before.the.wedding@people.example"
TEXTS = (email(LOWEST), phone(LOWEST), phone(LOWEST).replace(" ", ""), OLD)
KEYS = {"customer_id": {LOWEST}}
LETTERS = """\
table: letters
path: warehouse/letters
description: Who gets the newsletter.
purposes: [support]
subject:
  - {column: email, identifies: email}
columns:
  email: {category: user.contact.email, searched: true}
readers: exclusive
"""
POLICIES = {**ONE_TABLE, "tables/letters.yaml": LETTERS}


@dataclass(frozen=True)
class Prepared:
    workspace: Workspace
    request: str
    planned: Planned
    kept: Path
    before: dict[str, dict[int, list[str]]]
    commits: dict[str, list[tuple[int, str, int]]]

    def table(self, name: str) -> Path:
        return self.workspace.root / "warehouse" / name


def contents(spark: SparkSession, table: Path) -> dict[int, list[str]]:
    found = {}
    forget_log(spark, str(table))
    for version in versions(table):
        rows = spark.read.format("delta").option("versionAsOf", version).load(str(table)).collect()
        left = [row for row in rows if row["email"] not in TEXTS]
        found[version] = sorted(str(sorted(row.asDict().items())) for row in left)
    return found


@pytest.fixture(scope="module")
def once(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("history")
    workspace = make_workspace(folder / "shop", POLICIES)
    write_tables(spark, workspace, ["customers"])
    customers, letters = (workspace.root / "warehouse" / name for name in ("customers", "letters"))
    spark.sql(f"UPDATE delta.`{customers}` SET email = '{OLD}' WHERE customer_id = {LOWEST}")
    addresses = pa.table({"email": [OLD, email(2), email(3)]})
    spark.createDataFrame(addresses).write.format("delta").save(str(letters))
    spark.sql(f"DELETE FROM delta.`{letters}` WHERE email = '{email(3)}'")
    spark.sql(f"UPDATE delta.`{customers}` SET email = '{email(LOWEST)}' WHERE customer_id = {LOWEST}")
    spark.sql(f"DELETE FROM delta.`{customers}` WHERE customer_id = 9")
    [request] = approved(workspace, folder, {"email": email(LOWEST)})
    planned = plan_due_erasures(workspace, now=NOW, keep_history=())
    save_plan(planned.plan, workspace.root / "plan.json")
    tables = {"customers": customers, "letters": letters}
    before = {name: contents(spark, table) for name, table in tables.items()}
    commits = {name: history_of(table) for name, table in tables.items()}
    shutil.move(workspace.root, folder / "kept")
    return Prepared(workspace, request, planned, folder / "kept", before, commits)


@pytest.fixture
def prepared(once: Prepared, spark: SparkSession) -> Iterator[Prepared]:
    """Return a copy of its own at the path that the plan names."""
    shutil.copytree(once.kept, once.workspace.root)
    for file in (once.workspace.root / "warehouse").rglob("*.bin"):
        # Spark leaves a deletion vector that no commit names; written after the instant by which these runs go, it
        # would look like a writer's who is still at work.
        os.utime(file, times=(0, 0))
    forget_logs(spark)
    yield once
    shutil.rmtree(once.workspace.root)


def check(prepared: Prepared, spark: SparkSession) -> None:
    workspace = prepared.workspace
    assert places(workspace.root, texts=TEXTS, keys=KEYS) == []
    for name, before in prepared.before.items():
        table = prepared.table(name)
        assert contents(spark, table) == before
        assert history_of(table) == prepared.commits[name]
    assert sorted(p.name for p in prepared.table("customers").parent.iterdir()) == ["customers", "letters"]
    control = Control(workspace)
    assert control.requests.get(prepared.request).state is RequestState.COMPLETED
    assert verify_ledger(workspace).intact
    done = [(r.object, r.action) for r in control.ledger.records(object_prefix="plan:") if r.outcome == "done"]
    assert len(done) == len(set(done))


def test_the_command_keeps_the_history_and_certifies_it(
    prepared: Prepared, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    root = prepared.workspace.root
    assert places(root / "warehouse", texts=TEXTS)
    assert [s.rows for s in prepared.planned.plan.tables] == [1, 1], "the newsletter goes to an old address"
    code = main(["erasure", "apply", str(root / "plan.json"), "--keep-history", "--workspace", str(root), "--json"])
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert code == 0, answer
    assert {t["table"]: t["history"]["versions"] for t in answer["tables"]} == {"customers": 4, "letters": 2}
    check(prepared, spark)
    certificate = json.loads((root / "reports" / "certificates" / f"{prepared.request}.json").read_text())
    assert certificate["history"]["customers"] == {"first": 0, "versions": 4, "rows": 29 * 3 + 28}
    page = (root / "reports" / "certificates" / f"{prepared.request}.html").read_text()
    assert "4 versions from version 0 on" in page
    spark.sql(f"DELETE FROM delta.`{prepared.table('customers')}` WHERE customer_id = 2")


def test_a_plan_that_forgets_is_not_carried_out_as_one_that_keeps(
    prepared: Prepared, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    root = prepared.workspace.root
    plan = plan_due_erasures(prepared.workspace, now=NOW, immediate=True).plan
    save_plan(plan, root / "other.json")
    code = main(["erasure", "apply", str(root / "other.json"), "--keep-history", "--workspace", str(root), "--json"])
    assert code != 0
    assert json.loads(capsys.readouterr().out)["errors"][0]["code"] == "plan.history"


class Died(BaseException):
    """Stands for a killed process: nothing catches it."""


CUTS = {
    "while files are made": ("delible.lake.history.translate.write_commit", 1),
    "while it is compared": ("delible.lake.history.compare.compare", 0),
    "before the swap": ("delible.lake.history.swap.swap", 0),
    "between the renames": ("delible.lake.history.swap.os.rename", 1),
    "behind the swap": ("delible.workflows.history._take_in_late", 0),
    "before the old folder goes": ("delible.lake.history.swap.adopt", 0),
    "while the old folder goes": ("delible.lake.history.swap.shutil.rmtree", 0),
}


ALWAYS = ("while it is compared", "between the renames", "while the old folder goes")


@pytest.mark.parametrize(
    "cut", [*ALWAYS, *(pytest.param(cut, marks=pytest.mark.matrix) for cut in CUTS if cut not in ALWAYS)]
)
def test_a_run_that_died_is_gone_on_with_to_the_same_end(
    cut: str, prepared: Prepared, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, left = CUTS[cut]
    module, _, name = place.rpartition(".")
    owner = __import__("importlib").import_module(module.removesuffix(".os").removesuffix(".shutil"))
    owner = getattr(owner, module.rpartition(".")[2]) if module.endswith((".os", ".shutil")) else owner
    real, calls = getattr(owner, name), []

    def dies(*args: Any, **kwargs: Any) -> Any:
        if "warehouse" in str(args):
            calls.append(name)
            if len(calls) > left:
                raise Died
        return real(*args, **kwargs)

    plan, searched = prepared.planned.plan, prepared.planned.searched
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, dies)
        with pytest.raises(Died):
            apply_erasure(prepared.workspace, plan, actor="tests", now=NOW, searched=searched)
    assert places(prepared.workspace.root / "warehouse", texts=TEXTS), "there was nothing left to go on with"
    apply_erasure(open_workspace(prepared.workspace.root), plan, actor="tests", now=NOW)
    check(prepared, spark)


def test_a_translation_that_differs_is_never_swapped_in(
    prepared: Prepared, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, searched = prepared.planned.plan, prepared.planned.searched

    def differs(*_: Any, **__: Any) -> None:
        raise ConflictError("history.differs", "no")

    monkeypatch.setattr(history_compare, "compare", differs)
    with pytest.raises(ConflictError, match="no"):
        apply_erasure(prepared.workspace, plan, actor="tests", now=NOW, searched=searched)
    assert not history_swap.old_folder(prepared.table("customers"), plan.id).exists()
    assert places(prepared.table("customers"), texts=TEXTS), "the table is as it was"
