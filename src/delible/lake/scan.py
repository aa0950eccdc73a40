"""Values of a table looked at where they are: only counts per column come back to the driver."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from math import ceil
from typing import NamedTuple

import pyarrow as pa
from pyspark.errors import PythonException
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.decide.tagging import ColumnFacts
from delible.detect.entities import DEFAULT_COUNTRIES
from delible.errors import DelibleError
from delible.lake.facts import quoted
from delible.model.detection import SHIPPED, NlpModel

DEFAULT_SAMPLE = 1_000
_ROWS_PER_VALUE, _FEWEST_ROWS, _SEED = 20, 50_000, 20_180_525
_VALUES_PER_TASK = 200
_COUNTS = "leaf int, what string, name string, n bigint"
_ALL, _MORE = "values", "more"


class Leaf(NamedTuple):
    """A column without parts: where it is, its Spark type, and its values of one row as an array of strings.

    `values` is None for a type whose values are not looked at.
    """

    path: str
    kind: str
    values: Column | None


def scan(
    frame: DataFrame,
    *,
    sample: int | None = DEFAULT_SAMPLE,
    countries: tuple[str, ...] = DEFAULT_COUNTRIES,
    nlp: NlpModel = SHIPPED,
) -> list[ColumnFacts]:
    """Return what was counted in each leaf column, in the order of the schema.

    The sample is the distinct values with the lowest hash, so that the same table version gives the same counts. In a
    large table the values come from a seeded sample of its rows.

    Args:
        sample: Distinct values per column; None reads every one.
        nlp: The model that finds people and places in values that are running text.

    Raises:
        DelibleError: `tags.scan_failed` when a worker fails; the values it worked on are not repeated.
    """
    leaves = list(_leaves(frame.schema))
    read = [leaf for leaf in leaves if leaf.values is not None]
    if not read:
        return [ColumnFacts(leaf.path, leaf.kind) for leaf in leaves]
    rows, thinned = _rows(frame, sample)
    drawn = _drawn(rows, read, sample)
    tasks = int(frame.sparkSession.conf.get("spark.sql.shuffle.partitions") or 1)
    if sample is not None:
        tasks = max(1, min(tasks, ceil(len(read) * sample / _VALUES_PER_TASK)))
    counted = drawn.repartition(tasks).mapInArrow(
        partial(_examine, countries=countries, nlp=nlp, sample=sample), _COUNTS
    )
    counts: dict[int, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    try:
        for row in counted.groupBy("leaf", "what", "name").agg(F.sum("n").alias("n")).collect():
            counts[row["leaf"]][row["what"]][row["name"]] = row["n"]
    except PythonException:
        raise DelibleError("tags.scan_failed", "a worker failed while it looked at values.") from None
    number = {leaf.path: i for i, leaf in enumerate(read)}
    return [_facts(leaf, counts[number[leaf.path]] if leaf.path in number else {}, thinned) for leaf in leaves]


def _facts(leaf: Leaf, counts: dict[str, Counter[str]], thinned: bool) -> ColumnFacts:
    own = counts.get(_ALL, Counter())
    return ColumnFacts(
        column=leaf.path,
        kind=leaf.kind,
        values=own[_ALL],
        complete=leaf.values is not None and not thinned and not own[_MORE],
        hits=dict(counts.get("hits", {})),
        whole=dict(counts.get("whole", {})),
        shapes=dict(counts.get("shapes", {})),
    )


def _rows(frame: DataFrame, sample: int | None) -> tuple[DataFrame, bool]:
    """Return the rows to draw values from, and whether they are fewer than all."""
    if sample is None:
        return frame, False
    wanted = max(_FEWEST_ROWS, sample * _ROWS_PER_VALUE)
    rows = frame.count()
    if rows <= wanted:
        return frame, False
    return frame.sample(fraction=wanted / rows, seed=_SEED), True


def _drawn(rows: DataFrame, read: list[Leaf], sample: int | None) -> DataFrame:
    from delible.detect.values import LONGEST

    columns = F.array(*[leaf.values for leaf in read if leaf.values is not None])
    arrays = rows.select(F.posexplode(columns).alias("leaf", "found"))
    stacked = arrays.select("leaf", F.explode("found").alias("value"))
    distinct = (
        stacked.where(F.trim("value") != "").select("leaf", F.substring("value", 1, LONGEST).alias("value")).distinct()
    )
    if sample is None:
        return distinct.withColumn("place", F.lit(0))
    by_hash = Window.partitionBy("leaf").orderBy(F.xxhash64("value"), "value")
    return distinct.withColumn("place", F.row_number().over(by_hash)).where(F.col("place") <= sample + 1)


def _examine(
    batches: Iterable[pa.RecordBatch], *, countries: tuple[str, ...], nlp: NlpModel, sample: int | None
) -> Iterator[pa.RecordBatch]:
    """Count one partition's values, with this worker process's one engine."""
    from delible.detect.values import Tally

    tallies: dict[int, Tally] = defaultdict(Tally)
    more: set[int] = set()
    for batch in batches:
        for leaf, value, place in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if sample is not None and place > sample:
                more.add(leaf)
            else:
                tallies[leaf].add(value, countries=countries, nlp=nlp)
    counts = [(leaf, _ALL, _MORE, 1) for leaf in more]
    for leaf, tally in tallies.items():
        counts.append((leaf, _ALL, _ALL, tally.values))
        for what in ("hits", "whole", "shapes"):
            counts += [(leaf, what, name, n) for name, n in getattr(tally, what).items()]
    if counts:
        types = (pa.int32(), pa.string(), pa.string(), pa.int64())
        arrays = [pa.array(column, kind) for column, kind in zip(zip(*counts, strict=True), types, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, names=["leaf", "what", "name", "n"])


def _leaves(schema: T.StructType) -> Iterator[Leaf]:
    for field in schema.fields:
        yield from _below(_shown(field.name), F.array(F.col(quoted(field.name))), field.dataType)


def _below(path: str, values: Column, kind: T.DataType) -> Iterator[Leaf]:
    """Yield the leaves of a column, given its values of one row as an array of `kind`."""
    if isinstance(kind, T.StructType):
        for field in kind.fields:
            yield from _below(f"{path}.{_shown(field.name)}", _each(values, field.name), field.dataType)
    elif isinstance(kind, T.ArrayType):
        yield from _below(f"{path}.element", _flat(values), kind.elementType)
    elif isinstance(kind, T.MapType):
        yield from _below(f"{path}.key", _flat(F.transform(_present(values), F.map_keys)), kind.keyType)
        yield from _below(f"{path}.value", _flat(F.transform(_present(values), F.map_values)), kind.valueType)
    else:
        yield Leaf(path, kind.simpleString(), F.transform(values, _as_text) if _is_read(kind) else None)


def _is_read(kind: T.DataType) -> bool:
    if isinstance(kind, T.DecimalType):
        return kind.scale == 0
    return isinstance(kind, (T.StringType, T.IntegralType))


def _as_text(value: Column) -> Column:
    return value.cast("string")


def _each(values: Column, name: str) -> Column:
    return F.transform(values, lambda value: value.getField(name))


def _flat(values: Column) -> Column:
    return F.flatten(_present(values))


def _present(values: Column) -> Column:
    """Leave NULLs out: one of them would make `flatten` NULL, and hide its neighbours."""
    return F.filter(values, lambda value: value.isNotNull())


def _shown(name: str) -> str:
    return quoted(name) if "." in name or "`" in name else name
