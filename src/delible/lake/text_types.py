"""Types for columns of text: only where the text comes back as it was."""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from delible.lake.facts import quoted

_DATE = r"^\d{4}-\d{2}-\d{2}$"
_TIMESTAMP = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?$"
_INSTANT = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:?\d{2})$"
_FIXED = r"^-?(0|[1-9]\d*)\.\d+$"
_MOST_DIGITS = 38


def typed(frame: DataFrame) -> DataFrame:
    """Return a frame of strings with every column in the narrowest type that loses nothing.

    Whole numbers, decimals and truth values are typed only when casting back gives every text letter for letter, so
    that leading zeros, plus signs and spaces survive as strings. Dates and times are typed when every text has the
    whole form of one; those without an offset are read in the session's time zone. A column without values stays text.
    """
    names = frame.columns
    if not names:
        return frame
    sums = [part for i, name in enumerate(names) for part in _counts(F.col(quoted(name)), i)]
    seen: Any = frame.agg(*sums).first()
    return frame.select(*[_cast(F.col(quoted(name)), seen, i).alias(name) for i, name in enumerate(names)])


def _counts(text: Column, i: int) -> list[Column]:
    point = F.instr(text, ".")
    fixed = F.regexp_like(text, F.lit(_FIXED)) & (text != "-0.0")
    yes = {
        "bigint": text.try_cast("bigint").cast("string") == text,
        "boolean": text.isin("true", "false"),
        "date": F.regexp_like(text, F.lit(_DATE)) & text.try_cast("date").isNotNull(),
        "timestamp": F.regexp_like(text, F.lit(_TIMESTAMP)) & text.try_cast("timestamp").isNotNull(),
        "instant": F.regexp_like(text, F.lit(_INSTANT)) & text.try_cast("timestamp").isNotNull(),
        "fixed": fixed,
        "double": text.try_cast("double").cast("string") == text,
    }
    return [
        F.count(text).alias(f"all_{i}"),
        *[F.count_if(condition).alias(f"{name}_{i}") for name, condition in yes.items()],
        F.min(F.when(fixed, F.length(text) - point)).alias(f"least_{i}"),
        F.max(F.when(fixed, F.length(text) - point)).alias(f"most_{i}"),
        F.max(F.when(fixed, F.length(F.replace(text, F.lit("-"))) - 1)).alias(f"digits_{i}"),
    ]


def _cast(text: Column, seen: Any, i: int) -> Column:
    every = seen[f"all_{i}"]
    if not every:
        return text
    for name in ("bigint", "boolean", "date", "timestamp"):
        if seen[f"{name}_{i}"] == every:
            return text.cast(name)
    if seen[f"instant_{i}"] == every:
        return text.cast("timestamp")
    scale, digits = seen[f"most_{i}"], seen[f"digits_{i}"]
    if seen[f"fixed_{i}"] == every and scale == seen[f"least_{i}"] and digits <= _MOST_DIGITS:
        return text.cast(f"decimal({digits},{scale})")
    return text.cast("double") if seen[f"double_{i}"] == every else text
