"""A Spark session for a workspace, and the scratch folder that its rows must not outlive."""

from __future__ import annotations

import atexit
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from delible.errors import ConflictError
from delible.store.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass
class _Own:
    """The scratch folder that this process made, and the lock that says it is alive."""

    folder: Path
    lock: IO[str]


_own: _Own | None = None


def session_for(workspace: Workspace) -> SparkSession:
    """Return the active session, a submitted one, or an embedded one whose scratch lies in the workspace.

    Shuffle and spill files hold rows of tables. Those of runs that were killed are removed first.

    Raises:
        SetupError: `spark.workers` when a cluster's workers cannot run delible.
    """
    from delible.lake.cluster import refuse_unable_workers
    from delible.lake.session import active_session, is_submitted, spark_session

    _remove_abandoned(workspace.scratch)
    # A session under `spark-submit` has no scratch here, and does not end before the byte search, which it spreads.
    scratch = None if active_session() is not None or is_submitted() else _scratch(workspace)
    session = spark_session(workspace.config.spark, scratch=scratch)
    refuse_unable_workers(session)
    return session


def end_session(workspace: Workspace) -> None:
    """End the embedded session and remove its scratch; a session that somebody else started is left alone."""
    global _own  # noqa: PLW0603
    if _own is None or _own.folder.parent != workspace.scratch:
        return
    from delible.lake.session import stop_session

    stop_session()
    shutil.rmtree(_own.folder, ignore_errors=True)
    _own.lock.close()
    _own = None


@contextmanager
def alone(
    workspace: Workspace,
    name: str = "apply.lock",
    busy: str = "another run works on the tables of this workspace.",
    *,
    reading: bool = False,
) -> Iterator[None]:
    """Hold one of the workspace's locks, such as that for work that rewrites tables; a killed process loses it.

    Args:
        reading: Share it with other readers, for work that must not see a table half erased and publish what it saw.

    Raises:
        ConflictError: `workspace.busy` when another run holds it.
    """
    path = workspace.scratch.parent / name
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if reading else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(
                "workspace.busy",
                busy,
                where=str(workspace.root),
                fix="Wait for it to end, and run the command again.",
            ) from None
        yield


def _scratch(workspace: Workspace) -> Path:
    global _own  # noqa: PLW0603
    if _own is not None and _own.folder.parent == workspace.scratch:
        return _own.folder
    folder = workspace.scratch / f"run-{os.getpid()}-{secrets.token_hex(4)}"
    # Until its lock is taken, a folder looks like one of a run that was killed.
    with _turn(workspace.scratch):
        folder.mkdir(mode=0o700)
        lock = (folder / "alive").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    _own = _Own(folder, lock)
    # Registered before Spark registers its own hook, so it runs after the JVM has ended.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _remove_abandoned(scratch: Path) -> None:
    with _turn(scratch):
        for folder in scratch.glob("run-*"):
            try:
                with (folder / "alive").open("r+") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            except OSError:
                pass
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _turn(scratch: Path) -> Iterator[None]:
    """Let one process at a time make or remove scratch folders; whoever is killed loses its turn."""
    with (scratch / "turn.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
