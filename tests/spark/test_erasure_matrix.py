"""The zero residue matrix: after an erasure no byte is left, under whatever Delta may do with a table's bytes.

`make test` runs a subset in which every two values of different factors meet; `make matrix` runs all 288 combinations.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from byte_search import places
from delible.errors import BlockedError
from delible.lake.description import physical_names
from delible.model.terms import RequestState
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from erasure_matrix import DUE, Combination, email, every, expected, make_table, name, pairwise, policies, rows
from small_shop import NOW, approved, forget_logs, make_workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

_AT_ONCE = 24
"""Tables in one workspace."""


def test_every_two_ways_of_keeping_bytes_leave_none(spark: SparkSession, tmp_path: Path) -> None:
    _erased_without_residue(spark, tmp_path, pairwise())


@pytest.mark.matrix
@pytest.mark.parametrize("part", range(-(-len(every()) // _AT_ONCE)))
def test_every_combination_leaves_no_byte(spark: SparkSession, tmp_path: Path, part: int) -> None:
    _erased_without_residue(spark, tmp_path, every()[part * _AT_ONCE : (part + 1) * _AT_ONCE])


def _erased_without_residue(spark: SparkSession, folder: Path, chosen: Sequence[Combination]) -> None:
    workspace = make_workspace(folder / "shop", policies(chosen))
    warehouse = workspace.root / "warehouse"
    for each in chosen:
        make_table(spark, warehouse, each)
    [request] = approved(workspace, folder, {"customer_id": DUE})
    _refused_until_clones_are_copies(spark, workspace, chosen)
    tables = {f"{each.table}{suffix}": each for each in chosen for suffix in _suffixes(each)}
    before = {table: rows(spark, warehouse, table) for table in tables}
    texts = [email(DUE), name(DUE)]
    for table in tables:
        assert places(warehouse / table, texts=texts), table
        assert places(warehouse / table, keys=_keys(warehouse / table)), table

    planned = plan_due_erasures(workspace, now=NOW, immediate=True)
    assert {s.table for s in planned.plan.tables} == tables.keys()
    apply_erasure(workspace, planned.plan, actor="tests", now=NOW, searched=planned.searched)

    assert Control(workspace).requests.get(request).state is RequestState.COMPLETED
    left = places(workspace.root, texts=texts)
    left += [place for table in tables for place in places(warehouse / table, keys=_keys(warehouse / table))]
    assert left == []
    forget_logs(spark)
    for table, each in tables.items():
        wanted = [row for old in before[table] for row in expected(old, each)]
        assert [_shown(row) for row in rows(spark, warehouse, table)] == wanted, table


def _suffixes(each: Combination) -> tuple[str, ...]:
    return ("", "_copy") if each.history == "cloned" else ("",)


def _refused_until_clones_are_copies(spark: SparkSession, workspace: Any, chosen: Sequence[Combination]) -> None:
    """A shallow clone needs the files that would go: it is named, and then made a copy as the message says."""
    cloned = [each.table for each in chosen if each.history == "cloned"]
    if not cloned:
        return
    with pytest.raises(BlockedError) as refused:
        plan_due_erasures(workspace, now=NOW, immediate=True)
    assert {p.code for p in refused.value.problems} == {"table.shallow_clone"}
    said = " ".join(p.message for p in refused.value.problems)
    assert all(f"'{table}_copy' is a shallow clone" in said for table in cloned)
    for table in cloned:
        clone, copy = workspace.root / "warehouse" / f"{table}_copy", workspace.root / "warehouse" / "copying"
        spark.sql(f"CREATE TABLE delta.`{copy}` USING delta AS SELECT * FROM delta.`{clone}`")
        shutil.rmtree(clone)
        shutil.move(copy, clone)
    forget_logs(spark)


def _keys(table: Path) -> dict[str, set[object]]:
    stored = physical_names(str(table)).get("customer_id", "customer_id")
    return {"customer_id": {DUE}, stored: {DUE}}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with one number for all pseudonyms."""
    return row | {"customer_id": -1} if row["customer_id"] < 0 else row
