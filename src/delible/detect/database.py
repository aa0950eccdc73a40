"""Hyperscan's databases: compiled once per machine and kept in a folder of their owner's, handed over to workers."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from delible.detect.patterns import Expression
    from delible.model.detection import Detection

FOLDER = "DELIBLE_CACHE"
"""Environment variable with the folder to keep databases in; `~/.cache/delible` without it."""


def kept(expressions: Sequence[Expression]) -> bytes | None:
    """Return the database that was compiled for these expressions before, if there is one.

    It goes into native code as it is, so one that anybody else could have written is not read.
    """
    from delible.detect.gates import digest

    known_by = digest(expressions)
    if known_by is None:
        return None
    try:
        with _path(known_by).open("rb") as file:
            about = os.fstat(file.fileno())
            if about.st_uid != os.getuid() or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                return None
            return file.read()
    except OSError:
        return None


def prepared(expressions: Sequence[Expression]) -> bytes | None:
    """Return the database for the expressions, compiled now if it was not before; None without Hyperscan."""
    from delible.detect.gates import compiled, digest

    database = kept(expressions)
    if database is not None:
        return database
    known_by, database = digest(expressions), compiled(expressions)
    if known_by is not None and database is not None:
        with suppress(OSError):  # nowhere to keep it: the next process compiles again
            _keep(_path(known_by), database)
    return database


def warm(detections: Iterable[Detection]) -> None:
    """Compile and keep the database of each of these, so that no first scan waits 10 to 20 seconds for it."""
    from delible.detect.engine import engine

    for expressions in dict.fromkeys(tuple(engine(each.unread).expressions) for each in detections):
        prepared(expressions)


def all_kept() -> list[Path]:
    """Return the databases that are kept, whatever they were compiled for; nothing slow is imported."""
    return sorted(_folder().glob("patterns-*.hs"))


def _folder() -> Path:
    named = os.environ.get(FOLDER)
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "delible"


def _path(known_by: str) -> Path:
    return _folder() / f"patterns-{known_by[:32]}.hs"


def _keep(path: Path, database: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:  # readable and writable by its owner alone
        file.write(database)
    Path(file.name).replace(path)
