"""One person's rows of a table, as text, with other people redacted in free text (Art. 15(4))."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from delible.lake.facts import quoted, read
from delible.lake.masking import mask_column
from delible.lake.mentions import telling_values
from delible.lake.reach import keys_frame, split_rows
from delible.model.policy import Controller, TablePolicy
from delible.model.subject import KeyRow


def rows_of_people(
    spark: SparkSession,
    controller: Controller,
    policy: TablePolicy,
    location: str,
    keys: Sequence[KeyRow],
    most: int,
) -> list[dict[str, Any]]:
    """Return the rows that the keys reach, at most `most`, columns that a policy maps, values as text.

    This is the one place that brings rows to the driver: they are one person's, and go into that person's package.
    """
    frame = split_rows(read(spark, location), policy, controller, keys_frame(spark, keys), due=True)
    own = pa.array([list(telling_values(keys, controller))], pa.list_(pa.string()))
    frame = frame.crossJoin(F.broadcast(spark.createDataFrame(pa.table({"__own": own}))))
    columns = []
    for name in policy.columns:
        if name not in frame.columns:
            continue
        kind = frame.schema[name].dataType.typeName()
        value = F.col(quoted(name))
        text = F.to_json(value) if kind in ("struct", "array", "map") else value.cast("string")
        columns.append((mask_column(text, keep=F.col("__own")) if name in policy.free_text else text).alias(name))
    rows: list[dict[str, Any]] = frame.select(*columns).limit(most).toArrow().to_pylist()
    return rows
