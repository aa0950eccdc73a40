"""Delta tables of the control plane, through delta-rs: snapshots, guarded commits, upkeep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from arro3.core import Array, DataType, RecordBatchReader, Table
from deltalake import CommitProperties, DeltaTable, QueryBuilder, Schema, Transaction, write_deltalake
from deltalake import Field as DeltaField
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.schema import PrimitiveType
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from delible.errors import ConflictError, SetupError
from delible.store.objects import Folder, folder, turn
from delible.store.workspace import Workspace

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ARROW = {
    "long": DataType.int64(),
    "string": DataType.utf8(),
    "binary": DataType.binary(),
    "double": DataType.float64(),
    "timestamp": DataType.timestamp("us", tz="UTC"),
}
_GIVE_UP_SECONDS = 180.0
"""Long enough for 50 processes that write to one object-store table at once."""
_UPKEEP_EVERY = 32
_SMALL_FILES = 32
_FULL_FILE = 8 << 20
_READERS_HOURS = 1
"""How long a superseded file stays for readers that opened an older snapshot."""

Row = tuple[Any, ...]


@dataclass(frozen=True)
class TableSpec:
    """A control-plane table.

    Args:
        name: Folder name below the store's root.
        columns: Column name to Delta type: long, string, binary, double, timestamp.
        indexed: How many leading columns have their minimum and maximum in the transaction log. Columns beyond leave
            no value there.
        noun: First part of the error codes.
    """

    name: str
    columns: Mapping[str, str]
    indexed: int
    noun: str


@dataclass(frozen=True)
class Write:
    """One commit: rows in column order, and the transaction versions that guard it.

    Args:
        transactions: Name to new version. A commit fails when another writer committed any of these names since the
            snapshot that the rows were made from.
        mode: `overwrite` leaves only these rows.
        about: What the log says of the commit; never personal data.
        next_only: The commit is the version after the snapshot, or fails: not even a merge of files comes in between.
    """

    rows: Sequence[Row]
    transactions: Mapping[str, int] = field(default_factory=dict)
    mode: Literal["append", "overwrite"] = "append"
    about: Mapping[str, str] = field(default_factory=dict)
    next_only: bool = False


class Snapshot:
    """A table at one version; a table that was never written has no rows."""

    def __init__(self, spec: TableSpec, delta: DeltaTable | None) -> None:
        self._spec = spec
        self.delta = delta

    @property
    def version(self) -> int:
        """The Delta version, -1 where there is no table."""
        return self.delta.version() if self.delta is not None else -1

    def transaction(self, name: str) -> int:
        """Return the last version committed under a transaction name, 0 for none."""
        return (self.delta.transaction_version(name) or 0) if self.delta is not None else 0

    def batches(self, select: str, tail: str = "") -> Iterator[tuple[list[Any], ...]]:
        """Yield columns, batch by batch, of `SELECT select FROM the table tail`.

        Every value in `tail` must have passed `literal`.
        """
        yield from self.derived(select, "t", tail)

    def derived(self, select: str, source: str, tail: str = "") -> Iterator[tuple[list[Any], ...]]:
        """Yield columns like `batches`, of a subquery over the table `t` in the place of the table itself."""
        if self.delta is None:
            return
        query = f"SELECT {select} FROM {source} {tail}"  # noqa: S608 - every value in it has passed `literal`
        reader: RecordBatchReader = QueryBuilder().register("t", self.delta).execute(query)
        for batch in reader:
            yield tuple(_values(column) for column in batch.columns)

    def rows(self, tail: str = "", *, columns: Sequence[str] | None = None) -> list[Row]:
        """Return rows as tuples, timestamps as UTC datetimes."""
        return list(self.each(tail, columns=columns))

    def each(self, tail: str = "", *, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield rows like `rows`, holding one batch of them at a time."""
        names = tuple(columns or self._spec.columns)
        times = [i for i, name in enumerate(names) if self._spec.columns[name] == "timestamp"]
        lacking = self.lacking()
        select = ", ".join(
            f'NULL AS "{n}"' if n in lacking else micros(n) if self._spec.columns[n] == "timestamp" else f'"{n}"'
            for n in names
        )
        for batch in self.batches(select, tail):
            for i in times:
                batch[i][:] = [None if x is None else from_micros(x) for x in batch[i]]
            yield from zip(*batch, strict=True)

    def lacking(self) -> tuple[str, ...]:
        """Return the columns that a table of an earlier version does not have until it is written again."""
        if self.delta is None:
            return ()
        there = {column.name for column in self.delta.schema().fields}
        return tuple(name for name in self._spec.columns if name not in there)

    def files(self) -> list[str]:
        """Return the names of the snapshot's data files, relative to the table's folder."""
        return [uri.rsplit("/", 1)[-1] for uri in self.delta.file_uris()] if self.delta is not None else []


class ControlTable:
    """One control-plane table: read by snapshot, written by commits that notice each other."""

    def __init__(self, workspace: Workspace, spec: TableSpec) -> None:
        self.spec = spec
        self.uri = workspace.store_table(spec.name)

    @property
    def folder(self) -> Folder:
        """The table's folder, for single files."""
        return folder(self.uri)

    def snapshot(self) -> Snapshot:
        """Return the newest version.

        Raises:
            SetupError: `store.unreadable` when the folder holds something that delta-rs cannot open.
        """
        return Snapshot(self.spec, self._open())

    def created(self) -> str:
        """Return the location, having made an empty table where there was none, so that Spark can read it."""
        if self._open() is None:
            with turn(self.uri):
                for attempt in self._attempts():
                    with attempt:
                        self._open_or_create()
        return self.uri

    def commit(self, build: Callable[[Snapshot], Write | None]) -> tuple[Write | None, Snapshot]:
        """Commit what `build` makes of the newest snapshot, building it anew whenever another writer came first.

        Args:
            build: Called with the snapshot, perhaps several times; None means that there is nothing to write.

        Returns:
            What was written, and the snapshot with it.

        Raises:
            ConflictError: `<noun>.busy` when other writers kept winning.
        """
        with turn(self.uri):
            return self.commit_in_turn(build)

    def commit_in_turn(self, build: Callable[[Snapshot], Write | None]) -> tuple[Write | None, Snapshot]:
        """Commit like `commit`, for a caller that has taken its `turn` already."""
        for attempt in self._attempts():
            with attempt:
                before = self._widened()
                write = build(before)
                if write is None:
                    return None, before
                delta = before.delta if before.delta is not None else self._open_or_create()
                if before.delta is None and delta.version() > 0:
                    raise CommitFailedError("another writer made the table")
                self._write(delta, write)
                return write, Snapshot(self.spec, delta)
        raise AssertionError("tenacity either returns or raises")

    def _widened(self) -> Snapshot:
        """Return the newest snapshot, having added columns that a table of an earlier version lacks."""
        snapshot = self.snapshot()
        lacking = snapshot.lacking()
        if snapshot.delta is None or not lacking:
            return snapshot
        try:
            snapshot.delta.alter.add_columns(
                [DeltaField(name, PrimitiveType(self.spec.columns[name])) for name in lacking]
            )
        except DeltaError:  # another process may have come first
            if self.snapshot().lacking():
                raise
        return self.snapshot()

    def upkeep(self, snapshot: Snapshot) -> Snapshot:
        """Merge small files and write a checkpoint now and then, so that reading and committing stay quick.

        Superseded files stay an hour for readers of older snapshots. A lost race is no loss: a later commit does it.
        """
        delta = snapshot.delta
        if delta is None or delta.version() % _UPKEEP_EVERY:
            return snapshot
        sizes = Table.from_arrow(delta.get_add_actions(flatten=True)).column("size_bytes").to_pylist()
        if sum(size < _FULL_FILE // 2 for size in sizes) < _SMALL_FILES:
            return snapshot
        try:
            delta.optimize.compact(target_size=_FULL_FILE)
            delta.vacuum(_READERS_HOURS, dry_run=False, enforce_retention_duration=False)
            delta = DeltaTable(self.uri)
            delta.create_checkpoint()
            delta.cleanup_metadata()
        except CommitFailedError:
            return self.snapshot()
        return Snapshot(self.spec, delta)

    def _attempts(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(CommitFailedError),
            wait=wait_random_exponential(multiplier=0.02, max=2),
            stop=stop_after_delay(_GIVE_UP_SECONDS),
            retry_error_callback=self._gave_up,
        )

    def _gave_up(self, _state: object) -> None:
        raise ConflictError(
            f"{self.spec.noun}.busy",
            f"other writers kept changing the table for {_GIVE_UP_SECONDS:.0f} seconds.",
            where=self.uri,
            fix="Run the command again.",
        )

    def _write(self, delta: DeltaTable, write: Write) -> None:
        marks = [Transaction(name, version) for name, version in write.transactions.items()]
        try:
            write_deltalake(
                delta,
                _table(self.spec, write.rows),
                mode=write.mode,
                commit_properties=CommitProperties(
                    custom_metadata=dict(write.about),
                    max_commit_retries=0 if write.next_only else None,
                    app_transactions=marks,
                ),
            )
        except CommitFailedError:
            raise
        except (OSError, DeltaError) as error:
            # A full disk is told in either way.
            raise self._unusable("store.unwritable", "cannot be written", error) from None

    def _open(self) -> DeltaTable | None:
        try:
            return DeltaTable(self.uri)
        except TableNotFoundError:
            return None
        except Exception as error:
            raise self._unusable("store.unreadable", "cannot be read", error) from None

    def _open_or_create(self) -> DeltaTable:
        try:
            return DeltaTable.create(
                self.uri,
                Schema([DeltaField(name, PrimitiveType(kind)) for name, kind in self.spec.columns.items()]),
                mode="ignore",
                configuration={
                    "delta.dataSkippingNumIndexedCols": str(self.spec.indexed),
                    "delta.checkpointInterval": str(_UPKEEP_EVERY),
                    "delta.logRetentionDuration": f"interval {_READERS_HOURS} hours",
                    "delta.deletedFileRetentionDuration": f"interval {_READERS_HOURS} hours",
                },
            )
        except OSError as error:
            raise self._unusable("store.unwritable", "cannot be written", error) from None

    def _unusable(self, code: str, what: str, error: Exception) -> SetupError:
        """Return an error that names the kind of failure only: delta-rs quotes file content in some messages."""
        return SetupError(
            code,
            f"the control-plane table {what} ({type(error).__name__}).",
            where=self.uri,
            fix="Check the folder's rights and its free space.",
        )


def literal(text: str) -> str:
    """Return a text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def any_of(column: str, texts: Sequence[str]) -> str:
    """Return the SQL condition that a column equals one of the texts."""
    return f'"{column}" IN ({", ".join(map(literal, texts))})' if texts else "false"


def micros(column: str) -> str:
    """Return the SQL expression of a timestamp column as microseconds since 1970, which Python reads fastest."""
    return f'arrow_cast("{column}", \'Int64\') AS "{column}"'


def to_micros(at: datetime) -> int:
    """Return microseconds since 1970 UTC; exact, unlike `timestamp()`."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def from_micros(value: int) -> datetime:
    """Return the UTC datetime of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=value)


def _values(column: Any) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return values


def _table(spec: TableSpec, rows: Sequence[Row]) -> Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(spec.columns)
    arrays: list[Array] = []
    for kind, values in zip(spec.columns.values(), columns, strict=True):
        if kind == "timestamp":
            ticks = [None if at is None else to_micros(at) for at in values]
            arrays.append(Array(ticks, DataType.int64()).cast(_ARROW[kind]))
        else:
            arrays.append(Array(list(values), _ARROW[kind]))
    return Table.from_arrays(arrays, names=list(spec.columns))
