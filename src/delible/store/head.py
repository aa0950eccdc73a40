"""The ledger's signed head: where the chain ends, and what its files look like.

The chain alone cannot show that its end was cut off, and a hash over records cannot show a changed byte that no
record is read from. The head can: it names the last record and the SHA-256 of every file that the newest version of
the table is read from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from pydantic import ValidationError

from delible.model.base import Frozen, canonical
from delible.store.keys import Keys
from delible.store.objects import Folder
from delible.store.tables import Snapshot

HEAD_FILE = "head.json"
FORMER_FILE = "former.json"
LAST_CHECKPOINT = "_delta_log/_last_checkpoint"


class Head(Frozen):
    """The content of `head.json`.

    Args:
        sequence, hash: The last record.
        at: When the head was written.
        files: SHA-256 of the ledger table's files by name.
        former: SHA-256 of the file that lists those which the newest version is not read from any more.
        key_id: The key that signed it.
        signature: Ed25519 over the canonical JSON of everything else.
    """

    sequence: int
    hash: str
    at: datetime
    files: dict[str, str]
    former: str = ""
    key_id: str
    signature: str = ""

    def signed(self, keys: Keys) -> Head:
        """Return the head with its signature."""
        return self.model_copy(update={"signature": keys.sign(self._message())})

    def genuine(self, keys: Keys) -> bool:
        """Return whether the workspace's keys signed this head."""
        return keys.verify(self._message(), self.signature)

    def _message(self) -> bytes:
        return canonical(self.model_dump(mode="json", exclude={"signature"} | self._absent()))

    def stored(self) -> bytes:
        """Return the only bytes that say this head."""
        return canonical(self.model_dump(mode="json", exclude=self._absent()))

    def _absent(self) -> set[str]:
        return set() if self.former else {"former"}


class Former(Frozen):
    """The content of `former.json`: superseded files that stay a while for those who read an older version.

    Nothing is read from them, so what is changed in them changes no record. They are watched nevertheless: a file of
    the ledger that somebody else wrote to is tampering. The list is written when files are superseded, and not with
    every commit: in a busy hour there are thousands.

    Args:
        sequence: The last record when the list was made.
        files: SHA-256 by name.
        signature: Ed25519 over the canonical JSON of everything else.
    """

    sequence: int
    files: dict[str, str]
    signature: str = ""

    def signed(self, keys: Keys) -> Former:
        """Return the list with its signature."""
        return self.model_copy(update={"signature": keys.sign(self._message())})

    def genuine(self, keys: Keys) -> bool:
        """Return whether the workspace's keys signed this list."""
        return keys.verify(self._message(), self.signature)

    def stored(self) -> bytes:
        """Return the only bytes that say this list."""
        return canonical(self.model_dump(mode="json"))

    def _message(self) -> bytes:
        return canonical(self.model_dump(mode="json", exclude={"signature"}))


def read_head(folder: Folder) -> Head | None:
    """Return the head file's content, or None without the file.

    Raises:
        ValueError: When it is not a head file, byte for byte as it is written.
    """
    raw = folder.read(HEAD_FILE)
    if raw is None:
        return None
    try:
        head = Head.model_validate_json(raw)
    except ValidationError:
        raise ValueError("the head file cannot be read") from None
    if head.stored() != raw:
        raise ValueError("the head file is written in another way")
    return head


def write_head(folder: Folder, head: Head) -> None:
    """Replace the head file."""
    folder.write(HEAD_FILE, head.stored())


def read_former(folder: Folder) -> tuple[Former | None, str]:
    """Return the list of superseded files and the digest of its file; None and nothing without it.

    Raises:
        ValueError: When it is no such list.
    """
    raw = folder.read(FORMER_FILE)
    if raw is None:
        return None, ""
    try:
        return Former.model_validate_json(raw), hashlib.sha256(raw).hexdigest()
    except ValidationError:
        raise ValueError("the list of superseded files cannot be read") from None


def write_former(root: Folder, table: Folder, head: Head, known: Mapping[str, str], keys: Keys) -> str:
    """Replace the list of superseded files by what lies in the table's folder beside the head's; return its digest.

    Args:
        root: The folder of both lists.
        table: The ledger's table.
        head: The head that is about to be written.
        known: Digests that were signed before; they stay as they were.
        keys: The workspace's.
    """
    names = set(table.names()) - head.files.keys() - {LAST_CHECKPOINT}
    files = {name: known.get(name) or file_digest(table, name) for name in sorted(names)}
    found = {name: digest for name, digest in files.items() if digest is not None}
    former = Former(sequence=head.sequence, files=found).signed(keys)
    root.write(FORMER_FILE, former.stored())
    return hashlib.sha256(former.stored()).hexdigest()


def digests(table: Folder, snapshot: Snapshot, known: dict[str, str]) -> dict[str, str]:
    """Return the digests of the files that a snapshot is read from.

    A file in `known` keeps its digest unread, so that a changed file is never signed as if it were right. Only the
    pointer to the last checkpoint is replaced in place, and is read anew.
    """
    names = needed(table, snapshot)
    kept = {name: known[name] for name in names if name in known and name != LAST_CHECKPOINT}
    return kept | {name: file_digest(table, name) or "" for name in names if name not in kept}


def needed(table: Folder, snapshot: Snapshot) -> list[str]:
    """Return the names of all files that a snapshot is read from: data, checkpoint, and commits since."""
    if snapshot.delta is None:
        return []
    start, names = 0, snapshot.files()
    pointer = table.read(LAST_CHECKPOINT)
    if pointer is not None:
        names.append(LAST_CHECKPOINT)
        checkpoint = _checkpoint_version(pointer)
        if checkpoint is not None and checkpoint <= snapshot.delta.version():
            start = checkpoint + 1
            names.append(f"_delta_log/{checkpoint:020}.checkpoint.parquet")
    return names + [f"_delta_log/{version:020}.json" for version in range(start, snapshot.delta.version() + 1)]


def changed(table: Folder, head: Head, names: Iterable[str]) -> list[str]:
    """Return the names whose files are not as the head says."""
    return [name for name in names if name in head.files and file_digest(table, name) != head.files[name]]


def file_digest(table: Folder, name: str) -> str | None:
    """Return a file's SHA-256 in hexadecimal, or None where there is no such file."""
    data = table.read(name)
    return None if data is None else hashlib.sha256(data).hexdigest()


def _checkpoint_version(pointer: bytes) -> int | None:
    try:
        version = json.loads(pointer)["version"]
    except (ValueError, KeyError, TypeError):
        return None
    return version if isinstance(version, int) and version >= 0 else None
