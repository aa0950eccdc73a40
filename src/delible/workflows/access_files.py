"""The files of an access package: where it lies, records written one by one, and packages removed."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from delible.errors import InputError
from delible.model.record import AuditEntry
from delible.store.workspace import Workspace
from delible.workflows.control import Control

_REQUEST = re.compile(r"R-\d{8}-[A-Z2-7]{6,10}")
_STAGING = re.compile(rf"\.({_REQUEST.pattern})\.part")

_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d .,()/:-]*\Z)")
"""A spreadsheet would run it: what begins so and is no number or telephone number."""


def package_folder(workspace: Workspace, request_id: str) -> Path:
    """Return where a request's package is, or would be.

    Raises:
        InputError: `request.unknown` for what is no request's id; `access.linked` when a symbolic link is there: what
            it leads to can lie where no erasure looks.
    """
    if not _REQUEST.fullmatch(request_id):
        raise InputError("request.unknown", "that is not the id of a request.", where="access")
    return _plain(_packages(workspace) / request_id)


def new_staging(workspace: Workspace, request_id: str) -> Path:
    """Return an empty folder, for its owner only, in which a package is put together.

    The caller holds the workspace's lock, so whatever other runs left half made is removed: it holds personal data.
    """
    final = package_folder(workspace, request_id)
    final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in _unfinished(workspace):
        shutil.rmtree(left)
    staging = final.with_name(f".{request_id}.part")
    staging.mkdir(mode=0o700)
    (staging / "data").mkdir(mode=0o700)
    return staging


def publish(staging: Path, workspace: Workspace, request_id: str) -> Path:
    """Give a finished package its place, instead of one that was there."""
    folder = package_folder(workspace, request_id)
    if folder.exists():
        shutil.rmtree(folder)
    staging.rename(folder)
    return folder


def remove_packages(control: Control, refs: Collection[str], *, now: datetime, actor: str) -> int:
    """Remove access packages of people who are being erased, and everybody's half made ones.

    A package is one more copy of a person. The caller holds the workspace's lock: what is half made now was left so by
    a run that died, and need not say yet whose it is.
    """
    removed: dict[str, str] = {}
    for folder in _unfinished(control.workspace):
        shutil.rmtree(folder)
        removed[folder.name[1:].removesuffix(".part")] = "unfinished"
    for request in control.requests.all():
        folder = package_folder(control.workspace, request.id)
        if folder.exists() and not set(request.refs).isdisjoint(refs):
            shutil.rmtree(folder)
            removed[request.id] = "package"
    entries = [
        AuditEntry(
            actor=actor, action="access.remove", object=f"request:{r}/package", outcome="done", detail={"what": what}
        )
        for r, what in sorted(removed.items())
    ]
    control.ledger.append(entries, now)
    return len(removed)


def _packages(workspace: Workspace) -> Path:
    return workspace.path(f"{workspace.config.reports}/access")


def _unfinished(workspace: Workspace) -> Iterator[Path]:
    top = _packages(workspace)
    if top.is_dir():
        yield from (_plain(path) for path in sorted(top.iterdir()) if _STAGING.fullmatch(path.name))


def _plain(path: Path) -> Path:
    if path.is_symlink():
        raise InputError(
            "access.linked",
            "a symbolic link stands where an access package belongs.",
            where=str(path),
            fix="Remove the link, and the copy of personal data that it leads to.",
        )
    return path


@dataclass
class Written:
    """What was written of one table."""

    rows: int = 0
    redactions: int = 0


class RecordFiles:
    """One table's records as JSON lines and as CSV (RFC 4180), mode 0600, one record at a time.

    JSON holds each value exactly, as text; nested ones as JSON. In CSV a value that a spreadsheet would run as a
    formula begins with an apostrophe.
    """

    def __init__(self, folder: Path, table: str, columns: Sequence[str], nested: Collection[str]) -> None:
        self.names = (f"data/{table}.jsonl", f"data/{table}.csv")
        self.written = Written()
        self._columns = tuple(columns)
        self._nested = frozenset(nested)
        self._paths = tuple(folder / name for name in self.names)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._lines, cells = (self._open.enter_context(_private(path)) for path in self._paths)
        self._cells = csv.writer(cells)
        self._cells.writerow([_cell(c) for c in self._columns])
        self._streams = (self._lines, cells)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        with self._open:
            for stream in self._streams if kind is None else ():
                stream.flush()
                os.fsync(stream.fileno())

    def add(self, values: Sequence[str | None], redactions: int) -> None:
        """Write one record."""
        record = {c: self._value(c, v) for c, v in zip(self._columns, values, strict=True)}
        self._lines.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._cells.writerow([_cell(v) for v in values])
        self.written.rows += 1
        self.written.redactions += redactions

    def _value(self, column: str, text: str | None) -> Any:
        if text is None or column not in self._nested:
            return text
        return json.loads(text, parse_float=str, parse_int=str)


def _cell(text: str | None) -> str:
    if text is None:
        return ""
    return f"'{text}" if _FORMULA.match(text) else text


def _private(path: Path) -> IO[str]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="")
