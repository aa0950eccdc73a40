"""The audit ledger: one hash chain, written by everybody, forked by nobody.

A blind append never conflicts in Delta, so two writers could both follow the same record. Every commit therefore
carries the transaction `audit` with the last sequence it writes: delta-rs refuses a commit when another one carried
that name since the snapshot it was built on. The last record of each commit is signed, and a signed head file says
where the chain ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from secrets import randbelow
from time import sleep
from typing import NamedTuple

from deltalake.exceptions import CommitFailedError

from delible.errors import TamperError
from delible.model.base import canonical
from delible.model.record import GENESIS, AuditEntry, AuditRecord
from delible.store.files import private_write
from delible.store.head import LAST_CHECKPOINT, Head, digests, read_former, read_head, write_former, write_head
from delible.store.keys import Keys
from delible.store.ledger_check import LedgerCheck, check, signing_message
from delible.store.ledger_rows import SPEC, record_of, row_of
from delible.store.objects import Folder, folder, turn
from delible.store.tables import ControlTable, Row, Snapshot, Write, literal, to_micros
from delible.store.workspace import Workspace

_CHAIN = "audit"
_LOOKS = 5
_REWRITES = 100
_PAUSES = (0.05, 0.1, 0.2, 0.4)
"""Seconds between looks at a head that is behind."""

Dated = tuple[AuditEntry, datetime]
Pending = Callable[[int], tuple[Sequence[Dated], int]]
"""From an outbox's version that the ledger has, to the entries it lacks and the outbox's newest version."""


class _Tail(NamedTuple):
    """The last record of a snapshot, as far as the next one needs it."""

    sequence: int
    at: datetime
    hash: str
    signature: str | None


class Ledger:
    """The workspace's audit ledger."""

    def __init__(self, workspace: Workspace, keys: Keys) -> None:
        self._keys = keys
        self._table = ControlTable(workspace, SPEC)
        self._root: Folder = folder(workspace.store_table("").rstrip("/"))

    @property
    def location(self) -> str:
        """Where the table is, made empty if it was never written, so that Spark can read it."""
        return self._table.created()

    def append(
        self, entries: Sequence[AuditEntry], now: datetime, also: Sequence[tuple[str, int]] = ()
    ) -> list[AuditRecord]:
        """Append entries as one commit: all of them or none.

        Args:
            now: Time of the records, with a time zone.
            also: Transaction names with versions that this commit stands for. When the ledger has one of them at that
                version already, nothing is appended: doing a step twice records it once.

        Raises:
            TamperError: `ledger.broken` when the chain's present end is not genuine; run `audit verify`.
            ConflictError: `ledger.busy`.
        """

        def build(snapshot: Snapshot) -> tuple[Sequence[Dated], dict[str, int]] | None:
            if any(snapshot.transaction(name) >= version for name, version in also):
                return None
            return [(entry, now) for entry in entries], dict(also)

        return self._append(build) if entries else []

    def drain(self, outbox: str, pending: Pending) -> list[AuditRecord]:
        """Append what an outbox holds and the ledger lacks.

        The outbox is another table whose events are numbered. Whoever comes next after a crash writes the missing
        records, and two who come at once write them once: the commit carries the outbox's number.
        """

        def build(snapshot: Snapshot) -> tuple[Sequence[Dated], dict[str, int]] | None:
            entries, version = pending(snapshot.transaction(outbox))
            return (entries, {outbox: version}) if entries else None

        return self._append(build)

    def ready(self, outbox: str) -> int:
        """Return the last event of an outbox that is recorded, having checked that the chain can be continued.

        Raises:
            TamperError: `ledger.broken`.
        """
        for _ in range(_LOOKS):
            snapshot = self._table.snapshot()
            try:
                self._genuine_tail(snapshot)
                break
            except CommitFailedError:
                continue
        return snapshot.transaction(outbox)

    def records(
        self,
        *,
        object_prefix: str | None = None,
        action_prefix: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[AuditRecord]:
        """Return records in order, limited by prefix and by time (`since` inclusive, `until` exclusive)."""
        conditions = [
            *(f'starts_with("object", {literal(x)})' for x in (object_prefix,) if x is not None),
            *(f'starts_with("action", {literal(x)})' for x in (action_prefix,) if x is not None),
            *(f"arrow_cast(\"at\", 'Int64') >= {to_micros(x)}" for x in (since,) if x is not None),
            *(f"arrow_cast(\"at\", 'Int64') < {to_micros(x)}" for x in (until,) if x is not None),
        ]
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        return [record_of(row) for row in self._table.snapshot().rows(f'{where}ORDER BY "sequence"')]

    def head(self) -> tuple[int, str]:
        """Return sequence and hash of the last record; 0 and the genesis hash for an empty ledger."""
        tail = self._tail(self._table.snapshot())
        return tail.sequence, tail.hash

    def verify(self, *, known: tuple[int, str] | None = None) -> LedgerCheck:
        """Return what is wrong with the ledger, if anything; never raises for a damaged store.

        Args:
            known: Sequence and hash that were noted elsewhere, such as on a certificate. Who holds the disk can put
                back an older copy of the whole store, head included; only something kept elsewhere shows that.
        """
        return check(self._table, self._root, self._keys, known=known)

    def export(self, path: Path) -> int:
        """Write all records as JSON lines, each with its signature where it has one; return their number."""
        lines = list(self._exported())
        private_write(path, b"".join(lines))
        return len(lines)

    def _exported(self) -> Iterator[bytes]:
        for row in self._table.snapshot().rows('ORDER BY "sequence"'):
            yield canonical(record_of(row).model_dump(mode="json") | {"signature": row[-1]}) + b"\n"

    def _append(self, build: Callable[[Snapshot], tuple[Sequence[Dated], dict[str, int]] | None]) -> list[AuditRecord]:
        sealed: list[AuditRecord] = []

        def write(snapshot: Snapshot, alone: bool) -> Write | None:
            sealed.clear()
            made = build(snapshot)
            if made is None:
                return None
            entries, also = made
            tail, published = self._genuine_tail(snapshot)
            if not published:
                self._publish(snapshot, alone=alone)
            previous = tail.hash
            for sequence, (entry, at) in enumerate(entries, tail.sequence + 1):
                sealed.append(AuditRecord.sealed(entry, sequence=sequence, at=_utc(at), previous=previous))
                previous = sealed[-1].hash
            return Write(self._rows(sealed), {_CHAIN: sealed[-1].sequence, **also})

        with turn(self._table.uri) as alone:
            written, after = self._table.commit_in_turn(lambda snapshot: write(snapshot, alone))
            if written is not None:
                self._publish(self._table.upkeep(after), alone=alone)
        return sealed

    def _rows(self, records: Sequence[AuditRecord]) -> list[Row]:
        last = records[-1]
        signature = self._keys.sign(signing_message(last.hash))
        return [row_of(record, signature if record is last else None) for record in records]

    def _tail(self, snapshot: Snapshot) -> _Tail:
        sequence = snapshot.transaction(_CHAIN)
        if sequence == 0:
            return _Tail(0, datetime.min.replace(tzinfo=UTC), GENESIS, "")
        found = snapshot.rows(f'WHERE "sequence" >= {sequence}', columns=("sequence", "at", "hash", "signature"))
        if len(found) != 1 or found[0][0] != sequence:
            raise _broken("its last record is missing, double, or followed by others")
        return _Tail(*found[0])

    def _genuine_tail(self, snapshot: Snapshot) -> tuple[_Tail, bool]:
        """Return the tail, and whether the head file knows it, having checked both.

        A record that follows a forged one would make it look right, and a head that is signed for a shortened chain
        would hide the cut.
        """
        tail = self._tail(snapshot)
        if tail.sequence and not self._keys.verify(signing_message(tail.hash), tail.signature or ""):
            raise _broken("its last record is not signed by this workspace")
        head = self._head()
        if head is None:
            self._only_commit_after(snapshot, None, tail)
            return tail, tail.sequence == 0
        if not head.genuine(self._keys):
            raise _broken("its head file is not signed by this workspace")
        if head.sequence > tail.sequence:
            if self._table.snapshot().transaction(_CHAIN) > tail.sequence:
                raise CommitFailedError("another writer was first")
            raise _broken("its end was cut off")
        if head.hash != self._hash_at(snapshot, head.sequence, tail):
            raise _broken("its head file names another record")
        self._only_commit_after(snapshot, head, tail)
        return tail, head.sequence == tail.sequence

    def _head(self) -> Head | None:
        try:
            return read_head(self._root)
        except ValueError:
            raise _broken("its head file is damaged") from None

    def _only_commit_after(self, snapshot: Snapshot, head: Head | None, tail: _Tail) -> None:
        """Refuse a head that is more than one commit behind: every writer brings it up to date before its own.

        Where writers take no turns, a slow one can put its head over a newer one, and mends that at once: a head that
        still moves is no damage.
        """
        sequence = head.sequence if head is not None else 0
        if sequence == tail.sequence:
            return
        where = f'WHERE "sequence" > {sequence} AND "signature" IS NOT NULL'
        if len(snapshot.rows(where, columns=("sequence",))) <= 1:
            return
        for pause in _PAUSES:
            sleep(pause)
            if self._head() != head:
                raise CommitFailedError("another writer was first")
        raise _broken("its head file is older than the last commit")

    def _hash_at(self, snapshot: Snapshot, sequence: int, tail: _Tail) -> str | None:
        if sequence == tail.sequence:
            return tail.hash
        found = snapshot.rows(f'WHERE "sequence" = {sequence}', columns=("hash",))
        return found[0][0] if len(found) == 1 else None

    def _publish(self, snapshot: Snapshot, *, alone: bool) -> None:
        """Sign the head of a snapshot; without turns, again until it stands, and what it says is the newest.

        Another writer may replace the head by an older one, or the list of superseded files by its own; it looks again
        after that, as this one does, so the last to write is the last to look.
        """
        for again in range(_REWRITES):
            tail = self._tail(snapshot)
            known = read_head(self._root)
            if not alone and known is not None and known.sequence > tail.sequence:
                # A head of an older snapshot would take the newer one's files for superseded.
                newest = self._table.snapshot()
                if newest.version == snapshot.version:
                    return
                snapshot = newest
                continue
            before = known.files if known is not None else {}
            files = digests(self._table.folder, snapshot, before)
            head = Head(sequence=tail.sequence, hash=tail.hash, at=tail.at, files=files, key_id=self._keys.key_id)
            head = head.model_copy(update={"former": self._former(known, head, anew=again > 0)})
            head = head.signed(self._keys)
            write_head(self._root, head)
            if alone:
                return
            published, snapshot = snapshot, self._table.snapshot()
            if snapshot.version == published.version and self._stands(head):
                return
            sleep(randbelow(50) / 1000)  # so that two of them do not go on in step

    def _stands(self, head: Head) -> bool:
        """Return whether the head file and the list that it names are the ones that were written."""
        try:
            return read_head(self._root) == head and read_former(self._root)[1] == head.former
        except ValueError:
            return False

    def _former(self, known: Head | None, head: Head, *, anew: bool) -> str:
        """Return the digest of the list of superseded files, made anew when files have been superseded.

        Args:
            anew: Make it in any case, since another writer's may have replaced it.
        """
        before = known.files if known is not None else {}
        if not anew and before.keys() <= head.files.keys() | {LAST_CHECKPOINT}:
            return known.former if known is not None else ""
        try:
            former, _ = read_former(self._root)
        except ValueError:
            raise _broken("its list of superseded files is damaged") from None
        earlier = former.files if former is not None and former.genuine(self._keys) else {}
        return write_former(self._root, self._table.folder, head, {**earlier, **before}, self._keys)


def _broken(what: str) -> TamperError:
    return TamperError(
        "ledger.broken", f"the audit ledger cannot be continued: {what}.", fix="Run: delible audit verify"
    )


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a record's time needs a time zone")
    return at.astimezone(UTC)
