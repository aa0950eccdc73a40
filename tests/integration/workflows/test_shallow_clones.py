"""Tables that share files with a shallow clone are refused before anything is planned, and the clone is named."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from delible.errors import BlockedError
from delible.model.plan import Stage
from delible.store.workspace import open_workspace
from delible.workflows import retention
from delible.workflows.clones import refuse_clones
from delible.workflows.control import Control
from delible.workflows.erasure_fit import refuse_held
from small_shop import NOW, ONE_TABLE, TICKETS, make_workspace


def places(control: Control, *tables: str) -> dict[str, str]:
    return {name: control.locations()[name] for name in tables}


def cloned(folder: Path, clone: str) -> Control:
    """Return a workspace in which `warehouse/<clone>` reads the one file of `customers`."""
    workspace = make_workspace(folder / "shop", ONE_TABLE | {"tables/tickets.yaml": TICKETS})
    warehouse = workspace.root / "warehouse"
    for name in ("customers", "other"):
        write_deltalake(str(warehouse / name), pa.table({"customer_id": [1]}))
    (file,) = (warehouse / "customers").glob("*.parquet")
    commit = warehouse / "customers" / "_delta_log" / f"{0:020}.json"
    actions = [json.loads(line) for line in commit.read_text().splitlines()]
    for action in actions:
        if "add" in action:
            action["add"]["path"] = f"file:{file}"
    (warehouse / clone / "_delta_log").mkdir(parents=True)
    (warehouse / clone / "_delta_log" / commit.name).write_text("\n".join(map(json.dumps, actions)) + "\n")
    return Control(workspace)


@pytest.mark.parametrize(
    ("clone", "erased", "said"),
    [
        ("tickets", ["customers"], "table 'tickets' is a shallow clone that still reads files of table 'customers'"),
        ("somewhere", ["customers"], "the table at warehouse/somewhere is a shallow clone that still reads"),
        ("tickets", ["tickets"], "table 'tickets' is a shallow clone: it reads files of another table"),
    ],
)
def test_the_clone_is_named(tmp_path: Path, clone: str, erased: list[str], said: str) -> None:
    control = cloned(tmp_path, clone)
    with pytest.raises(BlockedError) as refused:
        refuse_clones(control, places(control, *erased))
    assert (refused.value.code, refused.value.exit_code) == ("table.shallow_clone", 3)
    assert said in refused.value.problems[0].message
    assert "CREATE TABLE … AS SELECT" in refused.value.problems[0].message


def test_a_clone_of_a_table_that_is_left_alone_stops_nothing(tmp_path: Path) -> None:
    control = cloned(tmp_path, "somewhere")
    refuse_clones(control, places(control, "tickets"))


@pytest.mark.parametrize("guard", [refuse_held, retention._refuse_held])
def test_a_clone_that_came_since_the_plan_keeps_the_files_that_it_reads(tmp_path: Path, guard: Any) -> None:
    control = cloned(tmp_path, "somewhere")
    plan = SimpleNamespace(kind="erasure", requests=(), tables=())
    step = SimpleNamespace(table="customers", location=control.locations()["customers"])
    guard(control, plan, lambda: NOW, SimpleNamespace(), step, Stage.MERGE)
    with pytest.raises(BlockedError) as refused:
        guard(control, plan, lambda: NOW, SimpleNamespace(), step, Stage.VACUUM)
    assert refused.value.code == "table.shallow_clone"


def deep_cloned(folder: Path, clone: str, source: str, named: str = "delta.`file:{}`") -> Control:
    """Return a workspace in which `warehouse/<clone>` says that it is a copy of `warehouse/<source>`."""
    root = folder / "shop"
    workspace = (
        open_workspace(root) if root.exists() else make_workspace(root, ONE_TABLE | {"tables/tickets.yaml": TICKETS})
    )
    warehouse = workspace.root / "warehouse"
    for name in ("customers", clone):
        write_deltalake(str(warehouse / name), pa.table({"customer_id": [1]}), mode="overwrite")
    commit = max((warehouse / clone / "_delta_log").glob("*.json"))
    actions = [json.loads(line) for line in commit.read_text().splitlines()]
    for action in actions:
        if "commitInfo" in action:
            parameters = {"source": named.format(warehouse / source), "sourceVersion": "0", "isShallow": "false"}
            action["commitInfo"] |= {"operation": "CLONE", "operationParameters": parameters}
    commit.write_text("\n".join(map(json.dumps, actions)) + "\n")
    return Control(workspace)


@pytest.mark.parametrize("named", ["delta.`file:{}`", "delta.`{}`", "file://{}", "{}"])
def test_a_copy_without_a_policy_is_named_by_its_own_log(tmp_path: Path, named: str) -> None:
    control = deep_cloned(tmp_path, "archive/2024", "customers", named)
    with pytest.raises(BlockedError) as refused:
        refuse_clones(control, places(control, "customers", "tickets"))
    [problem] = refused.value.problems
    assert (problem.code, problem.where) == ("table.deep_clone", "table:customers")
    assert "the table at warehouse/archive/2024 was cloned from table 'customers'" in problem.message


def test_a_copy_of_a_copy_leads_to_the_first(tmp_path: Path) -> None:
    deep_cloned(tmp_path, "copy", "customers")
    control = deep_cloned(tmp_path, "second", "copy")
    with pytest.raises(BlockedError) as refused:
        refuse_clones(control, places(control, "customers"))
    assert [p.message.split(" was ")[0][-6:] for p in refused.value.problems] == ["e/copy", "second"]


def test_a_copy_with_a_policy_is_a_table_of_its_own(tmp_path: Path) -> None:
    control = deep_cloned(tmp_path, "tickets", "customers")
    refuse_clones(control, places(control, "customers", "tickets"))
