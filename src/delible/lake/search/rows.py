"""Old values in a person's own rows: for values that are no proof in raw bytes, since others have them, too.

Every Parquet file below a table is read, whatever its name is, and whatever the log says. A row that holds both a key
of the person and the old value is residue. Where nobody can tell whose rows are, the file counts as unreadable: when it
has none of the columns by which the table reaches people; and when it lacks one of them, is not of the table's newest
version, and has the old value in a row that nothing tells to be the person's. In files of the newest version, Delta
reads a column that is not there as NULL, and by NULL nobody is reached.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from delible.decide.rectification import same
from delible.lake.search.forms import Needles
from delible.lake.search.listing import opened
from delible.lake.search.places import Names
from delible.lake.search.typed_keys import TypedKeys
from delible.model.proof import Match

_MAGIC = (b"PAR1", b"PARE")
"""How a Parquet file begins; the second has an encrypted footer, so that nobody can read it here."""
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


class _WhoseError(Exception):
    """Raised for a file that has a corrected column and none by which the table reaches people."""


@dataclass(frozen=True)
class Wrong:
    """What must not stand in one person's rows of a table.

    Args:
        keys: Per column by which the table reaches people, the person's keys.
        values: Per corrected column, its Spark type and the old values as text.
    """

    keys: Mapping[str, TypedKeys]
    values: Mapping[str, tuple[str, Sequence[str]]]


def search_rows(
    name: str, location: str, people: Sequence[Wrong], *, live: Collection[str] = ()
) -> tuple[list[Match], list[str]]:
    """Return the places at which an old value still stands in a person's rows, and the files that cannot be read.

    Names of columns are the same in any letter case, as for Spark and Delta.

    Args:
        name: How the table is named in places, such as `table:orders`.
        location: Absolute path or URI.
        people: What is looked for; each file is read once for all.
        live: Names of the data files of the table's newest version, without their folders.
    """
    filesystem, root = opened(location)
    names, matches, unreadable = Names(Needles(()), {}), list[Match](), list[str]()
    files = filesystem.get_file_info(pafs.FileSelector(root, recursive=True))
    for info in sorted(files, key=lambda i: i.path):
        path = str(PurePosixPath(info.path).relative_to(root))
        if info.type is not pafs.FileType.File or path.startswith("_delta_log"):
            continue
        place = f"{name}/{names.shown(path)}"
        try:
            if not _is_parquet(filesystem, info.path):
                continue
            found, untold = _in_file(filesystem, info.path, dict(_partitions(path)), people)
        except (OSError, pa.ArrowException, _WhoseError):
            unreadable.append(place)
            continue
        if untold and PurePosixPath(path).name not in live:
            unreadable.append(place)
        matches += [Match(place=f"{place}:{c}", form="row of the person", count=n) for c, n in sorted(found.items())]
    return matches, unreadable


def _is_parquet(filesystem: pafs.FileSystem, path: str) -> bool:
    """Return whether a file says that it is Parquet, by its suffix or its first bytes: whoever copies may rename."""
    if path.endswith(".parquet"):
        return True
    with filesystem.open_input_file(path) as stream:
        return bytes(stream.read(len(_MAGIC[0]))) in _MAGIC


def _partitions(path: str) -> Iterator[tuple[str, str | None]]:
    """Yield the columns whose values are in the names of a file's folders, in lower case."""
    for part in PurePosixPath(path).parts[:-1]:
        column, told, value = part.partition("=")
        if told:
            yield unquote(column).lower(), None if value == _NO_VALUE else unquote(value)


def _in_file(
    filesystem: pafs.FileSystem, path: str, partitions: Mapping[str, str | None], people: Sequence[Wrong]
) -> tuple[Counter[str], bool]:
    """Return the old values in people's rows by column, and whether one stands in a row that may be theirs as well."""
    found, untold = Counter[str](), False
    wanted = {c.lower() for person in people for c in (*person.keys, *person.values)}
    with filesystem.open_input_file(path) as stream:
        file = pq.ParquetFile(stream)
        present = [c for c in file.schema_arrow.names if c.lower() in wanted]
        known = {c.lower() for c in present}
        told = known | partitions.keys()
        people = [p for p in people if any(c.lower() in known for c in p.values)]
        if any(all(c.lower() not in told for c in person.keys) for person in people):
            raise _WhoseError
        for group in range(file.num_row_groups) if people else ():
            table = file.read_row_group(group, columns=present)
            for person in people:
                theirs = _rows_of(table, partitions, person.keys)
                found += _in_rows(table.filter(theirs), person)
                if any(c.lower() not in told for c in person.keys):
                    untold = untold or bool(_in_rows(table.filter(pc.invert(theirs)), person))
    return found, untold


def _in_rows(rows: pa.Table, person: Wrong) -> Counter[str]:
    found: Counter[str] = Counter()
    for column, (kind, values) in person.values.items():
        for array in _arrays(rows, column) if rows.num_rows else ():
            counts = pc.value_counts(pc.cast(array, pa.string()))
            found[column] += sum(
                entry["counts"]
                for entry in counts.to_pylist()
                if entry["values"] is not None and any(same(entry["values"], v, kind) for v in values)
            )
    return +found


def _rows_of(table: pa.Table, partitions: Mapping[str, str | None], keys: Mapping[str, TypedKeys]) -> pa.Array:
    mask = pa.array([False] * table.num_rows, pa.bool_())
    for column, wanted in keys.items():
        for array in _arrays(table, column):
            mask = pc.or_(mask, wanted.mask(array))
        if wanted.hits(pa.array([partitions.get(column.lower())], pa.string())):
            mask = pa.array([True] * table.num_rows, pa.bool_())
    return mask


def _arrays(table: pa.Table, column: str) -> Iterator[pa.Array]:
    """Yield the values of a column; a file that Spark did not write may have it in several spellings."""
    for index, name in enumerate(table.column_names):
        if name.lower() == column.lower():
            yield table.column(index).combine_chunks()
