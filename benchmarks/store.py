"""How the control plane's commands grow with the store: requests and audit records by the hundred thousand.

Stores of growing size are made by the store's own functions, in large batches. At each size the commands run in a
process of their own, as an operator runs them. `request list` and `audit verify` have to read everything, so they may
grow as fast as the store does; `request submit` has to stay flat.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr
from startup import DELIBLE, prepared

from delible.decide.deadline import due_date
from delible.model.record import AuditEntry
from delible.model.subject import Identifier
from delible.model.terms import Regime, Right
from delible.store.requests import NewRequest, refs_of
from delible.store.workspace import open_workspace
from delible.workflows.control import Control

SUBMIT = ["request", "submit", "--right", "erasure", "--regime", "gdpr", "--identifiers", "people.jsonl"]
COMMANDS = {"list": ["request", "list", "--json"], "verify": ["audit", "verify"]}
BATCH = 10_000
SIZES = "1000:10000,10000:100000,100000:1000000"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
_SUBMITS = 40
"""More than one round of compaction, so that its cost is among the figures."""


def main() -> int:
    """Measure at each size, and print a table and one line of JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", default=SIZES, help=f"requests:records, ascending (default: {SIZES})")
    sizes = [tuple(map(int, size.split(":"))) for size in options.parse_args().sizes.split(",")]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        workspace = prepared(Path(folder))
        for requests, records in sizes:
            start = time.perf_counter()
            fill(workspace, requests, records)
            filled = time.perf_counter() - start
            rows.append({"requests": requests, "records": records, "fill": round(filled, 1), **measured(workspace)})
            print(json.dumps(rows[-1]), flush=True)
    print(json.dumps({"benchmark": "store", "results": rows}))
    return 0


def fill(folder: Path, requests: int, records: int) -> None:
    """Bring a workspace's store up to a number of requests and of audit records."""
    control = Control(open_workspace(folder))
    kinds = control.policies.controller.identifiers
    have = len(control.requests.all())
    while have < requests:
        people = [person(n) for n in range(have, min(have + BATCH, requests))]
        new = [
            NewRequest(
                right=Right.ERASURE,
                regime=Regime.GDPR,
                identifiers=own,
                refs=refs_of(own, kinds, control.keys),
                received=NOW,
                due=due_date(Right.ERASURE, Regime.GDPR, NOW),
            )
            for own in people
        ]
        have += len(control.requests.submit(new, actor="benchmark", now=NOW))
    said = AuditEntry(actor="benchmark", action="erasure.merge", object="plan:E-1/table:orders", outcome="done")
    written = control.ledger.head()[0]
    while written < records:
        written += len(control.ledger.append([said] * min(BATCH, records - written), NOW))


def person(number: int) -> tuple[Identifier, ...]:
    """Return the identifiers of one made-up person."""
    return (Identifier(kind="email", value=SecretStr(f"p{number}@people.example")),)


def measured(workspace: Path) -> dict[str, object]:
    """Return the seconds of each command: the median of many submissions and the slowest, one run of the others."""
    times = []
    for n in range(_SUBMITS):
        (workspace / "people.jsonl").write_text(json.dumps({"email": f"new{time.time_ns()}.{n}@people.example"}) + "\n")
        times.append(seconds(SUBMIT, workspace))
    found: dict[str, object] = {"submit": round(statistics.median(times), 3), "submit_slowest": round(max(times), 3)}
    return found | {name: round(seconds(command, workspace), 2) for name, command in COMMANDS.items()}


def seconds(command: list[str], folder: Path) -> float:
    """Return the wall time of one process that has to succeed."""
    start = time.perf_counter()
    subprocess.run(
        [*DELIBLE, *command],
        cwd=folder,
        env=os.environ | {"DELIBLE_ACTOR": "benchmark"},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
