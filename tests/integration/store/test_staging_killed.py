"""`kill -9` while gates are measured: what was staged is no release, nobody else opens it, the next run removes it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from delible.store.manifests import Manifests
from delible.store.releases import Releases
from delible.store.workspace import create_workspace

_KILLED_IN_A_GATE = """\
import os, signal, sys
from pathlib import Path
from delible.store.releases import Releases
from delible.store.workspace import open_workspace

with Releases(open_workspace(Path(sys.argv[1])), "visits").staging() as folder:
    (folder / "data").mkdir()
    (folder / "data" / "train-00000-of-00001.parquet").write_bytes(b"rows of people")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_build_that_is_killed_in_a_gate_leaves_no_release(tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path / "shop")
    done = subprocess.run([sys.executable, "-c", _KILLED_IN_A_GATE, str(workspace.root)], check=False)
    assert done.returncode == -signal.SIGKILL
    releases = Releases(workspace, "visits")
    (staged,) = releases.folder.iterdir()
    assert staged.name.startswith(".staging-"), "no loader, listing or version number takes it for a release"
    assert list(staged.rglob("*.parquet")), "or the kill came too early"
    assert staged.stat().st_mode & 0o077 == 0
    assert list(releases.folder.glob("v*")) == []
    assert Manifests(workspace).all() == []
    with releases.staging():
        assert not staged.exists()
    assert list(releases.folder.iterdir()) == []
