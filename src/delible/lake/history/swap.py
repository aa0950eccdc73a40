"""The swap of a table's folder for its translation, by two renames, and the end of the old folder.

Between the two renames there is no table for a moment. Which of them a killed run had done is told by which folders
there are, so the swap can always be gone on with.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from delible.errors import ConflictError
from delible.lake.deletion_vectors import vector_file
from delible.lake.history.rows import linked
from delible.lake.history.state import FILE_ACTIONS, Log, path_of
from delible.lake.leftovers import is_anothers

PATIENCE = timedelta(hours=1)
"""So old is a file that no commit names when it counts as left over by a write that failed."""


def beside(table: Path, plan: str, what: str) -> Path:
    """Return a folder's name next to the table's: in the same file system, and hidden from searches for tables."""
    return table.with_name(f".{table.name}.{plan}.{what}")


def new_folder(table: Path, plan: str) -> Path:
    """Return where the translation is made."""
    return beside(table, plan, "new")


def old_folder(table: Path, plan: str) -> Path:
    """Return where the old folder waits for its removal."""
    return beside(table, plan, "old")


def gone_folder(table: Path, plan: str) -> Path:
    """Return what the old folder is called once nobody needs anything in it."""
    return beside(table, plan, "gone")


def swapped(table: Path, plan: str) -> int | None:
    """Return the version that was translated when the translation stands in the table's place; None when it does not.

    A swap that was cut between its two renames is finished.
    """
    old, new = old_folder(table, plan), new_folder(table, plan)
    if not old.exists():
        return None
    if not table.exists() and new.exists():
        os.rename(new, table)
    return last_of(table, plan)


def swap(table: Path, plan: str, *, last: int) -> None:
    """Put the translation in the table's place, with what other programs keep in the folder.

    Args:
        last: The newest version that was translated; kept beside until the end, for a run that goes on.
    """
    carry(table, new_folder(table, plan))
    note(table, plan, last)
    os.rename(table, old_folder(table, plan))
    os.rename(new_folder(table, plan), table)


def note(table: Path, plan: str, last: int) -> None:
    """Write down beside the table up to which version it is translated."""
    final = beside(table, plan, "last")
    draft = beside(table, plan, "draft")
    draft.write_text(str(last))
    os.replace(draft, final)


def last_of(table: Path, plan: str) -> int:
    """Return the newest version that was translated."""
    final = beside(table, plan, "last")
    return int(final.read_text()) if final.exists() else Log.of(table).last


def forget(table: Path, plan: str) -> None:
    """Remove the note of a swap that is over."""
    for what in ("last", "draft"):
        beside(table, plan, what).unlink(missing_ok=True)


def left_beside(table: Path) -> dict[str, frozenset[str]]:
    """Return what swaps have left beside a table's folder, by plan: `new`, `old`, `gone`, `last`, `draft`."""
    name = re.compile(rf"\.{re.escape(table.name)}\.(E-[0-9A-Za-z-]+)\.(new|old|gone|last|draft)")
    found: dict[str, frozenset[str]] = {}
    for each in sorted(os.listdir(table.parent) if table.parent.is_dir() else ()):
        if told := name.fullmatch(each):
            found[told[1]] = found.get(told[1], frozenset()) | {told[2]}
    return found


def carry(old: Path, new: Path) -> int:
    """Give the new folder what other programs keep in the old one, such as a stream's checkpoint; return how much.

    Data files that no log entry names stay behind: VACUUM would have taken them.
    """
    carried = 0
    for path in sorted(old.rglob("*")):
        relative = path.relative_to(old)
        target = new / relative
        if not (path.is_symlink() or path.is_file()) or os.path.lexists(target) or not is_anothers(relative.as_posix()):
            continue
        linked(path, target)
        carried += 1
    return carried


def adopt(table: Path, old: Path, *, since: int) -> int:
    """Give the table the files of writers who wrote them before the swap and committed after it; return how many.

    Args:
        since: The newest version that was translated.
    """
    adopted = 0
    for path in _named(table, since=since):
        if not (table / path).exists() and (old / path).is_file():
            linked(old / path, table / path)
            adopted += 1
    return adopted


def refuse_late_commit(old: Path, *, last: int) -> None:
    """Refuse to go on when a run was killed in the instant of the swap and a writer committed to the old folder then.

    Raises:
        ConflictError: `history.late_commit`.
    """
    late = Log.of(old).last
    if late > last:
        raise late_commit(old, late)


def late_commit(old: Path, version: int) -> ConflictError:
    """Return what to do about a commit that is in the old folder only; both folders are kept, so nothing is lost."""
    return ConflictError(
        "history.late_commit",
        f"a writer committed version {version} while the folders were swapped, and it is in the old one only.",
        where=str(old),
        fix="Write that commit's rows again, remove its file from the old folder's log, and apply the plan again.",
    )


def refuse_writing(old: Path, *, since: datetime, now: datetime) -> None:
    """Refuse to remove the old folder while somebody may still be about to commit files that lie there.

    Args:
        since: When the translation began; older files of no commit are left over by writes that failed.

    Raises:
        ConflictError: `history.writer`.
    """
    named = set(_named(old, since=-1))
    recent = max(since, now - PATIENCE).timestamp()
    waiting = [
        file
        for file in _files(old)
        if "_delta_log" not in file.parts
        and not (file.name.startswith(".") and file.name.endswith(".crc"))  # Hadoop's, beside every file
        and str(file) not in named
        and not is_anothers(file.as_posix())
        and (old / file).stat().st_mtime >= recent
    ]
    if waiting:
        raise ConflictError(
            "history.writer",
            f"{len(waiting)} file(s) were written into the old folder meanwhile and are in no commit: a writer is "
            "still at work.",
            where=str(old),
            fix="When it has ended, apply the plan again.",
        )


def remove_old(table: Path, plan: str) -> int:
    """Remove the old folder with everything in it; return how many files that were.

    It takes another name first: of what a killed run leaves of it nobody can say any more what commits name.
    """
    old, gone = old_folder(table, plan), gone_folder(table, plan)
    count = remove(gone)
    if old.exists():
        os.rename(old, gone)
    return count + remove(gone)


def remove(folder: Path) -> int:
    """Remove a folder with everything in it; return how many files that were."""
    count = sum(1 for _ in _files(folder)) if folder.exists() else 0
    if folder.exists():
        shutil.rmtree(folder)
    return count


def _named(table: Path, *, since: int) -> Iterator[str]:
    log = Log.of(table)
    for version in log.commits:
        if version > since:
            for name, body in log.actions(version):
                if name in FILE_ACTIONS:
                    yield path_of(body)
                    vector = body.get("deletionVector")
                    file = vector_file(vector) if vector is not None else None
                    if file is not None:
                        yield file


def _files(folder: Path) -> Iterator[Path]:
    return (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
