"""What due people cost the driver's memory: the JVM with 2 GB of heap, and the driver's Python, each at its highest.

Three ways to be due, each in a process of its own, on a table of twice as many rows as people are due: by a retention
rule (`retention`), as rows of a key table that the erasure of a table takes (`keys`), and by a request each, with all
that belongs to it: identifiers, plan, ledger, certificate (`requests`). A session of Spark is embedded: its JVM is the
driver and the executors at once, which is more than a cluster's driver has to do.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from deltalake import write_deltalake

from delible.lake.erase import erase_rows
from delible.model.subject import KeyRole, KeyRow
from delible.model.terms import Regime, Right
from delible.store.workspace import CONFIG_FILE, Workspace, open_workspace
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from delible.workflows.init import init_workspace
from delible.workflows.requests import approve_requests, submit_requests
from delible.workflows.retention import apply_retention, plan_due_retention
from delible.workflows.spark import session_for

HEAP = "2g"
SIZES = {"retention": (100_000, 1_000_000), "keys": (100_000, 1_000_000), "requests": (1_000, 10_000)}
POLICIES = {
    "controller.yaml": "controller: Shop\ncontact: privacy@shop.example\nsubject: customer_id\nidentifiers:\n"
    "  customer_id: {distinctive: false}\n  email: {normalise: lower}\n",
    "purposes/support.yaml": "purpose: support\ndescription: Answer questions.\nlegal_basis: contract\n",
    "tables/customers.yaml": "table: customers\npath: warehouse/customers\ndescription: Customers.\n"
    "purposes: [support]\nsubject:\n  - {column: customer_id, identifies: customer_id}\n"
    "  - {column: email, identifies: email}\ncolumns:\n  customer_id: user.unique_id\n"
    "  email: {category: user.contact.email, searched: true}\n  made_at: user.account\nreaders: exclusive\n",
    "retention/accounts.yaml": "retention: accounts\ntable: customers\nclock: made_at\nkeep: P1Y\nreason: Law.\n",
}
OLD, NEW = datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC)
_PART = 250_000


def main() -> int:
    """Measure, print a table and one line of JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--ways", nargs="+", choices=SIZES, default=[*SIZES])
    options.add_argument("--people", type=int, nargs="+", help="instead of each way's own two sizes")
    options.add_argument("--one", action="store_true", help="measure here, and print nothing but the JSON")
    given = options.parse_args()
    if given.one:
        print(json.dumps(measured(given.ways[0], given.people[0])))
        return 0
    found = [apart(way, people) for way in given.ways for people in given.people or SIZES[way]]
    print(f"{'way':<11}{'people':>10}{'rows gone':>11}{'JVM, MB':>9}{'Python, MB':>12}{'from':>6}{'seconds':>9}  steps")
    for each in found:
        steps = ", ".join(f"{name} {seconds:.0f}" for name, seconds in each["steps"].items())
        print(
            f"{each['way']:<11}{each['people']:>10,}{each['rows']:>11,}{each['jvm']:>9}{each['python']:>12}"
            f"{each['before']:>6}{sum(each['steps'].values()):>9.0f}  {steps}"
        )
    print(json.dumps({"benchmark": "driver_memory", "heap": HEAP, "measured": found}))
    return 0


def apart(way: str, people: int) -> dict[str, object]:
    """Measure in a process of its own: what one has used at the most never goes down again."""
    command = [sys.executable, __file__, "--one", "--ways", way, "--people", str(people)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(way: str, people: int) -> dict[str, object]:
    """Return megabytes and seconds of one way for so many due people."""
    steps: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        workspace = made(Path(folder) / "w", people)
        with highest_jvm() as jvm:
            run: dict[str, Callable[[Workspace, int, Steps], tuple[int, int]]] = {
                "retention": by_retention,
                "keys": by_keys,
                "requests": by_requests,
            }
            before, rows = run[way](workspace, people, Steps(steps))
    return {
        "way": way,
        "people": people,
        "rows": rows,
        "jvm": jvm[0],
        "python": highest("self"),
        "before": before,
        "steps": {name: round(seconds, 1) for name, seconds in steps.items()},
    }


class Steps:
    """Seconds by step."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time a step."""
        started = time.monotonic()
        yield
        self._seconds[name] = time.monotonic() - started
        sys.stderr.write(f"{name}: {self._seconds[name]:.1f} s, {highest('self')} MB\n")


def by_retention(workspace: Workspace, _: int, steps: Steps) -> tuple[int, int]:
    """Let a rule remove everybody who is past its period."""
    session_for(workspace)
    before = highest("self")
    with steps.timed("plan"):
        plan = plan_due_retention(workspace, now=NEW, immediate=True)
    with steps.timed("apply"):
        done = apply_retention(workspace, plan, actor="benchmark", now=NEW)
    return before, sum(t.rows for t in done.tables)


def by_keys(workspace: Workspace, people: int, steps: Steps) -> tuple[int, int]:
    """Erase one table's rows by a key table."""
    spark, control = session_for(workspace), Control(workspace)
    before = highest("self")
    policies, location = control.policies, control.locations()["customers"]
    with steps.timed("keys"):
        keys = [KeyRow(f"R-{n}", "email", email(n), KeyRole.FOUND) for n in range(0, 2 * people, 2)]
    with steps.timed("merge"):
        erase_rows(spark, location, policies.tables["customers"], policies.controller, keys, (b"", b""))
    return before, 2 * people - spark.read.format("delta").load(location).count()


def by_requests(workspace: Workspace, people: int, steps: Steps) -> tuple[int, int]:
    """Erase the people of so many requests."""
    file = workspace.root.parent / "people.jsonl"
    file.write_text("".join(json.dumps({"email": email(n)}) + "\n" for n in range(0, 2 * people, 2)))
    with steps.timed("submit"):
        made = submit_requests(
            workspace, right=Right.ERASURE, regime=Regime.GDPR, identifiers=str(file), actor="desk", now=NEW
        )
    with steps.timed("approve"):
        approve_requests(workspace, [r.id for r in made], actor="officer", now=NEW)
    before = highest("self")
    with steps.timed("plan"):
        planned = plan_due_erasures(workspace, now=NEW, immediate=True)
    with steps.timed("apply"):
        done = apply_erasure(workspace, planned.plan, actor="benchmark", now=NEW, searched=planned.searched)
    assert {r.state for r in done.requests} == {"completed"}  # noqa: S101 - not proven otherwise
    return before, sum(t.rows for t in done.tables)


def email(number: int) -> str:
    return f"p{number:09d}@people.example"


def made(folder: Path, people: int) -> Workspace:
    """Return a workspace with one table of twice as many people, of whom every second one is due."""
    init_workspace(folder, actor="benchmark", now=NEW)
    for name, text in POLICIES.items():
        (folder / "policies" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "policies" / name).write_text(text)
    config = folder / CONFIG_FILE
    config.write_text(config.read_text().replace("spark: {}", f'spark: {{spark.driver.memory: "{HEAP}"}}'))
    workspace = open_workspace(folder)
    for start in range(0, 2 * people, _PART):
        numbers = range(start, min(start + _PART, 2 * people))
        rows = pa.table(
            {
                "customer_id": pa.array(numbers, pa.int64()),
                "email": [email(n) for n in numbers],
                "made_at": pa.array([NEW if n % 2 else OLD for n in numbers], pa.timestamp("us", "UTC")),
            }
        )
        write_deltalake(folder / "warehouse" / "customers", rows, mode="append")
    return workspace


def highest(process: int | str) -> int:
    """Return the most memory that a process has had, in megabytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


@contextmanager
def highest_jvm() -> Iterator[list[int]]:
    """Watch the JVMs that this process starts: the list holds the most megabytes that one of them has had."""
    most, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            for each in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    mine = b"PythonGatewayServer" in each.read_bytes() and own in ancestors(int(each.parent.name))
                    most[0] = max(most[0], highest(int(each.parent.name)) if mine else 0)
                except (OSError, StopIteration):
                    continue

    own = os.getpid()
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield most
    finally:
        over.set()
        watcher.join()


def ancestors(process: int) -> set[int]:
    """Return the processes that a process descends from."""
    found: set[int] = set()
    while process > 1:
        process = int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])
        found.add(process)
    return found


if __name__ == "__main__":
    sys.exit(main())
