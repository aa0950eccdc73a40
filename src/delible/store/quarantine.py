"""The quarantine of consent rows: what was broken, where and why; the row itself sealed, until it is mended or old."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from delible.model.terms import Normalise
from delible.store.keys import Keys
from delible.store.objects import turn
from delible.store.tables import ControlTable, Row, Snapshot, TableSpec, Write, any_of
from delible.store.workspace import Workspace

SPEC = TableSpec(
    name="consent_quarantine",
    columns={
        "id": "string",
        "at": "timestamp",
        "origin": "string",
        "file": "string",
        "line": "long",
        "form": "string",
        "code": "string",
        "key": "string",
        "row": "binary",
    },
    indexed=0,
    noun="quarantine",
)
_CHAIN = "quarantine"
_KIND = "delible:quarantine"
KEPT = timedelta(days=30)
"""So long a broken row is kept: no erasure finds a person in it, since nobody can read whose it is."""


@dataclass(frozen=True)
class BrokenRow:
    """One row that was not taken in.

    Args:
        id: The same for the same row of the same file.
        origin: Keyed digest of the file's path.
        file: The file's name.
        code: The reason in one word.
        key: The row's key that is wrong, or `line`.
        row: What stands in it.
    """

    id: str
    at: datetime
    origin: str
    file: str
    line: int
    form: str
    code: str
    key: str
    row: bytes = field(default=b"", repr=False)


class Quarantine:
    """Broken rows; what stands in them is encrypted at rest, and leaves no ciphertext behind when it is forgotten."""

    def __init__(self, workspace: Workspace, keys: Keys) -> None:
        self._keys = keys
        self._table = ControlTable(workspace, SPEC)

    def digest(self, *parts: str) -> str:
        """Return a keyed digest, from which nobody can guess what it was made of."""
        return self._keys.ref(_KIND, "\x1f".join(parts), Normalise.EXACT).partition(".")[2][:24]

    def settle(self, rows: Sequence[BrokenRow], mended: Collection[str] = ()) -> int:
        """Keep rows that are broken now, and remove those that were taken in; return how many these are.

        A row that its file no longer holds stays: files come under the same name every day.

        Args:
            rows: All broken rows of one import.
            mended: Ids of rows that are sound now.
        """
        wanted = {row.id: row for row in rows}
        gone: set[str] = set()

        def staying(row: Row) -> bool:
            taken_in = row[0] in mended and row[0] not in wanted
            gone.update([row[0]] if taken_in else [])
            return not taken_in

        self._rewrite(staying, lambda known: [self._sealed(r) for r in wanted.values() if r.id not in known])
        return len(gone)

    def all(self) -> list[BrokenRow]:
        """Return what is kept, without what stands in it."""
        names = tuple(n for n in SPEC.columns if n != "row")
        return [BrokenRow(*row) for row in self._table.snapshot().rows('ORDER BY "at", "file", "line"', columns=names)]

    def opened(self, origin: str | None = None) -> list[BrokenRow]:
        """Return what is kept, of one file or of all, with what stands in it.

        Raises:
            TamperError: `keys.undecryptable`.
        """
        of_file = f"WHERE {any_of('origin', [origin])} " if origin is not None else ""
        rows = self._table.snapshot().rows(f'{of_file}ORDER BY "at", "file", "line"')
        return [replace(BrokenRow(*row[:-1]), row=self._keys.decrypt(row[-1], _context(row[0]))) for row in rows]

    def forget(self, ids: Collection[str]) -> int:
        """Remove rows so that no file holds their ciphertext; return how many there were."""
        gone: set[str] = set()

        def staying(row: Row) -> bool:
            gone.update([row[0]] if row[0] in ids else [])
            return row[0] not in ids

        self._rewrite(staying, lambda _: [])
        return len(gone)

    def _rewrite(self, staying: Callable[[Row], bool], fresh: Callable[[Collection[str]], list[Row]]) -> None:
        """Write what stays anew when anything goes, and remove the superseded files at once, by name."""
        superseded: list[str] = []

        def build(snapshot: Snapshot) -> Write | None:
            rows = snapshot.rows()
            kept = [row for row in rows if staying(row)]
            new = fresh({row[0] for row in kept})
            superseded[:] = snapshot.files() if len(kept) < len(rows) else []
            marks = {_CHAIN: snapshot.transaction(_CHAIN) + 1}
            if superseded:
                return Write([*kept, *new], marks, mode="overwrite")
            return Write(new, marks) if new else None

        if self._table.snapshot().version < 0 and not fresh(()):
            return
        with turn(self._table.uri):
            self._table.commit_in_turn(build)
            for name in superseded:
                self._table.folder.remove(name)

    def _sealed(self, row: BrokenRow) -> Row:
        values = [getattr(row, name) for name in SPEC.columns]
        return (*values[:-1], self._keys.encrypt(row.row, _context(row.id)))


def _context(row: str) -> bytes:
    return f"consent_quarantine:{row}".encode()
