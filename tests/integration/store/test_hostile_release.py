"""A release folder that somebody has been at: links, pipes, folders and other indexes are told, and never believed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from delible.errors import InputError, SetupError, TamperError
from delible.model.record import Manifest
from delible.store import blocks
from delible.store.keys import load_keys
from delible.store.lost_places import listed, sha256
from delible.store.members import Holding, everybody, members, refs_of_subjects, releases_with
from delible.store.releases import (
    BLOCKS,
    INDEX,
    MANIFEST,
    SIGNATURE,
    check_files,
    check_signature,
    release_file,
    write_blocks,
)
from delible.store.workspace import Workspace
from delible.workflows.dataset_members import dataset_members
from policy_files import CONTROLLER, write_policies
from release_folders import ref_of, released_folder

NOW = datetime(2026, 6, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    """End a test that waits for a pipe."""

    def waited(*_: Any) -> None:
        raise RuntimeError("waited for a pipe")

    before = signal.signal(signal.SIGALRM, waited)
    signal.alarm(5)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def manifest(workspace: Workspace, now: datetime) -> Manifest:
    return released_folder(workspace, {"train": range(12)}, now)


@pytest.fixture
def folder(workspace: Workspace, manifest: Manifest) -> Path:
    return workspace.path(manifest.path)


def found(workspace: Workspace, manifest: Manifest) -> set[tuple[str, str | None]]:
    return {(p.code, p.where) for p in check_files(workspace, manifest)}


def test_an_untouched_release_has_no_finding(workspace: Workspace, manifest: Manifest) -> None:
    assert found(workspace, manifest) == set()


def test_links_pipes_and_folders_that_are_not_the_release_s_are_told(
    workspace: Workspace, manifest: Manifest, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    (folder / "data" / "more").symlink_to(tmp_path / "more")
    (folder / "nowhere").symlink_to(tmp_path / "gone")
    (folder / "empty").mkdir()
    os.mkfifo(folder / "data" / "pipe.parquet")
    added = ("data/more", "nowhere", "empty", "data/pipe.parquet")
    assert found(workspace, manifest) == {("dataset.file_added", name) for name in added}


@pytest.mark.parametrize("name", ["data/train-00000-of-00001.parquet", INDEX, MANIFEST, SIGNATURE])
def test_a_link_to_the_same_bytes_is_not_the_file(
    workspace: Workspace, manifest: Manifest, folder: Path, tmp_path: Path, name: str
) -> None:
    (folder / name).rename(tmp_path / "moved")
    (folder / name).symlink_to(tmp_path / "moved")
    code = "dataset.file_added" if name in (MANIFEST, SIGNATURE) else "dataset.file_changed"
    assert found(workspace, manifest) == {(code, name)}


def test_a_folder_of_rows_that_is_a_link_is_told(
    workspace: Workspace, manifest: Manifest, folder: Path, tmp_path: Path
) -> None:
    (folder / "data").rename(tmp_path / "moved")
    (folder / "data").symlink_to(tmp_path / "moved")
    assert ("dataset.file_added", "data") in found(workspace, manifest)


def test_a_pipe_in_a_signature_s_place_is_not_waited_for(
    workspace: Workspace, manifest: Manifest, folder: Path
) -> None:
    (folder / SIGNATURE).unlink()
    os.mkfifo(folder / SIGNATURE)
    (problem,) = check_signature(workspace, manifest, load_keys(workspace))
    assert problem.code == "dataset.signature_missing"


def swapped(folder: Path, how: str) -> None:
    path = folder / INDEX
    refs = pq.read_table(path)["ref"].to_pylist()
    match how:
        case "empty":
            pq.write_table(pa.table({"ref": pa.array([], pa.string()), "subject": pa.array([], pa.string())}), path)
        case "numbers":
            pq.write_table(pa.table({"ref": [1, 2], "subject": [1, 2]}), path)
        case "same size":
            data = bytearray(path.read_bytes())
            for ref in refs:
                at = 0
                while (at := data.find(ref.encode(), at)) >= 0:
                    data[at + 3 : at + 67] = b"0" * 64
            path.write_bytes(data)
        case "pipe":
            path.unlink()
            os.mkfifo(path)


@pytest.mark.parametrize("how", ["empty", "numbers", "pipe", "same size"])
def test_an_index_that_is_not_the_registered_one_cannot_tell(
    workspace: Workspace, manifest: Manifest, folder: Path, how: str
) -> None:
    keys = load_keys(workspace)
    ref = ref_of(keys, 4)
    assert releases_with(workspace, {"R": [ref]}, key_version=keys.version).inside == {"R": (manifest.release,)}
    swapped(folder, how)
    assert releases_with(workspace, {"R": [ref]}, key_version=keys.version) == Holding({}, (manifest.release,))
    with pytest.raises(SetupError, match="subject index"):
        everybody(workspace, manifest, key_version=keys.version)
    with pytest.raises(SetupError, match="subject index"):
        refs_of_subjects(workspace, manifest, [ref], key_version=keys.version)
    with pytest.raises(SetupError, match="subject index"):
        members(workspace, manifest, [ref], key_version=keys.version)


def flipped(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_who_is_looked_up_is_told_by_blocks_that_were_checked(
    workspace: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a large index a few blocks are read: a change in these is noticed, and one elsewhere is not looked for.

    Whoever opens a Parquet file reads its last 64 kB, so the index has more.
    """
    monkeypatch.setattr(blocks, "BLOCK", 512)
    monkeypatch.setattr("delible.lake.release_files._INDEX_GROUP", 7)
    made = released_folder(workspace, {"train": range(2000)}, now, dataset="large")
    index, keys = workspace.path(made.path) / INDEX, load_keys(workspace)
    people = sorted(ref_of(keys, n) for n in range(2000))
    whole = index.read_bytes()
    for person in (people[0], people[150], people[-1]):
        assert members(workspace, made, [person], key_version=keys.version) == {person: {person}}
    flipped(index, whole.index(people[0].encode()) + 10)
    with pytest.raises(SetupError, match="not the one that was registered"):
        members(workspace, made, [people[0]], key_version=keys.version)
    assert members(workspace, made, [people[-1]], key_version=keys.version)
    with pytest.raises(SetupError, match="not the one that was registered"):
        refs_of_subjects(workspace, made, people, key_version=keys.version)
    index.write_bytes(whole)
    flipped(index, len(whole) - 100)  # the footer, which says where everything is
    with pytest.raises(SetupError, match="subject index"):
        members(workspace, made, [people[-1]], key_version=keys.version)


def test_digests_that_are_swapped_with_the_index_are_not_the_registered_ones(
    workspace: Workspace, manifest: Manifest, folder: Path
) -> None:
    keys = load_keys(workspace)
    swapped(folder, "same size")
    write_blocks(folder)
    with pytest.raises(SetupError, match="not the one that was registered"):
        members(workspace, manifest, [ref_of(keys, 4)], key_version=keys.version)


def test_a_register_that_was_changed_along_with_the_index_is_not_signed(
    workspace: Workspace, manifest: Manifest, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_policies(workspace.path("policies"), {"controller.yaml": CONTROLLER})
    person = tmp_path / "person.jsonl"
    person.write_text('{"email": "p4@shop.example"}\n')
    assert dataset_members(workspace, "support", str(person), actor="tests", now=NOW).member
    swapped(folder, "same size")
    files = {path: release_file(folder / path, folder) for path in (INDEX, write_blocks(folder).name)}
    forged = manifest.model_copy(update={"files": tuple(files.get(f.path, f) for f in manifest.files)})
    monkeypatch.setattr("delible.workflows.dataset_members.find_manifest", lambda *_: forged)
    with pytest.raises(TamperError, match="not signed"):
        dataset_members(workspace, "support", str(person), actor="tests", now=NOW)


def test_an_index_of_a_release_without_digests_of_blocks_is_checked_as_a_whole(
    workspace: Workspace, manifest: Manifest, folder: Path
) -> None:
    keys = load_keys(workspace)
    old = manifest.model_copy(update={"files": tuple(f for f in manifest.files if f.path != BLOCKS)})
    assert members(workspace, old, [ref_of(keys, 4)], key_version=keys.version)
    swapped(folder, "same size")
    with pytest.raises(SetupError, match="not the one that was registered"):
        members(workspace, old, [ref_of(keys, 4)], key_version=keys.version)


def test_an_index_without_a_registered_size_needs_its_columns(workspace: Workspace, manifest: Manifest) -> None:
    swapped(workspace.path(manifest.path), "numbers")
    old = manifest.model_copy(update={"files": ()})
    with pytest.raises(SetupError, match="other columns"):
        members(workspace, old, [], key_version=1)


def test_a_pipe_among_lost_files_has_no_digest_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no regular file"):
        sha256(tmp_path / "pipe")


def test_a_lost_file_that_is_named_twice_or_by_two_ways_counts_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert list(listed([tmp_path / "a", tmp_path, tmp_path / "a"])) == [tmp_path / "a"]
    with pytest.raises(InputError):
        list(listed([tmp_path / "c"]))
