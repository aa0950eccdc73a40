"""Single files beside or inside a Delta table: on the local disk, or in an object store through delta-rs."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from delible.store.files import private_write


class Folder(Protocol):
    """A folder whose files are read, replaced and removed whole."""

    def read(self, name: str) -> bytes | None:
        """Return a file's content, or None where there is no such file."""

    def write(self, name: str, data: bytes) -> None:
        """Replace a file, whole or not at all."""

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone already is no error."""

    def names(self) -> list[str]:
        """Return the names of all files in the folder and below, relative to it."""

    def older_than(self, age: timedelta, *, suffix: str) -> list[str]:
        """Return the names of files directly in the folder that have not been written to for so long."""


class LocalFolder:
    """A folder on a file system."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str) -> bytes | None:
        """Return a file's content, or None where there is no such file."""
        try:
            return (self.root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, name: str, data: bytes) -> None:
        """Replace a file, whole or not at all."""
        self.root.mkdir(parents=True, exist_ok=True)
        private_write(self.root / name, data)

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone already is no error."""
        (self.root / name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """Return the names of all files in the folder and below, relative to it."""
        return [file.relative_to(self.root).as_posix() for file in self.root.rglob("*") if file.is_file()]

    def older_than(self, age: timedelta, *, suffix: str) -> list[str]:
        """Return the names of files directly in the folder that have not been written to for so long."""
        limit = time.time() - age.total_seconds()
        files = list(self.root.glob(f"*{suffix}")) if self.root.is_dir() else []
        return [file.name for file in files if file.stat().st_mtime < limit]


class RemoteFolder:
    """A prefix in an object store, where replacing an object is atomic."""

    def __init__(self, uri: str) -> None:
        from deltalake._internal import DeltaFileSystemHandler

        self._handler: Any = DeltaFileSystemHandler(uri)

    def read(self, name: str) -> bytes | None:
        """Return an object's content, or None where there is no such object."""
        try:
            with closing(self._handler.open_input_file(name)) as source:
                return bytes(source.read(source.size()))
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Replace an object."""
        with closing(self._handler.open_output_stream(name)) as out:
            out.write(data)

    def remove(self, name: str) -> None:
        """Remove an object; one that is gone already is no error."""
        try:
            self._handler.delete_file(name)
        except FileNotFoundError:
            return

    def names(self) -> list[str]:
        """Return the names of all objects below the prefix, relative to it."""
        found = self._handler.get_file_info_selector("", allow_not_found=True, recursive=True)
        return [x.path for x in found if x.mtime]

    def older_than(self, age: timedelta, *, suffix: str) -> list[str]:
        """Return the names of objects directly below the prefix that were written so long ago."""
        limit = time.time() - age.total_seconds()
        found = self._handler.get_file_info_selector("", allow_not_found=True, recursive=False)
        return [x.path for x in found if x.path.endswith(suffix) and x.mtime and x.mtime.timestamp() < limit]


def folder(location: str) -> Folder:
    """Return the folder at a local path or URI."""
    return RemoteFolder(location) if "://" in location else LocalFolder(Path(location))


@contextmanager
def turn(location: str) -> Iterator[bool]:
    """Wait for this process's turn to write to a local table; yield whether turns are kept there.

    It only makes contention cheap. Correctness rests on Delta's own conflict check, since a file lock does not exist
    in an object store and may not work on a network file system. The kernel gives the lock back when a process dies.
    """
    if "://" in location:
        yield False
        return
    path = Path(location).with_name(f".{Path(location).name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            kept = True
        except OSError:
            kept = False
        yield kept
    finally:
        os.close(descriptor)
