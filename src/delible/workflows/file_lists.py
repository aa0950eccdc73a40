"""The list of a plan's files with their digests, before and after, which a certificate names by its own digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from delible.model.base import canonical
from delible.model.plan import TableStep
from delible.model.proof import FileDigest, Manifest
from delible.store.files import private_write
from delible.store.live_files import live_files
from delible.store.workspace import Workspace


def record_removed(workspace: Workspace, plan: str, step: TableStep) -> None:
    """Keep the digests of the files that the VACUUM of a table is about to remove.

    After a crash in between some are gone already: what an earlier run has noted stays noted.
    """
    from delible.lake.search.digests import old_files

    path = _before(workspace, plan, step.table)
    found = old_files(f"table:{step.table}", step.location, live_files(step.location))
    lines = {*_lines(path), *(_line("before", each) for each in found)}
    path.parent.mkdir(parents=True, exist_ok=True)
    private_write(path, b"".join(sorted(lines)))


def file_list(workspace: Workspace, plan: str, tables: Iterable[str], after: Sequence[FileDigest]) -> Manifest:
    """Write the list of a plan's files beside the certificates, and return what a certificate says of it.

    Its name holds its digest: a later search of the same plan writes another list, and changes none.

    Args:
        after: What the search read; only what lies in tables is listed.
    """
    before = sorted(line for table in tables for line in _lines(_before(workspace, plan, table)))
    now = sorted(_line("after", each) for each in after if each.file.startswith("table:"))
    data = b"".join((*before, *now))
    digest = hashlib.sha256(data).hexdigest()
    path = _folder(workspace) / f"files-{plan}-{digest[:16]}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    private_write(path, data)
    return Manifest(name=path.name, sha256=digest, before=len(before), after=len(now))


def _folder(workspace: Workspace) -> Path:
    return workspace.path(f"{workspace.config.reports}/certificates")


def _before(workspace: Workspace, plan: str, table: str) -> Path:
    return _folder(workspace) / "files" / f"{plan}-{table}-before.jsonl"


def _line(when: str, file: FileDigest) -> bytes:
    return canonical({"when": when, **json.loads(file.model_dump_json())}) + b"\n"


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []
