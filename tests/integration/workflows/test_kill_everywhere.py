"""`kill -9` of the driver at every boundary of an erasure, over a lake without a JVM, and at random moments.

What Spark does at its boundaries is tried in `tests/spark/test_kill_matrix.py`; all else is the product's own here.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from deltalake import write_deltalake

import fake_lake
from byte_search import places
from delible.workflows.control import Control
from delible.workflows.plans import save_plan
from killed import Boundary, Prepared, differences, layout, telling
from small_shop import HIGHEST, LOWEST, POLICIES, approved, customers, email, make_workspace, phone, tickets

MOMENTS = 50
TEXTS = [email(LOWEST), phone(LOWEST), email(HIGHEST), phone(HIGHEST)]
KEYS = {"customer_id": {LOWEST, HIGHEST}}
FILES = {
    **POLICIES,
    "tables/customers.yaml": POLICIES["tables/customers.yaml"] + "recipients: [carrier]\n",
    "tables/tickets.yaml": POLICIES["tables/tickets.yaml"].partition("  body:")[0] + "readers: exclusive\n",
    "recipients/carrier.yaml": "recipient: carrier\ndescription: x\ncontact: x@carrier.example\nnotify: {by: outbox}\n",
}


@pytest.fixture(scope="module", autouse=True)
def lake() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        fake_lake.install(patch.setattr)
        yield


@pytest.fixture(scope="module")
def erasure(lake: None, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("kill")
    workspace = make_workspace(folder / "shop", FILES)
    told = tickets().drop(["body"])  # such a lake masks nothing
    for name, rows in (("customers", customers()), ("tickets", told)):
        for part in (rows.slice(0, 15), rows.slice(15)):
            write_deltalake(str(workspace.root / "warehouse" / name), part, mode="append")
    ids = approved(workspace, folder, {"email": email(LOWEST)}, {"customer_id": HIGHEST})
    save_plan(fake_lake.planned(Control(workspace), ids)[0], workspace.root / "plan.json")
    (folder / "shop").rename(folder / "template")
    return Prepared(folder, ("erasure", "apply", str(folder / "shop" / "plan.json"), "--json"), None)


@pytest.fixture(scope="module")
def undisturbed(erasure: Prepared) -> dict[str, Any]:
    return erasure.undisturbed(TEXTS, KEYS)


@pytest.fixture(scope="module")
def boundaries(erasure: Prepared) -> list[Boundary]:
    return erasure.boundaries()


def wrong(erasure: Prepared, undisturbed: dict[str, Any], root: Path) -> list[str]:
    try:
        found = differences(undisturbed, erasure.finished(root))
    except AssertionError as error:
        return [str(error)]
    return found + places(root, texts=TEXTS, keys=KEYS)


def test_some_boundaries(erasure: Prepared, undisturbed: dict[str, Any], boundaries: list[Boundary]) -> None:
    """Some all over the run, and those at which recipients stayed untold and a byte search was recorded twice."""
    last = {boundary.effect: place for place, boundary in enumerate(boundaries)}
    ends = [boundaries[last[f"write_deltalake {name}"] + 1] for name in ("suppression", "requests", "notices")]
    chosen = [*telling(boundaries)[::16], *ends]
    assert left(erasure, undisturbed, chosen) == {}


def test_a_copy_is_what_a_kill_leaves(
    erasure: Prepared, undisturbed: dict[str, Any], boundaries: list[Boundary]
) -> None:
    boundary = next(b for b in boundaries if b.effect.startswith("vacuum"))
    with erasure.fresh() as root:
        assert erasure.killed(root, boundary.number).split()[0] == "vacuum"
        assert layout(root) == layout(boundary.left)
        assert places(root / "warehouse", texts=TEXTS), "there was nothing left to go on with"
        assert wrong(erasure, undisturbed, root) == []


@pytest.mark.matrix
def test_every_boundary(erasure: Prepared, undisturbed: dict[str, Any], boundaries: list[Boundary]) -> None:
    assert left(erasure, undisturbed, boundaries) == {}


def left(erasure: Prepared, undisturbed: dict[str, Any], chosen: list[Boundary]) -> dict[tuple[int, str], list[str]]:
    found = {}
    for boundary in chosen:
        with erasure.fresh(boundary.left) as root:
            there = wrong(erasure, undisturbed, root)
        if there:
            found[boundary.number, boundary.effect] = there
    return found


@pytest.mark.matrix
@pytest.mark.parametrize("seed", range(MOMENTS))
def test_any_moment(seed: int, erasure: Prepared, undisturbed: dict[str, Any], boundaries: list[Boundary]) -> None:
    """The driver dies somewhere between two boundaries, and the next run dies, too."""
    drawn = random.Random(seed)
    with erasure.fresh() as root:
        for _ in range(2):
            after = drawn.randrange(len(boundaries) - 1)
            with erasure.start(root, -1) as process:
                while process.poll() is None and seen(erasure) < after:
                    time.sleep(0.001)
                time.sleep(drawn.uniform(0, 0.03))
                with suppress(ProcessLookupError):  # it was quicker
                    os.killpg(process.pid, signal.SIGKILL)
        assert wrong(erasure, undisturbed, root) == []


def seen(erasure: Prepared) -> int:
    log = erasure.folder / "effects.log"
    return log.read_bytes().count(b"\n") if log.exists() else 0
