"""Scan, erasure and dataset build by `spark-submit` on a standalone cluster, whose workers share only the disk."""

from __future__ import annotations

import json
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from byte_search import places
from delible.model.terms import RequestState
from delible.store.workspace import Workspace, open_workspace
from delible.workflows.control import Control
from delible.workflows.dataset import verify_dataset
from delible.workflows.tag_review import list_tags
from one_application import jobs_script
from small_shop import POLICIES, approved, customers, email, make_workspace, tickets
from standalone_cluster import PROJECT, Cluster, archive, image, kill, standalone, submit, until
from writers import Writer, writing

pytestmark = [pytest.mark.slow]
RUNS, KILLS = 5, 10
"""Executors die at fifty moments in all."""

RECIPE = """\
dataset: topics
description: Tickets for training.
purpose: support
source: tickets
columns: {ticket_id: pseudonymise, customer_id: drop, body: mask}
"""
JOBS = jobs_script(
    (["scan_pii", "customers"], ["fulfil_requests", "--immediate"], ["build_dataset", "topics"]),
    # So that the workers search, however little there is.
    before="from delible.lake.search import spread\n\nspread.spread_folder.__kwdefaults__['from_bytes'] = 0",
)

ONCE = """\
import sys
import time
from pathlib import Path

from pyspark.sql import functions as F

from delible.lake.session import computed, spark_session

spark = spark_session()
rows = computed(spark.range(0, 1000, 1, 4).withColumn("drawn", F.rand()))
before = rows.toArrow()
sys.stderr.write("computed\\n")
sys.stderr.flush()
while not Path(sys.argv[1]).exists():
    time.sleep(0.1)
print(rows.toArrow().sort_by("id") == before.sort_by("id"))
"""
"""Draws by chance, so that rows that are computed again are others."""


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image(tmp_path_factory.mktemp("image"))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Return a cluster of one's own, to be damaged."""
    with standalone(tmp_path / "cluster") as made:
        yield made


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a cluster that is left as it was."""
    with standalone(tmp_path_factory.mktemp("standing")) as made:
        yield made


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace's folder with an approved erasure of the first person."""
    folder = tmp_path_factory.mktemp("prepared")
    made = make_workspace(folder / "w", {**POLICIES, "datasets/topics.yaml": RECIPE})
    for name, table in (("customers", customers()), ("tickets", tickets())):
        write_deltalake(made.root / "warehouse" / name, table)
    approved(made, folder, {"customer_id": 1})
    return made.root


@pytest.fixture
def workspace(prepared: Path, tmp_path: Path) -> Workspace:
    return open_workspace(shutil.copytree(prepared, tmp_path / "w"))


@pytest.fixture(scope="module")
def alone(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], float]:
    """Return what the same jobs make in the driver's own process, and how many seconds that takes."""
    folder = tmp_path_factory.mktemp("expected")
    root = shutil.copytree(prepared, folder / "w")
    words = [str(PROJECT / "jobs"), str(root)]
    started = time.monotonic()
    done = submit(Cluster(folder), jobs(folder), words, python=sys.executable, master="local[2]")
    assert done.code == 0, done.out + done.err[-4000:]
    return results(open_workspace(root)), time.monotonic() - started


@pytest.fixture(scope="module")
def expected(alone: tuple[dict[str, object], float]) -> dict[str, object]:
    return alone[0]


def jobs(folder: Path, name: str = "jobs.py") -> Path:
    script = folder / name
    script.write_text(JOBS)
    return script


def rows(workspace: Workspace, table: str, key: str) -> list[dict[str, Any]]:
    found = pa.table(DeltaTable(workspace.root / "warehouse" / table).to_pyarrow_table())
    return found.sort_by(key).to_pylist()


def results(workspace: Workspace) -> dict[str, object]:
    """Return all that the jobs made, but for times and for pseudonyms of a key that is forgotten."""
    after = [
        {**row, "customer_id": "pseudonym" if row["customer_id"] < 0 else row["customer_id"]}
        for row in rows(workspace, "tickets", "ticket_id")
    ]
    (release,) = (workspace.root / "releases" / "topics").iterdir()
    parts = [pq.read_table(file, columns=["ticket_id", "body"]) for file in (release / "data").iterdir()]
    cut = pa.concat_tables(parts).sort_by("ticket_id").to_pylist()
    made = verify_dataset(workspace, "topics@v1")
    control = Control(workspace)
    return {
        "customers": rows(workspace, "customers", "customer_id"),
        "tickets": after,
        "tags": [tag.model_dump(exclude={"at", "scan"}) for tag in list_tags(workspace)],
        "cut": cut,
        "counts": (made.rows_in, made.rows_out, made.excluded),
        "requests": [(r.state, r.refs) for r in control.requests.all()],
        "actions": sorted({(r.action, r.outcome) for r in control.ledger.records()}),
    }


def test_scan_erasure_and_build_on_a_cluster(
    standing: Cluster, venv: Path, workspace: Workspace, tmp_path: Path
) -> None:
    before = rows(workspace, "customers", "customer_id")
    (tmp_path / "events").mkdir()
    log = [
        "spark.eventLog.enabled=true",
        "spark.eventLog.compress=false",
        f"spark.eventLog.dir=file://{tmp_path}/events",
    ]
    words = [str(PROJECT / "jobs"), str(workspace.root)]
    done = submit(
        standing,
        jobs(tmp_path),
        words,
        python=venv / "bin" / "python",
        more=[word for each in log for word in ("--conf", each)],
    )
    assert done.code == 0, done.out + done.err[-4000:]
    made = results(workspace)
    assert made["customers"] == [row for row in before if row["customer_id"] != 1]
    assert [state for state, _ in made["requests"]] == [RequestState.COMPLETED]
    assert made["counts"][:2] == (60, 60)
    assert {(t["column"], t["entity"]) for t in made["tags"]} >= {("email", "EMAIL_ADDRESS")}
    events = "".join(path.read_text() for path in (tmp_path / "events").rglob("*") if path.is_file())
    assert "lake/search/spread.py" in events, "the workers did not search"
    left = places(workspace.root, tmp_path / "events", standing.folder, texts=[email(1)], keys={"customer_id": {1}})
    assert left == []


@pytest.mark.parametrize("lacking", ["delible", "python", pytest.param("pyarrow", marks=pytest.mark.matrix)])
def test_workers_without_delible_are_one_clear_error(
    standing: Cluster, workspace: Workspace, tmp_path: Path, lacking: str
) -> None:
    python = image(tmp_path, without=lacking) / "bin" / "python" if lacking != "python" else tmp_path / "nowhere"
    words = ["--workspace", str(workspace.root), "--json"]
    done = submit(standing, PROJECT / "jobs" / "scan_pii.py", words, python=python)
    (problem,) = json.loads(done.out[done.out.index("{") :])["errors"]
    assert (done.code, problem["code"]) == (1, "spark.workers")
    assert f"'{lacking}'" in problem["message"] or lacking == "python"
    assert "On a cluster" in problem["message"]


MOMENTS = (
    "Scanning",
    "finding",
    "estimating",
    "customers: rewriting",
    "tickets: rewriting",
    "customers: removing",
    "tickets: removing",
    "searching",
    "Cutting",
)
"""How lines of the jobs' progress begin, one for each stage."""


def stop_executor(cluster: Cluster) -> None:
    """Kill one of two: what both have had is lost with both, and ends a run."""
    kill(until(lambda: executors if len(executors := cluster.executors()) > 1 else [])[0])


def stop_worker(cluster: Cluster) -> None:
    """Kill the first worker; its executor ends when it notices that."""
    kill(cluster.workers[0].pid)


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("stop", "moments"),
    [(stop_executor, MOMENTS), (stop_worker, ("customers: rewriting",)), (stop_worker, ("searching",))],
    ids=["executors at each moment", "worker while rows are rewritten", "worker while bytes are searched"],
)
def test_a_killed_worker_costs_time_only(
    cluster: Cluster,
    venv: Path,
    workspace: Workspace,
    expected: dict[str, object],
    tmp_path: Path,
    stop: Callable[[Cluster], None],
    moments: tuple[str, ...],
) -> None:
    left = [*moments]

    def look(line: str) -> None:
        for moment in [m for m in left if line.startswith(m)]:
            left.remove(moment)
            stop(cluster)

    words = [str(PROJECT / "jobs"), str(workspace.root)]
    done = submit(cluster, jobs(tmp_path), words, python=venv / "bin" / "python", on_line=look)
    assert done.code == 0, done.out + done.err[-4000:]
    assert left == []
    assert "Lost executor" in done.err
    assert results(workspace) == expected


@pytest.mark.matrix
@pytest.mark.parametrize("seed", range(RUNS))
def test_a_run_ends_the_same_whenever_executors_die(
    cluster: Cluster,
    venv: Path,
    workspace: Workspace,
    alone: tuple[dict[str, object], float],
    tmp_path: Path,
    seed: int,
) -> None:
    """Also when both die before one is back: then the run may end, and the same command again goes on."""
    expected, lasts = alone
    drawn, killed = random.Random(seed), []

    def stop(_: int) -> None:
        time.sleep(drawn.uniform(0, 1.6 * lasts / KILLS))
        if len(killed) < KILLS and (executors := cluster.executors()):
            killed.append(drawn.choice(executors))
            kill(killed[-1])

    dying = Writer(stop, lambda _: False, pause=0)
    words = [str(PROJECT / "jobs"), str(workspace.root)]
    ended = []
    with writing(dying):
        while 0 not in ended and len(ended) < KILLS:
            done = submit(cluster, jobs(tmp_path), words, python=venv / "bin" / "python")
            ended.append(done.code)
    assert ended[-1] == 0, done.out + done.err[-4000:]
    assert dying.failed == []
    assert len(killed) == KILLS, "it was over before"
    assert results(workspace) == expected


@pytest.mark.matrix
def test_rows_that_are_computed_once_outlive_an_executor(cluster: Cluster, venv: Path, tmp_path: Path) -> None:
    script = tmp_path / "once.py"
    script.write_text(ONCE)

    def look(line: str) -> None:
        if line.startswith("computed"):
            stop_executor(cluster)
            (tmp_path / "go").touch()

    done = submit(cluster, script, [str(tmp_path / "go")], python=venv / "bin" / "python", on_line=look)
    assert done.code == 0, done.err[-4000:]
    assert "Lost executor" in done.err
    assert done.out.splitlines()[-1] == "True"


@pytest.mark.matrix
def test_a_packed_environment_is_shipped(
    cluster: Cluster, venv: Path, workspace: Workspace, expected: dict[str, object], tmp_path: Path
) -> None:
    packed = archive(venv)
    venv.rename(venv.with_name("elsewhere"))
    try:
        words = [str(PROJECT / "jobs"), str(workspace.root)]
        more = ("--archives", f"{packed}#env")
        done = submit(cluster, jobs(tmp_path), words, python="./env/bin/python", more=more)
    finally:
        venv.with_name("elsewhere").rename(venv)
        packed.unlink()
    assert done.code == 0, done.out + done.err[-4000:]
    assert results(workspace) == expected
