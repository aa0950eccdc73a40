"""Work on many files: in this process while it is little, by Spark over the files when it is much."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

T = TypeVar("T")
R = TypeVar("R")

LITTLE = 512 << 20
"""Bytes up to which starting Spark's Python workers would take longer than the work."""


def spread(spark: SparkSession | None, work: Callable[[T], R], tasks: Sequence[T], *, size: int) -> list[R]:
    """Return the result of each task, in any order.

    The function and what it needs travel inside Spark's task, never as a literal of a plan; one task is one row, and
    each is a partition of its own, so that a worker that is lost costs one file's time.

    Args:
        size: Bytes of all files together.
    """
    if spark is None or size <= LITTLE or len(tasks) < 2:  # noqa: PLR2004  # one file cannot be spread
        return [work(task) for task in tasks]

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            done = [pickle.dumps(work(pickle.loads(each))) for each in batch.column(0).to_pylist()]  # noqa: S301
            yield pa.record_batch([pa.array(done, pa.binary())], ["done"])

    rows = pa.table({"task": pa.array([pickle.dumps(task) for task in tasks], pa.binary())})
    frame = spark.createDataFrame(rows).repartition(len(tasks))
    found = frame.mapInArrow(run, "done binary").toArrow().column("done").to_pylist()
    return [pickle.loads(each) for each in found]  # noqa: S301  # our own results
