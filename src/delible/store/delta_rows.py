"""Rows of somebody's Delta table, without a JVM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deltalake import DeltaTable, QueryBuilder

from delible.errors import InputError


def delta_rows(location: str) -> Iterator[dict[str, Any]]:
    """Yield all rows of a table's newest version, times as datetimes.

    Raises:
        InputError: `consent.file` for a table that cannot be read, such as one with features that need Spark.
    """
    import pyarrow as pa

    try:
        reader = QueryBuilder().register("t", DeltaTable(location)).execute("SELECT * FROM t")
        for batch in pa.RecordBatchReader.from_stream(reader):
            yield from batch.to_pylist()
    except Exception as error:
        raise InputError(
            "consent.file",
            f"the Delta table cannot be read ({type(error).__name__}).",
            where=location,
            fix="Export it as JSON lines or CSV.",
        ) from None
