"""Release folders: filled where nobody looks, shown whole or not at all, and checked against their manifests."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path

from delible.errors import InputError, Problem, TamperError
from delible.model.record import Manifest, ReleaseFile
from delible.store.blocks import block_digests
from delible.store.keys import Keys
from delible.store.workspace import Workspace

INDEX = "subject_index.parquet"
BLOCKS = "subject_index.sha256"
"""The digests of the subject index's blocks."""
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
PUBLIC_KEY = "public-key.pem"
_STAGING = ".staging-"
_ROWS = ".rows"
_RETIRED = ".retired"
_INNER = "release"
_LATER = ("treated_at", "purpose_fingerprint", "consents_version")
_VERSION = re.compile(r"^v([1-9]\d{0,8})$")


class Releases:
    """The releases of one dataset, in `<releases>/<dataset>/v<N>`."""

    def __init__(self, workspace: Workspace, dataset: str) -> None:
        self._workspace = workspace
        self.folder = workspace.path(Path(workspace.config.releases) / dataset)
        self._rows = workspace.path(Path(workspace.config.releases) / _ROWS / dataset)

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
            inner = outer / _INNER
            inner.mkdir()
            yield inner
        finally:
            self._remove(outer)
            os.close(descriptor)

    def keep_rows(self, staged: Path, made: Path) -> str:
        """Move a row index to where it stays, apart from what is handed on, and return its path as manifests hold it.

        Until the release is published no manifest names it, and the next build removes it.

        Args:
            staged: What `staging` gave.
            made: A folder beside it.
        """
        self._rows.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = self._rows / staged.parent.name.removeprefix(_STAGING)
        made.rename(target)
        return self.relative(target)

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

    def unregistered(self, known: set[int]) -> list[Manifest]:
        """Return the manifests of releases that were shown, and whose run was killed before it registered them.

        While another run is at work here, what is not registered may be its own, and nothing is returned.

        Args:
            known: Versions that are registered.
        """
        found = []
        if not self.folder.is_dir() or any(_locked(entry) for entry in self.folder.glob(f"{_STAGING}*")):
            return []
        for version in sorted({*self._versions()} - known):
            try:
                found.append(Manifest.model_validate_json((self.folder / f"v{version}" / MANIFEST).read_bytes()))
            except (OSError, ValueError):
                continue
        return found

    def keep_index(self, manifest: Manifest) -> bool:
        """Keep a release's subject index apart from its folder, and return whether it is kept.

        Raises:
            TamperError: `dataset.changed` when the index is not the one that was registered.
        """
        target, source = retired_index(self._workspace, manifest), self.folder / f"v{manifest.version}" / INDEX
        if target.is_file() or not source.is_file():
            return target.is_file()
        registered = {file.path: file.sha256 for file in manifest.files}.get(INDEX)
        if registered is not None and _sha256(source) != registered:
            raise TamperError(
                "dataset.changed",
                "the subject index is not the one that was registered, so it cannot tell who was in the release.",
                where=f"dataset:{manifest.release}",
                fix="Put the registered index back, or remove the wrong one: the release is retired without it then.",
            )
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        staged = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copyfile(source, staged)
        with staged.open("rb") as copy:
            os.fsync(copy.fileno())
        staged.chmod(0o600)
        staged.replace(target)
        return True

    def keeps_index(self, manifest: Manifest) -> bool:
        """Return whether the subject index of a retired release is kept."""
        return retired_index(self._workspace, manifest).is_file()

    def forget_index(self, manifest: Manifest) -> bool:
        """Remove the kept subject index of a retired release, and return whether it was there."""
        kept = retired_index(self._workspace, manifest)
        there = kept.is_file()
        kept.unlink(missing_ok=True)
        return there

    def remove(self, manifest: Manifest) -> None:
        """Remove a release's folder and its row index; for readers the folder is there whole or not at all.

        What a killed run leaves of it, the next build or the same call removes.
        """
        folder, gone = self.folder / f"v{manifest.version}", self.folder / f"{_STAGING}v{manifest.version}"
        shutil.rmtree(gone, ignore_errors=True)
        if folder.exists():
            folder.rename(gone)
            shutil.rmtree(gone)
        if manifest.row_index is not None:
            rows = self._workspace.path(manifest.row_index.path)
            if rows.parent == self._rows and rows.exists():
                shutil.rmtree(rows)

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
                self._remove(entry)
            except BlockingIOError:
                continue
            finally:
                os.close(descriptor)

    def _remove(self, outer: Path) -> None:
        """Remove what a run leaves, and the row index of a release that was not shown: no manifest names it."""
        if (outer / _INNER).exists():
            shutil.rmtree(self._rows / outer.name.removeprefix(_STAGING), ignore_errors=True)
        shutil.rmtree(outer, ignore_errors=True)


def _locked(folder: Path) -> bool:
    """Return whether the run that made a staging folder is alive."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class Standing(Enum):
    """Where a release is: in its folder, retired with its subject index kept, or gone without it."""

    HERE = auto()
    RETIRED = auto()
    GONE = auto()


def standing(workspace: Workspace, manifest: Manifest) -> Standing:
    """Return where a release is.

    Raises:
        InputError: `workspace.path_escapes`.
    """
    if workspace.path(manifest.path).exists():
        return Standing.HERE
    return Standing.RETIRED if retired_index(workspace, manifest).is_file() else Standing.GONE


def retired_index(workspace: Workspace, manifest: Manifest) -> Path:
    """Return where the subject index of a release is kept once it is retired."""
    apart = Path(workspace.config.releases) / _RETIRED / manifest.dataset
    return workspace.path(apart / f"v{manifest.version}.parquet")


def check_files(workspace: Workspace, manifest: Manifest) -> tuple[Problem, ...]:
    """Return what in a release's folder is not as its manifest says: changed, missing, or added."""
    try:
        folder = workspace.path(manifest.path)
    except InputError as error:
        return error.problems
    problems = []
    for file in manifest.files:
        path = folder / file.path
        if path.is_symlink():
            problems.append(Problem("dataset.file_changed", "a link stands in a file's place.", file.path))
        elif not path.is_file():
            problems.append(Problem("dataset.file_missing", "a file of the release is gone.", file.path))
        elif path.stat().st_size != file.bytes or _sha256(path) != file.sha256:
            problems.append(Problem("dataset.file_changed", "a file's digest is not the manifest's.", file.path))
    registered = {file.path for file in manifest.files}
    expected = registered | {MANIFEST} | ({SIGNATURE} if manifest.key_id is not None else set())
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not _belongs(path, name, expected) and name not in registered:
            problems.append(Problem("dataset.file_added", "a file, folder or link is none of the release's.", name))
    own = folder / MANIFEST
    if not own.is_file() or own.read_bytes() != manifest_text(manifest).encode():
        problems.append(Problem("dataset.manifest_changed", "the manifest is not the registered one.", MANIFEST))
    return tuple(problems)


def _belongs(path: Path, name: str, expected: Collection[str]) -> bool:
    """Return whether a path is a file that is expected, or a folder on the way to one; readers follow links."""
    if path.is_symlink():
        return False
    if path.is_dir():
        return any(each.startswith(f"{name}/") for each in expected)
    return path.is_file() and name in expected


def check_signature(workspace: Workspace, manifest: Manifest, keys: Keys) -> tuple[Problem, ...]:
    """Return why a release's manifest is not known to be this workspace's own, by the file and signature in its folder.

    Releases of versions that did not sign have no key in their manifests, and no problem.
    """
    if manifest.key_id is None:
        return ()
    try:
        file = workspace.path(manifest.path) / SIGNATURE
        signature = file.read_bytes() if file.is_file() else None  # a pipe would be read for ever
    except (OSError, InputError):
        signature = None
    if signature is None:
        return (Problem("dataset.signature_missing", "the manifest's signature is gone.", SIGNATURE),)
    if not keys.verify(manifest_text(manifest).encode(), base64.b64encode(signature).decode()):
        message = "the manifest's signature is not by this workspace's key, or not over this manifest."
        return (Problem("dataset.signature_wrong", message, SIGNATURE),)
    return ()


def seal(folder: Path, manifest: Manifest, keys: Keys) -> None:
    """Write a manifest and its signature into a release's folder; who has the public key can check both offline."""
    text = manifest_text(manifest).encode()
    (folder / MANIFEST).write_bytes(text)
    (folder / SIGNATURE).write_bytes(base64.b64decode(keys.sign(text)))


def release_file(path: Path, folder: Path) -> ReleaseFile:
    """Return the digest and size of a file that holds no rows."""
    return ReleaseFile(path=path.relative_to(folder).as_posix(), sha256=_sha256(path), bytes=path.stat().st_size)


def write_blocks(folder: Path) -> Path:
    """Write the digests of the subject index's blocks beside it, and return where."""
    path = folder / BLOCKS
    path.write_text(block_digests(folder / INDEX), encoding="ascii")
    return path


def manifest_text(manifest: Manifest) -> str:
    """Return a manifest as the release's own file holds it: equal manifests, equal texts.

    Fields that came later are left out where they say nothing, as in the files of older releases.
    """
    silent = {name for name in _LATER if getattr(manifest, name, None) is None}
    return json.dumps(manifest.model_dump(mode="json", exclude=silent), indent=2, sort_keys=True) + "\n"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
