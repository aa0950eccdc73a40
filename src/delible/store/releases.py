"""Release folders: filled where nobody looks, shown whole or not at all, and checked against their manifests."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from delible.errors import InputError, Problem, SetupError
from delible.model.record import Manifest
from delible.model.subject import SubjectRef
from delible.store.manifests import Manifests
from delible.store.workspace import Workspace

INDEX = "subject_index.parquet"
MANIFEST = "manifest.json"
_STAGING = ".staging-"
_VERSION = re.compile(r"^v([1-9]\d{0,8})$")


class Releases:
    """The releases of one dataset, in `<releases>/<dataset>/v<N>`."""

    def __init__(self, workspace: Workspace, dataset: str) -> None:
        self._workspace = workspace
        self.folder = workspace.path(Path(workspace.config.releases) / dataset)

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Give a folder that only this build reads, and remove what is left of it afterwards.

        Folders that killed builds left behind are removed first: a build holds a lock on its own for as long as it
        lives.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._clear_abandoned()
        outer, descriptor = self._locked()
        try:
            inner = outer / "release"
            inner.mkdir()
            yield inner
        finally:
            shutil.rmtree(outer, ignore_errors=True)
            os.close(descriptor)

    def publish(self, staged: Path, latest: int, finish: Callable[[int, Path], Manifest]) -> Manifest:
        """Show a staged release under the next free version.

        Renaming onto a folder with content fails, so of two builds that end together one takes the next number.

        Args:
            staged: What `staging` gave.
            latest: Highest version in the manifests.
            finish: Given the version and the final path, writes what names them into the staged folder.
        """
        version = 1 + max(latest, *self._versions(), 0)
        while True:
            target = self.folder / f"v{version}"
            manifest = finish(version, target)
            try:
                staged.rename(target)
            except OSError:
                if not target.exists():
                    raise
                version += 1
            else:
                return manifest

    def relative(self, path: Path) -> str:
        """Return a path as manifests hold it: from the workspace on."""
        return path.relative_to(self._workspace.root).as_posix()

    def _versions(self) -> list[int]:
        found = (_VERSION.match(entry.name) for entry in self.folder.iterdir())
        return [int(match[1]) for match in found if match is not None]

    def _locked(self) -> tuple[Path, int]:
        """Make a staging folder and lock it; another build may clear it away in the instant before the lock."""
        while True:
            outer = Path(tempfile.mkdtemp(dir=self.folder, prefix=_STAGING))
            try:
                descriptor = os.open(outer, os.O_RDONLY)
            except FileNotFoundError:
                continue
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if outer.exists():
                return outer, descriptor
            os.close(descriptor)

    def _clear_abandoned(self) -> None:
        for entry in self.folder.glob(f"{_STAGING}*"):
            try:
                descriptor = os.open(entry, os.O_RDONLY)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(entry, ignore_errors=True)
            except BlockingIOError:
                continue
            finally:
                os.close(descriptor)


def members(workspace: Workspace, manifest: Manifest, refs: Collection[SubjectRef], *, key_version: int) -> set[str]:
    """Return those references that the release's subject index holds; reads only the row groups that could.

    Raises:
        SetupError: `dataset.index_missing`, or `dataset.key_version` when the index was made with another key.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = workspace.path(Path(manifest.path) / INDEX)
    where = f"dataset:{manifest.release}"
    found: set[str] = set()
    try:
        with pq.ParquetFile(path) as file:
            for group in range(file.metadata.num_row_groups):
                statistics = file.metadata.row_group(group).column(0).statistics
                bounded = statistics is not None and statistics.has_min_max
                if group == 0 and bounded and not statistics.min.startswith(f"v{key_version}."):
                    raise SetupError(
                        "dataset.key_version",
                        "the subject index was made with another version of the reference key.",
                        where=where,
                        fix="Build the dataset again, or ask with the key that it was built with.",
                    )
                asked = {r for r in refs if not bounded or statistics.min <= r <= statistics.max}
                if asked:
                    # Compared in Python: handing values to pyarrow would import pandas, which takes a second.
                    found |= asked.intersection(file.read_row_group(group, columns=["ref"]).column("ref").to_pylist())
    except (OSError, pa.ArrowException):
        raise SetupError("dataset.index_missing", "the subject index cannot be read.", where=where) from None
    return found


@dataclass(frozen=True)
class Holding:
    """Which releases (`NAME@vN`) hold whom.

    Args:
        inside: Per request, the releases whose subject index holds its data subject; requests in none are left out.
        unknown: Releases that cannot tell, for their index is gone or unreadable.
    """

    inside: Mapping[str, tuple[str, ...]]
    unknown: tuple[str, ...]


def releases_with(workspace: Workspace, people: Mapping[str, Collection[SubjectRef]], *, key_version: int) -> Holding:
    """Return which releases hold people, each index read once for all of them.

    A release whose folder is gone holds nobody.

    Args:
        people: Per request, the references of its data subject.
    """
    everybody = {ref for refs in people.values() for ref in refs}
    inside: dict[str, tuple[str, ...]] = {}
    unknown = []
    for manifest in Manifests(workspace).all():
        name = manifest.release
        try:
            gone = not workspace.path(manifest.path).exists()
            found = set() if gone else members(workspace, manifest, everybody, key_version=key_version)
        except (SetupError, InputError):
            unknown.append(name)
            continue
        for request, refs in people.items():
            if not found.isdisjoint(refs):
                inside[request] = (*inside.get(request, ()), name)
    return Holding(inside, tuple(unknown))


def check_files(workspace: Workspace, manifest: Manifest) -> tuple[Problem, ...]:
    """Return what in a release's folder is not as its manifest says: changed, missing, or added."""
    try:
        folder = workspace.path(manifest.path)
    except InputError as error:
        return error.problems
    problems = []
    for file in manifest.files:
        path = folder / file.path
        if not path.is_file():
            problems.append(Problem("dataset.file_missing", "a file of the release is gone.", file.path))
        elif path.stat().st_size != file.bytes or _sha256(path) != file.sha256:
            problems.append(Problem("dataset.file_changed", "a file's digest is not the manifest's.", file.path))
    expected = {file.path for file in manifest.files} | {MANIFEST}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in expected:
            problems.append(Problem("dataset.file_added", "a file is none of the release's.", name))
    own = folder / MANIFEST
    if not own.is_file() or own.read_bytes() != manifest_text(manifest).encode():
        problems.append(Problem("dataset.manifest_changed", "the manifest is not the registered one.", MANIFEST))
    return tuple(problems)


def manifest_text(manifest: Manifest) -> str:
    """Return a manifest as the release's own file holds it: equal manifests, equal texts."""
    return json.dumps(manifest.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
