"""Values that columns keep in other types than text: as which number, date or time a sought text stands there."""

from __future__ import annotations

import re
from datetime import time
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_NUMERAL = re.compile(r"[+-]?(?:0|[1-9]\d{0,75})(?:\.\d{1,75})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?", re.ASCII)
_FEWEST_DIGITS = 5
"""A number with fewer digits is only taken for a value that is spelled as its column spells it."""


def is_comparable(kind: pa.DataType) -> bool:
    """Return whether texts can be looked for in a column of this type by what they mean."""
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return bool(is_number or pa.types.is_date(kind) or pa.types.is_time(kind) or _is_instant_or_span(kind))


def _is_instant_or_span(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_duration(kind))


def count_values(array: pa.Array, values: frozenset[str]) -> int:
    """Count the values of a column that mean the same as one of the texts.

    Instants in a column with a time zone are compared as UTC.
    """
    wanted = _meanings(values, array.type)
    if not len(wanted):
        return 0
    return pc.sum(pc.is_in(comparable(array), value_set=comparable(wanted))).as_py() or 0


def comparable(array: pa.Array) -> pa.Array:
    """Return a column of plain values in the next larger type that Arrow can compare."""
    kind = array.type
    if pa.types.is_float16(kind):
        return pc.cast(array, pa.float32())
    if pa.types.is_decimal(kind) and kind.bit_width < 128:  # noqa: PLR2004
        return pc.cast(array, pa.decimal128(kind.precision, kind.scale))
    if pa.types.is_binary(kind) or pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind):
        return pc.cast(array, pa.large_binary())
    return array


def spelled(value: object) -> str:
    """Return a value's text, numbers without what is no part of the number: 17, not 17.0 or 1.7E1."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, Decimal) and value.is_finite():
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


@lru_cache(maxsize=256)
def _meanings(values: frozenset[str], kind: pa.DataType) -> pa.Array:
    """Return those of the texts that a column of this type can hold."""
    found = []
    for value in values:
        scalar = _meaning(value, kind)
        if scalar is not None:
            found.append(scalar)
    return pa.array(found, kind)


def _meaning(value: str, kind: pa.DataType) -> Any:
    try:
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            return _instant(value, kind) if _INSTANT.fullmatch(value) else None
        if pa.types.is_time(kind):
            moment = time.fromisoformat(value) if _TIME.fullmatch(value) else None
            return None if moment is None else pa.scalar(moment, kind).as_py()
        return _number(Decimal(value), value, kind) if _NUMERAL.fullmatch(value) else None
    except (pa.ArrowException, ValueError, OverflowError):
        return None  # no such date, or out of the type's range


def _instant(value: str, kind: pa.DataType) -> Any:
    naive = pa.timestamp(kind.unit) if pa.types.is_timestamp(kind) else kind
    return pa.scalar(value).cast(naive).cast(kind)


def _number(number: Decimal, value: str, kind: pa.DataType) -> Any:
    if pa.types.is_floating(kind):
        with np.errstate(over="ignore"):
            single = kind.to_pandas_dtype()(number)
        # A rounded number stands for many; only one that the type keeps as it was is this one.
        if not np.isfinite(single) or Decimal(str(single)) != number:
            return None
        found, own = single, str(single)
    elif pa.types.is_decimal(kind):
        found = pa.scalar(number, kind).as_py()
        own = f"{found:f}"
    else:
        if number != int(number):
            return None
        found = pa.scalar(int(number), pa.int64() if pa.types.is_duration(kind) else kind).as_py()
        own = str(found)
    telling = sum(c.isdigit() for c in spelled(number).lstrip("+-0.")) >= _FEWEST_DIGITS
    return found if telling or own == value else None
