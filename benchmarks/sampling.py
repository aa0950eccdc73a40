"""A drawn scan against a full one on the same table, and sparse personal data planted where a draw is most blind.

Usage: python benchmarks/sampling.py [--rows 10000000] [--full-rows ROWS] [--confidence 0.95] [--max-prevalence 1/1000]

With `--full-rows` the full scan reads a table of so many rows instead, and its time is multiplied up: said in the
output. The table's last file alone holds as much personal data as breaks the bound, so that a draw that passes a file
over misses all of it: e-mail addresses, phones, cards, social security and NHS numbers. Over 200 seeds they must be
drawn, and shown to a person, as often as the confidence says. A single card or phone that is drawn is shown as what may
be chance; for how many seeds the column gets a category or a review is told, too. Ends with 1 when a number is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from delible.decide.sampling import Bound, bound_of, fewest_hits, per_file
from delible.decide.tagging import ColumnFacts
from delible.decide.verdict import tag
from delible.report.tag_list import is_waiting
from delible.store.snapshots import table_snapshot
from delible.store.workspace import Workspace, create_workspace
from delible.workflows.scanning import EVERYTHING, Extent
from delible.workflows.spark import session_for
from delible.workflows.tables import chosen_tables
from delible.workflows.tagging import scan_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SEEDS, FILES, TARGET = 200, 16, 100
KINDS = {
    "EMAIL_ADDRESS": "",
    "US_SSN": "",
    "CREDIT_CARD": "has_card",
    "PHONE_NUMBER": "has_phone",
    "UK_NHS": "has_id",
}
"""What is planted, with the form of the values that are weighed against it."""


def made(spark: SparkSession, place: str, rows: int, planted: int) -> None:
    """Write a table of distinct notes, of which the last `planted` hold an e-mail address."""
    note = "CONCAT('parcel ', id, ' was left at door ', id % 97)"
    spark.range(0, rows, 1, FILES).selectExpr(
        "id",
        f"IF(id >= {rows - planted}, CONCAT('write to p', id, '@fennel.example'), {note}) AS note",
        "ELEMENT_AT(ARRAY('open', 'sent', 'back'), CAST(id % 3 + 1 AS INT)) AS status",
        "id / 7.0D AS amount",
    ).write.format("delta").save(place)


def scanned(workspace: Workspace, table: str, extent: Extent) -> float:
    """Return the seconds that one scan takes."""
    begun = time.perf_counter()
    scan_tables(workspace, [table], extent=extent, anew=True, actor="bench", now=datetime.now(UTC))
    return time.perf_counter() - begun


def found_in_seeds(spark: SparkSession, workspace: Workspace, bound: Bound, rows: int) -> dict[str, dict[str, int]]:
    """Return for each kind in how many of 200 seeds it was drawn, shown to a person, and given a category."""
    from pyspark.sql import functions as F

    from delible.lake.sample import drawn

    (known,) = chosen_tables(workspace, ["large"])
    files = table_snapshot(known.location, known.version).files.values()
    sizes = [file.rows or 0 for file in files]
    rate = Extent(bound).rate(rows)
    table = spark.read.parquet(*(f"{known.location}/{file.path}" for file in files))
    place = table.metadataColumn("_metadata")
    planted = table.where("note LIKE '%@%'").select(
        place.getField("file_name").alias("file"), place.getField("row_index").alias("index")
    )
    seeds = spark.range(SEEDS).withColumnRenamed("id", "seed")
    hit = drawn(F.col("file"), F.col("index"), rate=rate, each=per_file(sizes, rate), seed=F.col("seed"))
    counts = [row["count"] for row in planted.crossJoin(seeds).where(hit).groupBy("seed").count().collect()]
    return {entity: _judged(entity, form, counts, values=round(rate * rows)) for entity, form in KINDS.items()}


def _judged(entity: str, form: str, counts: list[int], *, values: int) -> dict[str, int]:
    tags = []
    for n in counts:
        shapes = {"sentence": values, form: n} if form else {"sentence": values}
        facts = ColumnFacts("note", "string", values, hits={entity: n}, whole={}, shapes=shapes)
        tags.append(tag(facts, None, table="large", version=0, at=datetime.now(UTC)))
    shown = sum(is_waiting(each) or each.category is not None for each in tags)
    return {"drawn": len(tags), "shown": shown, "judged": sum(each.category is not None for each in tags)}


def main() -> int:
    """Measure, and print a table and a line of JSON; 1 when a number is missed."""
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--full-rows", type=int)
    options.add_argument("--confidence", type=float, default=0.95)
    options.add_argument("--max-prevalence", default="1/1000")
    chosen = options.parse_args()
    bound = bound_of(chosen.confidence, chosen.max_prevalence)
    full_rows = chosen.full_rows or chosen.rows
    with tempfile.TemporaryDirectory() as folder:
        workspace = create_workspace(Path(folder) / "w")
        spark = session_for(workspace)
        warehouse = workspace.path(workspace.config.warehouse)
        made(spark, str(warehouse / "large"), chosen.rows, fewest_hits(bound, chosen.rows))
        made(spark, str(warehouse / "warm"), 2_000, 1)
        scanned(workspace, "warm", EVERYTHING)
        found = found_in_seeds(spark, workspace, bound, chosen.rows)
        sampled = scanned(workspace, "large", Extent(bound))
        print(f"drawn {sampled:.1f} s; of {SEEDS} seeds: {found}", file=sys.stderr, flush=True)
        if full_rows != chosen.rows:
            made(spark, str(warehouse / "part"), full_rows, 0)
        measured = scanned(workspace, "large" if full_rows == chosen.rows else "part", EVERYTHING)
    full = measured * chosen.rows / full_rows
    how = "measured" if full_rows == chosen.rows else f"{measured:.1f} s on {full_rows:,} rows, multiplied up"
    print(f"{chosen.rows:,} rows, 4 columns, bound: {chosen.confidence} confidence, {chosen.max_prevalence} of rows")
    print(f"drawn {sampled:8.1f} s\nfull  {full:8.1f} s ({how})\nratio {full / sampled:8.1f} (must hold: {TARGET})")
    for entity, seen in found.items():
        print(f"{entity:<14} of {SEEDS} seeds drawn {seen['drawn']}, shown {seen['shown']}, judged {seen['judged']}")
    print(json.dumps({"sampled_s": sampled, "full_s": full, "ratio": full / sampled, "found": found, "seeds": SEEDS}))
    shown = min(each["shown"] for each in found.values())
    return int(full / sampled < TARGET or shown < chosen.confidence * SEEDS)


if __name__ == "__main__":
    sys.exit(main())
