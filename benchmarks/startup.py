"""How long the quick commands take, as a ratio to `python -c "import deltalake"`.

Each command runs in a process of its own, in turns with the yardstick, so that whatever else the machine does hits
both alike. The figure is the ratio of the medians.
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
from pathlib import Path

YARDSTICK = [sys.executable, "-c", "import deltalake"]
DELIBLE = [sys.executable, "-m", "delible"]
SUBMIT = ["request", "submit", "--right", "erasure", "--regime", "gdpr", "--identifiers", "people.jsonl"]
COMMANDS = (SUBMIT, ["request", "list"], ["policy", "check"], ["audit", "verify"])
MOST_SECONDS = 1.0
SHOP = Path(__file__).parents[1] / "policies" / "shop"


def main() -> int:
    """Measure, print a table and one line of JSON; 1 when a command takes a second or more."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=9, help="runs per command (default: 9)")
    runs = options.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        workspace = prepared(Path(folder))
        rows = [measured(command, workspace, runs) for command in COMMANDS]
    print(f"{'command':<18}{'seconds':>9}{'yardstick':>11}{'ratio':>7}")
    for row in rows:
        print(f"{row['command']:<18}{row['seconds']:>9.3f}{row['yardstick']:>11.3f}{row['ratio']:>7.2f}")
    print(json.dumps({"benchmark": "startup", "runs": runs, "yardstick": "import deltalake", "results": rows}))
    return int(any(row["seconds"] >= MOST_SECONDS for row in rows))


def prepared(folder: Path) -> Path:
    """Return a new workspace with the shop's policies and one person's identifiers in a file."""
    workspace = folder / "shop"
    subprocess.run([*DELIBLE, "init", str(workspace)], check=True, capture_output=True)
    for policy in SHOP.rglob("*.yaml"):
        target = workspace / "policies" / policy.relative_to(SHOP)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(policy.read_bytes())
    (workspace / "people.jsonl").write_text('{"email": "ann.bench@people.example"}\n')
    return workspace


def measured(command: list[str], workspace: Path, runs: int) -> dict[str, object]:
    """Return the medians of a command and of the yardstick, and their ratio.

    The first run of each is not counted: it warms the file cache.
    """
    times, yardstick = [], []
    for _ in range(runs + 1):
        yardstick.append(seconds(YARDSTICK, workspace))
        times.append(seconds([*DELIBLE, *command], workspace))
    typical, base = statistics.median(times[1:]), statistics.median(yardstick[1:])
    return {
        "command": " ".join(command[:2]),
        "seconds": round(typical, 3),
        "yardstick": round(base, 3),
        "ratio": round(typical / base, 2),
    }


def seconds(command: list[str], folder: Path) -> float:
    """Return the wall time of one process; exit code 3 is an answer too (`policy check` found something)."""
    env = os.environ | {"DELIBLE_ACTOR": "benchmark"}
    start = time.perf_counter()
    answer = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - start
    if answer.returncode not in {0, 3}:
        raise SystemExit(f"{' '.join(command[1:])} ended with {answer.returncode}: {answer.stderr}")
    return taken


if __name__ == "__main__":
    sys.exit(main())
