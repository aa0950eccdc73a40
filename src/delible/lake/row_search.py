"""Old values in a person's own rows: for values that are no proof in raw bytes, since others have them, too.

Every Parquet file below a table is read, whatever the log says. A row that holds both a key of the person and the old
value is residue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from delible.decide.rectification import same
from delible.lake.forms import Needles
from delible.lake.places import Names
from delible.lake.typed_keys import TypedKeys
from delible.model.proof import Match


@dataclass(frozen=True)
class Wrong:
    """What must not stand in one person's rows of a table.

    Args:
        keys: Per column by which the table reaches people, the person's keys.
        values: Per corrected column, its Spark type and the old values as text.
    """

    keys: Mapping[str, TypedKeys]
    values: Mapping[str, tuple[str, Sequence[str]]]


def search_rows(name: str, location: str, people: Sequence[Wrong]) -> tuple[list[Match], list[str]]:
    """Return the places at which an old value still stands in a person's rows, and the files that cannot be read.

    Args:
        name: How the table is named in places, such as `table:orders`.
        location: Absolute path or URI.
        people: What is looked for; each file is read once for all.
    """
    filesystem, root = pafs.FileSystem.from_uri(location)
    names, matches, unreadable = Names(Needles(()), {}), list[Match](), list[str]()
    files = filesystem.get_file_info(pafs.FileSelector(root, recursive=True))
    for info in sorted(files, key=lambda i: i.path):
        path = str(PurePosixPath(info.path).relative_to(root))
        if info.type is not pafs.FileType.File or not path.endswith(".parquet") or path.startswith("_delta_log"):
            continue
        place = f"{name}/{names.shown(path)}"
        try:
            found = _in_file(filesystem, info.path, people)
        except (OSError, pa.ArrowException):
            unreadable.append(place)
            continue
        matches += [Match(place=f"{place}:{c}", form="row of the person", count=n) for c, n in sorted(found.items())]
    return matches, unreadable


def _in_file(filesystem: pafs.FileSystem, path: str, people: Sequence[Wrong]) -> Counter[str]:
    found: Counter[str] = Counter()
    columns = dict.fromkeys(c for person in people for c in (*person.keys, *person.values))
    with filesystem.open_input_file(path) as stream:
        file = pq.ParquetFile(stream)
        present = [c for c in columns if c in file.schema_arrow.names]
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=present)
            for person in people:
                found += _in_rows(table.filter(_rows_of(table, person.keys)), person)
    return found


def _in_rows(rows: pa.Table, person: Wrong) -> Counter[str]:
    found: Counter[str] = Counter()
    for column, (kind, values) in person.values.items():
        if column in rows.column_names and rows.num_rows:
            counts = pc.value_counts(pc.cast(rows.column(column).combine_chunks(), pa.string()))
            found[column] += sum(
                entry["counts"]
                for entry in counts.to_pylist()
                if entry["values"] is not None and any(same(entry["values"], v, kind) for v in values)
            )
    return +found


def _rows_of(table: pa.Table, keys: Mapping[str, TypedKeys]) -> pa.Array:
    mask = pa.array([False] * table.num_rows, pa.bool_())
    for column, wanted in keys.items():
        if column in table.column_names:
            mask = pc.or_(mask, wanted.mask(table.column(column).combine_chunks()))
    return mask
