"""What each stage removes is put back, one kind of file at a time: the verification finds it by the person's number."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from delible.errors import ResidueError
from delible.lake import erase
from delible.model.terms import RequestState
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.verification import verify_people
from erasure_matrix import DUE, Combination, make_table, policies
from small_shop import NOW, approved, make_workspace, people_file

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from delible.store.workspace import Workspace

pytestmark = pytest.mark.spark

FOLDERS = Combination("cow", "cdf", "none", "partitioned", "erase", "checkpointed")
MAPPED = Combination("dv", "cdf", "name", "clustered", "mask", "v2")
LEFT = {
    "a data file under other names": (MAPPED, "??/*.parquet"),
    "change data under other names": (MAPPED, "**/cdc-*.parquet"),
    "change data in a partition's folder": (FOLDERS, f"_change_data/customer_id={DUE}/**/*.parquet"),
    "a data file in a partition's folder": (FOLDERS, f"customer_id={DUE}/**/*.parquet"),
    "commits": (MAPPED, "_delta_log/*.json"),
    "checksums of versions": (MAPPED, "_delta_log/*.crc"),
    "a checkpoint": (FOLDERS, "_delta_log/*.checkpoint.parquet"),
    "sidecars of a checkpoint": (MAPPED, "_delta_log/_sidecars/*.parquet"),
}


@dataclass(frozen=True)
class Shop:
    """A workspace after the erasure, and its tables as they were before."""

    workspace: Workspace
    kept: Path
    without_masks: ResidueError


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("leftovers")
    workspace = make_workspace(folder / "shop", policies([FOLDERS, MAPPED]))
    for each in (FOLDERS, MAPPED):
        make_table(spark, workspace.root / "warehouse", each)
    shutil.copytree(workspace.root / "warehouse", folder / "kept")
    [request] = approved(workspace, folder, {"customer_id": DUE})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erase, "mask_mentions", lambda *_: None)
        planned = plan_due_erasures(workspace, now=NOW, immediate=True)
        with pytest.raises(ResidueError) as caught:
            apply_erasure(workspace, planned.plan, actor="tests", now=NOW, searched=planned.searched)
    again = plan_due_erasures(workspace, now=NOW, immediate=True)
    apply_erasure(workspace, again.plan, actor="tests", now=NOW, searched=again.searched)
    assert Control(workspace).requests.get(request).state is RequestState.COMPLETED
    return Shop(workspace, folder / "kept", caught.value)


def test_texts_that_were_not_masked_are_residue(shop: Shop) -> None:
    assert shop.without_masks.exit_code == 4
    assert f"table:{MAPPED.table}/" in str(shop.without_masks.problems[0].where)


def found(shop: Shop, folder: Path) -> list[str]:
    """Search for the number alone: it is no proof in raw bytes, so the column's name in the file must be known."""
    who = str(people_file(folder, {"customer_id": DUE}))
    result = verify_people(shop.workspace, request_id=None, identifiers=who, actor="tests", now=NOW)
    return [*(f"{m.place} ({m.form})" for m in result.matches), *result.unreadable]


@pytest.mark.parametrize("what", LEFT)
def test_what_a_stage_would_have_left_is_found(shop: Shop, tmp_path: Path, what: str) -> None:
    each, pattern = LEFT[what]
    before, table = shop.kept / each.table, shop.workspace.root / "warehouse" / each.table
    back = [file for file in before.glob(pattern) if not (table / file.relative_to(before)).exists()]
    assert back
    try:
        for file in back:
            (table / file.relative_to(before)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, table / file.relative_to(before))
        assert any(place.startswith(f"table:{each.table}/") for place in found(shop, tmp_path))
    finally:
        for file in back:
            (table / file.relative_to(before)).unlink()
        for folder in (f"customer_id={DUE}", f"_change_data/customer_id={DUE}"):
            shutil.rmtree(table / folder, ignore_errors=True)
    assert found(shop, tmp_path) == []


def test_the_empty_folder_of_a_partition_is_found(shop: Shop, tmp_path: Path) -> None:
    folder = shop.workspace.root / "warehouse" / FOLDERS.table / f"customer_id={DUE}"
    assert not folder.exists()
    folder.mkdir()
    assert [place.partition(" (")[2] for place in found(shop, tmp_path)] == ["partition folder)"]
    folder.rmdir()
