"""`kill -9` of the driver at every boundary and at any moment: the same command again ends as if nothing had been.

All of it is for `make matrix`: of `make test`, `test_erasure_kill.py` kills at two moments, and
`tests/integration/workflows/test_kill_everywhere.py` tries boundaries without a JVM.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from byte_search import places
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.plans import save_plan
from delible.workflows.retention_plan import plan_due_retention
from killed import PATIENCE, Boundary, Prepared, differences, end, layout, telling
from policy_files import write_policies
from small_shop import (
    HIGHEST,
    LOWEST,
    NOW,
    ONE_TABLE,
    PEOPLE,
    POLICIES,
    approved,
    email,
    make_workspace,
    phone,
    write_tables,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.matrix]

PARTS, CHAINS, KILLS = 6, 10, 5
TEXTS = [email(LOWEST), phone(LOWEST), email(HIGHEST), phone(HIGHEST)]
KEYS = {"customer_id": {LOWEST, HIGHEST}}
CARRIER = "recipient: carrier\ndescription: Delivers.\ncontact: x@carrier.example\nnotify: {by: outbox}\n"
FILES = {
    **POLICIES,
    "tables/customers.yaml": POLICIES["tables/customers.yaml"] + "recipients: [carrier]\n",
    "recipients/carrier.yaml": CARRIER,
}
RULE = "retention: accounts\ntable: customers\nclock: made_at\nkeep: P1Y\nreason: Law.\n"
PAST = range(10, PEOPLE + 1)


def ready(folder: Path, spark: SparkSession, noun: str) -> Prepared:
    (folder / "shop").rename(folder / "template")
    return Prepared(folder, (noun, "apply", str(folder / "shop" / "plan.json"), "--json"), spark)


@pytest.fixture(scope="module")
def erasure(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("kill")
    workspace = make_workspace(folder / "shop", FILES)
    write_tables(spark, workspace)
    approved(workspace, folder, {"email": email(LOWEST)}, {"customer_id": HIGHEST})
    save_plan(plan_due_erasures(workspace, now=NOW, immediate=True).plan, workspace.root / "plan.json")
    return ready(folder, spark, "erasure")


@pytest.fixture(scope="module")
def undisturbed(erasure: Prepared) -> dict[str, Any]:
    return erasure.undisturbed(TEXTS, KEYS)


@pytest.fixture(scope="module")
def boundaries(erasure: Prepared) -> list[Boundary]:
    return erasure.boundaries()


@pytest.fixture(scope="module")
def retention(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("kill-retention")
    workspace = make_workspace(folder / "shop", ONE_TABLE)
    write_policies(workspace.root / "policies", {"retention/accounts.yaml": RULE})
    write_tables(spark, workspace, ["customers"])
    save_plan(plan_due_retention(workspace, now=NOW, immediate=True), workspace.root / "plan.json")
    return ready(folder, spark, "retention")


def wrong(
    prepared: Prepared,
    undisturbed: dict[str, Any],
    chosen: Sequence[Boundary],
    texts: Sequence[str] = TEXTS,
    keys: dict[str, set[int]] = KEYS,
) -> dict[tuple[int, str], list[str]]:
    """Return what is otherwise than after an undisturbed run, when the command is run again at boundaries."""
    found = {}
    for boundary in chosen:
        with prepared.fresh(boundary.left) as root:
            there = differences(undisturbed, prepared.finished(root)) + places(root, texts=texts, keys=keys)
        if there:
            found[boundary.number, boundary.effect] = there
    return found


def test_a_copy_is_what_a_kill_leaves(
    erasure: Prepared, undisturbed: dict[str, Any], boundaries: list[Boundary]
) -> None:
    boundary = next(b for b in boundaries if b.effect.startswith("vacuum"))
    with erasure.fresh() as root:
        assert erasure.killed(root, boundary.number).split()[0] == "vacuum"
        assert layout(root) == layout(boundary.left)
        assert places(root / "warehouse", texts=TEXTS), "there was nothing left to go on with"
        assert differences(undisturbed, erasure.finished(root)) == []
        again = differences(undisturbed, erasure.finished(root))
    assert [each for each in again if not each.startswith("said")] == []


@pytest.mark.parametrize("part", range(PARTS))
def test_every_boundary(part: int, erasure: Prepared, undisturbed: dict[str, Any], boundaries: list[Boundary]) -> None:
    assert wrong(erasure, undisturbed, telling(boundaries)[part::PARTS]) == {}


def test_every_boundary_of_a_retention_run(retention: Prepared) -> None:
    with retention.fresh() as root:
        undisturbed = retention.finished(root)
    gone = {"customer_id": set(PAST)}
    assert wrong(retention, undisturbed, telling(retention.boundaries()), [email(n) for n in PAST], gone) == {}


@pytest.fixture(scope="module")
def lasts(erasure: Prepared) -> float:
    """Return the seconds from a run's first effect to its end, with a JVM of its own."""
    with erasure.fresh() as root, erasure.start(root, jvm=True) as process:
        erasure.begun(process)
        started = time.monotonic()
        said = process.communicate(timeout=PATIENCE)[0]
        assert process.returncode == 0, said
    return time.monotonic() - started


@pytest.mark.parametrize("chain", range(CHAINS))
def test_any_moment(
    chain: int, erasure: Prepared, undisturbed: dict[str, Any], boundaries: list[Boundary], lasts: float
) -> None:
    """Driver and JVM die at once, whatever Spark is doing, and so do the runs that go on from what they left.

    Each chain begins at another boundary, so that together they reach the whole of a run.
    """
    told = telling(boundaries)
    place = chain * len(told) // CHAINS
    longest = lasts * (1 - place / len(told)) / 2
    drawn, left = random.Random(chain), KILLS
    while left:
        with erasure.fresh(told[place].left) as root:
            said = None
            while left and (said := erasure.killed_after(root, drawn.uniform(0, longest))) is None:
                left -= 1
            found = erasure.finished(root) if said is None else end(root, said)
            assert differences(undisturbed, found) == []
            assert places(root, texts=TEXTS, keys=KEYS) == []
