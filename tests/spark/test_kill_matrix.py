"""`kill -9` of the driver at every boundary: the same command again ends as a run that nobody disturbed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from byte_search import places
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.plans import save_plan
from killed import Boundary, Prepared, differences, telling
from small_shop import HIGHEST, LOWEST, NOW, POLICIES, approved, email, make_workspace, phone, write_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.slow]

TEXTS = [email(LOWEST), phone(LOWEST), email(HIGHEST), phone(HIGHEST)]
KEYS = {"customer_id": {LOWEST, HIGHEST}}
PARTS = 6
CARRIER = "recipient: carrier\ndescription: Delivers.\ncontact: x@carrier.example\nnotify: {by: outbox}\n"
FILES = {
    **POLICIES,
    "tables/customers.yaml": POLICIES["tables/customers.yaml"] + "recipients: [carrier]\n",
    "recipients/carrier.yaml": CARRIER,
}


@pytest.fixture(scope="module")
def erasure(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("kill")
    workspace = make_workspace(folder / "shop", FILES)
    write_tables(spark, workspace)
    approved(workspace, folder, {"email": email(LOWEST)}, {"customer_id": HIGHEST})
    save_plan(plan_due_erasures(workspace, now=NOW, immediate=True).plan, workspace.root / "plan.json")
    (folder / "shop").rename(folder / "template")
    return Prepared(folder, ("erasure", "apply", str(workspace.root / "plan.json"), "--json"), spark)


@pytest.fixture(scope="module")
def undisturbed(erasure: Prepared) -> dict[str, Any]:
    with erasure.fresh() as root:
        found = erasure.finished(root)
    assert (found["intact"], found["order"], found["identifiers"], found["plans"], found["half"]) == (
        True,
        [],
        {},
        [],
        [],
    )
    return found


@pytest.fixture(scope="module")
def boundaries(erasure: Prepared) -> list[Boundary]:
    return erasure.boundaries()


def left(prepared: Prepared, undisturbed: dict[str, Any], boundary: Boundary) -> list[str]:
    """Return what is otherwise than after an undisturbed run, when the command is run again at a boundary."""
    with prepared.fresh(boundary.left) as root:
        return differences(undisturbed, prepared.finished(root)) + places(root, texts=TEXTS, keys=KEYS)


@pytest.mark.matrix
@pytest.mark.parametrize("part", range(PARTS))
def test_every_boundary(part: int, erasure: Prepared, undisturbed: dict[str, Any], boundaries: list[Boundary]) -> None:
    chosen = telling(boundaries)[part::PARTS]
    assert {(b.number, b.effect): wrong for b in chosen if (wrong := left(erasure, undisturbed, b))} == {}
