"""Files that got lost, read with pyarrow as they are: which table or release each belongs to, and who is in it.

No JVM, and no look into a table's log for what a file holds: an old file counts as well as one of the newest version.
Values are kept as digests only, and only until they are counted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import unquote

from delible.errors import InputError
from delible.model.layout import stored_paths
from delible.model.policy import PolicySet, Reach, TablePolicy
from delible.model.record import Manifest
from delible.model.subject import normalised
from delible.model.terms import Normalise
from delible.report.breach import Belongs
from delible.store.live_files import live_files
from delible.store.lost_places import Lost, LostObject, opened, place_in
from delible.store.versions import is_bucket
from delible.store.workspace import Workspace

_LOG = "_delta_log"
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_MOST_HOPS = 8
People = dict[str, set[bytes]]
"""Identifier kind to digests of distinct values."""


@dataclass(frozen=True)
class Owner:
    """What a file belongs to."""

    belongs: Belongs
    of: str | None = None


@dataclass
class TableFound:
    """What was read from the files of one table.

    Args:
        people: By every kind that the rows reach.
        apart: Of `people`, those who may be nobody of the controller's own kind of subject: of files in which not
            every row has that.
        filled: Column to rows with a value, of the columns that the files have.
        unmapped: Columns that no policy maps.
        rows_only: Why people could not be counted, where not.
    """

    rows: int = 0
    people: People = field(default_factory=dict)
    apart: People = field(default_factory=dict)
    filled: dict[str, int] = field(default_factory=dict)
    unmapped: set[str] = field(default_factory=set)
    rows_only: str | None = None


class LostFiles:
    """The workspace as one who knows whose file it is."""

    def __init__(self, workspace: Workspace, policies: PolicySet, manifests: Sequence[Manifest]) -> None:
        self._policies = policies
        config, root = workspace.config, workspace.root
        self._places: list[tuple[PurePath, Owner]] = []
        self._locations: dict[str, str] = {}
        for name, table in policies.tables.items():
            location = _readable(workspace, table)
            if location is not None:
                self._locations[name] = location
                self._places.append((_place(location), Owner(Belongs.TABLE, name)))
        self._places += [(root / m.path, Owner(Belongs.RELEASE, m.release)) for m in manifests]
        for m in manifests:
            if m.row_index is not None:
                # Beside it may lie one of a build that was killed before a manifest named it.
                index = workspace.path(m.row_index.path).resolve()
                self._places += [
                    (index, Owner(Belongs.ROW_INDEX, m.release)),
                    (index.parent, Owner(Belongs.ROW_INDEX)),
                ]
        if not config.keys.startswith("env:"):
            self._places.append(((root / config.keys).resolve(), Owner(Belongs.KEYS)))
        own = (config.store, config.reports, config.lineage, config.outbox, config.policies, ".delible")
        self._places += [(root / x, Owner(Belongs.CONTROL)) for x in own if "://" not in x]
        self._places += [(place_in(x), Owner(Belongs.CONTROL)) for x in own if is_bucket(x)]
        self._live: dict[str, frozenset[str]] = {}

    def owner(self, lost: Lost) -> Owner:
        """Return what a file belongs to; the innermost place counts."""
        found = _place(lost)
        inside = [(place, owner) for place, owner in self._places if found == place or found.is_relative_to(place)]
        if not inside:
            return Owner(Belongs.STRANGE)
        place, owner = max(inside, key=lambda each: len(each[0].parts))
        if owner.belongs is Belongs.TABLE and _LOG in found.relative_to(place).parts:
            return Owner(Belongs.LOG, owner.of)
        return owner

    def is_current(self, table: str, lost: Lost) -> bool:
        """Return whether the table's newest version has a file of this name."""
        if table not in self._live:
            self._live[table] = live_files(self._locations[table])
        return lost.name in self._live[table]

    def read(self, table: str, lost: Lost, into: TableFound) -> int:
        """Add what one data file of a table holds; return its rows.

        Raises:
            OSError, ValueError: When pyarrow cannot read the file.
        """
        import pyarrow.parquet as pq

        policy, location = self._policies.tables[table], self._locations[table]
        subject, shown = self._policies.controller.subject, _names(location)
        people: People = {}
        why: dict[Reach, str | None] = {}
        with opened(lost) as bytes_of_it, pq.ParquetFile(bytes_of_it) as file:
            rows = int(file.metadata.num_rows)
            stored = {shown.get(name, name): name for name in file.schema_arrow.names}
            partitions = _partitions(_place(lost).relative_to(_place(location)))
            filled = {name: rows - _nulls(file, there) for name, there in stored.items()}
            filled |= {name: 0 if value is None else rows for name, value in partitions.items()}
            for reach in policy.subject:
                values = self._values(file, reach.column, stored, partitions)
                absent = f"column {reach.column} is not in the file" if values is None else None
                why[reach] = absent or self._reached(reach, values or set(), people, _MOST_HOPS)
        told = any(r.identifies == subject and filled.get(r.column) == rows for r in policy.subject)
        for reach, reason in why.items():
            # Who is told by the controller's own kind needs no other one.
            if reason is not None and not (told and reach.identifies not in (None, subject)):
                into.rows_only = reason
        for kind, found in people.items():
            into.people.setdefault(kind, set()).update(found)
            if not told and kind != subject:
                into.apart.setdefault(kind, set()).update(found)
        for name, n in filled.items():
            into.filled[name] = into.filled.get(name, 0) + n
        into.unmapped |= {name for name in stored if not _is_mapped(policy, name)}
        into.rows += rows
        return rows

    def _values(
        self, file: Any, column: str, stored: Mapping[str, str], partitions: Mapping[str, str | None]
    ) -> set[str] | None:
        if column in partitions:
            value = partitions[column]
            return set() if value is None else {value}
        if column not in stored:
            return None
        return _distinct(batch.column(0) for batch in file.iter_batches(columns=[stored[column]]))

    def _reached(self, reach: Reach, values: set[str], people: People, hops: int) -> str | None:
        """Follow a way to the people; return why it ends before them, or None."""
        if not values:
            return None
        if reach.identifies is not None:
            kind = self._policies.controller.identifiers.get(reach.identifies)
            how = kind.normalise if kind is not None else Normalise.EXACT
            people.setdefault(reach.identifies, set()).update(_digest(normalised(v, how)) for v in values)
            return None
        target = self._policies.tables.get(reach.through or "")
        if target is None or hops == 0 or target.table not in self._locations:
            return f"the way leads through {reach.through}, which cannot be read here"
        for further in target.subject:
            mapped = self._looked_up(target.table, str(reach.matches), further.column, values)
            if mapped is None:
                return f"the way leads through {reach.through}, which cannot be read here"
            why = self._reached(further, mapped, people, hops - 1)
            if why is not None:
                return why
        return None

    def _looked_up(self, table: str, key: str, wanted: str, values: set[str]) -> set[str] | None:
        """Return the values of a column in the newest version's rows whose key is among these; None when unreadable."""
        import pyarrow as pa
        import pyarrow.compute as pc
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        found: set[str] = set()
        try:
            dataset = DeltaTable(self._locations[table]).to_pyarrow_dataset()
            asked = pa.array(sorted(values), pa.string())
            for batch in dataset.to_batches(columns=list(dict.fromkeys((key, wanted)))):
                hit = pc.is_in(pc.cast(batch.column(key), pa.string()), value_set=asked)
                found |= _distinct([batch.filter(hit).column(wanted)])
        except (DeltaError, pa.ArrowException, OSError, ValueError, KeyError):
            return None
        return found


def _readable(workspace: Workspace, table: TablePolicy) -> str | None:
    """Return where a table's files can be read from here: a folder, or a bucket."""
    try:
        location = workspace.location(table)
    except InputError:
        return None
    return location if "://" not in location or is_bucket(location) else None


def _place(lost: Lost | str) -> PurePath:
    if isinstance(lost, LostObject):
        return lost.place
    return place_in(lost) if isinstance(lost, str) and is_bucket(lost) else Path(lost).resolve()


def _names(location: str) -> dict[str, str]:
    """Return what people call the columns that files have, where those are mapped (Delta's column mapping)."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        fields = json.loads(DeltaTable(location).schema().to_json())["fields"]
    except (DeltaError, OSError, ValueError):
        return {}
    return {stored: shown for shown, stored in stored_paths(fields) if "." not in shown}


def _partitions(inside: PurePath) -> dict[str, str | None]:
    parts = [part.partition("=") for part in inside.parts[:-1] if "=" in part]
    return {unquote(name): None if value == _HIVE_NULL else unquote(value) for name, _, value in parts}


def _is_mapped(policy: TablePolicy, name: str) -> bool:
    return name in policy.columns or any(column.startswith(f"{name}.") for column in policy.columns)


def _nulls(file: Any, column: str) -> int:
    """Return a column's rows without a value by the file's own statistics; 0 where it has none."""
    at = [i for i in range(len(file.schema)) if file.schema.column(i).path == column]
    groups = range(file.metadata.num_row_groups)
    found = [file.metadata.row_group(g).column(i).statistics for i in at for g in groups]
    return sum(s.null_count for s in found if s is not None and s.has_null_count)


def _distinct(columns: Iterable[Any]) -> set[str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    found: set[str] = set()
    for column in columns:
        found.update(v for v in pc.cast(pc.unique(column), pa.string()).to_pylist() if v is not None)
    return found


def _digest(value: str) -> bytes:
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).digest()
