"""One person's rows of a table, as text, with other people redacted (Art. 15(4))."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import ceil

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.detect.anonymise import PLACEHOLDER
from delible.lake.facts import quoted
from delible.lake.masking import mask_column
from delible.lake.mentions import telling_values
from delible.lake.nested import JSON_OPTIONS, NESTED, OTHER, TIMES, Shape, folded, redacted, shape_of
from delible.lake.reach import keys_frame, kind_of, spelled, split_rows
from delible.model.detection import SHIPPED, NlpModel
from delible.model.policy import Controller, PolicySet, TablePolicy
from delible.model.subject import KeyRow
from delible.model.taxonomy import is_identifying, is_within

_ROWS_AT_A_TIME = 20_000
"""The driver holds so many rows at once, however many there are."""

_CALLED = ("user.name", "user.account.username", "user.contact.email", "user.contact.fax_number",
           "user.contact.phone_number", "user.contact.url")  # fmt: skip
"""Categories that say how a person is called or reached."""
_MOST_NAMES = 1_000

_MINE, _NAMES, _KEEP, _SHARED = "__mine", "__names", "__keep", "__shared"
_AFTER, _BEFORE, _ORDER, _REDACTIONS = "__after_", "__before_", "__order_", "__redactions"


@dataclass(frozen=True)
class Own:
    """What tells that a value is the person's own and nobody else's business.

    Args:
        mine: Kind and value of every key, also of those that the person shares: a family's telephone is theirs, too.
        keep: Identifiers that can only mean them, and how they are called in rows that are theirs alone.
        names: The same, folded.
    """

    mine: tuple[str, ...] = field(repr=False)
    keep: tuple[str, ...] = field(repr=False)
    names: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class PersonRows:
    """The person's rows of one table.

    Args:
        columns: The columns that a policy maps, or parts of which it maps, in the table's order.
        nested: Those of them whose text is JSON.
        unmapped: Columns, and parts of nested ones, that no policy maps: they are left out.
        rows: Values as text, and the number of redactions, row by row; can be read once.
    """

    columns: tuple[str, ...]
    nested: frozenset[str]
    unmapped: tuple[str, ...]
    rows: Iterator[tuple[tuple[str | None, ...], int]]


def own_values(
    spark: SparkSession,
    policies: PolicySet,
    frames: Mapping[str, DataFrame],
    keys: Sequence[KeyRow],
    shared: Sequence[KeyRow],
    touched: Collection[str],
) -> Own:
    """Return what is the person's own.

    Args:
        keys: What reaches their rows.
        shared: Identifiers that they have in common with somebody else.
        touched: Tables with rows of theirs.
    """
    every = (*keys, *shared)
    mine = tuple(sorted({_mark(k.kind, k.value) for k in every}))
    telling = telling_values(every, policies.controller)
    names = _names(spark, policies, frames, keys, Own(mine, telling, ()), touched)
    keep = tuple(sorted({*telling, *names}))
    return Own(mine, keep, tuple(sorted({folded(value) for value in keep})))


def rows_of_person(
    spark: SparkSession,
    controller: Controller,
    policy: TablePolicy,
    frame: DataFrame,
    *,
    keys: Sequence[KeyRow],
    own: Own,
    rows: int,
    nlp: NlpModel = SHIPPED,
) -> PersonRows:
    """Return all rows that the keys reach, in the columns that policies map.

    This is the one place that brings rows to the driver: they are one person's, and go into that person's package.

    Args:
        rows: How many there will be, about.
        nlp: The model that finds other people in free text.
    """
    shapes = [(f, shape_of(f, policy.columns)) for f in frame.schema.fields]
    shown = [(f, shape) for f, shape in shapes if shape.mapped]
    unmapped = tuple(leaf.path for _, shape in shapes for leaf in _unmapped(shape))
    person = _of_person(spark, controller, policy, frame, keys, own)
    texts, counts = [], []
    for number, (column, shape) in enumerate(shown):
        before, after = _treated(policy, controller, column, shape, nlp)
        texts.append(after.alias(f"{_AFTER}{number}"))
        if after is not before:
            texts.append(before.alias(f"{_BEFORE}{number}"))
            counts.append(_placeholders(f"{_AFTER}{number}") - _placeholders(f"{_BEFORE}{number}"))
    order = [F.col(quoted(c)).alias(f"{_ORDER}{n}") for n, c in enumerate(_order([f for f, _ in shown]))]
    total = reduce(Column.__add__, (F.greatest(c, F.lit(0)) for c in counts)) if counts else F.lit(0)
    values = [F.col(f"{_AFTER}{number}") for number in range(len(shown))]
    # Counted over finished columns: inside one projection, the texts would be analysed twice.
    done = person.select(*texts, *order).withColumn(_REDACTIONS, total)
    done = done.repartition(max(1, ceil(rows / _ROWS_AT_A_TIME)))
    if order:
        done = done.sortWithinPartitions(*[f"{_ORDER}{n}" for n in range(len(order))])
    return PersonRows(
        columns=tuple(f.name for f, _ in shown),
        nested=frozenset(f.name for f, _ in shown if isinstance(f.dataType, NESTED)),
        unmapped=unmapped,
        rows=_read(done.select(*values, _REDACTIONS)),
    )


def _read(frame: DataFrame) -> Iterator[tuple[tuple[str | None, ...], int]]:
    for row in frame.toLocalIterator():
        yield tuple(row[:-1]), int(row[-1])


def _unmapped(shape: Shape) -> Iterable[Shape]:
    """Return the topmost parts that no policy maps."""
    if not shape.mapped:
        return [shape]
    return [each for part in shape.parts for each in _unmapped(part)]


def _mark(kind: str, value: str) -> str:
    return f"{kind}\x1f{value}"


def _of_person(
    spark: SparkSession,
    controller: Controller,
    policy: TablePolicy,
    frame: DataFrame,
    keys: Sequence[KeyRow],
    own: Own,
) -> DataFrame:
    """Return the person's rows, beside what is their own and whether the row is somebody else's, too.

    It travels as a one-row table that is joined in: as literals it would stand in plans and event logs.
    """
    lists = {_MINE: own.mine, _NAMES: own.names, _KEEP: own.keep}
    carried = pa.table({name: pa.array([list(values)], pa.list_(pa.string())) for name, values in lists.items()})
    rows = split_rows(frame, policy, controller, keys_frame(spark, keys), due=True)
    rows = rows.crossJoin(F.broadcast(spark.createDataFrame(carried)))
    others = [_someone_elses(policy, controller, reach.column) for reach in policy.direct]
    return rows.withColumn(_SHARED, reduce(Column.__or__, others, F.lit(False)))


def _someone_elses(policy: TablePolicy, controller: Controller, column: str) -> Column:
    """Return whether a column by which rows reach people holds a value, and one that is not the person's."""
    found, mine = F.lit(False), F.lit(False)
    for reach in policy.subject:
        if reach.column == column:
            value = spelled(reach, controller)
            found |= F.coalesce(value != "", F.lit(False))
            mark = F.concat(F.lit(_mark(kind_of(policy, reach), "")), value)
            mine |= F.coalesce(F.array_contains(_MINE, mark), F.lit(False))
    return found & ~mine


def _treated(
    policy: TablePolicy, controller: Controller, column: T.StructField, shape: Shape, nlp: NlpModel
) -> tuple[Column, Column]:
    """Return a column as text before and after other people are redacted; one and the same where nobody is."""
    value = F.col(quoted(column.name))
    if isinstance(column.dataType, NESTED):
        before = F.to_json(value, JSON_OPTIONS)
        return before, redacted(value, shape, keep=F.col(_KEEP), names=F.col(_NAMES), shared=F.col(_SHARED), nlp=nlp)
    text = _text(value, column.dataType)
    after = mask_column(text, keep=F.col(_KEEP), nlp=nlp) if shape.free_text else text
    reaches = [reach for reach in policy.subject if reach.column == column.name]
    if reaches:
        # A key that points to another table, such as an address's, says nothing by itself; a card's number does.
        if shape.identifying or any(reach.identifies for reach in reaches):
            after = F.when(_someone_elses(policy, controller, column.name), OTHER).otherwise(after)
    elif shape.identifying and not shape.free_text:
        theirs = F.array_contains(_NAMES, F.lower(F.trim(text)))
        after = F.when(F.col(_SHARED) & (F.trim(text) != "") & ~theirs, OTHER).otherwise(after)
    return text, after


def _text(value: Column, kind: T.DataType) -> Column:
    match kind:
        case T.TimestampType():
            return F.date_format(value, TIMES)
        case T.TimestampNTZType():
            return F.date_format(value, JSON_OPTIONS["timestampNTZFormat"])
        case T.BinaryType():
            return F.base64(value)
        case T.VariantType():
            return F.to_json(value)
        case _:
            return value.cast("string")


def _placeholders(column: str) -> Column:
    return F.coalesce(F.regexp_count(F.col(column), F.lit(PLACEHOLDER.pattern)), F.lit(0))


def _order(columns: Sequence[T.StructField]) -> list[str]:
    """Return what rows are sorted by: their time if they have one, then a key or whatever comes first."""
    times = [c.name for c in columns if isinstance(c.dataType, (T.TimestampType, T.TimestampNTZType, T.DateType))]
    plain = [c.name for c in columns if isinstance(c.dataType, (T.StringType, T.NumericType))]
    return list(dict.fromkeys((*times[-1:], *plain[:1])))


def _names(
    spark: SparkSession,
    policies: PolicySet,
    frames: Mapping[str, DataFrame],
    keys: Sequence[KeyRow],
    own: Own,
    touched: Collection[str],
) -> list[str]:
    """Return how the person is called in rows that nobody else is reached by."""
    parts = []
    for name, policy in policies.tables.items():
        if name not in touched:
            continue
        reaches = {reach.column for reach in policy.subject}
        columns = [
            f.name
            for f in frames[name].schema.fields
            if isinstance(f.dataType, T.StringType)
            and f.name not in reaches
            and (meaning := policy.columns.get(f.name)) is not None
            and not meaning.free_text
            and is_identifying(meaning.category)
            and is_within(meaning.category, _CALLED)
        ]
        if columns:
            alone = _of_person(spark, policies.controller, policy, frames[name], keys, own).where(~F.col(_SHARED))
            parts.append(alone.select(F.explode(F.array(*[F.col(quoted(c)) for c in columns])).alias("name")))
    if not parts:
        return []
    found = reduce(DataFrame.unionByName, parts).where(F.trim("name") != "").distinct().orderBy("name")
    names: list[str] = found.limit(_MOST_NAMES).toArrow().column("name").to_pylist()
    return names
