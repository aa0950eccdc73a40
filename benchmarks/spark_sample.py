"""`tags scan --all` against the way that Presidio's samples show for Spark, in one session and in turns.

Presidio's samples for Fabric and for Databricks broadcast an engine, and call it for each row's texts in a Python UDF:
https://github.com/microsoft/presidio, `docs/samples/fabric/artifacts/presidio_and_spark.ipynb` ("Detect PII Summary")
and `docs/samples/deployments/spark/notebooks/01_transform_presidio.py`. Here it is the first, with the registry that
the scan uses, and without the anonymizer that the second one calls as well.

For all rows the sample would take hours, so it reads a slice of them, before and after each scan, and a fifth of the
slice: from the two follow its time per row and its time per job, and from these the time for all rows. The scan is
measured as a whole, with its draws, shuffles, verdicts and records. Both have looked at a small table before, so that
workers stand and engines are built.

Usage: python benchmarks/spark_sample.py [--rows 500000] [--sample-rows 5000] [--only repeating,distinct,tickets]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from delible.detect.engine import Engine
from delible.model.detection import Detection
from delible.model.nlp_model import NO_MODEL, SHIPPED, DetectionSettings
from delible.store.workspace import Workspace, create_workspace
from delible.workflows.scanning import EVERYTHING
from delible.workflows.spark import session_for
from delible.workflows.tagging import scan_tables

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from mixed_texts import Mixed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FIRST = (
    "Ann Ben Cora Dev Eva Finn Gail Hugo Ines Jan Kira Liam Mona Nils Olga Paul Rosa Sven Tara Uwe Vera Yara Zoe Will"
)
LAST = (
    "Abel Baker Castro Dietz Evans Fischer Gupta Hansen Ivanov Jansen Keller Lopez Meyer Novak Olsen Perez Quinn Rossi "
    "Silva Tanaka Unger Varga Weber Young Zimmer Archer Brandt Cohen Dubois Ebert"
)
CITY = (
    "Aachen Bergen Calgary Dublin Essen Florence Geneva Halifax Izmir Jena Krakow Lisbon Malmo Nantes Oslo Porto Quito "
    "Reading Seville Turin Utrecht Vienna Wroclaw York"
)
COUNTRY = "Austria Belgium Canada Denmark Estonia France Germany Hungary India Japan Kenya Latvia Mexico Norway Spain"
FILES, PEOPLE, TURNS, SMALLER = 8, 6, 2, 5
"""Files of a table; orders per person; times that the sample reads its slice; how much smaller its second slice is."""
GOALS = {("repeating", "none"): 10.0, ("tickets", "none"): 4.0}
"""Of the distinct table the ratio is told, so that it can be seen what comes of values that repeat."""


class Case(NamedTuple):
    """One table, and the model that both sides look with."""

    table: str
    model: str
    slice_rows: int


def one_of(words: str, number: str) -> str:
    """Return an expression for one of some words, by a number."""
    listed = ", ".join(f"'{word}'" for word in words.split())
    return f"ELEMENT_AT(ARRAY({listed}), CAST(({number}) % {len(words.split())} + 1 AS INT))"


def repeating(spark: SparkSession, rows: int) -> DataFrame:
    """Return orders: people, places and states come again, as they do in a real table; keys and times do not."""
    who = f"(id * 7919 % {max(1, rows // PEOPLE)})"
    return spark.range(0, rows, 1, FILES).selectExpr(
        "CONCAT('QX-', LPAD(CAST(id AS STRING), 8, '0')) AS order_code",
        f"CONCAT('C', LPAD(CAST({who} AS STRING), 7, '0')) AS customer",
        f"CONCAT({one_of(FIRST, who)}, ' ', {one_of(LAST, f'{who} DIV 24')}) AS name",
        f"LOWER(CONCAT({one_of(FIRST, who)}, '.', {one_of(LAST, f'{who} DIV 24')}, {who}, '@fennel.example')) AS email",
        f"FORMAT_STRING('(%03d) %03d-%04d', 201 + {who} % 700, 200 + {who} DIV 10000 % 700, {who} % 10000) AS phone",
        f"{one_of(CITY, f'{who} * 31')} AS city",
        f"{one_of(COUNTRY, f'{who} * 17')} AS country",
        f"{one_of('open paid shipped returned cancelled', 'id * 13')} AS status",
        "FORMAT_STRING('%s%04d', SUBSTRING('ABCDEFGH', CAST(id % 7 + 1 AS INT), 2), id * 37 % 3000) AS sku",
        "CAST(CAST(id * 1237 % 500000 / 100 AS DECIMAL(10, 2)) AS STRING) AS amount",
        "CAST(TIMESTAMPADD(SECOND, CAST(id * 41 AS INT), TIMESTAMP '2025-01-01 08:00:00') AS STRING) AS ordered",
        f"CONCAT_WS('.', 10, {who} DIV 65536 % 256, {who} DIV 256 % 256, {who} % 256) AS ip",
    )


def distinct(spark: SparkSession, rows: int) -> DataFrame:
    """Return a table in which no value of any column comes twice."""
    letter = "SUBSTRING('ABCDEFGHIJKLMNOPQRSTUVWXYZ', CAST({} % 26 + 1 AS INT), 1)"
    initials = f"{letter.format('id DIV 720')}, '. ', {letter.format('id DIV 18720')}"
    last = f"{one_of(LAST, 'id DIV 24')}, IF(id < 486720, '', 'son')"
    return spark.range(0, rows, 1, FILES).selectExpr(
        "CONCAT('QX-', LPAD(CAST(id AS STRING), 8, '0')) AS order_code",
        "CONCAT('C', LPAD(CAST(id * 3 AS STRING), 7, '0')) AS customer",
        f"CONCAT({one_of(FIRST, 'id')}, ' ', {initials}, '. ', {last}) AS name",
        f"LOWER(CONCAT({one_of(FIRST, 'id')}, '.', {one_of(LAST, 'id DIV 24')}, id, '@fennel.example')) AS email",
        "FORMAT_STRING('(%03d) %03d-%04d', 201 + id % 700, 200 + id DIV 10000 % 700, id % 10000) AS phone",
        f"CONCAT(id DIV 24 + 1, ' ', {one_of(CITY, 'id')}, ' Street') AS street",
        "UUID(7) AS session",
        f"CONCAT({one_of('open paid shipped returned cancelled', 'id')}, '-', id DIV 5) AS state",
        "CONCAT(UPPER(SUBSTRING(SHA2(CAST(id AS STRING), 256), 1, 3)), id) AS sku",
        "CAST(CAST(id * 1237 / 100 AS DECIMAL(12, 2)) AS STRING) AS amount",
        "CAST(TIMESTAMPADD(SECOND, CAST(id * 41 AS INT), TIMESTAMP '2025-01-01 08:00:00') AS STRING) AS ordered",
        "CONCAT_WS('.', 10, id DIV 65536 % 256, id DIV 256 % 256, id % 256) AS ip",
    )


def tickets(spark: SparkSession, rows: int) -> DataFrame:
    """Return running text, half of which holds personal data; no text comes twice."""
    mixed = Mixed(3)
    made = [(f"{mixed.ticket()} Our number is {n}.",) for n in range(rows)]
    return spark.createDataFrame(made, "body string").repartition(FILES)


TABLES: dict[str, Callable[[SparkSession, int], DataFrame]] = {
    "repeating": repeating,
    "distinct": distinct,
    "tickets": tickets,
}


def by_sample(table: DataFrame, analyzer: Any) -> float:
    """Return the seconds in which the sample's UDF reads a table."""
    from pyspark.sql import functions as F

    entities = analyzer[1]
    columns = table.columns

    def detect(*values: str | None) -> str:
        engine = analyzer[0].value
        found = {}
        for column, value in zip(columns, values, strict=True):
            if value is not None:
                results = engine.analyze(text=value, language="en", entities=entities, score_threshold=0.0)
                if results:
                    found[column] = [result.entity_type for result in results]
        return str(found)

    begun = time.perf_counter()
    seen = table.withColumn("pii", F.udf(detect, "string")(*[F.col(column) for column in columns]))
    seen.write.format("noop").mode("overwrite").save()
    return time.perf_counter() - begun


def by_scan(workspace: Workspace, table: str) -> float:
    """Return the seconds of `tags scan --all --anew TABLE`."""
    begun = time.perf_counter()
    scan_tables(workspace, [table], extent=EVERYTHING, anew=True, actor="bench", now=datetime.now(UTC))
    return time.perf_counter() - begun


def measured(case: Case, workspace: Workspace, spark: SparkSession, rows: int) -> dict[str, Any]:
    """Return what both take for one table: the sample's slice, the scan, the slice again, and so on."""
    from pyspark.sql import functions as F

    model = NO_MODEL if case.model == "none" else SHIPPED
    settings = workspace.config.model_copy(update={"detection": DetectionSettings(nlp=model)})
    looking = replace(workspace, config=settings)
    engine = Engine(Detection(nlp=model))
    analyzer = (spark.sparkContext.broadcast(engine.analyzer), list(engine.thresholds))
    place = workspace.path(workspace.config.warehouse)
    table = spark.read.format("delta").load(str(place / case.table))
    part = spark.createDataFrame(table.limit(case.slice_rows).collect(), table.schema).repartition(FILES).cache()
    part.count()
    by_sample(part.limit(200).repartition(2), analyzer)
    by_scan(looking, f"{case.table}_warm")
    sample, scan = [by_sample(part, analyzer)], []
    for _ in range(TURNS - 1):
        scan.append(by_scan(looking, case.table))
        sample.append(by_sample(part, analyzer))
    few = part.limit(case.slice_rows // SMALLER).repartition(FILES).cache()
    few.count()
    small = min(by_sample(few, analyzer) for _ in range(TURNS))
    part.unpersist()
    few.unpersist()
    counts = table.agg(*[F.count_distinct(column).alias(column) for column in table.columns]).first()
    large = sum(sample) / len(sample)
    per_row = (large - small) / (case.slice_rows - case.slice_rows // SMALLER)
    whole = large + per_row * (rows - case.slice_rows)
    ours = sum(scan) / len(scan)
    return {
        "table": case.table,
        "columns": len(table.columns),
        "rows": rows,
        "distinct": sum(counts) / rows / len(table.columns),
        "model": case.model,
        "sample_rows": case.slice_rows,
        "sample_s": [round(each, 1) for each in sample],
        "sample_small_s": round(small, 1),
        "sample_whole_s": round(whole, 1),
        "scan_s": [round(each, 1) for each in scan],
        "ratio": round(whole / ours, 1),
    }


def main() -> int:
    """Measure, print a table and one line of JSON; 1 when a goal is missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=500_000, help="of the table of orders (default: 500000)")
    options.add_argument("--distinct", type=int, default=100_000, help="rows of the distinct table (default: 100000)")
    options.add_argument("--tickets", type=int, default=20_000, help="rows of the table of tickets (default: 20000)")
    options.add_argument("--sample-rows", type=int, default=5_000, help="that the sample reads (default: 5000)")
    options.add_argument("--only", help="tables, separated by commas; all of them when not given")
    options.add_argument("--models", default="none,shipped", help="none, shipped, or both (default)")
    chosen = options.parse_args()
    only = chosen.only.split(",") if chosen.only else list(TABLES)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        workspace = create_workspace(Path(folder) / "w")
        spark = session_for(workspace)
        place = workspace.path(workspace.config.warehouse)
        for name in only:
            rows = {"repeating": chosen.rows, "distinct": chosen.distinct, "tickets": chosen.tickets}[name]
            TABLES[name](spark, rows).write.format("delta").save(str(place / name))
            TABLES[name](spark, 300).write.format("delta").save(str(place / f"{name}_warm"))
            for model in chosen.models.split(","):
                few = chosen.sample_rows if model == "none" else chosen.sample_rows // 2
                results.append(measured(Case(name, model, few), workspace, spark, rows))
                print(json.dumps(results[-1]), file=sys.stderr, flush=True)
    print(f"{'table':<11}{'model':<9}{'rows':>9}{'distinct':>10}{'sample, s':>11}{'scan, s':>9}{'ratio':>7}")
    for row in results:
        print(
            f"{row['table']:<11}{row['model']:<9}{row['rows']:>9,}{row['distinct']:>10.0%}"
            f"{row['sample_whole_s']:>11,.0f}{row['scan_s'][0]:>9,.0f}{row['ratio']:>7.1f}"
        )
    few = f"{chosen.sample_rows:,} rows, half of them with the model"
    print(f"The sample read a slice ({few}) and a fifth of it; its time for all rows follows from both.")
    print(json.dumps({"benchmark": "spark_sample", "results": results}))
    return int(any(row["ratio"] < GOALS.get((row["table"], row["model"]), 0.0) for row in results))


if __name__ == "__main__":
    sys.exit(main())
