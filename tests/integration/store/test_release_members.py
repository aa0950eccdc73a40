"""Which releases hold an erased person is answered by their subject indexes, and not knowing is an answer, too."""

from __future__ import annotations

import shutil
from datetime import datetime

import pytest

from delible.model.subject import SubjectRef
from delible.store.members import Holding, releases_with
from delible.store.releases import INDEX
from delible.store.workspace import Workspace
from store_fixtures import released


def ref(number: int, version: int = 1) -> SubjectRef:
    return SubjectRef(f"v{version}.{number:064x}")


@pytest.fixture(autouse=True)
def _releases(workspace: Workspace, now: datetime) -> None:
    released(workspace, "chat", 1, [ref(4)], now)
    released(workspace, "support", 1, [ref(n) for n in range(9)], now)
    released(workspace, "support", 2, [ref(1), ref(8)], now)
    released(workspace, "support", 10, [], now)


@pytest.mark.parametrize(
    ("refs", "names"),
    [
        ((4,), ["chat@v1", "support@v1"]),
        ((8, 77), ["support@v1", "support@v2"]),
        ((77,), []),
        ((), []),
    ],
)
def test_every_release_that_holds_a_reference_is_named(
    workspace: Workspace, refs: tuple[int, ...], names: list[str]
) -> None:
    held = releases_with(workspace, {"R-1": [ref(n) for n in refs], "R-2": [ref(77)]}, key_version=1)
    assert held == Holding({"R-1": tuple(names)} if names else {}, ())


def test_a_release_that_cannot_tell_is_named_apart_and_one_that_is_gone_is_not(workspace: Workspace) -> None:
    (workspace.path("releases/support/v1") / INDEX).unlink()
    (workspace.path("releases/support/v2") / INDEX).write_bytes(b"PAR1")
    shutil.rmtree(workspace.path("releases/chat/v1"))
    assert releases_with(workspace, {"R-1": [ref(4)]}, key_version=1) == Holding({}, ("support@v1", "support@v2"))


def test_a_release_of_another_key_cannot_tell(workspace: Workspace) -> None:
    held = releases_with(workspace, {"R-1": [ref(4, 2)]}, key_version=2)
    assert held == Holding({}, ("chat@v1", "support@v1", "support@v2"))
