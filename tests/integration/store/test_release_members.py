"""Which releases hold an erased person is answered by their subject indexes, and not knowing is an answer, too."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from delible.model.subject import SubjectRef
from delible.store import members as store_members
from delible.store.members import Holding, members, refs_of_subjects, releases_with
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


def test_a_release_is_superseded_once_the_newest_of_its_dataset_holds_the_person_no_more(
    workspace: Workspace, now: datetime
) -> None:
    asked = {"R-1": [ref(4)], "R-2": [ref(77)]}
    held = releases_with(workspace, asked, key_version=1)
    assert (held.superseded("R-1"), held.superseded("R-2")) == (("support@v1",), ())
    released(workspace, "support", 11, [ref(4)], now)
    assert releases_with(workspace, asked, key_version=1).superseded("R-1") == ()
    (workspace.path("releases/support/v11") / INDEX).unlink()  # nobody knows whether the newest has lost the person
    assert releases_with(workspace, asked, key_version=1).superseded("R-1") == ()
    shutil.rmtree(workspace.path("releases/support/v11"))
    assert releases_with(workspace, asked, key_version=1).superseded("R-1") == ("support@v1",)


def test_a_release_of_another_key_cannot_tell(workspace: Workspace) -> None:
    held = releases_with(workspace, {"R-1": [ref(4, 2)]}, key_version=2)
    assert held == Holding({}, ("chat@v1", "support@v1", "support@v2"))


@pytest.mark.parametrize("rows_per_group", [1, 3, 50, 1_000])
@pytest.mark.parametrize("asked", [1, 5, 200])
def test_the_index_answers_exactly_whatever_its_row_groups(
    workspace: Workspace, now: datetime, rows_per_group: int, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law: what is found is what a set of pairs would find; with one batch a row, too."""
    draw = random.Random(rows_per_group * 1_000 + asked)
    pairs = sorted({(ref(draw.randrange(0, 600)), ref(draw.randrange(0, 40))) for _ in range(300)})
    manifest = released(workspace, "drawn", 1, [], now)
    table = pa.table({"ref": [r for r, _ in pairs], "subject": [s for _, s in pairs]})
    pq.write_table(table, workspace.path(manifest.path) / INDEX, row_group_size=rows_per_group)
    refs = [ref(draw.randrange(0, 700)) for _ in range(asked)]
    wanted: dict[str, set[str]] = {}
    for one, subject in pairs:
        if one in refs:
            wanted.setdefault(one, set()).add(subject)
    assert members(workspace, manifest, refs, key_version=1) == wanted
    monkeypatch.setattr(store_members, "_ROWS_AT_ONCE", draw.choice([1, 2, 7]))
    assert members(workspace, manifest, refs, key_version=1) == wanted
    subjects = {subject for _, subject in pairs[:asked]}
    of_subjects, shared = refs_of_subjects(workspace, manifest, subjects, key_version=1)
    assert of_subjects == {subject: {r for r, s in pairs if s == subject} for subject in subjects}
    counted = Counter(r for r, _ in pairs)
    assert shared == {r for r, times in counted.items() if times > 1}
