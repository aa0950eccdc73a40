"""How many rows combinations of columns make unique: counted where the rows are, in one aggregation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from math import ceil

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.decide.column_paths import path_part
from delible.lake.facts import quoted
from delible.model.uniqueness import Combination

_MOST_KEYS = 20_000_000
"""Keys that are grouped at once; beyond, one group in so many is drawn."""
_PART = re.compile(r"`((?:[^`]|``)+)`|([^.]+)")


def measure(
    frame: DataFrame, combinations: Sequence[tuple[str, ...]], *, table: str, version: int, at: datetime
) -> tuple[Combination, ...]:
    """Return what each combination makes of the rows; NULL counts as a value, since it tells rows apart as well.

    Groups are drawn whole, by the hash of their values: a sample of rows would make nearly all of them look unique.
    """
    rows = frame.count()
    if not rows or not combinations:
        return ()
    one_in = max(1, ceil(rows * len(combinations) / _MOST_KEYS))
    keys = [F.struct(F.lit(i).alias("combination"), _key(c).alias("key")) for i, c in enumerate(combinations)]
    wanted = F.array(*keys)
    if one_in > 1:  # before they become rows, of which there would be one per combination
        wanted = F.filter(wanted, lambda k: F.pmod(k["key"], F.lit(one_in)) == 0)
    drawn = frame.select(F.explode(wanted).alias("k")).select("k.combination", "k.key")
    groups = drawn.groupBy("combination", "key").agg(F.count("*").alias("n"))
    counted = groups.groupBy("combination").agg(
        F.sum("n").alias("rows"),
        F.sum((F.col("n") == 1).cast("bigint")).alias("unique"),
        F.count("*").alias("groups"),
        F.min("n").alias("smallest"),
    )
    return tuple(
        Combination(
            table=table,
            columns=combinations[row["combination"]],
            rows=row["rows"],
            unique=row["unique"],
            groups=row["groups"],
            smallest=row["smallest"],
            one_in=one_in,
            version=version,
            at=at,
        )
        for row in sorted(counted.collect(), key=lambda row: int(row["combination"]))
    )


def countable(frame: DataFrame) -> frozenset[str]:
    """Return the columns and fields of structs, as paths, of which a row has one value."""
    return frozenset(_paths(frame.schema, ""))


def _paths(schema: T.StructType, above: str) -> Iterator[str]:
    for field in schema.fields:
        name = path_part(field.name)
        if isinstance(field.dataType, T.StructType):
            yield from _paths(field.dataType, f"{above}{name}.")
        elif not isinstance(field.dataType, (T.ArrayType, T.MapType)):
            yield above + name


def _key(columns: tuple[str, ...]) -> Column:
    """Return one number for the values; the hash skips NULL, so which of them are NULL goes in as well."""
    values = [_column(path) for path in columns]
    return F.xxhash64(*values, *[value.isNull() for value in values])


def _column(path: str) -> Column:
    first, *rest = [(a.replace("``", "`") if a else b) for a, b in _PART.findall(path)]
    column = F.col(quoted(first))
    for name in rest:
        column = column.getField(name)
    return column
