"""Scratch folders: those of killed runs go, and never one that another process is just making."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from delible.store.workspace import Workspace, create_workspace
from delible.workflows import spark


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setattr(spark, "_own", None)
    monkeypatch.setattr("atexit.register", lambda *_, **__: None)
    yield create_workspace(tmp_path / "w")
    if spark._own is not None:
        spark._own.lock.close()


def test_a_folder_that_is_just_being_made_is_not_taken_for_that_of_a_killed_run(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[threading.Thread] = []
    opened = Path.open

    def opening(path: Path, *args: Any, **how: Any) -> Any:
        """Let another run begin between the folder and its lock, and give it time."""
        if path.name == "alive" and not others:
            others.append(threading.Thread(target=spark._remove_abandoned, args=(workspace.scratch,)))
            others[0].start()
            others[0].join(0.3)
        return opened(path, *args, **how)

    monkeypatch.setattr(Path, "open", opening)
    folder = spark._scratch(workspace)
    others[0].join()
    assert (folder / "alive").exists()


def test_folders_of_killed_runs_go_and_those_of_living_ones_stay(workspace: Workspace) -> None:
    killed, bare, living = (workspace.scratch / f"run-{n}" for n in range(3))
    for folder in (killed, bare, living):
        folder.mkdir()
        (folder / "rows").write_text("x")
    (killed / "alive").touch()
    with (living / "alive").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        spark._remove_abandoned(workspace.scratch)
    assert [f.exists() for f in (killed, bare, living)] == [False, False, True]
