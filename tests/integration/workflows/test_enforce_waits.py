"""`retention enforce` in a process of its own, while another run holds the workspace's tables: it waits, or says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from delible.store.workspace import Workspace
from delible.workflows.control import Control
from delible.workflows.spark import alone
from small_shop import make_workspace


def begun(shop: Workspace, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "delible", "retention", "enforce", *words, "--workspace", str(shop.root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_waits_as_long_as_it_was_told_to_and_touches_nothing_meanwhile(tmp_path: Path) -> None:
    shop = make_workspace(tmp_path / "shop")
    before = len(Control(shop).ledger.records())
    with alone(shop):
        refused = begun(shop, "--json")
        out, _ = refused.communicate(timeout=60)
        said = json.loads(out)
        assert (refused.returncode, [e["code"] for e in said["errors"]]) == (1, ["workspace.busy"])
        waiting = begun(shop, "--wait", "5")
        try:
            assert waiting.stderr is not None
            assert "waiting for another run to end" in waiting.stderr.readline()
            assert waiting.poll() is None
        finally:
            waiting.kill()
            waiting.communicate()
    assert len(Control(shop).ledger.records()) == before
