"""Plan and apply retention: `spark-submit jobs/enforce_retention.py --workspace DIR [--immediate]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from delible.cli.main import main


def enforce(workspace: str, *, immediate: bool) -> int:
    """Go on with plans that wait for their windows, then plan all rules and apply the plan; return the exit code."""
    going_on = main(["retention", "apply", "--workspace", workspace])
    if going_on:
        return going_on
    with tempfile.TemporaryDirectory() as folder:
        plan = str(Path(folder) / "retention.json")
        windows = ["--immediate"] if immediate else []
        return main(["retention", "plan", "--workspace", workspace, "--out", plan, *windows]) or main(
            ["retention", "apply", "--workspace", workspace, plan]
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", default=".")
    parser.add_argument("--immediate", action="store_true")
    given = parser.parse_args()
    sys.exit(enforce(given.workspace, immediate=given.immediate))
