"""Whose rows are in the old versions of a table: all retained files as one frame, for the find step.

A person's address may have been another one in an old version, or another person's. So links and paths are followed
over the rows of all retained versions together: who shares an identifier with somebody in any version shares it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import types as T

from delible.errors import BlockedError
from delible.lake.history.spread import LITTLE
from delible.lake.history.state import Action, Retained, folder_of, path_of, retained
from delible.lake.reach import reach_columns
from delible.model.layout import stored_name
from delible.model.plan import History
from delible.model.policy import PolicySet, TablePolicy

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_METADATA = T.StructType([T.StructField("file_path", T.StringType()), T.StructField("file_size", T.LongType())])
_ARROW: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "varchar": pa.string(),
    "char": pa.string(),
    "binary": pa.binary(),
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "timestamp_ntz": pa.timestamp("us"),
}


@dataclass(frozen=True)
class Past:
    """The retained versions of one table, with the rows of all their files.

    Args:
        rows: Per row what the find step looks at; `_metadata` tells the file, as Delta's own column does.
    """

    history: History
    rows: DataFrame = field(repr=False)


def past_of(spark: SparkSession, policies: PolicySet, table: str, location: str, schema: T.StructType) -> Past:
    """Return a table's retained versions.

    Args:
        schema: The newest version's.

    Raises:
        BlockedError: `history.outside` for files outside of the table's folder, as shallow clones have them;
            `history.schema` for a retained version in which a row does not tell whose it is.
        ConflictError: `history.unreadable`.
    """
    root = folder_of(location)
    try:
        kept = retained(root)
        _refuse_other_schema(kept, policies.tables[table])
        files = {path_of(body): (name, body) for name, body in kept.files()}
    except ValueError:
        raise BlockedError(
            "history.outside",
            f"the history of table '{table}' cannot be kept: some of its files lie outside of its folder, as in a "
            "shallow clone.",
            where=f"table:{table}",
            fix="Leave out --keep-history.",
        ) from None
    names = stored_names(kept.newest.schema)
    wanted = _wanted(policies, policies.tables[table])
    # Nullable all of them: a column may have become required later, or have come later.
    fields = [T.StructField(f.name, f.dataType) for f in schema.fields if f.name.lower() in wanted]
    own = T.StructType([*fields, T.StructField("_metadata", _METADATA)])
    present = [(path, body) for path, (_, body) in files.items() if (root / path).is_file()]
    rows = _frame(spark, root, present, own, names)
    return Past(History(first=kept.first, last=kept.last, dropped=kept.dropped), rows)


def stored_names(schema: Iterable[Action]) -> dict[str, str]:
    """Return the name that each column has in data files; another one where columns are mapped."""
    return {f["name"].lower(): stored_name(f) for f in schema}


def _refuse_other_schema(kept: Retained, policy: TablePolicy) -> None:
    """Refuse when an old version has none of the columns by which rows reach people, or one that is gone since."""
    names = stored_names(kept.newest.schema)
    newest, reach = set(names.values()), {names.get(c.lower()) for c in reach_columns(policy)}
    for version, state in kept.states():
        own = set(stored_names(state.schema).values())
        if own <= newest and own & reach:
            continue
        raise BlockedError(
            "history.schema",
            f"the history of table '{policy.table}' cannot be kept: version {version} has columns that the newest one "
            "does not have, or none by which a row tells whose it is.",
            where=f"table:{policy.table}",
            fix="Leave out --keep-history.",
        )


def _wanted(policies: PolicySet, policy: TablePolicy) -> set[str]:
    """Return the columns that the find step looks at: reach columns, paths through the table, telling values."""
    through = {r.matches for t in policies.tables.values() for r in t.subject if r.through == policy.table}
    searched = {name for name, column in policy.columns.items() if column.searched}
    return {name.lower() for name in {*reach_columns(policy), *through, *searched} if name}


@dataclass(frozen=True)
class _File:
    path: str
    size: int
    values: Mapping[str, str | None] = field(repr=False)


def _frame(
    spark: SparkSession,
    root: Path,
    files: Sequence[tuple[str, Action]],
    schema: T.StructType,
    names: Mapping[str, str],
) -> DataFrame:
    found = [_File(path, (root / path).stat().st_size, body.get("partitionValues") or {}) for path, body in files]
    arrow = pa.schema([pa.field(f.name, _arrow(f.dataType)) for f in schema.fields])
    read = partial(_read, root=root, schema=arrow, names=names)
    if sum(file.size for file in found) <= LITTLE:
        batches = [batch for file in found for batch in read(file)]
        return spark.createDataFrame(pa.Table.from_batches(batches, arrow), schema=schema)

    def run(tasks: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in tasks:
            for path, size, values in zip(*batch.to_pydict().values(), strict=True):
                yield from read(_File(path, size, dict(values)))

    tasks = pa.table(
        {
            "path": [file.path for file in found],
            "size": [file.size for file in found],
            "values": pa.array([list(file.values.items()) for file in found], pa.map_(pa.string(), pa.string())),
        }
    )
    return spark.createDataFrame(tasks).repartition(len(found)).mapInArrow(run, schema)


def _arrow(kind: T.DataType) -> pa.DataType:
    """Return a type as Arrow has it: those that keys and telling values come in.

    Raises:
        BlockedError: `history.schema` for any other.
    """
    if kind == _METADATA:
        return pa.struct({"file_path": pa.string(), "file_size": pa.int64()})
    if isinstance(kind, T.DecimalType):
        return pa.decimal128(kind.precision, kind.scale)
    name = kind.simpleString().partition("(")[0]
    if name not in _ARROW:
        raise BlockedError(
            "history.schema",
            f"a column that tells people apart has the type '{name[:40]}', whose old values cannot be read.",
            fix="Leave out --keep-history.",
        )
    return _ARROW[name]


def _read(file: _File, *, root: Path, schema: pa.Schema, names: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
    source = pq.ParquetFile(root / file.path, coerce_int96_timestamp_unit="us")
    present = {name.lower(): name for name in source.schema_arrow.names}
    values = {name.lower(): value for name, value in file.values.items()}
    wanted = {f.name: names.get(f.name.lower(), f.name).lower() for f in schema if f.name != "_metadata"}
    columns = [present[name] for name in wanted.values() if name in present]
    for batch in source.iter_batches(columns=columns):
        count = batch.num_rows
        arrays: list[Any] = []
        for f in schema:
            if f.name == "_metadata":
                paths = pa.array(np.full(count, file.path, object), pa.string())
                arrays.append(
                    pa.StructArray.from_arrays([paths, pa.array(np.full(count, file.size))], fields=list(f.type))
                )
            elif wanted[f.name] in present:
                arrays.append(batch.column(present[wanted[f.name]]).cast(f.type))
            else:
                arrays.append(pa.array([values.get(wanted[f.name])] * count, pa.string()).cast(f.type))
        yield pa.record_batch(arrays, schema=schema)
