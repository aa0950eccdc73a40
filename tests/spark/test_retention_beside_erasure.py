"""Retention and an erasure on the same tables at once, each in a process of its own, as schedulers run them.

That one waits, or is refused and touches nothing, `make test` shows without a JVM:
`tests/integration/workflows/test_enforce_waits.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import write_deltalake

from byte_search import places
from delible.model.terms import RequestState
from delible.workflows.audit import verify_ledger
from delible.workflows.control import Control
from delible.workflows.spark import alone
from delta_rows import delta_rows
from policy_files import write_policies
from small_shop import PEOPLE, approved, customers, email, make_workspace, tickets

pytestmark = [pytest.mark.slow, pytest.mark.matrix]

RULE = "retention: {0}\ntable: customers\nclock: made_at\nkeep: {1}\nreason: Law.\n"
PAST = set(range(10, PEOPLE + 1))
DUE = 3


def begun(root: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "delible", *words, "--json", "--workspace", str(root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, dict[str, object]]:
    out, _ = process.communicate(timeout=300)
    return process.returncode, json.loads(out)


def test_one_waits_or_says_that_it_must_and_both_end(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "shop")
    root = workspace.root
    write_policies(root / "policies", {"retention/a.yaml": RULE.format("a", "P1Y")})
    for name, rows in (("customers", customers()), ("tickets", tickets())):
        write_deltalake(root / "warehouse" / name, rows)
    [request] = approved(workspace, tmp_path, {"email": email(DUE)})

    with alone(workspace):
        code, said = ended(begun(root, "retention", "enforce"))
        assert (code, [e["code"] for e in said["errors"]]) == (1, ["workspace.busy"])

    retention = begun(root, "retention", "enforce", "--immediate", "--wait", "5")
    erasure = begun(root, "request", "fulfil", "--immediate")
    code, said = ended(erasure)
    assert ended(retention)[0] == 0
    if code:
        assert {e["code"] for e in said["errors"]} <= {"workspace.busy", "plan.stale"}
        assert ended(begun(root, "request", "fulfil", "--immediate"))[0] == 0

    assert verify_ledger(workspace).intact
    control = Control(workspace)
    assert control.requests.get(request).state is RequestState.COMPLETED
    left = {row["customer_id"] for row in delta_rows(root / "warehouse" / "customers")}
    assert left == set(range(1, PEOPLE + 1)) - PAST - {DUE}
    assert places(root / "warehouse" / "customers", texts=[email(n) for n in (*PAST, DUE)]) == []
    done = [(r.object, r.action) for r in control.ledger.records(object_prefix="plan:") if r.outcome == "done"]
    assert len(done) == len(set(done)), "no stage is done twice"
