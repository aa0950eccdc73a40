"""Erasures of tables of 1M and 10M rows against what one would type by hand, as ratios in one run.

(a) `erasure apply` of 1,000 requests, from finding to certificates, against 1,000 single DELETE statements, of which
ten are measured. (b) the same against MERGE with the same keys, REORG and VACUUM typed by hand. (d) bytes rewritten for
one person in a table that is clustered by the subject key, large against small.

The tables have deletion vectors. Each measurement has a process, a session and a copy of the table of its own; a
session that has just started is slow, so each plans the erasure first, and that is not measured; of the single
statements the median is taken. What is compared runs in turns. `--data` keeps the tables for the next time.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import write_deltalake
from verification import parts

from delible.model.terms import Regime, Right
from delible.store.workspace import CONFIG_FILE, open_workspace
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.init import init_workspace
from delible.workflows.requests import approve_requests, submit_requests
from delible.workflows.spark import session_for

PEOPLE, SINGLE, ROWS_EACH = 1_000, 10, 5
PER_FILE = 250_000
ATTEMPTS = {"batch": 50.0, "whole": 1.25, "clustered": 1.5}
CONTROLLER = """\
controller: Bench
contact: privacy@bench.example
subject: customer_id
identifiers:
  customer_id: {distinctive: false}
  email: {normalise: lower}
"""
ORDERS = """\
table: orders
path: warehouse/orders
description: Orders.
purposes: [sales]
subject:
  - {column: customer_id, identifies: customer_id}
columns:
  id: system.operations
  customer_id: user.unique_id
  email: {category: user.contact.email, searched: true}
  text: user.content.private
  created: system.operations
  amount: system.operations
  status: system.operations
readers: exclusive
"""


def main() -> int:
    """Measure, print a table and one line of JSON; 1 when a figure of the largest tables misses what it must hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--parts", nargs="+", choices=list(ATTEMPTS), default=list(ATTEMPTS))
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        print(json.dumps(WORKERS[given.worker[0]](Path(given.worker[1]))))
        return 0
    with tempfile.TemporaryDirectory(prefix="delible-bench-") as folder:
        data = given.data or Path(folder)
        results = {}
        if {"batch", "whole"} & set(given.parts):
            for rows in given.rows:
                results[f"plain {rows}"] = plain(made(data, rows, clustered=False), given.parts, given.runs)
        if "clustered" in given.parts:
            results["clustered"] = clustered([made(data, rows, clustered=True) for rows in given.rows])
    print(json.dumps({"benchmark": "erasure", "results": results}))
    largest = {**results.get(f"plain {max(given.rows)}", {}), **results.get("clustered", {})}
    return int(
        largest.get("batch", 99) < ATTEMPTS["batch"]
        or largest.get("whole", 0) > ATTEMPTS["whole"]
        or largest.get("grown", 0) > ATTEMPTS["clustered"]
    )


def plain(workspace: Path, wanted: list[str], runs: int) -> dict[str, float]:
    """Return seconds, and the ratios (a) and (b)."""
    workers = ["apply", *(["hand"] if "whole" in wanted else []), *(["single"] if "batch" in wanted else [])]
    took: dict[str, list[dict[str, Any]]] = {each: [] for each in workers}
    for _ in range(runs):
        for each in workers:
            took[each].append(run(each, workspace))
            print(f"{workspace.name:<16}{each:<8}{json.dumps(took[each][-1])}", flush=True)
    middle = {each: statistics.median(t["wall"] for t in took[each]) for each in workers}
    cpu = {f"{each} cpu": statistics.median(t["cpu"] for t in took[each]) for each in workers}
    found = {**middle, **cpu}
    if "single" in middle:
        found["batch"] = middle["single"] * PEOPLE / middle["apply"]
    if "hand" in middle:
        found["whole"] = statistics.median(
            mine["wall"] / theirs["wall"] for mine, theirs in zip(took["apply"], took["hand"], strict=True)
        )
        found["whole cpu"] = cpu["apply cpu"] / cpu["hand cpu"]
    return found


def clustered(workspaces: list[Path]) -> dict[str, float]:
    """Return the bytes rewritten for one person by table, and by how much they grew."""
    rewritten = {each.name: run("person", each)["bytes"] for each in workspaces}
    print(json.dumps(rewritten), flush=True)
    return {**rewritten, "grown": max(rewritten.values()) / min(rewritten.values())}


def made(data: Path, rows: int, *, clustered: bool) -> Path:
    """Return a workspace with a table and approved requests; made once."""
    workspace = data / f"{'clustered' if clustered else 'plain'}-{rows}"
    if workspace.exists():
        return workspace
    new = workspace.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    now = datetime.now(UTC)
    init_workspace(new, actor="bench", now=now)
    shutil.rmtree(new / "policies", ignore_errors=True)
    for name, text in {
        "controller.yaml": CONTROLLER,
        "purposes/sales.yaml": "purpose: sales\ndescription: Sell.\nlegal_basis: contract\n",
        "tables/orders.yaml": ORDERS,
    }.items():
        (new / "policies" / name).parent.mkdir(parents=True, exist_ok=True)
        (new / "policies" / name).write_text(text)
    (new / CONFIG_FILE).write_text(
        (new / CONFIG_FILE).read_text().replace("spark: {}", 'spark: {"spark.driver.memory": "4g"}')
    )
    for part in parts(rows, each=PER_FILE if clustered else 1_000_000):
        people = pc.divide(part["id"], ROWS_EACH) if clustered else part["customer_id"]
        mails = pc.binary_join_element_wise("person.", pc.cast(people, pa.string()), "@mail.example", "")
        owned = part.set_column(1, "customer_id", people).set_column(2, "email", mails)
        write_deltalake(
            str(new / "warehouse" / "orders"),
            owned,
            mode="append",
            configuration={"delta.enableDeletionVectors": "true"},
        )
    people_file = data / f"people-{rows}.jsonl"
    due = [rows // ROWS_EACH // 2] if clustered else keys(rows)
    people_file.write_text("".join(json.dumps({"customer_id": n}) + "\n" for n in due))
    opened = open_workspace(new)
    requests = submit_requests(
        opened, right=Right.ERASURE, regime=Regime.GDPR, identifiers=str(people_file), actor="desk", now=now
    )
    approve_requests(opened, [r.id for r in requests], actor="officer", now=now)
    new.rename(workspace)
    return workspace


def keys(rows: int) -> list[int]:
    """Return the numbers of the people whose requests are due, all over the table."""
    return [7 + n * (rows // ROWS_EACH // PEOPLE) for n in range(PEOPLE)]


def run(worker: str, workspace: Path) -> dict[str, Any]:
    """Measure in a process of its own, on a copy."""
    copy = workspace.with_name(f"copy-{os.getpid()}")
    shutil.copytree(workspace, copy, copy_function=linked)
    try:
        command = [sys.executable, __file__, "--worker", worker, str(copy)]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return dict(json.loads(answer.stdout.splitlines()[-1]))
    finally:
        shutil.rmtree(copy)


def linked(source: str, target: str) -> None:
    """Link data files, which nobody writes to again, and copy all others."""
    (os.link if source.endswith(".parquet") and "_delta_log" not in source else shutil.copy)(source, target)


def begun(folder: Path) -> tuple[Any, Any, Any]:
    """Return workspace, session and plan; planning is what warms the session up."""
    workspace = open_workspace(folder)
    spark = session_for(workspace)
    planned = plan_due_erasures(workspace, now=datetime.now(UTC), immediate=True)
    return workspace, spark, planned.plan


def worker_apply(folder: Path) -> dict[str, Any]:
    workspace, _, plan = begun(folder)
    steps: list[tuple[float, str]] = []
    start = time.perf_counter()

    def noted(text: str) -> None:
        steps.append((round(time.perf_counter() - start, 1), text.split(":")[-1].strip()[:24]))

    done: list[Any] = []
    took = timed(
        lambda: done.append(apply_erasure(workspace, plan, actor="bench", now=datetime.now(UTC), progress=noted))
    )
    rows, size = done[0].tables[0].rows, done[0].tables[0].bytes_rewritten
    return {**took, "rows": rows, "bytes": size, "steps": steps}


def worker_person(folder: Path) -> dict[str, Any]:
    spark = session_for(open_workspace(folder))
    spark.sql(f"ALTER TABLE delta.`{folder}/warehouse/orders` CLUSTER BY (customer_id)")
    return worker_apply(folder)


def worker_hand(folder: Path) -> dict[str, Any]:
    _, spark, plan = begun(folder)
    table = f"delta.`{folder}/warehouse/orders`"
    due = pa.table({"customer_id": pa.array(keys(rows_of(folder)), pa.int64())})
    steps: list[tuple[float, str]] = []
    start = time.perf_counter()

    def typed() -> None:
        spark.createDataFrame(due).createOrReplaceTempView("due")
        for statement in (
            f"MERGE INTO {table} t USING due s ON t.customer_id = s.customer_id WHEN MATCHED THEN DELETE",
            f"REORG TABLE {table} APPLY (PURGE)",
            "SET spark.databricks.delta.retentionDurationCheck.enabled = false",
            f"VACUUM {table} RETAIN 0 HOURS",
        ):
            steps.append((round(time.perf_counter() - start, 1), statement.split()[0]))
            spark.sql(statement).collect()

    return {**timed(typed), "requests": len(plan.requests), "steps": steps}


def worker_single(folder: Path) -> dict[str, Any]:
    spark = session_for(open_workspace(folder))
    table, due = f"delta.`{folder}/warehouse/orders`", keys(rows_of(folder))
    took = [
        timed(lambda n=n: spark.sql(f"DELETE FROM {table} WHERE customer_id = {n}").collect())  # noqa: S608
        for n in due[:: PEOPLE // SINGLE]
    ]
    return {key: statistics.median(each[key] for each in took) for key in ("wall", "cpu")}


def rows_of(folder: Path) -> int:
    from deltalake import DeltaTable

    return int(DeltaTable(str(folder / "warehouse" / "orders")).count())


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Return seconds of wall time, and of processor time of this process and all below it."""
    wall, cpu = time.perf_counter(), processor_time()
    work()
    return {"wall": time.perf_counter() - wall, "cpu": processor_time() - cpu}


def processor_time() -> float:
    """Return the processor time of this process, the JVM and Spark's workers, as Linux counts it."""
    parents, ticks = {}, {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # Of children that have ended and were waited for, too.
        parents[int(entry.parent.name)], ticks[int(entry.parent.name)] = int(fields[1]), sum(map(int, fields[11:15]))
    own = {os.getpid(), *below(os.getpid(), parents)}
    return sum(ticks[pid] for pid in own if pid in ticks) / os.sysconf("SC_CLK_TCK")


def below(pid: int, parents: dict[int, int]) -> Iterator[int]:
    for child in [c for c, p in parents.items() if p == pid]:
        yield child
        yield from below(child, parents)


WORKERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "apply": worker_apply,
    "hand": worker_hand,
    "single": worker_single,
    "person": worker_person,
}

if __name__ == "__main__":
    raise SystemExit(main())
