"""Facts that planners need, read from a Delta table's own log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame, SparkSession

from delible.decide.column_paths import leaf_columns, path_parts
from delible.errors import InputError, SetupError
from delible.lake.commits import current_version
from delible.lake.description import description, fields_of, is_computed, longest_in
from delible.model import layout
from delible.model.layout import DEFAULTS, DELETED_FILES, LOG
from delible.model.plan import TableFacts

if TYPE_CHECKING:
    from delta.tables import DeltaTable

_CHECK = "delta.constraints."


def quoted(name: str) -> str:
    """Return a name as a Spark SQL identifier, whatever characters it holds."""
    return "`" + name.replace("`", "``") + "`"


def at_path(path: str) -> str:
    """Return a policy's name of a column as a Spark SQL identifier: dots outside of backticks lead into structs."""
    return ".".join(map(quoted, path_parts(path)))


def column_of(path: str) -> str:
    """Return the table's column that a policy's name of a column lies in, or is."""
    return path_parts(path)[0]


def path_table(location: str) -> str:
    """Return the SQL name of a Delta table by path."""
    return f"delta.{quoted(location)}"


def literal(text: str) -> str:
    """Return a text as a Spark SQL literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def assignments(values: Mapping[str, str]) -> str:
    """Return keys and values as Spark SQL lists them, in properties and tags."""
    return ", ".join(f"{literal(key)} = {literal(value)}" for key, value in values.items())


def open_table(spark: SparkSession, location: str, *, table: str) -> DeltaTable:
    """Return a fresh handle; one made before a feature was turned on fails in DELETE and MERGE.

    Raises:
        InputError: `table.missing` when there is no Delta table at the location.
    """
    from delta.tables import DeltaTable  # a cluster's workers, which need this module's names, have its JAR only

    refuse_missing(spark, location, table=table)
    return DeltaTable.forPath(spark, location)


def refuse_missing(spark: SparkSession, location: str, *, table: str) -> None:
    """Refuse to go on without a table; opening one only to see that it is there would plan a query on it.

    Raises:
        InputError: `table.missing` when there is no Delta table at the location.
    """
    if not is_delta(spark, location):
        raise InputError(
            "table.missing",
            f"table '{table}' has no Delta table at its path.",
            where=f"table:{table}",
            fix="Load it with `delible table load`, or correct 'path' in its policy.",
        )


def is_delta(spark: SparkSession, location: str) -> bool:
    """Return whether there is a Delta table at a location.

    Raises:
        SetupError: `spark.no_s3` when it lies in a bucket, and this session cannot read any.
    """
    from delta.tables import DeltaTable

    try:
        return bool(DeltaTable.isDeltaTable(spark, location))
    except Exception as error:
        if not re.search(r"S3AFileSystem not found|No FileSystem for scheme \"?s3", str(error)):
            raise
        raise SetupError(
            "spark.no_s3",
            "this Spark session cannot read buckets.",
            where=location,
            fix='Set spark: {spark.delible.s3: "true"} in delible.yaml and name tables by s3a://; '
            "a cluster needs hadoop-aws among its own JARs.",
        ) from None


def read(spark: SparkSession, location: str, *, version: int | None = None) -> DataFrame:
    """Return the table's rows, now or at a version."""
    reader = spark.read.format("delta")
    if version is not None:
        reader = reader.option("versionAsOf", version)
    return reader.load(location)


def empty(spark: SparkSession, columns: Mapping[str, str]) -> DataFrame:
    """Return no rows with these columns, for a table that was never written."""
    return spark.createDataFrame([], ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items()))


def version_of(spark: SparkSession, location: str, *, table: str) -> int:
    """Return the newest version of a table that must exist.

    Raises:
        InputError: `table.missing`.
    """
    refuse_missing(spark, location, table=table)
    return current_version(location)


def table_facts(spark: SparkSession, location: str, *, table: str) -> TableFacts:
    """Read size, schema, features and retention windows of one table."""
    handle = open_table(spark, location, table=table)
    detail: Any = handle.detail().first()
    properties: dict[str, str] = dict(detail["properties"] or {})
    frame = read(spark, location)
    said = fields_of(description(location))
    partitions = [*detail["partitionColumns"], *(detail["clusteringColumns"] or [])]
    return TableFacts(
        table=table,
        location=location,
        version=current_version(location),
        rows=frame.count(),
        files=int(detail["numFiles"]),
        bytes=int(detail["sizeInBytes"]),
        features=tuple(sorted(detail["tableFeatures"] or [])),
        columns={f.name: f.dataType.simpleString() for f in frame.schema.fields},
        partitions=tuple(partitions),
        required=tuple(f.name for f in frame.schema.fields if not f.nullable),
        computed=tuple(name for name, field in said.items() if is_computed(field)),
        leaves=tuple(name for name, _ in leaf_columns(said.values())),
        lengths={name: most for name, field in said.items() if (most := longest_in(field)) is not None},
        append_only=properties.get("delta.appendOnly", "").lower() == "true",
        constraints={k.removeprefix(_CHECK): v for k, v in properties.items() if k.startswith(_CHECK)},
        deleted_file_retention_hours=interval_hours(properties.get(DELETED_FILES, DEFAULTS[DELETED_FILES])),
        log_retention_hours=interval_hours(properties.get(LOG, DEFAULTS[LOG])),
    )


def interval_hours(text: str) -> int:
    """Return a Delta interval such as `interval 1 week` in whole hours, rounded up.

    Raises:
        InputError: `table.interval` for a unit that Delta itself would refuse.
    """
    try:
        return layout.interval_hours(text)
    except ValueError as error:
        raise InputError("table.interval", f"{error}.", where=text) from None
