"""The vault: raw identifiers of open requests, encrypted at rest, forgotten when a request ends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from delible.errors import ConflictError, DelibleError, SetupError, TamperError
from delible.model.base import canonical
from delible.model.subject import KeyRole, KeyRow
from delible.store.keys import Keys
from delible.store.objects import turn
from delible.store.tables import ControlTable, Row, Snapshot, TableSpec, Write, any_of
from delible.store.workspace import Workspace

T = TypeVar("T")

SPEC = TableSpec(
    name="identifiers",
    columns={"request": "string", "at": "timestamp", "kind": "string", "role": "string", "value": "binary"},
    indexed=0,
    noun="identifiers",
)
_CHAIN = "identifiers"
_LOOKS = 5
_FEW = 200
"""So many requests are looked up by name; beyond, reading all of them is quicker."""
_MOST_FILES = 32
_ORPHAN_AFTER = timedelta(hours=1)
"""Files that no version names are left alone this long: another process may be about to commit them."""


class IdentifierVault:
    """Encrypted identifiers by request. The store's log has no statistics of them, and names only request ids."""

    def __init__(self, workspace: Workspace, keys: Keys) -> None:
        self._keys = keys
        self._table = ControlTable(workspace, SPEC)

    def put(self, rows: Sequence[KeyRow], now: datetime) -> int:
        """Add rows as one commit, but not those that are there already; return how many were added."""

        def build(snapshot: Snapshot) -> Write | None:
            wanted = dict.fromkeys(rows)
            for known in self._read(snapshot, {row.request for row in rows}):
                wanted.pop(known, None)
            if not wanted:
                return None
            return Write([self._sealed(row, now) for row in wanted], {_CHAIN: snapshot.transaction(_CHAIN) + 1})

        written, after = self._table.commit(build)
        if written is None:
            return 0
        if len(after.files()) > _MOST_FILES:
            self._rewrite(frozenset(), always=True)
        return len(written.rows)

    def get(self, request_ids: Collection[str]) -> list[KeyRow]:
        """Return the rows of these requests.

        Raises:
            TamperError: `keys.undecryptable`.
        """
        return self._settled(lambda snapshot: self._read(snapshot, request_ids))

    def undecryptable(self, request_ids: Collection[str]) -> frozenset[str]:
        """Return those of these requests of which a row cannot be decrypted, so that they keep no other waiting."""
        return self._settled(
            lambda snapshot: frozenset(row[0] for row in self._rows(snapshot, request_ids) if not self._opens(row))
        )

    def requests(self) -> dict[str, datetime]:
        """Return the requests that have rows, each with the time of its newest one."""
        found: dict[str, datetime] = {}
        for request, at in self._settled(lambda snapshot: snapshot.rows(columns=("request", "at"))):
            found[request] = max(at, found.get(request, at))
        return found

    def forget(self, request_ids: Collection[str]) -> None:
        """Remove the rows of these requests so that no file holds their ciphertext any longer."""
        self._rewrite(frozenset(request_ids), always=False)

    def _rewrite(self, gone: frozenset[str], *, always: bool) -> None:
        """Write the rows that stay anew, and remove the superseded files at once, by name.

        VACUUM with a retention of zero would also remove files that another process has written but not yet committed.
        """
        superseded: list[str] = []

        def build(snapshot: Snapshot) -> Write | None:
            rows = snapshot.rows() if gone or always else []
            staying = [row for row in rows if row[0] not in gone]
            superseded[:] = snapshot.files() if always or len(staying) < len(rows) else []
            if not superseded:
                return None
            return Write(staying, {_CHAIN: snapshot.transaction(_CHAIN) + 1}, mode="overwrite")

        with turn(self._table.uri):
            _, after = self._table.commit_in_turn(build)
            for name in superseded:
                self._table.folder.remove(name)
            self._remove_leftovers(after)

    def _settled(self, read: Callable[[Snapshot], T]) -> T:
        """Return what `read` makes of the newest snapshot; again when its files were rewritten under it."""
        for _ in range(_LOOKS):
            snapshot = self._table.snapshot()
            try:
                return read(snapshot)
            except DelibleError:
                raise
            except Exception:
                if self._table.snapshot().version == snapshot.version:
                    raise SetupError(
                        "store.unreadable", "the identifiers cannot be read.", where=self._table.uri
                    ) from None
        raise ConflictError("identifiers.busy", "other processes kept rewriting the identifiers.", fix="Try again.")

    def _remove_leftovers(self, snapshot: Snapshot) -> None:
        """Remove files of writers that died, and of a `forget` that died between commit and removal."""
        active = set(snapshot.files())
        for name in self._table.folder.older_than(_ORPHAN_AFTER, suffix=".parquet"):
            if name not in active:
                self._table.folder.remove(name)

    def _read(self, snapshot: Snapshot, request_ids: Collection[str]) -> list[KeyRow]:
        return [self._opened(row) for row in self._rows(snapshot, request_ids)]

    @staticmethod
    def _rows(snapshot: Snapshot, request_ids: Collection[str]) -> list[Row]:
        if len(request_ids) > _FEW:
            wanted = frozenset(request_ids)
            return [row for row in snapshot.rows() if row[0] in wanted]
        return snapshot.rows(f"WHERE {any_of('request', sorted(request_ids))}") if request_ids else []

    def _opens(self, row: Row) -> bool:
        try:
            self._opened(row)
        except TamperError:
            return False
        return True

    def _sealed(self, row: KeyRow, now: datetime) -> Row:
        context = _context(row.request, row.kind, row.role)
        value = self._keys.encrypt(row.value.encode("utf-8", "surrogatepass"), context)
        return row.request, now, row.kind, row.role, value

    def _opened(self, row: Row) -> KeyRow:
        request, _, kind, role, value = row
        plain = self._keys.decrypt(value, _context(request, kind, role))
        return KeyRow(request=request, kind=kind, value=plain.decode("utf-8", "surrogatepass"), role=KeyRole(role))


def _context(request: str, kind: str, role: str) -> bytes:
    """Return what a ciphertext is bound to, so that it cannot be moved to another request."""
    return canonical([request, kind, role])
