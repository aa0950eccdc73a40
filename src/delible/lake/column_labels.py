"""Labels of columns where Spark has to write them: table properties, and the tags of a catalog that has some."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pyspark.sql import SparkSession

from delible.errors import InputError, SetupError
from delible.lake.facts import assignments, literal, path_table, quoted
from delible.plan.tag_labels import CATEGORY, NONE, Labels, at_the_top

Execute = Callable[[str], Any]
"""Carries out one SQL statement, such as `spark.sql`."""

_UNITY = "spark.databricks.unityCatalog.enabled"
_PARTS = 3


def set_properties(execute: Execute, location: str, properties: Mapping[str, str]) -> None:
    """Set properties of the table at a location, in one commit that touches no data file."""
    if properties:
        execute(f"ALTER TABLE {path_table(location)} SET TBLPROPERTIES ({assignments(properties)})")


def has_column_tags(spark: SparkSession) -> bool:
    """Return whether the session's catalog knows tags of columns: Unity Catalog on Databricks; Spark's own does not."""
    return str(spark.conf.get(_UNITY, "false")).lower() == "true"


def set_column_tags(execute: Execute, name: str, wanted: Labels, *, supported: bool) -> int:
    """Write labels as the catalog's own tags, one statement per column of the top level, and return how many changed.

    A tag's key takes no dot there, so `delible.category` is `delible_category`. A column with parts has the category of
    the first of them that is special, else of the first that is personal. Tags of a column that is personal no more are
    taken away.

    Args:
        name: `catalog.schema.table`.
        supported: What `has_column_tags` says of the session.

    Raises:
        SetupError: `tags.no_catalog` where the catalog has no tags.
        InputError: `tags.catalog_name` unless the name has three parts.
    """
    parts = name.split(".")
    if len(parts) != _PARTS or not all(part.strip() for part in parts):
        raise InputError(
            "tags.catalog_name", "a catalog's table is named catalog.schema.table.", where="--catalog-table"
        )
    if not supported:
        raise SetupError(
            "tags.no_catalog",
            "this session's catalog has no tags for columns.",
            fix="Run it where Unity Catalog is on, or without --catalog-table.",
        )
    table = ".".join(quoted(part) for part in parts)
    known, changed = _known_tags(execute, parts), 0
    for column, words in at_the_top(wanted).items():
        tags = {f"delible_{key}": word for key, word in words.items()} if words[CATEGORY] != NONE else {}
        gone = sorted(known.get(column, {}).keys() - tags.keys())
        if tags != known.get(column, {}):
            changed += 1
            alter = f"ALTER TABLE {table} ALTER COLUMN {quoted(column)}"
            if gone:
                execute(f"{alter} UNSET TAGS ({', '.join(map(literal, gone))})")
            if tags:
                execute(f"{alter} SET TAGS ({assignments(tags)})")
    return changed


def _known_tags(execute: Execute, parts: list[str]) -> dict[str, dict[str, str]]:
    """Return the tags of delible's own that a table's columns have, by column."""
    catalog, schema, table = parts
    known_tags = f"{quoted(catalog)}.information_schema.column_tags"
    of_table = f"schema_name = {literal(schema)} AND table_name = {literal(table)} AND startswith(tag_name, 'delible_')"
    rows = execute(f"SELECT column_name, tag_name, tag_value FROM {known_tags} WHERE {of_table}").collect()  # noqa: S608 -- quoted
    known: dict[str, dict[str, str]] = {}
    for column, tag, value in rows:
        known.setdefault(column, {})[tag] = value
    return known
