"""A drawn scan against a full one on the same table, and sparse personal data planted where a draw is most blind.

Usage: python benchmarks/sampling.py [--rows 10000000] [--full-rows ROWS] [--confidence 0.95] [--max-prevalence 1/1000]

With `--full-rows` the full scan reads a table of so many rows instead, and its time is multiplied up: said in the
output. The table's last file alone holds as many e-mail addresses as break the bound, so that a draw that passes a file
over misses all of them. Over 200 seeds they must be found as often as the confidence says.
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
from delible.store.snapshots import table_snapshot
from delible.store.workspace import Workspace, create_workspace
from delible.workflows.scanning import EVERYTHING, Extent
from delible.workflows.spark import session_for
from delible.workflows.tables import chosen_tables
from delible.workflows.tagging import scan_tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SEEDS, FILES, TARGET = 200, 16, 100


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


def found_in_seeds(spark: SparkSession, workspace: Workspace, bound: Bound, rows: int) -> int:
    """Return in how many of 200 seeds the draw contains a row with personal data."""
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
    return planted.crossJoin(seeds).where(hit).select("seed").distinct().count()


def main() -> None:
    """Measure, and print a table and a line of JSON."""
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
        print(f"drawn {sampled:.1f} s; found in {found} of {SEEDS} seeds", file=sys.stderr, flush=True)
        if full_rows != chosen.rows:
            made(spark, str(warehouse / "part"), full_rows, 0)
        measured = scanned(workspace, "large" if full_rows == chosen.rows else "part", EVERYTHING)
    full = measured * chosen.rows / full_rows
    how = "measured" if full_rows == chosen.rows else f"{measured:.1f} s on {full_rows:,} rows, multiplied up"
    print(f"{chosen.rows:,} rows, 4 columns, bound: {chosen.confidence} confidence, {chosen.max_prevalence} of rows")
    print(f"drawn {sampled:8.1f} s\nfull  {full:8.1f} s ({how})\nratio {full / sampled:8.1f} (must hold: {TARGET})")
    print(f"planted in one file: found in {found} of {SEEDS} seeds")
    print(json.dumps({"sampled_s": sampled, "full_s": full, "ratio": full / sampled, "found": found, "seeds": SEEDS}))


if __name__ == "__main__":
    main()
