"""Many small tables in one workspace, each another combination of what Delta may do with a table's bytes.

A person's e-mail address, name and number stand in each of them: in rows of their own, in statistics, old versions,
change data, names of folders, in a column that was dropped, and in texts of other people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from small_shop import CONTROLLER, PURPOSE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FACTORS: Mapping[str, Sequence[str]] = {
    "hiding": ("cow", "dv"),
    "feed": ("plain", "cdf"),
    "mapping": ("none", "name"),
    "layout": ("plain", "partitioned", "clustered"),
    "action": ("erase", "null", "mask"),
    "history": ("fresh", "checkpointed", "v2", "cloned"),
}
PEOPLE, DUE = 8, 1
"""The due person's values are the least of all: they stand in statistics."""


class Combination(NamedTuple):
    """One table."""

    hiding: str
    feed: str
    mapping: str
    layout: str
    action: str
    history: str

    @property
    def table(self) -> str:
        return f"t_{'_'.join(self)}"


def every() -> tuple[Combination, ...]:
    return tuple(Combination(*values) for values in product(*FACTORS.values()))


def pairwise() -> tuple[Combination, ...]:
    """Return the fewest combinations in which every two values of different factors stand together at least once.

    Greedy: each time the combination that holds most pairs that were not there yet; the same ones on each run. Among
    equals the order decides, and in this one it ends with as many as there are pairs of a history and a layout.
    """
    order = list(every())
    Random(135).shuffle(order)
    missing = {pair for each in order for pair in _pairs(each)}
    chosen: list[Combination] = []
    while missing:
        best = max(order, key=lambda each: len(missing & _pairs(each)))
        missing -= _pairs(best)
        chosen.append(best)
    return tuple(chosen)


def _pairs(each: Combination) -> set[tuple[tuple[str, str], ...]]:
    return set(combinations(zip(each._fields, each, strict=True), 2))


def email(number: int) -> str:
    return f"a{number:02d}@matrix.example"


def name(number: int) -> str:
    return f"Zo\u00eb Ab{'bcdefghijk'[number]}ott"


SQL_PEOPLE = """
SELECT id AS customer_id, concat('a', lpad(id, 2, '0'), '@matrix.example') AS email,
       concat('Zo\u00eb Ab', substring('bcdefghijk', CAST(id AS INT) + 1, 1), 'ott') AS name,
       concat('parcel ', id, said) AS note,
       named_struct('body', concat('on ', id, said), 'tags', array('x', concat('tag', said))) AS detail,
       map('to', concat('map', said), 'n', CAST(id AS STRING)) AS attrs,
       to_json(named_struct('who', concat('json', said), 'amount', 1.50, 'list', array(said))) AS doc,
       CAST(id AS DOUBLE) / 3 AS amount
FROM (SELECT id, CASE WHEN {mentions} AND id % 3 = 2
      THEN ' for A01@Matrix.example, not za01@matrix.example, says Zo\u00eb Abcott' ELSE '' END AS said
      FROM range(1, {end}, 1, 2))
"""
_TEXTS = {"note": "", "detail.body": "", "detail.tags": "", "attrs": "", "doc": ""}
_TREATED = {
    "null": "customer_id: pseudonymise, email: null, name: null, note: null, detail: null, attrs: null, doc: null",
    "mask": "customer_id: pseudonymise, email: mask, name: mask, note: mask, detail: null, attrs: null, doc: mask",
}


def policies(chosen: Sequence[Combination]) -> dict[str, str]:
    files = {
        "controller.yaml": CONTROLLER.replace("  phone: {normalise: digits}\n", ""),
        "purposes/support.yaml": PURPOSE,
    }
    for each in chosen:
        files[f"tables/{each.table}.yaml"] = _policy(each, each.table)
        if each.history == "cloned":
            files[f"tables/{each.table}_copy.yaml"] = _policy(each, f"{each.table}_copy", upstream=each.table)
    return files


def _policy(each: Combination, table: str, upstream: str | None = None) -> str:
    free = "{category: user.content.private, free_text: true}" if each.action == "mask" else "user.content.private"
    lines = [
        f"table: {table}",
        f"path: warehouse/{table}",
        "description: One combination.",
        "purposes: [support]",
        "subject:",
        "  - {column: customer_id, identifies: customer_id}",
        "columns:",
        "  customer_id: user.unique_id",
        "  email: {category: user.contact.email, searched: true}",
        "  name: {category: user.name, searched: true}",
        "  amount: system.operations",
        *(f"  {path}: {free}" for path in _TEXTS),
        "readers: exclusive",
    ]
    if upstream is not None:
        lines.append(f"upstream: [{upstream}]")
    if each.action != "erase":
        lines += ["erasure:", "  action: treat_columns", f"  columns: {{{_TREATED[each.action]}}}", "  reason: Counts."]
    return "\n".join(lines) + "\n"


def make_table(spark: SparkSession, folder: Path, each: Combination) -> None:
    """Write a table with a history: rows in two files, an update, a dropped and a renamed column."""
    table = f"delta.`{folder / each.table}`"
    mapped = each.mapping == "name"
    options = {
        "delta.enableDeletionVectors": str(each.hiding == "dv").lower(),
        "delta.enableChangeDataFeed": str(each.feed == "cdf").lower(),
        "delta.columnMapping.mode": each.mapping,
        "delta.checkpointInterval": "2" if each.history in ("checkpointed", "v2") else "100",
        "delta.checkpointPolicy": "v2" if each.history == "v2" else "classic",
    }
    properties = ", ".join(f"'{key}' = '{value}'" for key, value in options.items())
    by = {"plain": "", "partitioned": "PARTITIONED BY (customer_id, {})", "clustered": "CLUSTER BY ({}, customer_id)"}
    key = "mail" if mapped else "email"
    extra = ", secret STRING" if mapped else ""
    spark.sql(
        f"CREATE TABLE {table} (customer_id BIGINT, {key} STRING, name STRING, note STRING, detail STRUCT<body: "
        f"STRING, tags: ARRAY<STRING>>, attrs MAP<STRING, STRING>, doc STRING, amount DOUBLE{extra}) "
        f"USING delta {by[each.layout].format(key)} TBLPROPERTIES ({properties})"
    )
    people = SQL_PEOPLE.format(mentions=str(each.action == "mask").lower(), end=PEOPLE + 1)
    secret = f", '{email(DUE)}' AS secret" if mapped else ""
    spark.sql(f"INSERT INTO {table} SELECT *{secret} FROM ({people})")
    if mapped:
        spark.sql(f"ALTER TABLE {table} DROP COLUMN secret")
        spark.sql(f"ALTER TABLE {table} RENAME COLUMN mail TO email")
    spark.sql(f"UPDATE {table} SET amount = amount + 1 WHERE customer_id % 4 = 1")
    if each.history == "cloned":
        spark.sql(f"CREATE TABLE delta.`{folder / each.table}_copy` SHALLOW CLONE {table}")


def rows(spark: SparkSession, folder: Path, table: str) -> list[dict[str, Any]]:
    found = spark.read.format("delta").load(str(folder / table)).toArrow().to_pylist()
    return sorted(found, key=lambda row: (row["amount"], str(row["customer_id"])))


def expected(row: dict[str, Any], each: Combination) -> Iterator[dict[str, Any]]:
    """Yield what must be left of a row: nothing of a due one that goes, others with mentions masked."""
    if row["customer_id"] != DUE:
        yield _masked(row)
    elif each.action == "null":
        yield dict.fromkeys(row) | {"amount": row["amount"], "customer_id": -1}
    elif each.action == "mask":
        gone = {"detail": None, "attrs": None, "customer_id": -1}
        yield row | dict.fromkeys(("email", "name", "note", "doc"), "[erased]") | gone


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(" A01@Matrix.example", " [erased]").replace(f" {name(DUE)}", " [erased]")
    if isinstance(value, dict):
        return {key: _masked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_masked(inner) for inner in value)
    return value
