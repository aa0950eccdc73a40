"""Who rewrites tables is alone in the workspace; who only reads shares it with other readers."""

from __future__ import annotations

from pathlib import Path

import pytest

from delible.errors import ConflictError
from delible.store.workspace import create_workspace
from delible.workflows.spark import alone


@pytest.mark.parametrize(
    ("first_reads", "second_reads", "together"),
    [(False, False, False), (False, True, False), (True, False, False), (True, True, True)],
    ids=["two writers", "a reader beside a writer", "a writer beside a reader", "two readers"],
)
def test_only_readers_work_side_by_side(first_reads: bool, second_reads: bool, together: bool, tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path / "w")
    with alone(workspace, reading=first_reads):
        if together:
            with alone(workspace, reading=second_reads):
                pass
        else:
            with pytest.raises(ConflictError, check=lambda e: e.code == "workspace.busy"):
                alone(workspace, reading=second_reads).__enter__()
    with alone(workspace):
        pass


def test_two_workspaces_do_not_wait_for_each_other(tmp_path: Path) -> None:
    with alone(create_workspace(tmp_path / "a")), alone(create_workspace(tmp_path / "b")):
        pass
