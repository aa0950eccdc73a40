"""Columns measured where they are: one aggregation per table, of which counts come back and no value is shown.

Values are compared as keyed hashes: a sample of a column's distinct values is those with the lowest ones. The hashes
stay in memory, and the key travels as data and never as a literal of a plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from delible.lake.columns import INNER, OUTER, with_pads
from delible.lake.facts import quoted
from delible.model.profile import At, ColumnProfile, Form, Inclusion

SAMPLE = 1_024
"""Distinct values of a column that are looked for in another one, on average; of up to twice as many, all."""
EXACT_ROWS = 2_000_000
"""Rows up to which values that stand twice are counted among all rows, beyond it among a sample of the values."""

_ERROR = 0.02
_NEARLY = 0.93
"""With the approximate count three errors below the rows, values may still be different in each."""
_BUCKETS = 2**31
_SEED = 20_180_525
_PAIR, _TARGET, _PROBE, _HASH = "pair", "target", "probe", "hash"

Pads = tuple[bytes, bytes]
Sketch = tuple[int, ...]
"""Keyed hashes of a sample of a column's distinct values."""


def profiles(frame: DataFrame, *, table: str, pads: Pads) -> list[ColumnProfile]:
    """Return what one pass over a table says of each of its plain columns, and which of them are keys.

    A second pass counts those exactly whose approximate count nearly is the number of rows.
    """
    fields = [f for f in frame.schema.fields if not isinstance(f.dataType, (T.StructType, T.ArrayType, T.MapType))]
    measures = [F.count(F.lit(1)).alias("rows")]
    for n, field in enumerate(fields):
        measures += [m.alias(f"{name}{n}") for name, m in _measures(field).items()]
    counted = frame.agg(*measures).collect()[0].asDict()
    found = [_profile(At(table, f.name), f.dataType, n, counted) for n, f in enumerate(fields)]
    close = [p for p in found if p.form in (Form.NUMBER, Form.TEXT) and p.distinct >= _NEARLY * p.filled > 0]
    exact = _distinct(frame, close, pads) if close else {}
    return [_with_exact(p, *exact[p.at]) if p.at in exact else p for p in found]


def sketches(frame: DataFrame, columns: Sequence[ColumnProfile], *, pads: Pads) -> dict[At, Sketch]:
    """Return a sample of each column's distinct values as keyed hashes, all in one aggregation."""
    if not columns:
        return {}
    drawn = []
    for n, column in enumerate(columns):
        code = _code(_text(F.col(quoted(column.at.column))))
        drawn.append(
            F.collect_set(code if _all_drawn(column) else F.when(_bucket(code) < _limit(column), code)).alias(str(n))
        )
    row = with_pads(frame, pads).agg(*drawn).collect()[0]
    return {column.at: tuple(sorted(row[n])) for n, column in enumerate(columns)}


def inclusions(frame: DataFrame, wanted: Sequence[tuple[ColumnProfile, str, Sketch]], *, pads: Pads) -> list[Inclusion]:
    """Return for each sketch how many of its values a column of this table has, all in one pass over the table.

    Beside the sketch of numbers it looks for as many numbers spread at random over their range.

    Args:
        wanted: The sketched column, the column of this table, and the sketch.
    """
    if not wanted:
        return []
    names = list(dict.fromkeys(target for _, target, _ in wanted))
    asked = with_pads(frame.sparkSession.createDataFrame(_asked(wanted, names)), pads)
    asked = asked.select(_PAIR, _TARGET, _PROBE, F.coalesce(F.col(_HASH), _code(F.col("number"))).alias(_HASH))
    own = F.array(*(F.struct(F.lit(n).alias(_TARGET), _code(_text(F.col(quoted(name)))).alias(_HASH))
                    for n, name in enumerate(names)))  # fmt: skip
    rows = with_pads(frame, pads).select(F.explode(own).alias("own")).select("own.*")
    met = rows.join(F.broadcast(asked), [_TARGET, _HASH]).groupBy(_PAIR, _PROBE).agg(
        F.count_distinct(_HASH).alias("found")
    )  # fmt: skip
    found = {(row[_PAIR], row[_PROBE]): row["found"] for row in met.collect()}
    return [
        Inclusion(
            len(sketch),
            found.get((n, False), 0),
            len(probes(column)),
            found.get((n, True), 0),
            0 if _all_drawn(column) else column.distinct,
        )
        for n, (column, _, sketch) in enumerate(wanted)
    ]


def combinations(frame: DataFrame, columns: Sequence[str]) -> int:
    """Return about how many different combinations of these columns' values there are."""
    return int(frame.agg(F.approx_count_distinct(F.struct(*map(quoted, columns)), _ERROR)).collect()[0][0])


def probes(column: ColumnProfile) -> list[int]:
    """Return numbers at random from a column's range, the same ones each time; all of them where they are few."""
    if column.form is not Form.NUMBER or column.low is None or column.high is None:
        return []
    low, high = int(column.low), int(column.high)
    if high - low < SAMPLE:
        return list(range(low, high + 1))
    return Random(_SEED).sample(range(low, high + 1), SAMPLE)  # noqa: S311  # a control sample, no secret


def _measures(field: T.StructField) -> dict[str, Column]:
    column = F.col(quoted(field.name))
    if _is_time(field.dataType):
        return {"filled": F.count(column), "distinct": F.approx_count_distinct(column, _ERROR)}
    if not _is_keylike(field.dataType):
        return {"filled": F.count(column)}
    text = _text(column)
    number = text.try_cast("decimal(38,0)")
    # "1.5", "007" and "1e3" are texts: as numbers they would be spelled differently.
    whole = F.when(number.cast("string") == text, number.cast("double"))
    return {
        "filled": F.count(text),
        "distinct": F.approx_count_distinct(text, _ERROR),
        "longest": F.max(F.length(text)),
        "numbers": F.count(whole),
        "low": F.min(whole),
        "high": F.max(whole),
    }


def _profile(at: At, kind: T.DataType, n: int, counted: Mapping[str, int | float | None]) -> ColumnProfile:
    def of(name: str) -> int:
        return int(counted.get(f"{name}{n}") or 0)

    form = Form.TIME if _is_time(kind) else Form.OTHER
    if _is_keylike(kind):
        form = Form.NUMBER if of("numbers") == of("filled") > 0 else Form.TEXT
    low, high = (counted.get(f"{name}{n}") if form is Form.NUMBER else None for name in ("low", "high"))
    filled = of("filled")
    distinct = min(of("distinct"), filled)
    return ColumnProfile(
        at,
        kind.simpleString(),
        form,
        int(counted["rows"] or 0),
        filled,
        distinct,
        longest=of("longest"),
        low=low,
        high=high,
    )


def _distinct(frame: DataFrame, close: Sequence[ColumnProfile], pads: Pads) -> dict[At, tuple[int, int]]:
    """Return rows looked at and distinct values among them, of columns that may be keys."""
    rate = min(1.0, EXACT_ROWS / max(1, close[0].rows))
    measures = []
    for column in close:
        code = _code(_text(F.col(quoted(column.at.column))))
        drawn = code if rate == 1.0 else F.when(_bucket(code) < int(rate * _BUCKETS), code)
        measures += [F.count(drawn), F.count_distinct(drawn)]
    row = with_pads(frame, pads).agg(*measures).collect()[0]
    return {column.at: (row[2 * n], row[2 * n + 1]) for n, column in enumerate(close)}


def _with_exact(profile: ColumnProfile, looked: int, distinct: int) -> ColumnProfile:
    all_rows = looked == profile.filled
    known = replace(profile, unique=looked == distinct > 0, looked=looked, counted=all_rows)
    return replace(known, distinct=distinct) if all_rows else known


def _asked(wanted: Sequence[tuple[ColumnProfile, str, Sketch]], names: Sequence[str]) -> pa.Table:
    rows: list[tuple[int, int, bool, int | None, str | None]] = []
    for n, (column, target, sketch) in enumerate(wanted):
        place = names.index(target)
        rows += [(n, place, False, code, None) for code in sketch]
        rows += [(n, place, True, None, str(number)) for number in probes(column)]
    schema = pa.schema({_PAIR: pa.int32(), _TARGET: pa.int32(), _PROBE: pa.bool_(), _HASH: pa.int64(), "number": pa.string()})  # fmt: skip  # noqa: E501
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def _text(column: Column) -> Column:
    """Return the spelling under which values are compared; NULL for a blank one."""
    text = F.lower(F.trim(column.cast("string")))
    return F.when(text != "", text)


def _code(text: Column) -> Column:
    """Return the keyed hash of a text, NULL for none; the frame must have passed `with_pads`."""
    return F.when(text.isNotNull(), F.xxhash64(F.col(INNER), text, F.col(OUTER)))


def _bucket(code: Column) -> Column:
    return F.shiftrightunsigned(code, 33)


def _all_drawn(column: ColumnProfile) -> bool:
    return column.distinct <= 2 * SAMPLE


def _limit(column: ColumnProfile) -> int:
    return max(1, int(_BUCKETS * min(1.0, SAMPLE / column.distinct)))


def _is_keylike(kind: T.DataType) -> bool:
    """Return whether values of a type can name rows of another table: texts and whole numbers."""
    if isinstance(kind, T.DecimalType):
        return kind.scale == 0
    return isinstance(kind, (T.StringType, T.IntegralType))


def _is_time(kind: T.DataType) -> bool:
    return isinstance(kind, (T.DateType, T.TimestampType, T.TimestampNTZType))
